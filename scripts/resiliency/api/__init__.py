"""The Python API, for use without Snakemake.

Functions for corruptions, scores and diversity take arrays; `evaluate` takes a classifier of any
framework. Functions for the paper's observations take tables in the format of a study.
docs/python.md has examples.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from resiliency.analysis.observations import balance_is_most_resilient
from resiliency.analysis.observations.architecture import (
    architecture_matters_more,
    families_differ_at_equal_accuracy,
)
from resiliency.analysis.observations.correlation import attribution_diversity_is_less_negative
from resiliency.analysis.observations.diversity import architecture_brings_diversity
from resiliency.analysis.verdicts import observation_table
from resiliency.api import corrupting
from resiliency.api.corrupting import corrupt, get_corruption_names
from resiliency.api.evaluating import Evaluation, evaluate, labels_of
from resiliency.base.faults import Fault, available, expected, short
from resiliency.base.names import CLEAN
from resiliency.diversity.metrics import ENSEMBLE_METRICS, pair_tables
from resiliency.diversity.representations import (
    cosine_similarity,
    linear_cka,
    spearman_correlation,
)
from resiliency.ensembles.combination import RULES
from resiliency.ensembles.pool import ensembles_of
from resiliency.ensembles.scoring import mean_over_pairs, score_condition
from resiliency.metrics.classification import may_be_probabilities, mean_corruption_error
from resiliency.prediction.reading import Predictions, Truth, all_conditions

if TYPE_CHECKING:
    from resiliency.api.transforms import RandomCorruption
    from resiliency.export.loading import load_ensemble

#: Names of the 15 corruptions of mCE, then of the extra ones (Hendrycks and Dietterich 2019).
CORRUPTIONS = corrupting.CORRUPTIONS

_LATE = {
    "RandomCorruption": "resiliency.api.transforms",
    "load_ensemble": "resiliency.export.loading",
}

__all__ = [
    "CORRUPTIONS",
    "Evaluation",
    "Fault",
    "RandomCorruption",
    "architecture_brings_diversity",
    "architecture_matters_more",
    "attribution_diversity_is_less_negative",
    "balance_is_most_resilient",
    "corrupt",
    "cosine_similarity",
    "ensemble_diversity",
    "ensembles_of",
    "evaluate",
    "families_differ_at_equal_accuracy",
    "get_corruption_names",
    "linear_cka",
    "load_ensemble",
    "mean_corruption_error",
    "observation_table",
    "pair_diversity",
    "score_ensembles",
    "spearman_correlation",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch or timm at its first use, because importing these takes seconds."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)


def score_ensembles(
    logits: np.ndarray,
    labels: np.ndarray,
    ensembles: np.ndarray,
    rules: Sequence[str] = ("mean_probability",),
) -> pd.DataFrame:
    """Score ensembles on one set of images, under each combination rule.

    Args:
        logits: finite floats M x N x K: M members, N images, K classes (2 or more). Logarithms of
            probabilities work too.
        labels: integers N, in 0..K-1.
        ensembles: integers E x size: each row lists the members of an ensemble, in 0..M-1, without
            repetition.
        rules: any of mean_probability and plurality_vote.

    Returns:
        One row per rule and ensemble. Columns: rule; members, such as "0+2"; accuracy, 0 to 1; nll,
        the negative log-likelihood in nats, 0 or more; brier, 0 to 2; ece, the expected calibration
        error in 15 bins, 0 to 1. The last three are NaN under plurality_vote.

    Raises:
        Fault: an argument has another shape, type or range.

    >>> logits = np.log([[[0.8, 0.2], [0.6, 0.4]], [[0.4, 0.6], [0.1, 0.9]]])
    >>> scores = score_ensembles(logits, np.array([0, 1]), np.array([[0, 1]]))
    >>> scores[["members", "accuracy", "brier"]].round(3)
      members  accuracy  brier
    0     0+1       1.0  0.282
    """
    predictions, ensembles = _checked(logits, labels, ensembles, least=1)
    if not len(rules):
        raise Fault(f"rules: {expected('one or more', 'none')}; name some of {', '.join(RULES)}")
    if unknown := [rule for rule in rules if rule not in RULES]:
        raise Fault(f"rules: {available('rule', unknown[0], RULES)}")
    scores, _ = score_condition(predictions, 0, [ensembles], list(rules))
    members = ["+".join(map(str, of)) for of in ensembles]
    return pd.concat(
        [pd.DataFrame({"rule": rule, "members": members} | scores[rule]) for rule in rules],
        ignore_index=True,
    )


def pair_diversity(logits: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Measure the prediction diversity of each pair of members, by every pairwise metric.

    Args:
        logits: finite floats M x N x K: M members (2 or more), N images, K classes (2 or more).
        labels: integers N, in 0..K-1.

    Returns:
        One row per pair and metric. Columns: first and second, in 0..M-1; metric; raw, the value as
        the literature defines it; diversity, the same with a sign by which larger is more diverse.
        Ranges are in docs/formulae.md.

    Raises:
        Fault: an argument has another shape, type or range.

    >>> logits = np.log([[[0.8, 0.2], [0.6, 0.4]], [[0.4, 0.6], [0.1, 0.9]]])
    >>> pair_diversity(logits, np.array([0, 1])).query("metric == 'disagreement'").diversity.item()
    1.0
    """
    predictions, _ = _checked(logits, labels, np.array([[0, 1]]), least=2)
    members: list[Any] = list(range(len(predictions)))
    table = pd.concat(pair_tables(members, predictions, lambda source: [], []), ignore_index=True)
    return table[["first", "second", "metric", "raw", "diversity"]]


