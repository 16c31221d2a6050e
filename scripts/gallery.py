"""Show the first test image under all corruptions and severities."""

from itertools import product

from resiliency.corruptions.engines import chosen_engine
from resiliency.corruptions.settings import HELD_OUT, MAIN, SEVERITIES
from resiliency.data.images import read_conditions, read_images, read_items
from resiliency.report.gallery import gallery_table
from resiliency.stage import stage
from resiliency.tables import write_table

with stage(snakemake.log[0], snakemake.threads):
    inputs, params = snakemake.input, snakemake.params
    clean = read_images(inputs.images)[:1]
    if inputs.corrupted:
        pairs = product(params.names, params.severities)
        pictures = [images[:1] for images in read_conditions(inputs.images, inputs.corrupted)[1:]]
    else:
        pairs = list(product(MAIN + HELD_OUT, SEVERITIES))
        corrupt = chosen_engine(params.engine, params.table, params.seed)
        pictures = [corrupt(clean, corruption, severity, [0]) for corruption, severity in pairs]
    corrupted = [(*pair, picture[0]) for pair, picture in zip(pairs, pictures, strict=True)]
    classes, _ = read_items(inputs.classes)
    write_table(snakemake.output[0], gallery_table(clean[0], corrupted, index=0, label=classes[0], table=params.told))
