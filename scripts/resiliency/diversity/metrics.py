"""The registries of diversity metrics, of pairs and of whole ensembles, and the table of pairs.

A new metric is a function and a line here; `METRIC_LABELS` of `report/settings.py` has what charts
call it. A diversity is the raw value, its negative or 1 less it, so that it grows with diversity.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import compress
from math import inf
from operator import neg as negative
from operator import pos as unchanged
from typing import ClassVar

import numpy as np
import pandas as pd

from resiliency.base.faults import Progress
from resiliency.diversity import predictions, representations
from resiliency.diversity.representations import applicable
from resiliency.diversity.settings import METHODS, STAGES
from resiliency.prediction.reading import Predictions
from resiliency.storage import read_array

complement = partial(np.subtract, 1)  # of a similarity that is 1 for members that are alike
UNKNOWN = np.array([np.nan])  # what a member without a network is compared by
# What the metrics of pairs of a kind can take.
SOURCES = {
    "prediction": ("correct", "predicted", "probabilities"),
    "attribution": METHODS,
    "activation": ("features", *STAGES),
}


@dataclass(frozen=True)
class Metric:
    """A pairwise metric.

    Attributes:
        kind: `prediction`, `attribution` or `activation`.
        source: input of `raw`: `correct` (bool M x N), `predicted` (int M x N), `probabilities` (M
            x N x K; the metric must be a mean over images, which come in chunks), the name of an
            attribution method (maps M x N x H x W), `features` (a list of M arrays N x D) or the
            name of a stage (Gram matrices M x N x N).
        raw: -> float M x M, as the literature defines it.
        diversity: function from the raw value to one that grows with diversity.
        range: smallest and largest diversity; infinite at an open end.

    Raises:
        ValueError: metrics of the kind cannot have this source; see `SOURCES`.
    """

    kind: str
    source: str
    raw: Callable[..., np.ndarray]
    diversity: Callable[[np.ndarray], np.ndarray]
    range: tuple[float, float] = (-np.inf, np.inf)

    def __post_init__(self) -> None:
        if self.source not in SOURCES.get(self.kind, ()):
            raise ValueError(
                f"a metric of kind {self.kind!r} cannot have source {self.source!r}; see SOURCES"
            )


@dataclass(frozen=True)
class EnsembleMetric:
    """A metric of the predictions of whole ensembles.

    Attributes:
        sources: inputs of `raw`, in order: `shares` (E x (L + 1)), `failures` (E x L), `log_sums`
            (E); see `diversity.predictions`.
        raw: -> float64 E, as the literature defines it.
        kind, diversity, range: as of `Metric`.
    """

    kind: ClassVar[str] = "prediction"
    sources: tuple[str, ...]
    raw: Callable[..., np.ndarray]
    diversity: Callable[[np.ndarray], np.ndarray]
    range: tuple[float, float] = (-np.inf, np.inf)


METRICS = {
    "disagreement": Metric("prediction", "correct", predictions.disagreement, unchanged, (0, 1)),
    "double_fault": Metric("prediction", "correct", predictions.double_fault, negative, (-1, 0)),
    "q_statistic": Metric("prediction", "correct", predictions.q_statistic, negative, (-1, 1)),
    "correlation": Metric("prediction", "correct", predictions.correlation, negative, (-1, 1)),
    "error_consistency": Metric(
        "prediction", "correct", predictions.error_consistency, negative, (-1, 1)
    ),
    "label_disagreement": Metric(
        "prediction", "predicted", predictions.label_disagreement, unchanged, (0, 1)
    ),
    "cohen_kappa": Metric("prediction", "predicted", predictions.cohen_kappa, negative, (-1, 1)),
    "jensen_shannon": Metric(
        "prediction", "probabilities", predictions.jensen_shannon, unchanged, (0, 1)
    ),
    "probability_cosine": Metric(
        "prediction", "probabilities", predictions.probability_cosine, complement, (0, 1)
    ),
    **{
        f"{method}_{name}": Metric("attribution", method, similarity, complement, (0, 2))
        for method in METHODS
        for name, similarity in representations.SIMILARITIES.items()
    },
    "linear_cka": Metric("activation", "features", representations.linear_cka, complement),
    **{
        f"linear_cka_{stage}": Metric("activation", stage, representations.gram_cka, complement)
        for stage in STAGES
    },
}


ENSEMBLE_METRICS = {
    "entropy": EnsembleMetric(("shares",), predictions.entropy, unchanged, (0, 1)),
    "kohavi_wolpert": EnsembleMetric(("shares",), predictions.kohavi_wolpert, unchanged, (0, 0.25)),
    "interrater_kappa": EnsembleMetric(("shares",), predictions.interrater_kappa, negative),
    "generalised_diversity": EnsembleMetric(
        ("shares",), predictions.generalised_diversity, unchanged, (0, 1)
    ),
    "coincident_failure_diversity": EnsembleMetric(
        ("shares",), predictions.coincident_failure_diversity, unchanged, (0, 1)
    ),
    "difficulty": EnsembleMetric(("shares",), predictions.difficulty, negative, (-0.25, 0)),
    "common_failure": EnsembleMetric(
        ("shares", "failures"), predictions.common_failure, negative, (-1, 1)
    ),
    "geometric_ambiguity": EnsembleMetric(
        ("log_sums",), predictions.geometric_ambiguity, unchanged, (0, inf)
    ),
}


TABLE_ROWS = 2**12
# Probabilities of all members, and of one, that fit into a cache.
CHUNK_VALUES, MEMBER_VALUES = 2**24, 2**15


def pair_tables(
    names: list[str],
    predictions: list[Predictions],
    representations: Callable[[str], Sequence[np.ndarray]],
    metrics: list[str],
    threads: int = 1,
) -> Iterator[pd.DataFrame]:
    """A row per pair of members, metric and condition, in tables of some thousand rows, or of one
    metric at a time.

    Args:
        names: names of the M members.
        predictions: predictions of each member.
        representations: source of an attribution or activation metric -> array of each member; NaN
            without a network, or if a method does not apply to it, and pairs with these members are
            left out.
        metrics: attribution and activation metrics. Prediction metrics are always computed, those
            of probabilities only for pairs that both have them.
        threads: number of conditions that are compared at a time.

    Yields:
        Columns first, second (members), kind, metric, condition, raw (as the literature defines it)
        and diversity (grows with diversity). Attributions and activations are compared on clean
        images, condition 0.
    """
    held: list[dict[str, np.ndarray]] = []
    for columns in _columns(names, predictions, representations, metrics, threads):
        held.append(columns)
        if sum(len(of["raw"]) for of in held) >= TABLE_ROWS:
            yield _table(held)
            held = []
    if held:
        yield _table(held)


def _table(parts: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    return pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _columns(
    names: list[str],
    predictions: list[Predictions],
    representations: Callable[[str], Sequence[np.ndarray]],
    metrics: list[str],
    threads: int,
) -> Iterator[dict[str, np.ndarray]]:
    """The columns of `pair_tables` in smaller parts, of which a table costs as much time as
    thousands of rows."""
    everyone, count = np.array(names), len(predictions[0])
    probable = np.array([member.has_probabilities for member in predictions])
    chosen = list(compress(predictions, probable))

    def compare(condition: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        labels, predicted = (
            predictions[0].labels(condition),
            np.stack([of.decisions(condition) for of in predictions]),
        )
        given = {"correct": predicted == labels, "predicted": predicted}
        of_decisions = {
            name: of.raw(given[of.source]) for name, of in METRICS.items() if of.source in given
        }
        of_both = (
            probability_metrics(chosen, condition, np.arange(len(labels)))
            if len(chosen) > 1
            else {}
        )
        return of_decisions, of_both

    with ThreadPoolExecutor(threads) as executor:
        for start in range(0, count, threads):  # holds only what is compared at a time
            conditions = range(start, min(start + threads, count))
            for condition, (of_decisions, of_both) in zip(
                conditions, executor.map(compare, conditions), strict=True
            ):
                yield from _of_matrices(of_decisions, condition, everyone)
                yield from _of_matrices(of_both, condition, everyone[probable])
    for source in dict.fromkeys(METRICS[name].source for name in metrics):
        arrays = representations(source)
        applies = applicable(arrays)
        own = list(compress(arrays, applies))
        if len(own) > 1:
            compared = own if source == "features" else np.stack(own)
            raw = {
                name: METRICS[name].raw(compared)
                for name in metrics
                if METRICS[name].source == source
            }
            yield from _of_matrices(raw, 0, everyone[applies])


def _of_matrices(
    matrices: dict[str, np.ndarray], condition: int, names: np.ndarray
) -> Iterator[dict[str, np.ndarray]]:
    """A row per metric and pair of members from raw values M x M, of about `TABLE_ROWS` or of one
    metric at a time."""
    first, second = np.triu_indices(len(names), k=1)
    metrics, several = list(matrices), max(1, TABLE_ROWS // max(1, len(first)))
    for some in (metrics[start : start + several] for start in range(0, len(metrics), several)):
        raw = [matrices[name][first, second] for name in some]
        of_pairs = [METRICS[name].diversity(values) for name, values in zip(some, raw, strict=True)]
        yield {
            "first": np.tile(names[first], len(some)),
            "second": np.tile(names[second], len(some)),
            "kind": np.repeat([METRICS[name].kind for name in some], len(first)),
            "metric": np.repeat(some, len(first)),
            "condition": np.full(len(some) * len(first), condition),
            "raw": np.concatenate(raw),
            "diversity": np.concatenate(of_pairs),
        }


def probability_metrics(
    predictions: list[Predictions], condition: int, images: np.ndarray
) -> dict[str, np.ndarray]:
    """The raw metrics of probabilities under one condition, float64 M x M, of `images` (int n),
    read in chunks."""
    classes = predictions[0].classes(condition)
    metrics = {
        name: metric.raw for name, metric in METRICS.items() if metric.source == "probabilities"
    }
    totals: dict[str, np.ndarray] = dict.fromkeys(metrics, np.zeros(()))
    chunk = max(1, min(CHUNK_VALUES // len(predictions), MEMBER_VALUES) // classes)
    for start in range(0, len(images), chunk):
        some = images[start : start + chunk]
        probabilities = np.stack([member.probabilities(condition, some) for member in predictions])
        for name, raw in metrics.items():
            totals[name] = totals[name] + raw(probabilities) * (len(some) / len(images))
    return totals


def reader(
    networks: Sequence[str],
    methods: Sequence[str],
    features: Sequence[str],
    maps: Sequence[str],
    stages: Sequence[str],
) -> Callable[[str, str], np.ndarray]:
    """A function of a member and a source that reads the array by which the member is compared; NaN
    without a network.

    Sources are `features`, a method of attribution, and, where there are files of them, a name in
    `STAGES`.

    Args:
        networks: members of which the networks are available.
        features: a file per network.
        maps: a file per network and method, all files of a network together.
        stages: a file per network, or none at all.
    """
    of_features = dict(zip(networks, features, strict=True))
    of_stages = dict(zip(networks, stages, strict=True)) if stages else {}
    of_maps = dict(
        zip([(member, method) for member in networks for method in methods], maps, strict=True)
    )

    def representation(member: str, source: str) -> np.ndarray:
        if member not in of_features:
            return UNKNOWN
        if source in STAGES:
            return read_array(of_stages[member])[STAGES.index(source)]
        return read_array(of_features[member] if source == "features" else of_maps[member, source])

    return representation


def pairs_of_groups(
    groups: list[list[str]],
    predictions: dict[str, Predictions],
    representation: Callable[[str, str], np.ndarray],
    attribution_metrics: list[str],
    threads: int = 1,
) -> Iterator[pd.DataFrame]:
    """As `pair_tables`, for one group of members after the other.

    Args:
        groups: groups of members that occur together in an ensemble.
        predictions: member -> its predictions.
        representation: member, and source of an attribution or activation metric -> array, as from
            `reader`.
        attribution_metrics: attribution metrics of the study. All activation metrics are computed
            too.
        threads: number of conditions that are compared at a time.
    """
    metrics = attribution_metrics + [
        name for name, metric in METRICS.items() if metric.kind == "activation"
    ]
    progress = Progress(len(groups))
    for group in groups:

        def of_source(source: str, members: list[str] = group) -> list[np.ndarray]:
            return [representation(member, source) for member in members]

        yield from pair_tables(
            group, [predictions[member] for member in group], of_source, metrics, threads
        )
        progress.step(", ".join(group))
