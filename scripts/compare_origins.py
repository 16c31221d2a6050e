"""Compare ensembles by where their members come from."""

from resiliency.analysis.origins import origin_table
from resiliency.stage import stage
from resiliency.tables import read_table, write_table

with stage(snakemake.log[0], snakemake.threads):
    write_table(snakemake.output[0], origin_table(read_table(snakemake.input.ensembles)))
