"""Show the first test image under each corruption and severity."""

from itertools import product

from resiliency.analysis.pictures import gallery_table
from resiliency.corruptions.writing import corruption_engine
from resiliency.data.pictures import read_conditions, read_images, read_items
from resiliency.stage import stage
from resiliency.storage.tables import write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    clean = read_images(inputs.images)[:1]
    pairs = list(product(params.names, params.severities))
    if inputs.corrupted:
        pictures = [images[:1] for images in read_conditions(inputs.images, inputs.corrupted)[1:]]
    else:
        corrupt = corruption_engine(params.engine, params.table, params.seed)
        pictures = [corrupt(clean, corruption, severity, indices=[0]) for corruption, severity in pairs]
    corrupted = [(*pair, picture[0]) for pair, picture in zip(pairs, pictures, strict=True)]
    classes, _ = read_items(inputs.classes)
    table = gallery_table(clean[0], corrupted, index=0, label=classes[0], table=params.table_label)
    write_table(snakemake.output[0], table)
