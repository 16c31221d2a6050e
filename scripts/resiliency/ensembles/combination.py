"""The plain definition of what one ensemble says, under every combination rule.

Every rule is a mean of the values that it gives to each member's classes. The answer is the class
with the largest mean, the first of those that share it. `scoring` says the same of many ensembles
by compiled loops."""

from collections.abc import Iterator, Sequence
from functools import reduce
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from resiliency.metrics.classification import as_float32, mutual_information, scaled, softmax
from resiliency.prediction.reading import Predictions

MEAN, VOTE = "mean_probability", "plurality_vote"
RULES = (MEAN, VOTE)


def rule_of(name: str, size: int) -> str:
    """The rule `name` for an ensemble of `size` members with probabilities; one member answers
    alone under any rule."""
    return MEAN if size == 1 else name


def member_values(rule: str, probabilities: Any, largest: int, of: ModuleType = np) -> Any:
    """The members' values for each class, whose sums over members are compared.

    Args:
        probabilities: float32 ... x K.
        largest: size of the largest ensemble. A vote is 1 for the most probable class, and for
            every class so little of its probability that it only breaks ties.
        of: numpy, or torch for tensors.

    Returns:
        float32 as `probabilities`.
    """
    if rule == MEAN:
        return probabilities
    voted = probabilities.argmax(-1)[..., None] == of.arange(probabilities.shape[-1])
    return probabilities / (2 * largest) + voted


def summed(values: Sequence[np.ndarray] | np.ndarray, members: Sequence[int]) -> np.ndarray:
    """The sum of some members' `values`, M of one shape, in the order in which compiled loops add:
    from the middle."""
    middle = len(members) // 2
    total = values[members[middle]].copy()
    for member in (*members[:middle][::-1], *members[middle + 1 :]):
        total += values[member]
    return total


def mean_logarithms(logs: Any, of: ModuleType = np) -> Any:
    """ln of the mean of the members' probabilities, n x K.

    Args:
        logs: float M x n x K, ln of the members' probabilities.
        of: numpy, or torch for tensors.
    """
    return reduce(of.logaddexp, logs) - float(np.log(len(logs)))


CHUNK_VALUES = 2**21  # number of probabilities of all members at a time
# Scores of confidence: the first of an ensemble's probabilities, the second of how these differ
# between its members, the third of members without probabilities.
SCORES = ("max_probability", "mutual_information", "vote_agreement")


class Outputs(NamedTuple):
    """Outputs of an ensemble for n images.

    Probabilities are float64: in float32 those of sure answers are all 1, and confidences tie.

    Attributes:
        log_probabilities: float64 n x K, before any temperature; None if members have no
            probabilities.
        answers: int n, positions of classes; if the votes of decisions tie, the first class of
            those with the most.
        errors: float32 n, 1 if the answer is wrong; if ties are broken at random, the probability
            that it is.
        mutual_information: float64 n, in nats; None for a single member, without probabilities, or
            if not requested.
        agreement: float32 n, share of the members that give the ensemble's answer; None for a
            single member, or with probabilities.
    """

    log_probabilities: np.ndarray | None
    answers: np.ndarray
    errors: np.ndarray
    mutual_information: np.ndarray | None
    agreement: np.ndarray | None


class Ensemble:
    """Members that answer together by a combination rule.

    Args:
        members: predictions of the members.
        rule: name of the combination rule; a single member answers alone under any rule.
    """

    def __init__(self, members: list[Predictions], rule: str):
        self.members, self.rule = members, rule_of(rule, len(members))
        self.has_probabilities = all(member.has_probabilities for member in members)

    def outputs(
        self, condition: int, images: np.ndarray, disagreement: bool = True
    ) -> Iterator[Outputs]:
        """Outputs for `images` (int n) under a condition, one chunk at a time.

        Args:
            disagreement: whether to compute mutual information.
        """
        chunk = max(1, CHUNK_VALUES // (len(self.members) * self.members[0].classes(condition)))
        for start in range(0, len(images), chunk):
            some = images[start : start + chunk]
            if self.has_probabilities:
                yield self._of_probabilities(
                    condition, some, disagreement and len(self.members) > 1
                )
            else:
                yield self._votes(condition, some)

    def _of_probabilities(self, condition: int, images: np.ndarray, disagreement: bool) -> Outputs:
        logits = np.stack([as_float32(member.logits(condition, images)) for member in self.members])
        size = len(logits)
        values = member_values(self.rule, softmax(logits), size)
        answers = summed(values, range(size)).argmax(axis=-1)
        errors = (answers != self.members[0].labels(condition)[images]).astype(np.float32)
        logs = scaled(logits.astype(np.float64), 1)
        information = mutual_information(np.exp(logs)) if disagreement else None
        return Outputs(mean_logarithms(logs), answers, errors, information, None)

    def _votes(self, condition: int, images: np.ndarray) -> Outputs:
        decisions = np.stack([member.decisions(condition, images) for member in self.members])
        right = decisions == self.members[0].labels(condition)[images]
        votes = (decisions[:, None] == decisions[None]).sum(axis=0)
        most = votes.max(axis=0)
        leads = votes == most
        chances = (leads & right).sum(axis=0, dtype=np.float32) / leads.sum(
            axis=0, dtype=np.float32
        )
        answers = np.where(leads, decisions, np.iinfo(decisions.dtype).max).min(axis=0)
        agreement = (most / len(decisions)).astype(np.float32) if len(decisions) > 1 else None
        return Outputs(None, answers, 1 - chances, None, agreement)
