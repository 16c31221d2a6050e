"""List the most accurate ensembles of each size."""

from resiliency.analysis.best_ensembles import best_table
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    ensembles = read_table(inputs.ensembles)
    test_sets = list(read_table(inputs.conditions)["test_set"].unique())
    of_rule = ensembles[ensembles["rule"] == params.rule]
    write_table(snakemake.output[0], best_table(read_table(inputs.members), of_rule, test_sets))
