"""Measure the diversity of every pair of members that meet in an ensemble."""

import numpy as np

from resiliency.diversity.metrics import METRICS
from resiliency.diversity.pairs import pair_tables
from resiliency.diversity.settings import STAGES
from resiliency.files import read_array
from resiliency.predictions import read_predictions
from resiliency.progress import Progress
from resiliency.stage import stage
from resiliency.tables import appending_table, read_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    networks = params.networks
    features, stages = (dict(zip(networks, paths, strict=True)) for paths in (inputs.features, inputs.stages))
    maps = dict(zip([(m, method) for m in networks for method in params.methods], inputs.maps, strict=True))
    predictions = read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits)
    activations = [name for name, metric in METRICS.items() if metric.kind == "activation"]

    def representation(member: str, source: str) -> np.ndarray:
        """What a metric compares of a member."""
        if source in STAGES:
            return read_array(stages[member])[STAGES.index(source)]
        return read_array(features[member] if source == "features" else maps[member, source])

    progress = Progress(len(params.groups))
    with appending_table(snakemake.output[0]) as append:
        for group in params.groups:
            for table in pair_tables(
                group,
                [predictions[member] for member in group],
                lambda source, group=group: [representation(m, source) for m in group if m in features],
                params.attribution_metrics + activations if features else [],
                [member in features for member in group],
            ):
                append(table)
            progress.step(", ".join(group))
