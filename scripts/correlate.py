"""Correlate the diversity of ensembles with their accuracy, and compare ensembles by number of
members."""

from resiliency.analysis.compared_members import best_table, size_table
from resiliency.analysis.observations.correlation import correlation_table
from resiliency.storage import read_distinct, read_table, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    ensembles, members = read_table(inputs.ensembles), read_table(inputs.members)
    by_corruption = read_table(inputs.by_corruption)
    pairs = read_distinct(inputs.pairs, ["kind", "metric"])
    correlations = correlation_table(
        ensembles, by_corruption, pairs, params.confidence, snakemake.threads
    )
    write_table(outputs.correlations, correlations)

    test_sets = list(read_table(inputs.conditions)["test_set"].unique())
    write_table(
        outputs.best, best_table(members, ensembles[ensembles["rule"] == params.rule], test_sets)
    )
    write_table(outputs.sizes, size_table(ensembles, members, params.confidence))
