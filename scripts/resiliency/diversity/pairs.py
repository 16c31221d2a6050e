"""The table of pairs: every diversity metric for every pair of members under every condition."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from resiliency.diversity.metrics import METRICS
from resiliency.diversity.representations import applicable
from resiliency.prediction.reading import Predictions

CHUNK_VALUES, MEMBER_VALUES = 2**24, 2**15  # probabilities of all members, and of one, which stay in a core's cache


def pair_tables(
    names: list[str],
    predictions: list[Predictions],
    representations: Callable[[str], Sequence[np.ndarray]],
    metrics: list[str],
    networks: list[bool] | None = None,
) -> Iterator[pd.DataFrame]:
    """A row per pair of members, metric and condition; of one metric under one condition at a time.

    Args:
        names: of the M members.
        predictions: of each member.
        representations: source of an attribution or activation metric -> what it takes, of those members that are
            known by their networks, NaN for those that a method does not apply to; pairs with others are left out.
        metrics: attribution and activation metrics; those of predictions are always there, but those of probabilities
            only for pairs that both have them.
        networks: whether each member is known by its network; all unless given.

    Yields:
        Columns first, second (members), kind, metric, condition, raw (as the literature defines it) and diversity
        (grows with diversity). Attributions and activations are compared on clean images, condition 0.
    """
    everyone = np.array(names)
    probable = np.array([member.has_probabilities for member in predictions])
    for condition in range(len(predictions[0])):
        for name, matrix in _of_decisions(predictions, condition).items():
            yield _rows(name, condition, matrix, everyone)
        if probable.sum() > 1:
            chosen = [member for member, has in zip(predictions, probable, strict=True) if has]
            everything = np.arange(len(predictions[0].labels(condition)))
            for name, matrix in of_probabilities(chosen, condition, everything).items():
                yield _rows(name, condition, matrix, everyone[probable])
    with_networks = everyone if networks is None else everyone[networks]
    for source in dict.fromkeys(METRICS[name].source for name in metrics):
        arrays = representations(source)
        applies = applicable(arrays)
        chosen = [array for array, fits in zip(arrays, applies, strict=True) if fits]
        if len(chosen) > 1:
            chosen = chosen if source == "features" else np.stack(chosen)
            for name in (name for name in metrics if METRICS[name].source == source):
                yield _rows(name, 0, METRICS[name].raw(chosen), with_networks[applies])


def _rows(name: str, condition: int, matrix: np.ndarray, names: np.ndarray) -> pd.DataFrame:
    """A row per pair of members from the raw values M x M of a metric."""
    metric = METRICS[name]
    first, second = np.triu_indices(len(names), k=1)
    raw = matrix[first, second]
    columns = {"first": names[first], "second": names[second], "kind": metric.kind, "metric": name}
    return pd.DataFrame(columns | {"condition": condition, "raw": raw, "diversity": metric.diversity(raw)})


def _of_decisions(predictions: list[Predictions], condition: int) -> dict[str, np.ndarray]:
    """The raw metrics of decisions under one condition, float64 M x M."""
    predicted = np.stack([member.decisions(condition) for member in predictions])
    sources = {"correct": predicted == predictions[0].labels(condition), "predicted": predicted}
    return {name: metric.raw(sources[metric.source]) for name, metric in METRICS.items() if metric.source in sources}


def of_probabilities(predictions: list[Predictions], condition: int, images: np.ndarray) -> dict[str, np.ndarray]:
    """The raw metrics of probabilities under one condition, float64 M x M, of `images` (int n), read in chunks."""
    classes = predictions[0].classes(condition)
    metrics = {name: metric.raw for name, metric in METRICS.items() if metric.source == "probabilities"}
    totals = dict.fromkeys(metrics, 0.0)
    chunk = max(1, min(CHUNK_VALUES // len(predictions), MEMBER_VALUES) // classes)
    for start in range(0, len(images), chunk):
        some = images[start : start + chunk]
        probabilities = np.stack([member.probabilities(condition, some) for member in predictions])
        for name, raw in metrics.items():
            totals[name] = totals[name] + raw(probabilities) * (len(some) / len(images))
    return totals
