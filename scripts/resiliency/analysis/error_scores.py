"""Scores of members of whom only the errors under each condition are known."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from resiliency.conditions import CLEAN, counted
from resiliency.metrics.accuracy import accuracies
from resiliency.metrics.resiliency import mean_corruption_error, relative_mean_corruption_error


def error_scores(
    errors: pd.DataFrame, baseline: np.ndarray, baseline_clean: float, confidence: float
) -> Mapping[str, float]:
    """Accuracy on each test set, mean corruption error and mCE of one member, as in members.csv.

    Accuracies have Wilson's interval where the number of images is known. Errors of corruptions are of the same images,
    so that nothing can be said of the interval of their mean without the decisions.

    Args:
        errors: a row per condition: test_set, corruption, severity, images (0 where unknown) and error, in 0..1 or NaN.
        baseline: top-1 error of the baseline under each corruption that mCE counts, means over severities.
        baseline_clean: its clean error; NaN where it is not known.
        confidence: of the intervals.
    """
    clean = errors[errors.corruption == CLEAN]
    of_corruption = errors[errors.corruption != CLEAN].groupby("corruption", sort=False)["error"].mean()
    scores = {}
    for row in clean.itertuples():
        scores |= accuracies(row.test_set, 1 - row.error, row.images or np.nan, confidence)
    chosen = of_corruption[counted(list(of_corruption.index))].to_numpy()
    clean_error = clean.loc[clean.test_set == CLEAN, "error"].iloc[0]
    relative = relative_mean_corruption_error(chosen, clean_error, baseline, baseline_clean) if len(chosen) else np.nan
    return scores | {
        "mean_corruption_error": of_corruption.mean(),
        "mce": mean_corruption_error(chosen, baseline) if len(chosen) else np.nan,
        "relative_mce": float(relative),
        "mce_undefined_under": "",
        "relative_mce_undefined_under": "",
        "confidence": confidence,
    }
