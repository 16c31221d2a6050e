"""Test the observations of the paper of which the study says something."""

from dataclasses import replace

from resiliency.analysis.families import by_family, lack_second_seeds
from resiliency.analysis.observations import (
    architecture_brings_diversity,
    architecture_matters_more,
    attribution_diversity_is_less_negative,
    balance_is_most_resilient,
)
from resiliency.analysis.verdicts import observation_table
from resiliency.stage import stage
from resiliency.tables import read_distinct, read_table, write_table

OF_FAMILIES = (
    "Cliff's delta of ensembles of different families against ensembles of one family: no design has two seeds"
)

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    members, images = read_table(inputs.members), int(read_table(inputs.conditions).images.iloc[0])
    compared = members.dropna(subset=["parameters", "mean_corruption_error"])
    compared = compared[compared["recipe"] == params.reference] if params.reference else compared
    observations = [architecture_matters_more(compared, images)]
    if inputs.ensembles:
        ensembles, metrics = read_table(inputs.ensembles), read_distinct(inputs.pairs, ["kind", "metric"])
        of_families = lack_second_seeds(ensembles)
        groups = by_family(ensembles, members) if of_families else ensembles
        brings = architecture_brings_diversity(groups, metrics, params.rule, images)
        if of_families:
            lacking = brings.lacking.replace("designs of two seeds", "families of two members")
            brings = replace(brings, statistic=OF_FAMILIES, unit="families", resampled="families", lacking=lacking)
        balanced = int((members.objective == "balanced").sum())
        observations += [
            attribution_diversity_is_less_negative(ensembles, metrics, params.rule, images),
            balance_is_most_resilient(read_table(inputs.image_errors), balanced, params.margin),
            brings,
        ]
    write_table(snakemake.output[0], observation_table(observations, params.confidence))
