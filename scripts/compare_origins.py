"""Compare ensembles by where their members come from."""

from resiliency.analysis.origins import origin_table
from resiliency.stage import stage
from resiliency.tables import read_table, write_table

with stage(snakemake.log[0]):
    table = origin_table(read_table(snakemake.input.ensembles), snakemake.params.confidence)
    write_table(snakemake.output[0], table)
