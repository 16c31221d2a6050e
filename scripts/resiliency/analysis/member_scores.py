"""Scores of single members: accuracy, calibration and resiliency, with intervals that resample images.

Of some members only the errors under each condition are known.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.intervals import Resampling, percentile_interval, range_interval, with_ends
from resiliency.base.names import CLEAN, CLEAN_ON, averaged, few_images
from resiliency.metrics.classification import (
    CALIBRATION,
    ECE_BINS,
    accuracies,
    brier_score,
    calibration_error,
    confidence_bins,
    negative_log_likelihood,
)
from resiliency.metrics.resiliency import (
    ALEXNET_ERRORS,
    LARGEST_RELATIVE_ERROR,
    PUBLISHED_ERRORS,
    baseline_errors,
    counted,
    mean_corruption_error,
    range_of_mean_corruption_error,
    relative_mean_corruption_error,
)
from resiliency.prediction.reading import Predictions, additional_test_sets, condition_groups, corruption_conditions
from resiliency.statistics.units import Units

UNKNOWN = np.nan, np.nan  # ends of an interval
LOSSES = ("nll", "brier", "ece")
# What is said of resiliency to corruptions where there are none.
RESILIENCY = dict.fromkeys([f"{name}{end}" for name in ("corrupted_error", "mce") for end in ("", "_low", "_high")])
RESILIENCY |= dict.fromkeys(("relative_mce", "mce_undefined_under", "relative_mce_undefined_under"))


class Scored(NamedTuple):
    """What is known of a member.

    Attributes:
        scores: all scores, under the names of the columns of members.csv.
        errors: top-1 error, a row per condition (test_set, corruption, severity, images, error).
        calibration: rows of calibration.csv, without the member.
    """

    scores: dict[str, float]
    errors: pd.DataFrame
    calibration: pd.DataFrame


class Scorer:
    """Scores members on the same test sets, against the same baseline.

    Args:
        conditions: the table of conditions.
        baseline: predictions of the baseline, or None for AlexNet's published errors.
        resampling: of the images.
        units: of the clean images; None if each image is one.
    """

    def __init__(
        self,
        conditions: pd.DataFrame,
        baseline: Predictions | None,
        resampling: Resampling,
        units: Units | None = None,
    ):
        self.conditions, self.confidence = conditions, resampling.confidence
        self.groups, self.corruptions = condition_groups(conditions), corruption_conditions(conditions)
        images = conditions.images.iloc[0]
        units = units or Units.single(images)
        self.few = few_images(CLEAN, units.number)
        drawn = units.counts(resampling.resamples, resampling.seed, "images")
        counts = np.vstack([np.ones(images), drawn])
        self.weights = counts / counts.sum(axis=1, keepdims=True)
        names = list(self.corruptions)
        self.undefined = dict.fromkeys(("mce_undefined_under", "relative_mce_undefined_under"), "")
        self.counted = [names.index(name) for name in counted(names)]
        self.averaged = [names.index(name) for name in averaged(names)]
        if not names:
            self.baseline, self.baseline_clean = np.empty((1, 0)), np.nan
        elif baseline is None:
            self.baseline, self.baseline_clean = np.array([[ALEXNET_ERRORS[c] for c in counted(names)]]), np.nan
        else:
            wrong = self._wrong(baseline)
            self.baseline, self.baseline_clean = self._resampled(wrong)[:, self.counted], wrong[0].mean()
            clean = self.weights @ wrong[0]
            self.undefined = {
                "mce_undefined_under": self._uncertain(self.baseline),
                "relative_mce_undefined_under": self._uncertain(self.baseline - clean[:, None]),
            }

    def score(self, predictions: Predictions) -> Scored:
        """All of a member; its probabilities are formed a condition at a time."""
        wrong, bins, losses = self._wrong(predictions), [], []
        if not predictions.has_probabilities:
            return Scored(self._rates(predictions, wrong), self._errors(wrong), pd.DataFrame(columns=CALIBRATION))
        for condition in range(len(predictions)):
            probabilities, labels = predictions.probabilities(condition), predictions.labels(condition)
            bins.append(confidence_bins(probabilities, labels))
            proper = [loss(probabilities, labels) for loss in (negative_log_likelihood, brier_score)]
            losses.append([*proper, calibration_error(bins[-1])])
        scores = self._rates(predictions, wrong) | self._means_of_losses(np.array(losses))
        return Scored(scores, self._errors(wrong), self._calibration(bins))

    def _errors(self, wrong: list[np.ndarray]) -> pd.DataFrame:
        table = self.conditions[["test_set", "corruption", "severity", "images"]]
        return table.assign(error=[of_condition.mean() for of_condition in wrong])

    def _rates(self, predictions: Predictions, wrong: list[np.ndarray]) -> dict[str, float]:
        """Accuracy and resiliency; `wrong` is bool N of each condition."""
        scores = self._accuracy(CLEAN, ~wrong[0], predictions.units(0))
        scores |= self._resiliency(wrong) if self.corruptions else RESILIENCY
        scores["confidence"] = self.confidence
        for name in additional_test_sets(self.conditions):
            condition = self.groups[name][0]
            scores |= self._accuracy(name, ~wrong[condition], predictions.units(condition))
            if predictions.has_fewer_classes(condition):
                clean = predictions.clean_on(condition)
                scores |= self._accuracy(f"{CLEAN_ON}{name}", clean.correct(0), clean.units(0))
        return scores

    def _resiliency(self, wrong: list[np.ndarray]) -> dict[str, float]:
        errors = self._resampled(wrong)
        of_mce = errors[:, self.counted]
        relative = relative_mean_corruption_error(of_mce[0], wrong[0].mean(), self.baseline[0], self.baseline_clean)
        return {
            **self._with_interval("corrupted_error", errors.take(self.averaged, axis=1).mean(axis=1)),
            **self._mce(of_mce),
            "relative_mce": float(relative),
            **self.undefined,
        }

    def _mce(self, errors: np.ndarray) -> dict[str, float]:
        """mCE and its interval, which is infinite at an end where the baseline makes no error in too many resamples."""
        value = mean_corruption_error(errors[0], self.baseline[0])
        ends = (values[1:] for values in range_of_mean_corruption_error(errors, self.baseline))
        return with_ends("mce", float(value), UNKNOWN if self.few else range_interval(*ends, self.confidence))

    def _uncertain(self, denominators: np.ndarray) -> str:
        """The corruptions under which a denominator is too uncertain for a ratio, joined by spaces.

        That is so if it is not above 0, or its relative standard error over images exceeds `LARGEST_RELATIVE_ERROR`.

        Args:
            denominators: float (1 + resamples) x corruptions, the actual images first.
        """
        names = np.array(list(self.corruptions))[self.counted]
        certain = denominators[0] * LARGEST_RELATIVE_ERROR >= denominators[1:].std(axis=0)
        return " ".join(names[~(certain & (denominators[0] > 0))])

    def _accuracy(self, name: str, correct: np.ndarray, units: Units) -> dict[str, float]:
        """Accuracy on a test set, with Wilson's interval, from bool N."""
        columns = accuracies(name, correct.mean(), units.effective(units.sums(correct)), self.confidence)
        return {column: float(value) for column, value in columns.items()}

    def _wrong(self, predictions: Predictions) -> list[np.ndarray]:
        return [~predictions.correct(condition) for condition in range(len(predictions))]

    def _resampled(self, wrong: list[np.ndarray]) -> np.ndarray:
        """Error per corruption over severities: float64 (1 + resamples) x corruptions, the actual images first."""
        by_image = np.stack([np.mean([wrong[c] for c in chosen], axis=0) for chosen in self.corruptions.values()])
        return self.weights @ by_image.T

    def _with_interval(self, name: str, values: np.ndarray) -> dict[str, float]:
        ends = UNKNOWN if self.few else percentile_interval(values[1:], self.confidence)
        return with_ends(name, float(values[0]), ends)

    def _means_of_losses(self, losses: np.ndarray) -> dict[str, float]:
        """`LOSSES` of each group of images, means over its conditions, from float C x 3."""
        parts = {images: losses[chosen].mean(axis=0) for images, chosen in self.groups.items()}
        return {f"{images}_{n}": float(v) for images, part in parts.items() for n, v in zip(LOSSES, part, strict=True)}

    def _calibration(self, bins: list[np.ndarray]) -> pd.DataFrame:
        edges = np.arange(ECE_BINS + 1) / ECE_BINS
        parts = []
        for name, chosen in self.groups.items():
            count, right, confidence = np.sum([bins[condition] for condition in chosen], axis=0)
            filled = count > 0
            columns = {"bin_low": edges[:-1], "bin_high": edges[1:], "predictions": count.astype(int)}
            columns |= {"mean_confidence": confidence / np.maximum(count, 1), "accuracy": right / np.maximum(count, 1)}
            parts.append(pd.DataFrame({"images": name} | {key: values[filled] for key, values in columns.items()}))
        return pd.concat(parts, ignore_index=True)


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
