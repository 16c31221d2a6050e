"""Corrupt the test images, at all severities of one corruption."""

from resiliency.base.machine import keep_freed_memory
from resiliency.corruptions.writing import corruption_engine, write_pictures, write_stack
from resiliency.data.pictures import read_images, read_items
from resiliency.study.stage import stage

with stage(snakemake.log[0], snakemake.params.code):
    keep_freed_memory()
    params, corruption = snakemake.params, snakemake.wildcards.corruption
    corrupt = corruption_engine(params.engine, params.table, params.seed)
    images = read_images(snakemake.input.images)
    job = images, params.side, corruption, params.severities, corrupt
    if params.on_the_fly:
        write_pictures(*snakemake.output, read_items(snakemake.input.classes), *job)
    else:
        write_stack(snakemake.output[0], *job)
