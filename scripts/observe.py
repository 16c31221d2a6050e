"""Test the observations of the paper of which the study says something."""

from dataclasses import replace

import pandas as pd

from resiliency.analysis.families import by_family, lack_second_seeds
from resiliency.analysis.image_shares import measured_in, with_image_shares
from resiliency.analysis.observations import (
    architecture_brings_diversity,
    architecture_matters_more,
    attribution_diversity_is_less_negative,
    balance_is_most_resilient,
)
from resiliency.analysis.verdicts import Observation, observation_table
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
        without = [table for _, table in read_table(inputs.without_images).groupby("without")]
        of_families = lack_second_seeds(ensembles)

        def less_negative(table: pd.DataFrame, compared: pd.DataFrame) -> Observation:
            """Observation 2 of these ensembles by these metrics."""
            return attribution_diversity_is_less_negative(table, compared, params.rule, images)

        def brings_diversity(table: pd.DataFrame, compared: pd.DataFrame) -> Observation:
            """Observation 4 of these ensembles by these metrics, of families where no design has two seeds."""
            groups = by_family(table, members) if of_families else table
            brings = architecture_brings_diversity(groups, compared, params.rule, images)
            if not of_families:
                return brings
            lacking = brings.lacking.replace("designs of two seeds", "families of two members")
            resampled = brings.resampled.replace("designs", "families")
            return replace(brings, statistic=OF_FAMILIES, unit="families", resampled=resampled, lacking=lacking)

        def with_shares(observe) -> Observation:
            """An observation, and what images add to it."""
            return with_image_shares(
                observe(ensembles, metrics), [observe(table, measured_in(metrics, table)) for table in without]
            )

        balanced = int((members.objective == "balanced").sum())
        observations += [
            with_shares(less_negative),
            balance_is_most_resilient(read_table(inputs.image_errors), balanced, params.margin),
            with_shares(brings_diversity),
        ]
    write_table(snakemake.output[0], observation_table(observations, params.confidence))
