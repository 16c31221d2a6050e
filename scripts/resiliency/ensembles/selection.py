"""Selection of ensembles by their mean corruption error on some of the images."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from resiliency.conditions import CORRUPTED, further, groups
from resiliency.ensembles.scoring import CHUNK_VALUES, correct_answers
from resiliency.ensembles.voting import right_chances
from resiliency.predictions import Predictions


class Members:
    """Members that ensembles are formed of, and their predictions.

    Args:
        predictions: of each of M members.
        weights: float M, positive; only a weighted rule looks at them.
        rule: the combination rule.
        threads: conditions that are looked at at a time.
    """

    def __init__(self, predictions: list[Predictions], weights: np.ndarray, rule: str, threads: int = 1):
        self.predictions, self.weights = predictions, weights
        self.rule, self.threads = rule, threads
        self.has_probabilities = all(member.has_probabilities for member in predictions)
        self.conditions = groups(predictions[0].conditions)
        self.corrupted, self.further = self.conditions.get(CORRUPTED, []), further(predictions[0].conditions)

    def labels(self, test_set: str) -> np.ndarray:
        """int64 N, of a test set."""
        return self.predictions[0].labels(self.conditions[test_set][0])

    def errors(self, ensembles: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Mean corruption error float64 E of ensembles (int E x size) on these images (int n)."""

        def wrong(condition: int) -> np.ndarray:
            parts = self._wrong(ensembles, images, condition)
            return sum(part.sum(axis=1, dtype=np.float64) for part in parts)

        with ThreadPoolExecutor(self.threads) as executor:
            return sum(executor.map(wrong, self.corrupted)) / (len(self.corrupted) * len(images))

    def image_errors(self, ensembles: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Share of the corrupted conditions in which each ensemble gets each image wrong; float64 E x n."""
        total = np.zeros((len(ensembles), len(images)))
        for condition in self.corrupted:
            total += np.concatenate(list(self._wrong(ensembles, images, condition)), axis=1)
        return total / len(self.corrupted)

    def accuracy(self, ensembles: np.ndarray, test_set: str, images: np.ndarray) -> np.ndarray:
        """Accuracy float64 E on these images of a test set without corruption."""
        wrong = self._wrong(ensembles, images, self.conditions[test_set][0])
        return 1 - np.concatenate(list(wrong), axis=1).mean(axis=1)

    def _wrong(self, ensembles: np.ndarray, images: np.ndarray, condition: int) -> Iterator[np.ndarray]:
        """Which images each ensemble gets wrong, E x some, chunk after chunk of images.

        Bool, or of decisions, whose ties are broken at random, the probability that it does.
        """
        labels = self.predictions[0].labels(condition)
        chunk = max(1, CHUNK_VALUES // (len(self.predictions) * self.predictions[0].classes(condition)))
        for start in range(0, len(images), chunk):
            some = images[start : start + chunk]
            if not self.has_probabilities:
                decisions = np.stack([member.decisions(condition, some) for member in self.predictions])
                yield 1 - right_chances(ensembles, decisions, labels[some])
                continue
            probabilities = np.stack([member.probabilities(condition, some) for member in self.predictions])
            yield ~correct_answers(self.rule, ensembles, probabilities, labels[some], self.weights)


def greedy(members: Members, pool: np.ndarray, largest: int, images: np.ndarray) -> list[np.ndarray]:
    """Ensembles of 1, 2, ..., `largest` of the `pool` (int), each the one before with the member that helps it most.

    Forward selection (Caruana et al., ICML 2004) by mean corruption error on `images`; a member is taken once, since it
    is paid for once. Of equals, the first.
    """
    found: list[np.ndarray] = []
    chosen = np.empty(0, np.int64)
    while len(chosen) < min(largest, len(pool)):
        rest = np.setdiff1d(pool, chosen)
        grown = np.sort(np.column_stack([np.tile(chosen, (len(rest), 1)), rest]), axis=1)
        chosen = grown[members.errors(grown, images).argmin()]
        found.append(chosen)
    return found


def front(errors: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Which have no rival that errs no more and costs no more, and less in one; of equals the first; bool N.

    Those of unknown cost, NaN, are not among them.
    """
    order = np.lexsort([errors, costs])
    best = np.minimum.accumulate(np.append(np.inf, errors[order]))
    on_front = np.zeros(len(errors), bool)
    on_front[order] = (errors[order] < best[:-1]) & np.isfinite(costs[order])
    return on_front
