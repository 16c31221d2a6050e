"""Members that are one classifier under two names."""

import hashlib

import numpy as np

from resiliency.prediction.reading import Predictions

SAME_ANSWERS = "same answers as"
FIRST = slice(0, 1000)


def copies(predictions: dict[str, Predictions]) -> dict[str, str]:
    """Member -> an earlier member that answers every image of every condition alike.

    Alike are logits of the same values, or, of members that are known by their decisions, the same decisions, unless
    all of them are right, as those of two different classifiers may be.
    """
    earlier: dict[str, list[str]] = {}
    found = {}
    for member, of_member in predictions.items():
        digest = hashlib.blake2b(np.ascontiguousarray(_answers(of_member, 0, FIRST))).hexdigest()
        alike = earlier.setdefault(digest, [])
        same = [other for other in alike if _same(predictions[other], of_member)]
        if same:
            found[member] = same[0]
        else:
            alike.append(member)
    return found


def _same(one: Predictions, other: Predictions) -> bool:
    if one.has_probabilities != other.has_probabilities:
        return False
    conditions = range(len(one))
    if not all(np.array_equal(_answers(one, c), _answers(other, c)) for c in conditions):
        return False
    return one.has_probabilities or not all(one.correct(c).all() for c in conditions)


def _answers(predictions: Predictions, condition: int, images: slice = slice(None)) -> np.ndarray:
    answers = predictions.logits if predictions.has_probabilities else predictions.decisions
    return answers(condition, images)
