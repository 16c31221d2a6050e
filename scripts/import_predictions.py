"""Read the predictions of members from elsewhere."""

from resiliency.external.predictions import Reader
from resiliency.files import read_array, write_array
from resiliency.progress import Progress
from resiliency.stage import stage

with stage(snakemake.log[0]):
    params, outputs = snakemake.params, iter(snakemake.output)
    reader = Reader(params.kind, params.file, params.layout, params.classes)
    reader.check(dict(zip(params.layout, map(read_array, snakemake.input.labels), strict=True)))
    progress = Progress(len(params.members), pause=5)
    for member in params.members:
        for _, values in reader.read(member):
            write_array(next(outputs), values)
        progress.step(member)
