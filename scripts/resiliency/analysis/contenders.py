"""The recommended model and what it has to beat: their errors under each corruption, and their calibration.

All are judged on the half of the test images on which nothing was chosen (see `resiliency.analysis.deployment`).
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from resiliency.analysis.assessment import Judged
from resiliency.analysis.best import best_row, eligible, known_rows, recommended_row
from resiliency.analysis.corrected import corrected_interval
from resiliency.analysis.intervals import percentile_interval, share_interval, with_ends
from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT_IMAGES, averaged
from resiliency.ensembles.outputs import Ensemble
from resiliency.metrics.classification import CALIBRATION, ECE_BINS, bin_of

RECOMMENDED, BEST_MEMBER = "recommended model", "best member"
ROLES = (RECOMMENDED, "best ensemble", BEST_MEMBER, "baseline")
WHO = ["role", "members", "size"]
UNDER_CORRUPTION = [*WHO, "corruption", "images", "error", "low", "high"]
UNDER_CORRUPTION += ["difference", "difference_low", "difference_high"]
CALIBRATION_OF_ROLES = [*WHO, *CALIBRATION]


def contenders(deployment: pd.DataFrame) -> dict[str, pd.Series]:
    """Role -> row of deployment.csv: the `recommended_row`, then the `best_row` of those that may have the role.

    Roles that nobody has are left out, as is the first of a table from before there was a recommendation.
    """
    fit, everything = eligible(deployment), known_rows(deployment)
    groups = fit[fit["size"] > 1], fit[fit["size"] == 1], everything[everything["baseline"].astype(bool)]
    best = {role: best_row(rows) for role, rows in zip(ROLES[1:], groups, strict=True) if len(rows)}
    return {ROLES[0]: recommended_row(fit)} | best if "instead" in fit and len(fit) else best


def errors_under(ensemble: Ensemble, judged: Judged) -> np.ndarray:
    """Error of an ensemble on each judged image under each of `corrupted_conditions`; float32 C x N."""
    position = {condition: index for index, condition in enumerate(corrupted_conditions(judged))}
    errors = np.empty((len(position), len(judged.images[CORRUPTED])), np.float32)
    for name in (CORRUPTED, HELD_OUT_IMAGES):
        for condition, images, part in judged.outputs(ensemble, name, False) if name in judged.conditions else ():
            errors[position[condition], images] = part.errors
    return errors


def corrupted_conditions(judged: Judged) -> np.ndarray:
    """All conditions with corruptions, held out or not; int64, ascending."""
    rows = [judged.conditions[name] for name in (CORRUPTED, HELD_OUT_IMAGES) if name in judged.conditions]
    return np.sort(np.concatenate(rows))


def under_corruptions(
    errors: dict[str, np.ndarray], corruptions: Sequence[str], counts: np.ndarray, units: int, confidence: float
) -> pd.DataFrame:
    """Error under each corruption and under all, mean over severities, and the differences of the first role's.

    Args:
        errors: role -> float C x N, of each image under each corrupted condition.
        corruptions: the corruption of each of the C conditions.
        counts: how often each resample has each image, R x N.
        units: of the images, their number.
        confidence: of the intervals.

    Returns:
        A row per role and corruption, and the last of each role of means: "corrupted", and "held_out" if there are
        corruptions that nothing was chosen by. Columns: role, corruption, images (N), error with its interval low and
        high (bootstrap over units); difference, the error of the first role less that of this one on the same images,
        NaN in the rows of the first role, with an interval that allows for the number of corruptions (Bonferroni); that
        of a mean is one comparison and needs none.
    """
    names, rows = list(dict.fromkeys(corruptions)), []
    means = {CORRUPTED: [name in averaged(names) for name in names]}
    if not all(means[CORRUPTED]):
        means[HELD_OUT_IMAGES] = np.logical_not(means[CORRUPTED])
    intervals = dict.fromkeys(names, partial(corrected_interval, comparisons=len(names)))
    intervals |= dict.fromkeys(means, percentile_interval)
    of_images = {role: _by_corruption(values, corruptions, names) for role, values in errors.items()}
    of_images = {
        role: np.vstack([values, *(values[chosen].mean(axis=0) for chosen in means.values())])
        for role, values in of_images.items()
    }
    first, drawn_images = next(iter(of_images), None), counts.sum(axis=1)
    for role, values in of_images.items():
        for name, of_name, best in zip(intervals, values, of_images[first], strict=True):
            ends = share_interval(of_name.mean(), counts @ of_name / drawn_images, units, confidence)
            row = {"role": role, "corruption": name, "images": len(of_name), "error": of_name.mean()}
            row |= dict(zip(("low", "high"), ends, strict=True))
            if role != first:
                drawn = counts @ (best - of_name) / drawn_images
                row |= with_ends("difference", (best - of_name).mean(), intervals[name](drawn, confidence))
            rows.append(row)
    return pd.DataFrame(rows)


def _by_corruption(errors: np.ndarray, corruptions: Sequence[str], names: list[str]) -> np.ndarray:
    """Mean over severities of errors C x N: float64, corruptions x N."""
    of = np.array(corruptions)
    return np.array([errors[of == name].mean(axis=0, dtype=np.float64) for name in names])


def calibration_bins(ensemble: Ensemble, judged: Judged) -> pd.DataFrame:
    """Confidence and accuracy in bins of confidence on clean and on corrupted images, before any temperature.

    Returns:
        Columns images, bin_low, bin_high, predictions (their number), mean_confidence and accuracy (over them), of bins
        that are not empty. No row where there are no probabilities, as of a plurality vote.
    """
    names = [CLEAN, CORRUPTED] if ensemble.has_probabilities and ensemble.rule.mean else []
    rows = []
    for name in names:
        sums = np.zeros((3, ECE_BINS))
        for _, _, part in judged.outputs(ensemble, name, disagreement=False):
            confidence = np.exp(part.log_probabilities.max(axis=-1))
            for total, values in zip(sums, (None, confidence, 1 - part.errors), strict=True):
                total += np.bincount(bin_of(confidence), values, ECE_BINS)
        rows += [
            (name, place / ECE_BINS, (place + 1) / ECE_BINS, int(count), sure / count, right / count)
            for place, (count, sure, right) in enumerate(sums.T)
            if count
        ]
    return pd.DataFrame(rows, columns=CALIBRATION)
