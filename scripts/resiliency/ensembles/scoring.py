"""Scores of many ensembles at once, under one condition.

Images come in chunks and ensembles in blocks, both of a fixed number of values, so that memory grows neither with the
images nor, but for a few numbers for each, with the ensembles.
"""

from itertools import combinations

import numpy as np

from resiliency.ensembles.combination import RULES, logarithms
from resiliency.ensembles.counting import packed, right_counts
from resiliency.ensembles.sums import label_first, means
from resiliency.metrics.classification import ECE_BINS
from resiliency.predictions import Predictions

CHUNK_VALUES = 2**14  # of one ensemble under a rule


class Answers:
    """What is summed over images, of E ensembles under one rule.

    Attributes:
        right: int64 E, images that are answered rightly.
        nll, brier: float64 E, sums of the scores of the same names; None under a rule without probabilities.
        gaps: float64 E x 15, sums of right - confidence by bins of confidence; None likewise.
    """

    def __init__(self, ensembles: int, has_probabilities: bool):
        self.right = np.zeros(ensembles, np.int64)
        self.nll = np.zeros(ensembles) if has_probabilities else None
        self.brier = np.zeros(ensembles) if has_probabilities else None
        self.gaps = np.zeros((ensembles, ECE_BINS)) if has_probabilities else None

    def add(self, block: slice, scores: np.ndarray, labels: np.ndarray) -> None:
        """Count the answers of a block of ensembles from their scores float32 B x K x N, the label's class first."""
        right, rival = answered(scores, labels)
        self.right[block] += np.count_nonzero(right, axis=1)
        if self.nll is None:
            return
        own = scores[:, 0]
        self.nll[block] -= np.log(np.maximum(own, 1e-12)).sum(axis=1)
        self.brier[block] += np.einsum("bkn,bkn->b", scores, scores) - 2 * own.sum(axis=1) + len(labels)
        confidence = np.maximum(own, rival)
        upper = confidence * np.float32(ECE_BINS)
        np.minimum(np.ceil(upper, out=upper), np.float32(ECE_BINS), out=upper)
        bins = upper.astype(np.intp)
        bins += ECE_BINS * np.arange(len(bins))[:, None] - 1
        gaps = np.bincount(bins.ravel(), np.subtract(right, confidence).ravel(), minlength=ECE_BINS * len(bins))
        self.gaps[block] += gaps.reshape(-1, ECE_BINS)

    def scores(self, images: int) -> dict[str, np.ndarray]:
        """`accuracy`, `nll`, `brier` and `ece`, float64 E each, over all images; NaN without probabilities."""
        found = {"accuracy": self.right / images}
        if self.nll is None:
            return found | dict.fromkeys(("nll", "brier", "ece"), np.full(len(self.right), np.nan))
        ece = np.abs(self.gaps).sum(axis=1) / images
        return found | {"nll": self.nll / images, "brier": self.brier / images, "ece": ece}


def answered(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether the label's score is the largest, or the first of those: bool B x N; and the largest score of the others.

    Args:
        scores: float32 B x K x N, classes in the order of `label_first`.
        labels: int N.
    """
    own, rival = scores[:, 0], scores[:, 1:].max(axis=1)
    right = own > rival
    tied = own == rival
    if tied.any():
        ensembles, images = np.nonzero(tied)
        first = (scores[ensembles, 1:, images] == rival[tied][:, None]).argmax(axis=1)
        right[tied] = labels[images] <= first
    return right, rival


def correct_answers(
    rule: str, ensembles: np.ndarray, probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Which images each ensemble gets right.

    Args:
        rule: a combination rule in `RULES`.
        ensembles: int E x size, members of each ensemble.
        probabilities: float32 M x N x K, of one condition.
        labels: int N.
        weights: float M, positive, of the members; only a weighted rule looks at them.

    Returns:
        bool E x N.
    """
    values = label_first(RULES[rule].values(probabilities, ensembles.shape[1]), labels)
    parts = [answered(scores, labels)[0] for _, scores in means([ensembles], values, _counting(rule, weights))]
    return np.concatenate(parts)


def score_condition(
    predictions: list[Predictions], condition: int, groups: list[np.ndarray], rules: list[str], weights: np.ndarray
) -> tuple[dict[str, dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
    """All ensembles' scores, and what metrics of whole ensembles take, under one condition.

    Args:
        predictions: of each of M members.
        condition: the one that they are taken of.
        groups: int E_i x size_i each: ensembles of one size, E in all.
        rules: combination rules.
        weights: float M, as above.

    Returns:
        rule -> score -> float64 E (see `Answers.scores`), and for each group `shares`, `failures` and `log_sums`, which
        `resiliency.diversity.counts` describes.
    """
    ensembles = sum(map(len, groups))
    answers = {rule: Answers(ensembles, RULES[rule].probabilities is not None) for rule in rules}
    log_sums, equal = np.zeros(ensembles), np.ones(len(predictions))
    labels = predictions[0].labels(condition)
    images, correct = len(labels), np.empty((len(predictions), len(labels)), bool)
    largest = max(group.shape[1] for group in groups)
    chunk = max(1, CHUNK_VALUES // predictions[0].classes(condition))
    for start in range(0, images, chunk):
        some = slice(start, start + chunk)
        known = labels[some]
        correct[:, some] = [member.decisions(condition, some) == known for member in predictions]
        probabilities = np.stack([member.probabilities(condition, some) for member in predictions])
        for rule, answer in answers.items():
            values = label_first(RULES[rule].values(probabilities, largest), known)
            normalised = RULES[rule].probabilities
            for block, scores in means(groups, values, _counting(rule, weights)):
                answer.add(block, normalised(scores) if normalised else scores, known)
        for block, scores in means(groups, label_first(logarithms(probabilities), known), equal):
            sums = np.exp(scores, out=scores).sum(axis=1)
            log_sums[block] += np.log(sums, out=sums).sum(axis=1)
    scores = {rule: answer.scores(images) for rule, answer in answers.items()}
    ends = np.cumsum([len(group) for group in groups])[:-1]
    words, failures = packed(correct), 1 - correct.mean(axis=1)
    takes = [
        {"shares": right_counts(group, words, images) / images, "failures": failures[group], "log_sums": sums / images}
        for group, sums in zip(groups, np.split(log_sums, ends), strict=True)
    ]
    return scores, takes


def mean_over_pairs(ensembles: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of a pairwise quantity over the pairs of members of each ensemble, and the number of those pairs.

    Args:
        ensembles: int E x size.
        pairs: float M x M, symmetric, NaN for pairs that are left out.

    Returns:
        float64 E, NaN where no pair is left, and int64 E.
    """
    total, count = np.zeros(len(ensembles)), np.zeros(len(ensembles), np.int64)
    for i, j in combinations(range(ensembles.shape[1]), 2):
        values = pairs[ensembles[:, i], ensembles[:, j]]
        known = np.isfinite(values)
        total += np.where(known, values, 0)
        count += known
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0), count


def _counting(rule: str, weights: np.ndarray) -> np.ndarray:
    """How much each member counts under a rule."""
    return weights if RULES[rule].weighted else np.ones(len(weights))
