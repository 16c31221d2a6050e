"""The table of pairs: every diversity metric for every pair of members under every condition."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from resiliency.diversity.metrics import METRICS
from resiliency.metrics.classification import softmax


def pair_table(
    members: list[str],
    predictions: list[np.ndarray],
    labels: np.ndarray,
    features: list[np.ndarray],
    maps: Callable[[str], np.ndarray],
    methods: list[str],
) -> pd.DataFrame:
    """A row per pair of `members`, metric and condition.

    Args:
        members: M names.
        predictions: logits float16 C x N x K of each member.
        labels: int64 N.
        features: float32 P x D of each member on the probe images.
        maps: attribution method -> float16 M x P x H x W.
        methods: attribution methods that were computed.

    Returns:
        Columns first, second (members), kind, metric, condition, raw (as the literature defines it) and diversity
        (grows with diversity). Attributions and activations are compared on clean images, condition 0.
    """
    first, second = np.triu_indices(len(members), k=1)
    names = np.array(members)
    parts = []

    def add(name: str, condition: int, source: object) -> None:
        metric = METRICS[name]
        raw = metric.raw(source)[first, second]
        columns = {"first": names[first], "second": names[second], "kind": metric.kind, "metric": name}
        parts.append(pd.DataFrame(columns | {"condition": condition, "raw": raw, "diversity": metric.diversity(raw)}))

    for condition in range(len(predictions[0])):
        logits = np.stack([prediction[condition] for prediction in predictions])
        sources = {"correct": logits.argmax(axis=-1) == labels, "probabilities": softmax(logits)}
        for name, metric in METRICS.items():
            if metric.source in sources:
                add(name, condition, sources[metric.source])
    for name, metric in METRICS.items():
        if metric.source in methods:
            add(name, 0, maps(metric.source))
        elif metric.source == "features":
            add(name, 0, features)
    return pd.concat(parts, ignore_index=True)
