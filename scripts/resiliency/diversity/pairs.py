"""The table of pairs: every diversity metric for every pair of members under every condition."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from resiliency.diversity.metrics import METRICS
from resiliency.metrics.classification import softmax


def pair_table(
    members: list[str],
    predictions: list[np.ndarray],
    labels: np.ndarray,
    representations: Callable[[str], Sequence[np.ndarray]],
    metrics: list[str],
) -> pd.DataFrame:
    """A row per pair of `members`, metric and condition.

    Args:
        members: M names.
        predictions: logits float16 C x N x K of each member.
        labels: int64 N.
        representations: source of an attribution or activation metric -> what it takes, of the M members, NaN for those
            that a method does not apply to; pairs with them are left out.
        metrics: attribution and activation metrics; those of predictions are always there.

    Returns:
        Columns first, second (members), kind, metric, condition, raw (as the literature defines it) and diversity
        (grows with diversity). Attributions and activations are compared on clean images, condition 0.
    """
    parts = []

    def add(name: str, condition: int, source: Sequence[np.ndarray], names: np.ndarray) -> None:
        metric = METRICS[name]
        first, second = np.triu_indices(len(names), k=1)
        raw = metric.raw(source)[first, second]
        columns = {"first": names[first], "second": names[second], "kind": metric.kind, "metric": name}
        parts.append(pd.DataFrame(columns | {"condition": condition, "raw": raw, "diversity": metric.diversity(raw)}))

    everyone = np.array(members)
    for condition in range(len(predictions[0])):
        sources = _of_predictions(predictions, labels, condition)
        for name, metric in METRICS.items():
            if metric.kind == "prediction":
                add(name, condition, sources[metric.source], everyone)
    for source in dict.fromkeys(METRICS[name].source for name in metrics):
        arrays = representations(source)
        applies = applicable(arrays)
        chosen = [array for array, fits in zip(arrays, applies, strict=True) if fits]
        if len(chosen) > 1:
            chosen = chosen if source == "features" else np.stack(chosen)
            for name in (name for name in metrics if METRICS[name].source == source):
                add(name, 0, chosen, everyone[applies])
    return pd.concat(parts, ignore_index=True)


def applicable(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Which members' arrays hold values and not NaN, which stands for a method that does not apply; bool M."""
    return np.array([bool(np.isfinite(array).all()) for array in arrays])


def _of_predictions(predictions: list[np.ndarray], labels: np.ndarray, condition: int) -> dict[str, np.ndarray]:
    """What metrics of predictions take, under one condition."""
    logits = np.stack([prediction[condition] for prediction in predictions])
    predicted = logits.argmax(axis=-1)
    return {"correct": predicted == labels, "predicted": predicted, "probabilities": softmax(logits)}