def ensemble_diversity(
    logits: np.ndarray, labels: np.ndarray, ensembles: np.ndarray
) -> pd.DataFrame:
    """Measure the prediction diversity of each ensemble, by every metric; larger is more diverse.

    Args:
        logits: finite floats M x N x K: M members (2 or more), N images, K classes (2 or more).
        labels: integers N, in 0..K-1.
        ensembles: integers E x size: each row lists 2 or more members of an ensemble, in 0..M-1,
            without repetition.

    Returns:
        One row per ensemble. Columns: members, such as "0+2"; oracle, the share of images that at
        least one member gets right, 0 to 1; then one per metric: the mean over pairs for those of
        `pair_diversity`, and the metrics of whole ensembles. Ranges are in docs/formulae.md.

    Raises:
        Fault: an argument has another shape, type or range.

    >>> logits = np.log([[[0.8, 0.2], [0.6, 0.4]], [[0.4, 0.6], [0.1, 0.9]]])
    >>> diversity = ensemble_diversity(logits, np.array([0, 1]), np.array([[0, 1]]))
    >>> diversity[["members", "oracle", "disagreement", "kohavi_wolpert"]]
      members  oracle  disagreement  kohavi_wolpert
    0     0+1     1.0           1.0            0.25
    """
    predictions, ensembles = _checked(logits, labels, ensembles, least=2)
    _, (inputs,) = score_condition(predictions, 0, [ensembles], ["mean_probability"])
    columns = {
        "members": ["+".join(map(str, of)) for of in ensembles],
        "oracle": 1 - inputs["shares"][:, 0],
    }
    for name, rows in pair_diversity(logits, labels).groupby("metric", sort=False):
        matrix = np.full((len(predictions),) * 2, np.nan)
        matrix[rows["first"], rows["second"]] = matrix[rows["second"], rows["first"]] = (
            rows.diversity
        )
        columns[name] = mean_over_pairs(ensembles, matrix)[0]
    for name, metric in ENSEMBLE_METRICS.items():
        columns[name] = metric.diversity(metric.raw(*(inputs[source] for source in metric.sources)))
    return pd.DataFrame(columns)


def _checked(
    logits: np.ndarray, labels: np.ndarray, ensembles: np.ndarray, least: int
) -> tuple[list[Predictions], np.ndarray]:
    """The predictions of each member under one condition, and the ensembles as int64."""
    logits, ensembles = np.asarray(logits), np.asarray(ensembles)
    if (
        logits.ndim != 3
        or logits.dtype.kind != "f"
        or not logits.size
        or not np.isfinite(logits).all()
    ):
        got = f"{logits.dtype} of shape {logits.shape}"
        raise Fault(f"logits: {expected('finite floats, members x images x classes', got)}")
    if shares := [member for member, scores in enumerate(logits) if may_be_probabilities(scores)]:
        got = f"no negative number and sums of 1 at most, or nearly, of member {shares[0]}"
        remedy = "give their logarithms if they are probabilities, else subtract 1"
        raise Fault(f"logits: {expected('logits', got)}; {remedy}")
    members, images, classes = logits.shape
    if members < least or classes < 2:
        raise Fault(
            f"logits: expected at least {least} members and 2 classes, got {members} and {classes}"
        )
    truth = Truth(labels_of(labels, images, classes))
    within = (
        ensembles.dtype.kind in "iu"
        and ensembles.size
        and 0 <= ensembles.min() <= ensembles.max() < members
    )
    if ensembles.ndim != 2 or not within:
        raise Fault(
            f"ensembles: expected rows of integers from 0 to {members - 1}, got "
            f"{short(ensembles.tolist())}"
        )
    if ensembles.shape[1] < least or (np.diff(np.sort(ensembles), axis=1) == 0).any():
        raise Fault(
            f"ensembles: expected rows of at least {least} different members, got "
            f"{short(ensembles.tolist())}"
        )
    table = all_conditions([], [], {CLEAN: images}, {CLEAN: classes})
    predictions = [
        Predictions(table, {CLEAN: of_member[None]}, {CLEAN: truth}) for of_member in logits
    ]
    return predictions, ensembles.astype(np.int64)
