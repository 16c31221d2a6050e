"""Measure the diversity of every pair of members that meet in an ensemble."""

import numpy as np
import pandas as pd

from resiliency.diversity.metrics import METRICS
from resiliency.diversity.pairs import pair_tables
from resiliency.diversity.representations import applicable
from resiliency.diversity.settings import STAGES
from resiliency.files import read_array, read_json
from resiliency.predictions import read_predictions
from resiliency.stage import Progress, stage
from resiliency.tables import appending_table, read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    members = [member for group in params.groups for member in group]
    features, stages, skipped = (
        dict(zip(members, paths, strict=True)) for paths in (inputs.features, inputs.stages, inputs.skipped)
    )
    maps = dict(zip([(m, method) for m in members for method in params.methods], inputs.maps, strict=True))
    predictions = read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits)
    activations = [name for name, metric in METRICS.items() if metric.kind == "activation"]

    def representation(member: str, source: str) -> np.ndarray:
        """What a metric compares of a member."""
        if source in STAGES:
            return read_array(stages[member])[STAGES.index(source)]
        return read_array(features[member] if source == "features" else maps[member, source])

    progress = Progress(len(params.groups))
    with appending_table(snakemake.output.pairs) as append:
        for group in params.groups:
            for table in pair_tables(
                group,
                [predictions[member] for member in group],
                lambda source, group=group: [representation(member, source) for member in group],
                params.attribution_metrics + activations,
            ):
                append(table)
            progress.step(", ".join(group))
    left_out = [(member, *item) for member in members for item in read_json(skipped[member]).items()]
    staged = zip(members, applicable([read_array(path) for path in inputs.stages]), strict=True)
    left_out += [
        (member, "stages", "the network lists no feature stages (feature_info)")
        for member, known in staged
        if not known
    ]
    write_table(snakemake.output.skipped, pd.DataFrame(left_out, columns=["member", "skipped", "reason"]))
