"""Correlate the diversity of ensembles with their accuracy."""

from resiliency.analysis.observations.correlation import correlation_table, difference_table
from resiliency.stage import stage
from resiliency.storage.tables import read_distinct, read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs = snakemake.input, snakemake.output
    metrics = read_distinct(inputs.pairs, ["kind", "metric"])
    tables = read_table(inputs.ensembles), read_table(inputs.by_corruption), metrics
    write_table(outputs.correlations, correlation_table(*tables, snakemake.params.confidence))
    write_table(outputs.differences, difference_table(*tables, snakemake.params.confidence))
