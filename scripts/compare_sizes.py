"""Compare ensembles by their number of members."""

from resiliency.analysis.sizes import size_table
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs = snakemake.input
    ensembles, members = read_table(inputs.ensembles), read_table(inputs.members)
    write_table(snakemake.output[0], size_table(ensembles, members, snakemake.params.confidence))
