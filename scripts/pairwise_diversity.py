"""Measure the diversity of every pair of members that meet in an ensemble."""

import numpy as np
import pandas as pd

from resiliency.diversity.pairs import pair_table
from resiliency.files import read_array
from resiliency.stage import Progress, stage
from resiliency.tables import write_table

with stage(snakemake.log[0], snakemake.threads):
    inputs, params = snakemake.input, snakemake.params
    members = [member for group in params.groups for member in group]
    logits, features = (dict(zip(members, paths, strict=True)) for paths in (inputs.logits, inputs.features))
    maps = dict(zip([(m, method) for m in members for method in params.methods], inputs.maps, strict=True))
    labels = read_array(inputs.labels)
    progress = Progress(len(params.groups))
    tables = []
    for group in params.groups:
        tables.append(
            pair_table(
                group,
                [read_array(logits[member]) for member in group],
                labels,
                [read_array(features[member]) for member in group],
                lambda method, group=group: np.stack([read_array(maps[member, method]) for member in group]),
                params.methods,
            )
        )
        progress.step(", ".join(group))
    write_table(snakemake.output[0], pd.concat(tables, ignore_index=True))
