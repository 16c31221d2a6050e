"""Read the predictions of members from elsewhere."""

from resiliency.base.progress import Progress
from resiliency.data.pictures import read_items
from resiliency.external.predictions import Reader
from resiliency.stage import stage
from resiliency.storage.files import read_array, write_array
from resiliency.storage.tables import read_table

with stage(snakemake.log[0]):
    inputs, params, outputs = snakemake.input, snakemake.params, iter(snakemake.output)
    reader = Reader(params.kind, params.file, params.layout, params.classes)
    truths = dict(zip(params.layout, map(read_array, inputs.labels), strict=True))
    reader.check(truths, dict(zip(params.layout, map(read_items, inputs.images), strict=True)))
    classes = int(read_table(inputs.conditions)["classes"].iloc[0])
    progress = Progress(len(params.members), pause=5)
    for member in params.members:
        for _, values in reader.read(member, classes):
            write_array(next(outputs), values)
        progress.step(member)
