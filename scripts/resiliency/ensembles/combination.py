"""Combination rules: how an ensemble answers.

Every rule is a mean: of the values that it gives to each member's classes, weighted or not. The answer is the class
with the largest mean, the first of those that share it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from resiliency.metrics.classification import entropy, mutual_information, scaled, softmax
from resiliency.prediction.reading import Predictions

BLOCK_WORDS = 2**15


def packed(correct: np.ndarray) -> np.ndarray:
    """bool M x N as uint64 M x ceil(N / 64), an image a bit, filled up with zeros."""
    padded = np.zeros((len(correct), -(-correct.shape[1] // 64) * 64), dtype=bool)
    padded[:, : correct.shape[1]] = correct
    return np.packbits(padded, axis=1).view(np.uint64)


def right_counts(ensembles: np.ndarray, words: np.ndarray, n_images: int) -> np.ndarray:
    """Number of images on which exactly 0, 1, ..., L members are right.

    The bits of the count are one word each, and a member is added to all 64 counts of a word at once, as in a ripple
    carry adder.

    Args:
        ensembles: int E x L.
        words: uint64 M x W, as from `packed`.
        n_images: number of images, N.

    Returns:
        int64 E x (L + 1); rows sum to N.
    """
    block = max(1, BLOCK_WORDS // words.shape[1])
    parts = [_counts(ensembles[start : start + block], words) for start in range(0, len(ensembles), block)]
    counts = np.concatenate(parts)
    counts[:, 0] = n_images - counts[:, 1:].sum(axis=1)
    return counts


def metric_inputs(
    groups: list[np.ndarray], correct: np.ndarray, log_sums: list[np.ndarray]
) -> list[dict[str, np.ndarray]]:
    """Inputs of metrics of whole ensembles (see `resiliency.diversity.metrics`), for groups of ensembles of one size.

    Args:
        groups: int E_i x size_i each, ensembles of one size.
        correct: bool M x N, whether each member is right.
        log_sums: float64 E_i each, sums over images of ln sum_k exp((1/L) sum_i ln p_ik).
    """
    words, failures, images = packed(correct), 1 - correct.mean(axis=1), correct.shape[1]
    return [
        {"shares": right_counts(group, words, images) / images, "failures": failures[group], "log_sums": sums / images}
        for group, sums in zip(groups, log_sums, strict=True)
    ]


def _counts(ensembles: np.ndarray, words: np.ndarray) -> np.ndarray:
    size = ensembles.shape[1]
    planes = bit_counts((words[member] for member in ensembles.T), size, (len(ensembles), words.shape[1]))
    counts = np.zeros((len(ensembles), size + 1), np.int64)
    for right in range(1, size + 1):
        counts[:, right] = np.bitwise_count(exactly(planes, right)).sum(axis=1)
    return counts


def bit_counts(words: Iterable[np.ndarray], most: int, shape: tuple[int, ...]) -> list[np.ndarray]:
    """How many of `words`, at most `most`, have each bit: a word per binary digit of the count, lowest first."""
    planes = [np.zeros(shape, np.uint64) for _ in range(most.bit_length())]
    for carry in words:
        for index, plane in enumerate(planes):
            planes[index], carry = plane ^ carry, plane & carry
    return planes


def exactly(planes: list[np.ndarray], count: int) -> np.ndarray:
    """The bits that `bit_counts` counted `count` times."""
    return np.bitwise_and.reduce([plane if count >> index & 1 else ~plane for index, plane in enumerate(planes)])


VOTE = "plurality_vote"
BLOCK_VALUES = 2**18  # bytes of one array over ensembles and images, which fits into caches


def score_decisions(
    predictions: list[Predictions], condition: int, groups: list[np.ndarray]
) -> tuple[dict[str, dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
    """The result of `resiliency.ensembles.scoring.score_condition` under plurality vote, from decisions alone.

    Scores and sums of probabilities are NaN.
    """
    labels = predictions[0].labels(condition)
    decisions = np.stack([member.decisions(condition) for member in predictions])
    correct = decisions == labels
    accuracy = np.concatenate([expected_accuracy(group, decisions, labels) for group in groups])
    nothing = np.full(len(accuracy), np.nan)
    inputs = metric_inputs(groups, correct, [np.full(len(group), np.nan) for group in groups])
    return {VOTE: {"accuracy": accuracy, "nll": nothing, "brier": nothing, "ece": nothing}}, inputs


def expected_accuracy(ensembles: np.ndarray, decisions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Expected accuracy of the plurality vote of each ensemble; float64 E in 0..1.

    Images on which the members differ are counted on bits, 64 at a time.

    Args:
        ensembles: int E x L, positions of the members of each ensemble.
        decisions: int M x N, class that each member answers.
        labels: int64 N.
    """
    alike = (decisions == decisions[0]).all(axis=0)
    certain = np.count_nonzero(decisions[0][alike] == labels[alike])
    chosen = decisions[:, ~alike]
    right, same = packed(chosen == labels[~alike]), np.stack([packed(chosen == of_member) for of_member in chosen])
    block = max(1, BLOCK_WORDS // max(1, right.shape[1]))
    parts = [_right_sums(ensembles[start : start + block], same, right) for start in range(0, len(ensembles), block)]
    return (np.concatenate(parts) + certain) / len(labels)


def _right_sums(ensembles: np.ndarray, same: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Number of images on which each ensemble is expected to be right, float64 B, counted on words of bits.

    Args:
        ensembles: int B x L.
        same: uint64 M x M x W, images on which two members answer alike.
        right: uint64 M x W, images on which each member is right.
    """
    size, shape = ensembles.shape[1], (len(ensembles), right.shape[1])
    alike = {(a, b): same[ensembles[:, a], ensembles[:, b]] for a, b in combinations(range(size), 2)}
    votes = [
        bit_counts((alike[min(a, b), max(a, b)] for b in range(size) if b != a), size - 1, shape) for a in range(size)
    ]
    leads = [~np.zeros(shape, np.uint64)] * size  # members whose class has the most votes
    for plane in reversed(range(len(votes[0]))):
        more = [lead & count[plane] for lead, count in zip(leads, votes, strict=True)]
        nobody = ~np.bitwise_or.reduce(more)
        leads = [lead & (count[plane] | nobody) for lead, count in zip(leads, votes, strict=True)]
    label = np.bitwise_or.reduce([lead & right[member] for lead, member in zip(leads, ensembles.T, strict=True)])
    classes = [leads[0]]  # a class is counted at the first of its members
    for b in range(1, size):
        classes.append(leads[b] & ~np.bitwise_or.reduce([alike[a, b] for a in range(b)]))
    tied = bit_counts(classes, size, shape)
    return sum(np.bitwise_count(label & exactly(tied, t)).sum(axis=1) / t for t in range(1, size + 1))


def right_chances(ensembles: np.ndarray, decisions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probability that each ensemble is right on each image; float32 E x N; arguments as of `expected_accuracy`.

    The votes behind a member are the members with its answer, itself included. If the class with the most votes has v,
    v members answer it; so the share of right members among those with the most votes behind them is 1 / t if the label
    is one of t tied classes.
    """
    return chances_and_votes(ensembles, decisions, labels)[0]


def chances_and_votes(
    ensembles: np.ndarray, decisions: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`right_chances`, and the number of votes for the class with the most; float32 and uint8, E x N."""
    right = (decisions == labels).astype(np.uint8)
    same = (decisions[:, None] == decisions[None]).astype(np.uint8)
    block = max(1, BLOCK_VALUES // len(labels))
    parts = [_shares(ensembles[start : start + block], same, right) for start in range(0, len(ensembles), block)]
    chances, votes = map(np.concatenate, zip(*parts, strict=True))
    return chances, votes


def _shares(ensembles: np.ndarray, same: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of right members among those with the most votes behind them, for each ensemble, and these votes."""
    votes, counts = [], np.min_scalar_type(ensembles.shape[1])  # the smallest type that does not overflow
    for member in ensembles.T:
        total = np.zeros((len(ensembles), right.shape[1]), counts)
        for other in ensembles.T:
            total += same[member, other]
        votes.append(total)
    most = np.maximum.reduce(votes)
    first, first_right = np.zeros_like(most), np.zeros_like(most)
    for member, total in zip(ensembles.T, votes, strict=True):
        leads = (total == most).view(np.uint8)
        first += leads
        first_right += leads & right[member]
    return np.divide(first_right, first, dtype=np.float32), most


LEAST = np.float32(1e-12)


def logarithms(probabilities: np.ndarray, largest: int = 0) -> np.ndarray:
    """ln p; a probability below 1e-12 counts as 1e-12."""
    return np.log(np.maximum(probabilities, LEAST))


def votes(probabilities: np.ndarray, largest: int) -> np.ndarray:
    """1 for the most probable class, and for every class so little of its probability that it only breaks ties."""
    values = probabilities / np.float32(2 * largest)
    voted = probabilities.argmax(axis=-1)[..., None]
    np.put_along_axis(values, voted, np.take_along_axis(values, voted, axis=-1) + 1, axis=-1)
    return values


@dataclass(frozen=True)
class Rule:
    """A combination rule.

    Attributes:
        values: (probabilities float32 ... x K, size of the largest ensemble) -> float32 of that shape.
        mean: mean of the members' probabilities that gives the ensemble's: arithmetic or (normalised) geometric; None
            if the ensemble has none.
        weighted: whether members are weighted by their validation accuracy.
    """

    values: Callable[[np.ndarray, int], np.ndarray]
    mean: Literal["arithmetic", "geometric"] | None
    weighted: bool = False


RULES = {
    "mean_probability": Rule(lambda probabilities, largest: probabilities, "arithmetic"),
    "weighted_mean": Rule(lambda probabilities, largest: probabilities, "arithmetic", weighted=True),
    "mean_logit": Rule(logarithms, "geometric"),
    "plurality_vote": Rule(votes, None),
}


def rule_of(name: str, size: int) -> Rule:
    """The rule `name` for an ensemble of `size` members with probabilities; one member answers alone under any rule."""
    return RULES["mean_probability" if size == 1 else name]


def member_weights(members: pd.DataFrame) -> np.ndarray:
    """The weight of each member (a row of members.csv) under a weighted rule: its validation accuracy.

    Returns:
        float64 M, no less than 1e-6, so that no ensemble has weights that sum to 0.
    """
    return members.validation_accuracy.to_numpy(float).clip(1e-6)


CHUNK_VALUES = 2**21  # number of probabilities of all members at a time
# Scores of confidence. The first two are of the ensemble's probabilities, the others of its members' disagreement.
SCORES = ("max_probability", "entropy", "mutual_information", "vote_agreement")


class Outputs(NamedTuple):
    """Outputs of an ensemble for n images.

    Probabilities are float64: in float32 those of sure answers are all 1, and confidences tie.

    Attributes:
        log_probabilities: float64 n x K, before any temperature; None if members have no probabilities.
        answers: int n, positions of classes; if the votes of decisions tie, the first class of those with the most.
        errors: float32 n, 1 if the answer is wrong; if ties are broken at random, the probability that it is.
        mutual_information: float64 n, in nats; None for a single member, without probabilities, or if not requested.
        agreement: float32 n, share of the members that give the ensemble's answer; None as for mutual_information,
            except for votes.
    """

    log_probabilities: np.ndarray | None
    answers: np.ndarray
    errors: np.ndarray
    mutual_information: np.ndarray | None
    agreement: np.ndarray | None

    def at(self, temperature: float) -> "Outputs":
        """The same outputs with the ensemble's probabilities, if it has any, at a temperature."""
        logs = self.log_probabilities
        return self if logs is None else self._replace(log_probabilities=scaled(logs, temperature))

    def confidences(self, scores: Sequence[str] = SCORES) -> dict[str, np.ndarray]:
        """Score -> float n, larger if the ensemble is more confident, for each of `scores` that is available.

        Entropy and mutual information are negated.
        """
        confidences = {"vote_agreement": self.agreement}
        if self.mutual_information is not None:
            confidences["mutual_information"] = -self.mutual_information
        if self.log_probabilities is not None:
            probabilities = np.exp(self.log_probabilities)
            confidences["max_probability"] = probabilities.max(axis=-1)
            if "entropy" in scores:
                confidences["entropy"] = -entropy(probabilities)
        return {score: confidences[score] for score in scores if confidences.get(score) is not None}


class Ensemble:
    """Members that answer together by a combination rule.

    Args:
        members: predictions of the members.
        weights: float M, positive, weight of each member; only a weighted rule uses them.
        rule: name of the combination rule; a single member answers alone under any rule.
    """

    def __init__(self, members: list[Predictions], weights: np.ndarray, rule: str):
        self.members, self.name, self.rule = members, rule, rule_of(rule, len(members))
        self.weights = (weights if self.rule.weighted else np.ones(len(members))).astype(np.float32)
        self.has_probabilities = all(member.has_probabilities for member in members)

    def outputs(self, condition: int, images: np.ndarray, disagreement: bool = True) -> Iterator[Outputs]:
        """Outputs for `images` (int n) under a condition, one chunk at a time.

        Args:
            disagreement: whether to compute mutual information and agreement of members with probabilities.
        """
        chunk = max(1, CHUNK_VALUES // (len(self.members) * self.members[0].classes(condition)))
        for start in range(0, len(images), chunk):
            some = images[start : start + chunk]
            if self.has_probabilities:
                yield self._of_probabilities(condition, some, disagreement and len(self.members) > 1)
            else:
                yield self._votes(condition, some)

    def _of_probabilities(self, condition: int, images: np.ndarray, disagreement: bool) -> Outputs:
        logits = np.stack([member.logits(condition, images).astype(np.float32) for member in self.members])
        logs, answers = scaled(logits.astype(np.float64), 1), self._answers(softmax(logits))
        right = answers == self.members[0].labels(condition)[images]
        information = agreement = None
        if disagreement:
            information = mutual_information(np.exp(logs), self.weights)
            agreement = (logits.argmax(axis=-1) == answers).mean(axis=0, dtype=np.float32)
        return Outputs(self._combined(logs), answers, (~right).astype(np.float32), information, agreement)

    def _answers(self, probabilities: np.ndarray) -> np.ndarray:
        """int64 n, from probabilities float32 M x n x K of the members."""
        values = self.rule.values(probabilities, len(probabilities))
        return (values * self.weights[:, None, None]).sum(axis=0).argmax(axis=-1)

    def _combined(self, logs: np.ndarray) -> np.ndarray:
        """ln of the ensemble's probabilities, float64 n x K, of its members', M x n x K.

        Those of a plurality vote, which has none, are the arithmetic mean.
        """
        if self.rule.mean == "geometric":
            return scaled(np.maximum(logs, np.log(LEAST)).mean(axis=0), 1)
        shares = np.log(self.weights / self.weights.sum())[:, None, None]
        return np.logaddexp.reduce(logs + shares, axis=0)

    def _votes(self, condition: int, images: np.ndarray) -> Outputs:
        decisions = np.stack([member.decisions(condition, images) for member in self.members])
        labels = self.members[0].labels(condition)[images]
        chances = right_chances(np.arange(len(decisions))[None], decisions, labels)[0]
        votes = (decisions[:, None] == decisions[None]).sum(axis=0)
        most = votes.max(axis=0)
        answers = np.where(votes == most, decisions, np.iinfo(decisions.dtype).max).min(axis=0)
        agreement = (most / len(decisions)).astype(np.float32) if len(decisions) > 1 else None
        return Outputs(None, answers, 1 - chances, None, agreement)
