"""What one ensemble says of images: its answers, its probabilities, and how confident it is by several scores."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from resiliency.ensembles.combination import LEAST, rule_of
from resiliency.ensembles.voting import right_chances
from resiliency.metrics.classification import scaled, softmax
from resiliency.metrics.selective import entropy, mutual_information
from resiliency.prediction.reading import Predictions

CHUNK_VALUES = 2**21  # probabilities of all members
# Scores of confidence. The first two are of the ensemble's probabilities, the others of its members' disagreement.
SCORES = ("max_probability", "entropy", "mutual_information", "vote_agreement")


class Outputs(NamedTuple):
    """What an ensemble says of n images.

    Probabilities are float64: in float32 those of sure answers are all 1, and confidences tie.

    Attributes:
        log_probabilities: float64 n x K, before any temperature; None of members without probabilities.
        errors: float32 n, 1 where the answer is wrong; where ties are broken at random, the probability of it.
        mutual_information: float64 n, in nats; None of a single member, without probabilities, and if not asked for.
        agreement: float32 n, share of the members that give the ensemble's answer; None likewise, but of votes.
    """

    log_probabilities: np.ndarray | None
    errors: np.ndarray
    mutual_information: np.ndarray | None
    agreement: np.ndarray | None

    def at(self, temperature: float) -> "Outputs":
        """The same with the ensemble's probabilities, if it has any, at a temperature."""
        logs = self.log_probabilities
        return self if logs is None else self._replace(log_probabilities=scaled(logs, temperature))

    def confidences(self, scores: Sequence[str] = SCORES) -> dict[str, np.ndarray]:
        """Score -> float n, larger where the ensemble is surer; of those of `scores` that it has.

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
    """Members that answer together.

    Args:
        members: their predictions.
        weights: float M, positive, of the members; only a weighted rule uses them.
        rule: the combination rule; that of one member changes nothing.
    """

    def __init__(self, members: list[Predictions], weights: np.ndarray, rule: str):
        self.members, self.name, self.rule = members, rule, rule_of(rule, len(members))
        self.weights = (weights if self.rule.weighted else np.ones(len(members))).astype(np.float32)
        self.has_probabilities = all(member.has_probabilities for member in members)

    def outputs(self, condition: int, images: np.ndarray, disagreement: bool = True) -> Iterator[Outputs]:
        """What it says of `images` (int n) under a condition, chunk after chunk of them.

        Args:
            disagreement: whether to measure that of members with probabilities.
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
        logs, answers = scaled(logits.astype(np.float64), 1), answered(self, softmax(logits))
        right = answers == self.members[0].labels(condition)[images]
        information = agreement = None
        if disagreement:
            information = mutual_information(np.exp(logs), self.weights)
            agreement = (logits.argmax(axis=-1) == answers).mean(axis=0, dtype=np.float32)
        return Outputs(self._combined(logs), (~right).astype(np.float32), information, agreement)

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
        most = (decisions[:, None] == decisions[None]).sum(axis=1).max(axis=0)
        agreement = (most / len(decisions)).astype(np.float32) if len(decisions) > 1 else None
        return Outputs(None, 1 - chances, None, agreement)


def answered(ensemble: Ensemble, probabilities: np.ndarray) -> np.ndarray:
    """The answers of an ensemble, int64 n, to probabilities float32 M x n x K of its members."""
    values = ensemble.rule.values(probabilities, len(probabilities))
    return (values * ensemble.weights[:, None, None]).sum(axis=0).argmax(axis=-1)
