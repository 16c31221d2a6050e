"""Scores of single members: accuracy, calibration and resiliency, with intervals over images.

Of some members only the errors under each condition are known."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from resiliency.base.names import CLEAN, CLEAN_ON, averaged, few_images
from resiliency.base.streams import stream
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
    mean_corruption_error,
    relative_mean_corruption_error,
)
from resiliency.prediction.reading import Predictions, additional_test_sets, condition_groups, corruption_conditions
from resiliency.statistics.intervals import (
    DIFFERENCE,
    POSITIVE,
    UNKNOWN,
    WILSON,
    Interval,
    critical,
    of_linear,
    reach_of_none,
    share,
)
from resiliency.statistics.resampling import Resampling, Units

LOSSES = ("nll", "brier", "ece")
# Scores of members if there are no corruptions.
RESILIENCY = dict.fromkeys([f"{name}{end}" for name in ("corrupted_error", "mce") for end in ("", "_low", "_high")])
UNDEFINED = ("mce_undefined_under", "relative_mce_undefined_under")
RESILIENCY |= dict.fromkeys(("relative_mce", *UNDEFINED))


class Scored(NamedTuple):
    """The scores of one member on all images.

    Attributes:
        scores: scores by name of their column in members.csv.
        errors: top-1 error, a row per condition (test_set, corruption, severity, n_images, error).
        calibration: rows of calibration.csv without the column member.
    """

    scores: dict[str, float]
    errors: pd.DataFrame
    calibration: pd.DataFrame


class Scorer:
    """Scores members on the same test sets, against the same baseline.

    Args:
        baseline: predictions of the baseline, or None for AlexNet's published errors.
        confidence: level of the intervals, between 0 and 1.
        units: units of the clean images; None if each image is a unit.
    """

    def __init__(
        self, conditions: pd.DataFrame, baseline: Predictions | None, confidence: float, units: Units | None = None
    ):
        self.conditions, self.confidence = conditions, confidence
        self.groups, self.corruptions = condition_groups(conditions), corruption_conditions(conditions)
        self.units = units or Units.single(conditions.n_images.iloc[0])
        self.few = few_images(CLEAN, self.units.number)
        names = list(self.corruptions)
        self.undefined = dict.fromkeys(UNDEFINED, "")
        self.averaged = [names.index(name) for name in averaged(names)]
        self.of_baseline = np.zeros((len(self.averaged), 1))  # on each image, if they are known
        if not names or baseline is None:
            self.baseline, self.baseline_clean = np.array([ALEXNET_ERRORS[name] for name in averaged(names)]), np.nan
        else:
            wrong = self._wrong(baseline)
            self.of_baseline = self._under_corruptions(wrong)
            self.baseline, self.baseline_clean = self.of_baseline.mean(axis=1), wrong[0].mean()
            denominators = self.of_baseline, self.of_baseline - wrong[0]
            self.undefined = dict(zip(UNDEFINED, map(self._uncertain, denominators), strict=True))

    def score(self, predictions: Predictions) -> Scored:
        """Scores of one member; its probabilities are computed one condition at a time."""
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
        table = self.conditions[["test_set", "corruption", "severity", "n_images"]]
        return table.assign(error=[of_condition.mean() for of_condition in wrong])

    def _rates(self, predictions: Predictions, wrong: list[np.ndarray]) -> dict[str, float | str]:
        """Accuracy and resiliency; `wrong` is bool N of each condition."""
        scores: dict[str, float | str] = {**self._accuracy(CLEAN, ~wrong[0], predictions.units(0))}
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
        of_images = self._under_corruptions(wrong)
        errors = of_images.mean(axis=1)
        relative = relative_mean_corruption_error(errors, wrong[0].mean(), self.baseline, self.baseline_clean)
        mce, mean = float(mean_corruption_error(errors, self.baseline)), of_images.mean(axis=0)
        of_error, of_mce = (
            (UNKNOWN, UNKNOWN)
            if self.few
            else (share(mean, self.units, self.confidence), self._of_mce(mce, errors, of_images))
        )
        scores = of_error.columns("corrupted_error", float(errors.mean())) | of_mce.columns("mce", mce)
        return scores | {"relative_mce": float(relative), **self.undefined}

    def _of_mce(self, mce: float, errors: np.ndarray, of_images: np.ndarray) -> Interval:
        """The interval of mCE, a mean of ratios; without any error it ends where that of the share of errors does."""
        if mce == 0:
            end = np.mean(1 / self.baseline) * reach_of_none(self.units.number, self.confidence)
            return Interval(0.0, float(end), WILSON, self.units.number)
        if np.isnan(mce):
            return UNKNOWN
        ratios = (errors / self.baseline)[:, None]
        parts = (of_images - ratios * self.of_baseline) / self.baseline[:, None]
        return of_linear(mce, parts.mean(axis=0), self.units, self.confidence, POSITIVE)

    def _uncertain(self, denominators: np.ndarray) -> str:
        """The corruptions under which a denominator is too uncertain for a ratio, joined by spaces.

        That is so if it is not above 0, or its relative standard error over images exceeds `LARGEST_RELATIVE_ERROR`.

        Args:
            denominators: float corruptions x N, means over images.
        """
        names, means = np.array(list(self.corruptions))[self.averaged], denominators.mean(axis=1)
        certain = means * LARGEST_RELATIVE_ERROR >= np.sqrt(self.units.variance_of_mean(denominators))
        return " ".join(names[~(certain & (means > 0))])

    def _accuracy(self, name: str, correct: np.ndarray, units: Units) -> dict[str, float]:
        """Accuracy on a test set, with Wilson's interval, from bool N."""
        columns = accuracies(
            name, correct.mean(), units.effective(units.sums(correct), self.confidence), self.confidence
        )
        return {column: float(value) for column, value in columns.items()}

    def _wrong(self, predictions: Predictions) -> list[np.ndarray]:
        return [~predictions.correct(condition) for condition in range(len(predictions))]

    def _under_corruptions(self, wrong: list[np.ndarray]) -> np.ndarray:
        """Error of each image under each corruption that counts, mean over severities: float64 corruptions x N."""
        chosen = list(self.corruptions.values())
        return np.stack([np.mean([wrong[c] for c in chosen[place]], axis=0) for place in self.averaged])

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
    errors: pd.DataFrame, scored: Mapping[str, dict[str, float]], baseline: str, confidence: float
) -> dict[str, dict[str, float]]:
    """Member -> its scores (see `error_scores`), of the members of corruption_errors.csv that are not `scored` yet.

    Args:
        errors: table as for `error_scores`, with a column member.
        scored: scores of the members with predictions, by these; if there are any, they say what is undefined.
        baseline: name of a member, or of `PUBLISHED_ERRORS`, which have no clean error.
    """
    corruptions = averaged([name for name in errors["corruption"].unique() if name != CLEAN])
    of_baseline = baseline_errors(errors, baseline, corruptions)
    clean = errors[(errors.member == baseline) & (errors.test_set == CLEAN) & (errors.corruption == CLEAN)]
    clean_error = clean["error"].iloc[0] if len(clean) and baseline not in PUBLISHED_ERRORS else np.nan
    others = errors[~errors.member.isin(list(scored))]
    known = {name: scores[name] for scores in scored.values() for name in UNDEFINED}
    return {
        member: error_scores(rows, of_baseline, clean_error, confidence) | known
        for member, rows in others.groupby("member", sort=False)
    }


