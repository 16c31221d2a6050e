"""List the most accurate ensembles of each size, and compare ensembles by origin and number of members."""

from resiliency.analysis.origins import best_table, origins_or_families, size_table
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    ensembles, members = read_table(inputs.ensembles), read_table(inputs.members)
    test_sets = list(read_table(inputs.conditions)["test_set"].unique())
    write_table(outputs.best, best_table(members, ensembles[ensembles["rule"] == params.rule], test_sets))
    write_table(outputs.origins, origins_or_families(ensembles, members, params.confidence))
    write_table(outputs.sizes, size_table(ensembles, members, params.confidence))
