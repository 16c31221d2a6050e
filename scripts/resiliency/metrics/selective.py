"""Selective prediction of a classifier, and thresholds of confidence.

Images are answered in descending order of a confidence; the risk at a coverage is the share of
wrong answers among the images answered (Geifman and El-Yaniv, NeurIPS 2017). Conventions are those
of torch-uncertainty (`AURC`, `RiskAtxCov`) and torchmetrics (`BinaryAUROC`), except that
images of equal confidence count as answered in random order: the risk is its expectation, where
those packages leave it to the order of the images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from resiliency.base.machine import compiled
from resiliency.statistics.resampling import Units

COVERAGE = 0.9  # of `error_at_90`
MEASURES = ("aurc", "error_at_90", "auroc")
GROUPS = 256


class Ranking(NamedTuple):
    """Images in groups of one confidence each, the most confident first.

    Attributes:
        answered: float64 R x G, number of images in each group, in each of R resamples.
        wrong: float64 R x G, number of these that are answered wrongly; a tie broken at random
            counts in part.
    """

    answered: np.ndarray
    wrong: np.ndarray


def resampled_rankings(
    confidence: np.ndarray, errors: np.ndarray, counts: np.ndarray
) -> tuple[Ranking, Ranking, Ranking]:
    """The ranking of all images, that in at most `GROUPS` groups of neighbours of equal size, and
    each resample's.

    Args:
        confidence, errors: float C x N, for N images under C conditions, which are drawn together;
            errors in 0..1.
        counts: float32 R x N, how often each resample draws each image.
    """
    (conditions, images), wrong = confidence.shape, errors.ravel()
    order = np.argsort(-confidence.ravel(), kind="stable")
    starts = np.flatnonzero(np.diff(confidence.ravel()[order], prepend=np.inf))
    answered = np.diff(starts, append=len(order))
    of_each = np.add.reduceat(wrong[order], starts, dtype=np.float64)
    exact, size = (
        Ranking(answered[None].astype(np.float64), of_each[None]),
        min(len(starts), GROUPS),
    )
    group = np.empty(len(order), np.int64)
    if len(starts) > GROUPS:
        group[order] = np.arange(len(order)) * GROUPS // len(order)
    else:
        group[order] = np.repeat(np.arange(size), answered)
    places = np.tile(np.arange(images), conditions) * size + group
    tables = [np.bincount(places, of, images * size).reshape(images, size) for of in (None, wrong)]
    whole = Ranking(*(table.sum(axis=0, dtype=np.float64)[None] for table in tables))
    return (
        exact,
        whole,
        Ranking(*((counts @ table.astype(np.float32)).astype(np.float64) for table in tables)),
    )


def measures(ranked: Ranking) -> dict[str, np.ndarray]:
    """`MEASURES` of each of R rankings, float64 R.

    aurc: area under the curve of risk over coverage, by trapezoids from one image to all, over the
    width of that range.
    error_at_90: risk at 90 % coverage. auroc: probability that a right answer is more confident
    than a wrong one; NaN without either.
    """
    most = int(np.rint(ranked.answered.sum(axis=1).max()))
    harmonic = np.concatenate([[0], np.cumsum(1 / np.arange(1, most + 1))])
    found = np.full((len(MEASURES), len(ranked.answered)), np.nan)
    _measure(*ranked, harmonic, found)
    return dict(zip(MEASURES, found, strict=True))


@compiled(error_model="numpy")
def _measure(
    answered: np.ndarray, wrong: np.ndarray, harmonic: np.ndarray, found: np.ndarray
) -> None:
    """Set `found` to the measures, 3 x R, of rankings R x G, by one walk over the groups of each.

    In a group with a wrong share e, the risk at k is (W + e (k - N)) / k, with N and W before it.

    Args:
        harmonic: float64, sum of 1 / k for k from 1 to each number of images.
    """
    for r in range(len(answered)):
        images = 0.0
        all_wrong = 0.0
        all_right = 0.0
        for g in range(answered.shape[1]):
            images += answered[r, g]
            all_wrong += wrong[r, g]
            all_right += answered[r, g] - wrong[r, g]
        goal = np.ceil(np.rint(images * COVERAGE * 1e6) / 1e6)

        area = 0.0
        auroc = 0.0
        error_at_goal = np.nan
        first_share = -1.0
        answered_before = 0.0
        wrong_before = 0.0
        harmonic_before = 0.0
        for g in range(answered.shape[1]):
            here = answered[r, g]
            missed = wrong[r, g]
            share = missed / here if here > 0 else 0.0
            if here > 0 and first_share < 0:
                first_share = share
            answered_after = answered_before + here
            wrong_after = wrong_before + missed
            harmonic_after = harmonic[int(np.rint(answered_after))]
            wrong_at_zero = wrong_before - share * answered_before
            area += share * here + wrong_at_zero * (harmonic_after - harmonic_before)
            auroc += (here - missed) * (all_wrong - wrong_after + missed / 2)
            if np.isnan(error_at_goal) and answered_after >= goal - 1e-6:
                wrong_beyond_goal = (answered_after - goal) * missed / here
                error_at_goal = (wrong_after - wrong_beyond_goal) / goal
            answered_before = answered_after
            wrong_before = wrong_after
            harmonic_before = harmonic_after

        whole = np.rint(images)
        ends = (first_share + wrong_before / whole) / 2
        found[0, r] = (area - ends) / (whole - 1) if whole > 1 else np.nan
        found[1, r] = error_at_goal
        found[2, r] = auroc / (all_right * all_wrong)


def risk_coverage(ranked: Ranking, coverages: np.ndarray) -> np.ndarray:
    """Risk at each of `coverages` (in 0..1) of the first ranking; float64."""
    answered, wrongly = (np.cumsum(table[0]) for table in ranked)
    images = np.maximum(np.ceil(np.round(answered[-1] * coverages, 6)), 1)
    place = np.searchsorted(answered, images - 1e-6)
    missing = (answered[place] - images) * ranked.wrong[0, place] / ranked.answered[0, place]
    return (wrongly[place] - missing) / images


def given_shares(answered: np.ndarray, availability: float) -> np.ndarray:
    """Share of the answers in each bin that are given, if a share `availability` of all is; float64
    ... x B in 0..1.

    Of the bin that holds the last answer that is given, a part is.

    Args:
        answered: ... x B, number of answers in each bin, the most confident one first.
    """
    before = np.cumsum(answered, axis=-1) - answered
    left = availability * answered.sum(axis=-1, keepdims=True) - before
    return np.clip(left / np.maximum(answered, 1), 0, 1)


GRADES = 1_000_000
# Step of confidences, by which a threshold may lie below the least confident answer that it
# accepts.
BELOW = 100
ABSTAIN = 2.0  # threshold at which every image is abstained on, even at a confidence of 1


def graded(confidence: np.ndarray) -> np.ndarray:
    """Confidences in 0..1 as thresholds see them: float32, rounded down to six decimals and below
    1; float64.

    Programs that compute in another order round a confidence near 1 to it or not: it counts as
    0.999999.
    """
    single = np.asarray(confidence).astype(np.float32).astype(np.float64)
    return np.minimum(np.floor(single * GRADES), GRADES - 1) / GRADES


@dataclass(frozen=True)
class Ranked:
    """Answers to N images under C conditions, the least confident first.

    Attributes:
        confidence: float64 CN, graded.
        errors: float64 CN, 1 if the answer is wrong.
        rows: int CN, condition of each answer.
        conditions: number of conditions, C.
        units: units of the images.
    """

    confidence: np.ndarray
    errors: np.ndarray
    rows: np.ndarray
    conditions: int
    units: Units

    @classmethod
    def of(cls, confidence: np.ndarray, errors: np.ndarray, units: Units | None = None) -> "Ranked":
        """The ranking of answers by confidences and errors, float C x N each; by default, each
        image is a unit."""
        values = graded(confidence).ravel()
        order = np.argsort(values, kind="stable")
        rows = np.repeat(np.arange(len(confidence)), confidence.shape[1])
        errors, units = (
            np.asarray(errors, np.float64).ravel(),
            units or Units.single(confidence.shape[1]),
        )
        return cls(values[order], errors[order], rows[order], len(confidence), units)

    def without(self, rows: Sequence[int]) -> "Ranked":
        """The answers under the other conditions."""
        kept = ~np.isin(self.rows, rows)
        confidence, errors, left = (
            values[kept] for values in (self.confidence, self.errors, self.rows)
        )
        return replace(
            self,
            confidence=confidence,
            errors=errors,
            rows=left,
            conditions=self.conditions - len(rows),
        )

    @cached_property
    def firsts(self) -> np.ndarray:
        """Positions of the first answers of each confidence, int64."""
        return np.flatnonzero(np.diff(self.confidence, prepend=-1))

    @cached_property
    def wrong_from(self) -> np.ndarray:
        """Number of wrong answers at or above the confidence of each of `firsts`, float64."""
        return np.cumsum(self.errors[::-1])[::-1][self.firsts]

    def most(self, level: float) -> float:
        """The largest sum of losses, over answers, with which their mean over those of a new unit
        is `level` at most.

        A unit's loss, its sum over the mean size of a unit, is at most the largest size over that.
        """
        size = self.units.n_images / self.units.number
        return (level * (self.units.number + 1) * size - self.units.sizes.max()) * self.conditions

    def threshold_at(self, place: int) -> float:
        """The threshold that lets through the answer at `place` and those as confident or more, and
        no other."""
        first = np.searchsorted(self.confidence, self.confidence[place])
        before = self.confidence[first - 1] if first else 0.0
        own, other = (round(float(value) * GRADES) for value in (self.confidence[place], before))
        return (own - min((own - other) // 2, BELOW)) / GRADES


def covering_threshold(ranked: Ranked, coverage: float) -> float:
    """The largest threshold at which new images are answered with a probability of `coverage` or
    more.

    Args:
        coverage: probability in 0..1.

    Returns:
        Images of at least this confidence are answered; 0 if there are too few images to abstain at
        all.
    """
    most = ranked.most(1 - coverage)
    if most < -1e-9:
        return 0.0
    # Those before it abstain, unless they have the same confidence.
    return ranked.threshold_at(min(int(max(most, 0) + 1e-9), len(ranked.confidence) - 1))


def limiting_threshold(ranked: Ranked, level: float) -> float:
    """The smallest threshold at which new images are answered, and wrongly, with a probability of
    `level` at most.

    Args:
        level: probability in 0..1.

    Returns:
        Images of at least this confidence are answered, all of them where it is 0, none where it is
        `ABSTAIN`; NaN if there are fewer than `units_needed`, even without wrong answers.
    """
    most = ranked.most(level)
    if most < -1e-9:
        return np.nan
    allowed = ranked.firsts[ranked.wrong_from <= most + 1e-9]
    if not len(allowed):
        return ABSTAIN
    return ranked.threshold_at(allowed[0]) if allowed[0] else 0.0


def units_needed(ranked: Ranked, level: float) -> float:
    """The number of units at which `limiting_threshold` would let some answers through; NaN if no
    number would do.

    Units are as large as these, and the most confident answers as often wrong.
    """
    wrong = ranked.errors[ranked.confidence == ranked.confidence[-1]].sum() / len(ranked.errors)
    largest = ranked.units.sizes.max() * ranked.units.number / ranked.units.n_images
    return float(np.ceil((largest - level) / (level - wrong) - 1e-9)) if wrong < level else np.nan