def error_scores(
    errors: pd.DataFrame, baseline: np.ndarray, baseline_clean: float, confidence: float
) -> dict[str, float]:
    """Accuracy on each test set, corrupted error and mCE of one member, as in members.csv.

    Accuracies have Wilson's interval where the number of images is known. Errors of corruptions are of the same images,
    so that nothing can be said of the interval of their mean without the decisions.

    Args:
        errors: a row per condition: test_set, corruption, severity, n_images (0 if unknown) and error, in 0..1 or NaN.
        baseline: error of the baseline under each corruption that mCE counts, mean over severities.
        baseline_clean: clean error of the baseline; NaN if unknown.
        confidence: level of the intervals, between 0 and 1.
    """
    clean = errors[errors.corruption == CLEAN]
    of_corruption = errors[errors.corruption != CLEAN].groupby("corruption", sort=False)["error"].mean()
    scores = {}
    for row in clean.itertuples():
        scores |= accuracies(row.test_set, 1 - row.error, row.n_images or np.nan, confidence)
    names = averaged(of_corruption.index)
    chosen = of_corruption[names].to_numpy()
    clean_error = clean.loc[clean.test_set == CLEAN, "error"].iloc[0]
    relative = relative_mean_corruption_error(chosen, clean_error, baseline, baseline_clean) if len(chosen) else np.nan
    unknown = dict.fromkeys([f"{name}_{end}" for name in ("corrupted_error", "mce") for end in ("low", "high")])
    denominators = np.reshape(baseline, -1), np.reshape(baseline, -1) - baseline_clean
    return (
        scores
        | unknown
        | {
            "corrupted_error": of_corruption[names].mean(),
            "mce": mean_corruption_error(chosen, baseline) if len(chosen) else np.nan,
            "relative_mce": float(relative),
            **{key: " ".join(np.array(names)[of <= 0]) for key, of in zip(UNDEFINED, denominators, strict=True)},
            "confidence": confidence,
        }
    )


POWER = 0.8
COLUMNS = ["images", "member", "rank", "rank_low", "rank_high", "error", "next_difference", "next_low", "next_high"]
COLUMNS += ["n_images_needed", "n_images"]


