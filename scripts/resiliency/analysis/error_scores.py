"""Scores of members of whom only the errors under each condition are known."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from resiliency.base.corruption_names import averaged
from resiliency.base.names import CLEAN
from resiliency.metrics.accuracy import accuracies
from resiliency.metrics.resiliency import (
    PUBLISHED_ERRORS,
    baseline_errors,
    counted,
    mean_corruption_error,
    relative_mean_corruption_error,
)


def outside_scores(
    errors: pd.DataFrame, scored: Collection[str], baseline: str, confidence: float
) -> dict[str, dict[str, float]]:
    """Member -> its scores (see `error_scores`), of the members of corruption_errors.csv that are not `scored` yet.

    Args:
        errors: as for `error_scores`, with a column member.
        scored: members of whom more than errors are known.
        baseline: the name of a member, or of `PUBLISHED_ERRORS`, which know no clean one.
    """
    corruptions = counted([name for name in errors["corruption"].unique() if name != CLEAN])
    of_baseline = baseline_errors(errors, baseline, corruptions)
    clean = errors[(errors.member == baseline) & (errors.test_set == CLEAN) & (errors.corruption == CLEAN)]
    clean_error = clean["error"].iloc[0] if len(clean) and baseline not in PUBLISHED_ERRORS else np.nan
    others = errors[~errors.member.isin(scored)]
    return {
        member: error_scores(rows, of_baseline, clean_error, confidence)
        for member, rows in others.groupby("member", sort=False)
    }


def error_scores(
    errors: pd.DataFrame, baseline: np.ndarray, baseline_clean: float, confidence: float
) -> dict[str, float]:
    """Accuracy on each test set, corrupted error and mCE of one member, as in members.csv.

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
    unknown = dict.fromkeys([f"{name}_{end}" for name in ("corrupted_error", "mce") for end in ("low", "high")])
    return (
        scores
        | unknown
        | {
            "corrupted_error": of_corruption[averaged(of_corruption.index)].mean(),
            "mce": mean_corruption_error(chosen, baseline) if len(chosen) else np.nan,
            "relative_mce": float(relative),
            "mce_undefined_under": "",
            "relative_mce_undefined_under": "",
            "confidence": confidence,
        }
    )
