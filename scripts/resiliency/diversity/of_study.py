"""The table of pairs of a study: of all members that meet in an ensemble."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from resiliency.diversity.metrics import METRICS
from resiliency.diversity.pairs import pair_tables
from resiliency.predictions import Predictions
from resiliency.progress import Progress


def pairs_of_groups(
    groups: list[list[str]],
    predictions: dict[str, Predictions],
    networks: list[str],
    representation: Callable[[str, str], np.ndarray],
    attribution_metrics: list[str],
) -> Iterator[pd.DataFrame]:
    """As `pair_tables`, of one group of members after the other.

    Args:
        groups: members that meet in an ensemble.
        predictions: member -> its predictions.
        networks: members that are known by their networks.
        representation: a member, and the source of an attribution or activation metric -> what the metric compares.
        attribution_metrics: those of the study; those of activations are all there.
    """
    activations = [name for name, metric in METRICS.items() if metric.kind == "activation"]
    known, progress = set(networks), Progress(len(groups))
    for group in groups:
        yield from pair_tables(
            group,
            [predictions[member] for member in group],
            lambda source, group=group: [representation(member, source) for member in group if member in known],
            attribution_metrics + activations if networks else [],
            [member in known for member in group],
        )
        progress.step(", ".join(group))