def rank_table(
    members: list[str],
    conditions: pd.DataFrame,
    wrong: Iterable[np.ndarray],
    resampling: Resampling,
    units: Mapping[str, Units] = {},
) -> pd.DataFrame:
    """The rows of member_ranks.csv: the members by their error on each set of images.

    Args:
        members: names of M members.
        wrong: bool M x N for each condition, in the order of the table.
        resampling: number of draws, level of the intervals, and seed.
        units: test set -> units of its images; in a test set without an entry, each image is a unit.

    Returns:
        `COLUMNS` and confidence, as docs/tables.md describes them; without sets of few images.
    """
    number = conditions.set_index("test_set")["n_images"].to_dict() | {name: of.number for name, of in units.items()}
    groups = condition_groups(conditions)
    chosen = {name: of for name, of in groups.items() if not few_images(name, number[conditions.test_set.iloc[of[0]]])}
    last, sums = {name: of.max() for name, of in chosen.items()}, {}
    tables = {"": pd.DataFrame(columns=COLUMNS)} if not chosen else {}
    for place, of_condition in enumerate(wrong):
        name = next((name for name, of in chosen.items() if place in of), None)
        if name is None:
            continue
        sums[name] = sums.get(name, 0) + of_condition.astype(np.float64)
        if place == last[name]:
            errors = sums.pop(name) / len(chosen[name])
            of_set = units.get(conditions.test_set.iloc[place])
            rows = rank_rows(members, errors, resampling, name, of_set)
            tables[name] = rows.assign(images=name, n_images=errors.shape[1])
    table = pd.concat([tables[name] for name in chosen or tables], ignore_index=True)
    return table[COLUMNS].assign(confidence=resampling.confidence)


def rank_rows(
    members: list[str], errors: np.ndarray, resampling: Resampling, name: str, units: Units | None = None
) -> pd.DataFrame:
    """The ranks on one set of images.

    Args:
        members: names of M members.
        errors: float64 M x N, how often each is wrong on each image.
        resampling: number of draws, level of the intervals, and seed.
        name: name of the set of images, which also names the random stream.
        units: units of the images; None if each image is a unit.
    """
    means, images = errors.mean(axis=1), errors.shape[1]
    units, order = units or Units.single(images), np.argsort(means, kind="stable")
    means, errors = means[order], errors[order]
    covariance = np.cov(units.values(errors), ddof=1).reshape(len(order), -1) / units.number
    spread = np.sqrt(np.maximum(np.add.outer(np.diag(covariance), np.diag(covariance)) - 2 * covariance, 0))
    spread[spread < 1e-12] = 0
    low, high = rank_intervals(means, spread, _draws(covariance, resampling, name), units, resampling.confidence)
    difference, error = np.append(np.diff(means), np.nan), np.append(np.diag(spread, 1), np.nan)
    of_next = [
        of_linear(value, parts, units, resampling.confidence, DIFFERENCE).ends
        for value, parts in zip(difference, np.diff(errors, axis=0), strict=False)
    ]
    next_low, next_high = np.transpose([*of_next, UNKNOWN.ends])
    needed = (ndtri((1 + resampling.confidence) / 2) + ndtri(POWER)) ** 2 * images * np.square(error)
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where(difference > 0, np.ceil(needed / np.square(difference)), np.nan)
    return pd.DataFrame(
        {
            "member": np.array(members)[order],
            "rank": np.arange(1, len(order) + 1),
            "rank_low": low,
            "rank_high": high,
            "error": means,
            "next_difference": difference,
            "next_low": next_low,
            "next_high": next_high,
            "n_images_needed": needed,
        }
    )


def rank_intervals(
    means: np.ndarray, spread: np.ndarray, draws: np.ndarray, units: Units, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and largest rank of each of M members, int64.

    Args:
        means: float M, mean errors.
        spread: float M x M, standard errors of the differences of mean errors.
        draws: float R x M, deviations of the mean errors from their expectations.
        units: units of the images.
        confidence: level of each interval, between 0 and 1.
    """
    low, high = np.ones(len(means), np.int64), np.full(len(means), len(means))
    for member in range(len(means)):
        reach = critical(np.abs(draws - draws[:, [member]]), spread[member], confidence, units)
        with np.errstate(divide="ignore", invalid="ignore"):  # infinite if the difference is that of each image
            differences = (means - means[member]) / spread[member]
        low[member] += (differences < -reach).sum()
        high[member] -= (differences > reach).sum()
    return low, high


def _draws(covariance: np.ndarray, resampling: Resampling, name: str) -> np.ndarray:
    """Normal draws of this covariance, float64 R x M."""
    values, vectors = np.linalg.eigh(covariance)
    random = stream(resampling.seed, "ranks", name).standard_normal((resampling.resamples, len(values)))
    return (random * np.sqrt(np.maximum(values, 0))) @ vectors.T
