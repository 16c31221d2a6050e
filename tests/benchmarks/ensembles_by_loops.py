"""Scores of ensembles, one ensemble at a time: what the benchmark of ensembles is compared with."""

import time
from itertools import combinations

import numpy as np

from resiliency.diversity.metrics import METRICS
from resiliency.metrics.classification import (
    brier_score,
    calibration_error,
    confidence_bins,
    negative_log_likelihood,
    softmax,
)

BINS = 15


def loop(
    chosen: np.ndarray, p: np.ndarray, answers: np.ndarray, correct: np.ndarray, labels: np.ndarray
) -> dict:
    """Everything about one ensemble under one condition, written straightforwardly."""
    own, right, n = p[chosen], correct[chosen], np.arange(len(labels))
    size, scores = len(chosen), {}
    mean = own.mean(axis=0)
    hit = mean.argmax(axis=1) == labels
    confidence = mean.max(axis=1)
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    scores["accuracy"] = hit.mean()
    scores["nll"] = -np.log(np.maximum(mean[n, labels], 1e-12)).mean()
    scores["brier"] = (
        ((mean - np.eye(mean.shape[1], dtype=np.float32)[labels]) ** 2).sum(axis=1).mean()
    )
    scores["ece"] = np.abs(np.bincount(bins, hit - confidence, minlength=BINS)).sum() / len(labels)
    votes = (answers[chosen][:, :, None] == np.arange(p.shape[2])).sum(axis=0)
    scores["vote_accuracy"] = ((votes + mean / 2).argmax(axis=1) == labels).mean()
    count = right.sum(axis=0)
    accuracy = count.mean() / size
    spread = (count * (size - count)).mean()
    failing = size - count
    one, two = failing.mean() / size, (failing * (failing - 1)).mean() / (size * (size - 1))
    scores["entropy"] = np.minimum(count, failing).mean() / (size // 2)
    scores["kohavi_wolpert"] = spread / size**2
    scores["interrater_kappa"] = 1 - spread / (size * (size - 1) * accuracy * (1 - accuracy))
    scores["generalised_diversity"] = 1 - two / one
    scores["coincident_failure_diversity"] = (
        count[count < size].sum() / (size - 1) / (count < size).sum()
    )
    scores["difficulty"] = (count / size).var()
    scores["common_failure"] = (count == 0).mean() - (1 - right.mean(axis=1)).prod()
    scores["geometric_ambiguity"] = -np.log(
        np.exp(np.log(np.maximum(own, 1e-12)).mean(axis=0)).sum(axis=1)
    ).mean()
    return scores | pairwise_loop(chosen, p, answers, correct)


def pairwise_loop(
    chosen: np.ndarray, p: np.ndarray, answers: np.ndarray, correct: np.ndarray
) -> dict:
    """The metrics of pairs of one ensemble, pair by pair."""
    sums = dict.fromkeys(
        (name for name, metric in METRICS.items() if metric.kind == "prediction"), 0.0
    )
    pairs = list(combinations(chosen, 2))
    for i, j in pairs:
        one, other, x, y = correct[i], correct[j], answers[i], answers[j]
        a, b, c, d = (
            (one & other).mean(),
            (one & ~other).mean(),
            (~one & other).mean(),
            (~one & ~other).mean(),
        )
        sums["disagreement"] += b + c
        sums["double_fault"] += d
        sums["q_statistic"] += (a * d - b * c) / (a * d + b * c)
        sums["correlation"] += (a * d - b * c) / np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
        chance = (a + b) * (a + c) + (c + d) * (b + d)
        sums["error_consistency"] += (a + d - chance) / (1 - chance)
        unlike = (x != y).mean()
        sums["label_disagreement"] += unlike
        classes = p.shape[2]
        by_chance = (
            np.bincount(x, minlength=classes) * np.bincount(y, minlength=classes)
        ).sum() / len(x) ** 2
        sums["cohen_kappa"] += (1 - unlike - by_chance) / (1 - by_chance)
        mixed = (p[i] + p[j]) / 2
        divergence = entropy(mixed) - (entropy(p[i]) + entropy(p[j])) / 2
        sums["jensen_shannon"] += divergence.mean()
        norms = np.linalg.norm(p[i], axis=1) * np.linalg.norm(p[j], axis=1)
        sums["probability_cosine"] += ((p[i] * p[j]).sum(axis=1) / norms).mean()
    return {name: value / len(pairs) for name, value in sums.items()}


def entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log2(np.maximum(p, 1e-30))).sum(axis=1)


def one_at_a_time(
    logits: np.ndarray, labels: np.ndarray, groups: list[np.ndarray], count: int
) -> float:
    """CPU seconds that an ensemble takes by itself: the scores of `score_condition`, over all
    classes.

    Args:
        logits: M x N x K; labels: N; groups: ensembles of each size; count: ensembles of each size
            that are timed.
    """
    p, n = softmax(logits.astype(np.float32)), np.arange(len(labels))
    logs = np.log(np.maximum(p, 1e-12))
    votes = (p.argmax(axis=2)[:, :, None] == np.arange(p.shape[2])).astype(np.float32)
    seconds = 0.0
    for group in groups:
        start = time.process_time()
        for chosen in group[:: len(group) // count][:count]:
            mean = p[chosen].mean(axis=0)
            hit, confidence = mean.argmax(axis=1) == labels, mean.max(axis=1)
            bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
            np.abs(np.bincount(bins, hit - confidence, minlength=BINS)).sum()
            np.log(np.maximum(mean[n, labels], 1e-12)).mean()
            (np.einsum("nk,nk->n", mean, mean) - 2 * mean[n, labels] + 1).mean()
            ((votes[chosen].sum(axis=0) + mean / 2).argmax(axis=1) == labels).mean()
            np.log(np.exp(logs[chosen].mean(axis=0)).sum(axis=1)).mean()
        seconds += (time.process_time() - start) / count * len(group)
    return seconds / sum(map(len, groups))


def largest_difference(
    scored: tuple, predictions: list[np.ndarray], labels: np.ndarray, groups: list
) -> float:
    """The largest difference of a score from that of probabilities in float64, over some ensembles
    of each size."""
    logits = np.stack(predictions).astype(float)
    p = np.exp(logits - logits.max(axis=2, keepdims=True))
    p /= p.sum(axis=2, keepdims=True)
    votes = p.argmax(axis=2)[:, :, None] == np.arange(p.shape[2])
    first, differences = 0, []
    for group, inputs in zip(groups, scored[1], strict=True):
        for index in range(0, len(group), max(1, len(group) // 5)):
            chosen = group[index]
            mean = p[chosen].mean(axis=0)
            expected = {
                "accuracy": np.mean(mean.argmax(axis=1) == labels),
                "nll": negative_log_likelihood(mean, labels),
                "brier": brier_score(mean, labels),
                "ece": calibration_error(confidence_bins(mean, labels)),
            }
            differences += [
                v - scored[0]["mean_probability"][n][first + index] for n, v in expected.items()
            ]
            voted = (votes[chosen].sum(axis=0) + mean / 2).argmax(axis=1) == labels
            differences.append(
                np.mean(voted) - scored[0]["plurality_vote"]["accuracy"][first + index]
            )
            normaliser = np.exp(np.log(np.maximum(p[chosen], 1e-12)).mean(axis=0)).sum(axis=1)
            differences.append(np.log(normaliser).mean() - inputs["log_sums"][index])
        first += len(group)
    return float(np.abs(differences).max())
