"""Corrupt the test images, at all severities of one corruption."""

from resiliency.corruptions.writing import corruption_engine, write_pictures, write_stack
from resiliency.data.pictures import read_images, read_items
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    corrupt = corruption_engine(params.engine, params.table, params.seed)
    images = read_images(inputs.images)
    job = images, params.side, snakemake.wildcards.corruption, params.severities, corrupt
    if params.on_the_fly:
        write_pictures(*outputs, read_items(inputs.classes), *job)
    else:
        write_stack(outputs[0], *job)
