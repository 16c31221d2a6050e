"""Test the four observations of the paper."""

from resiliency.analysis.observations import (
    architecture_brings_diversity,
    architecture_matters_more,
    attribution_diversity_is_less_negative,
    balance_is_most_resilient,
)
from resiliency.analysis.verdicts import observation_table
from resiliency.files import read_array
from resiliency.stage import stage
from resiliency.tables import read_distinct, read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    members, ensembles = read_table(inputs.members), read_table(inputs.ensembles)
    metrics = read_distinct(inputs.pairs, ["kind", "metric"])
    images = len(read_array(inputs.labels))
    balanced = int((members.objective == "balanced").sum())
    observations = [
        architecture_matters_more(members, images),
        attribution_diversity_is_less_negative(ensembles, metrics, params.rule, images),
        balance_is_most_resilient(read_table(inputs.image_errors), balanced, params.margin),
        architecture_brings_diversity(ensembles, metrics, params.rule, images),
    ]
    write_table(snakemake.output[0], observation_table(observations, params.confidence))
