"""Means of measures over ensembles, with intervals that leave out one unit at a time."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from resiliency.analysis.left_out import LeftOut
from resiliency.statistics.correlation import weighted_quantiles
from resiliency.statistics.jackknife import interval_within, jackknife_interval

SHARES = ("clean_accuracy", "corrupted_accuracy", "corrupted_error")
# Values of diversities, which grow with diversity (docs/formulae.md); those of CKA and interrater kappa have no ends.
RANGES = dict.fromkeys(("disagreement", "label_disagreement", "jensen_shannon", "probability_cosine"), (0, 1))
RANGES |= dict.fromkeys(("entropy", "generalised_diversity", "coincident_failure_diversity"), (0, 1))
RANGES |= dict.fromkeys(("q_statistic", "correlation", "error_consistency", "cohen_kappa", "common_failure"), (-1, 1))
RANGES |= {"double_fault": (-1, 0), "kohavi_wolpert": (0, 0.25), "difficulty": (-0.25, 0)}
RANGES |= {"geometric_ambiguity": (0, np.inf), "mce": (0, np.inf)}
OF_MAPS = {"cosine": (0, 2), "spearman": (0, 2), "ssim": (0, 2), "iou": (0, 1)}
Unit = Callable[[str], str]


def summary(ensembles: pd.DataFrame, measures: list[str], unit: Unit, confidence: float) -> pd.DataFrame:
    """The mean of each measure over ensembles, and its quartiles, with the ensembles' weights.

    Args:
        ensembles: rows of ensembles.parquet.
        measures: columns of these.
        unit: member -> what an interval leaves out with it (see `LeftOut`).
        confidence: of the intervals.

    Returns:
        A row per measure: measure, ensembles (how many have it), mean, its interval low and high (inside `range_of` the
        measure), lower_quartile, upper_quartile, and members (how many take part). NaN where leaving out
        some unit leaves nothing.
    """
    left_out, values = LeftOut(ensembles, unit), ensembles[measures].to_numpy(float)
    means = weighted_means(left_out.weights, values)
    low, high = np.transpose(
        [
            interval_within(replicates, confidence, *range_of(measure))
            for replicates, measure in zip(means.T, measures, strict=True)
        ]
    )
    weights = ensembles["weight"].to_numpy(float)
    quartiles = np.transpose([weighted_quantiles(column, weights, [0.25, 0.75]) for column in values.T])
    columns = {"measure": measures, "ensembles": np.isfinite(values).sum(axis=0), "mean": means[0]}
    columns |= {"low": low, "high": high, "lower_quartile": quartiles[0], "upper_quartile": quartiles[1]}
    return pd.DataFrame(columns | {"members": len(left_out.members)})


def range_of(measure: str) -> tuple[float, float]:
    """The values that a column of ensembles.parquet can have; infinite without an end."""
    if measure in SHARES or measure.endswith("_accuracy"):
        return 0, 1
    metric = measure if measure in RANGES else measure.rpartition("_")[0]
    unbounded = (-np.inf, np.inf)
    return RANGES.get(metric, OF_MAPS.get(metric.rpartition("_")[2], unbounded))


def weights_of_both(first: pd.DataFrame, second: pd.DataFrame, unit: Unit) -> tuple[np.ndarray, np.ndarray]:
    """Weights of two groups of ensembles, of all and without each unit of either in turn; float64 (1 + units) x E."""
    weights = LeftOut(pd.concat([first, second]), unit).weights
    return weights[:, : len(first)], weights[:, len(first) :]


def difference(
    first: pd.DataFrame,
    second: pd.DataFrame,
    weights: tuple[np.ndarray, np.ndarray],
    measures: list[str],
    confidence: float,
) -> np.ndarray:
    """Mean of each measure over the `first` ensembles less that over the `second`, and its interval.

    Args:
        first, second: rows of ensembles.parquet.
        weights: of both, as from `weights_of_both`.
        measures, confidence: as for `summary`.

    Returns:
        float64 measures x 3: difference, low and high.
    """
    means = weighted_means(weights[0], first[measures].to_numpy(float))
    means = means - weighted_means(weights[1], second[measures].to_numpy(float))
    return np.array([[replicates[0], *jackknife_interval(replicates, confidence)] for replicates in means.T])


def weighted_means(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weighted means of what is known of each column of `values`, for each row of `weights`; NaN of nothing."""
    finite = np.isfinite(values)
    count = weights @ finite
    total = weights @ np.where(finite, values, 0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
