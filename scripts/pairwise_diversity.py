"""Measure the diversity of every pair of members that meet in an ensemble."""

import numpy as np

from resiliency.diversity.of_study import pairs_of_groups
from resiliency.diversity.settings import STAGES
from resiliency.files import read_array
from resiliency.predictions import read_predictions
from resiliency.stage import stage
from resiliency.tables import appending_table, read_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    networks = params.networks
    features, stages = (dict(zip(networks, paths, strict=True)) for paths in (inputs.features, inputs.stages))
    maps = dict(zip([(m, method) for m in networks for method in params.methods], inputs.maps, strict=True))
    predictions = read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits)

    def representation(member: str, source: str) -> np.ndarray:
        """What a metric compares of a member."""
        if source in STAGES:
            return read_array(stages[member])[STAGES.index(source)]
        return read_array(features[member] if source == "features" else maps[member, source])

    with appending_table(snakemake.output[0]) as append:
        for table in pairs_of_groups(params.groups, predictions, networks, representation, params.attribution_metrics):
            append(table)
