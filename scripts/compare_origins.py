"""Compare ensembles by where their members come from."""

from resiliency.analysis.origins import origins_or_families
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs = snakemake.input
    ensembles, members = read_table(inputs.ensembles), read_table(inputs.members)
    write_table(snakemake.output[0], origins_or_families(ensembles, members, snakemake.params.confidence))
