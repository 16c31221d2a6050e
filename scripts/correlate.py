"""Correlate the diversity of ensembles with their accuracy."""

from resiliency.analysis.correlations import correlation_table
from resiliency.stage import stage
from resiliency.tables import read_table, write_table

with stage(snakemake.log[0], snakemake.threads):
    params = snakemake.params
    table = correlation_table(
        read_table(snakemake.input.ensembles),
        read_table(snakemake.input.pairs),
        params.resamples,
        params.confidence,
        params.seed,
    )
    write_table(snakemake.output[0], table)
