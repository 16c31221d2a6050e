"""The search: its front, its table, what it chooses and what it refuses."""

from itertools import combinations

import numpy as np
import pytest

from resiliency.designs.settings import Design
from resiliency.diversity.predictions import jensen_shannon
from resiliency.search.searching import along_the_front, best_ensemble, evolve, fronts, search, search_table
from resiliency.search.space import Search, Space
from resiliency.training.checkpoints import Checkpoint, LabelledImages

pytestmark = pytest.mark.slow

DESCRIPTION = Design(architecture="resnet18", arguments={"channels": [8, 8, 8, 8]}, stem="original").description(32)
SPACE = Space.of_design(DESCRIPTION, {"depth": [1] * 4, "width": [1, 0.75, 0.5]}, 3)
SETTINGS = Search(design="resnet18", population=8, evaluations=40)


class Pretended:
    """Evaluates sub-networks without there being any; error falls with blocks of the first and width of the last stage.

    Args:
        stop: evaluations after which the process is killed.
    """

    def __init__(self, space: Space = SPACE, stop: int | None = None):
        self.space, self.stop, self.evaluated = space, stop, []
        self.validation = LabelledImages(None, np.arange(200) % 3)

    def probabilities(self, genes: np.ndarray) -> np.ndarray:
        if len(self.evaluated) == self.stop:
            raise KeyboardInterrupt
        self.evaluated.append(tuple(genes.tolist()))
        random = np.random.default_rng(list(genes))
        wrong = random.permutation(200)[: int(10 + 20 * genes[0] + 15 * genes[7] + random.integers(8))]
        answers = self.validation.labels.copy()
        answers[wrong] = (answers[wrong] + 1) % 3
        return np.eye(3, dtype=np.float32)[answers] * 0.7 + 0.1


def known_problem(genes: np.ndarray) -> tuple[list[float], float]:
    """On the front, the ten vectors with f1 + f2 = 9, all genes but the first are 3."""
    off = float(np.abs(genes[1:] - 3).sum())
    return [genes[0] + off, 9 - genes[0] + off], 0.0


def test_the_front_of_a_known_problem_is_found():
    evaluated = []

    def score(genes):
        evaluated.append(tuple(genes.tolist()))
        return known_problem(genes)

    sizes, random = np.full(5, 10), np.random.default_rng(0)
    first = np.unique(random.integers(sizes, size=(24, 5)), axis=0)
    evolve(score, 2, sizes, first, 1000, seed=0)
    assert len(evaluated) == len(set(evaluated)) == 1000
    objectives = np.array([known_problem(np.array(genes))[0] for genes in evaluated])
    assert sorted(map(tuple, objectives[fronts(objectives)[0]])) == [(value, 9 - value) for value in range(10)]


def test_an_interrupted_search_ends_with_the_same_table_and_repeats_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("resiliency.training.checkpoints.PAUSE", 0)
    whole = search(Pretended(), SETTINGS, 0)
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", {})
    for stop in (15, 9):
        with pytest.raises(KeyboardInterrupt):
            search(Pretended(stop=stop), SETTINGS, 0, checkpoint)
    last = Pretended()
    again = search(last, SETTINGS, 0, checkpoint)
    assert search_table(again, {}) == search_table(whole, {})
    assert len(last.evaluated) == 40 - 15 - 9
    assert len(set(whole.errors)) == 40


def test_a_small_space_is_evaluated_whole():
    space = Space.of_design(DESCRIPTION, {"depth": [1, 2, 2, 1], "width": [1, 0.5]}, 3)
    evaluator = Pretended(space)
    evaluations = search(evaluator, SETTINGS.model_copy(update={"evaluations": 1000}), 0)
    assert len(set(evaluator.evaluated)) == len(evaluator.evaluated) == space.count == 64
    table = search_table(evaluations, {3: "search-00"})
    assert [row["member"] for row in table if row["member"]] == ["search-00"]
    assert {row["layers"] for row in table} == {"1 2 2 1", "2 2 2 1", "1 2 2 2", "2 2 2 2"}


def test_the_best_ensemble_is_that_of_an_exhaustive_search():
    random = np.random.default_rng(0)
    labels = np.arange(80) % 3
    logits = random.normal(0, 1.2, (12, 80, 3)) + 1.2 * np.eye(3)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    macs = np.arange(1, 13).astype(float)
    divergence = jensen_shannon(probabilities.astype(np.float32))

    def value(chosen: tuple[int, ...]) -> tuple[float, float]:
        error = np.mean(probabilities[list(chosen)].mean(axis=0).argmax(axis=1) != labels)
        return error, -np.mean([divergence[pair] for pair in combinations(chosen, 2)])

    ensemble = best_ensemble(probabilities, labels, macs, 3, 0)
    assert tuple(ensemble) == min(combinations(range(12), 3), key=value)


def test_members_spread_along_the_front_and_the_front_behind_it():
    """Error falls with MACs on the front; the sixth is behind the first."""
    objectives = np.array([(5, 1), (4, 2), (3, 3), (2, 4), (1, 5), (6, 1.5)])
    spread = {1: [0], 3: [0, 2, 4], 6: [0, 5, 1, 2, 3, 4]}
    assert {count: along_the_front(objectives, count) for count in spread} == spread
