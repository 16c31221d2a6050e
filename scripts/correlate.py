"""Correlate the diversity of ensembles with their accuracy, and compare ensembles by number of
members."""

from resiliency.analysis.compared_members import best_table, size_table
from resiliency.analysis.observations.correlation import correlation_table, difference_table
from resiliency.storage import read_distinct, read_table, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    ensembles, members = read_table(inputs.ensembles), read_table(inputs.members)
    tables = (
        ensembles,
        read_table(inputs.by_corruption),
        read_distinct(inputs.pairs, ["kind", "metric"]),
    )
    write_table(
        outputs.correlations, correlation_table(*tables, params.confidence, snakemake.threads)
    )
    write_table(outputs.differences, difference_table(*tables, params.confidence))

    test_sets = list(read_table(inputs.conditions)["test_set"].unique())
    write_table(
        outputs.best, best_table(members, ensembles[ensembles["rule"] == params.rule], test_sets)
    )
    write_table(outputs.sizes, size_table(ensembles, members, params.confidence))
