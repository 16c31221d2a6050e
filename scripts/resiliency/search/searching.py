"""The search for sub-networks: every evaluation is kept, and a search that was interrupted repeats none."""

from itertools import cycle
from math import inf

import numpy as np

from resiliency.base.progress import Progress
from resiliency.base.streams import derived_seed, stream
from resiliency.search.choice import along_the_front, best_ensemble, candidates
from resiliency.search.evaluation import Evaluator
from resiliency.search.nsga import evolve, fronts
from resiliency.search.settings import Search
from resiliency.search.space import Space
from resiliency.training.checkpoints import Checkpoint


class Evaluations:
    """Sub-networks and what they were found to be worth, in the order of their evaluation.

    What was kept by a run that was interrupted is not evaluated again.

    Args:
        total: how many there will be.
    """

    def __init__(self, evaluator: Evaluator, checkpoint: Checkpoint | None, total: int):
        self.evaluator, self.checkpoint = evaluator, checkpoint
        state = checkpoint.load() if checkpoint else None
        self.previous: dict[tuple[int, ...], float] = {tuple(g): e for g, e in state["evaluations"]} if state else {}
        self.errors: dict[tuple[int, ...], float] = {}
        self.progress = Progress(total, pause=5)

    def error(self, genes: np.ndarray) -> float:
        """Validation error of a sub-network."""
        key = tuple(genes.tolist())
        if key not in self.errors:
            self.errors[key] = self.previous[key] if key in self.previous else self._evaluate(genes)
            self.progress.step(f"validation error {self.errors[key]:.4f}, {self.evaluator.space.macs(genes):,} MACs")
            if self.checkpoint and self.checkpoint.due():
                evaluations = self.previous | self.errors
                self.checkpoint.save({"evaluations": [[list(g), e] for g, e in evaluations.items()]})
        return self.errors[key]

    def _evaluate(self, genes: np.ndarray) -> float:
        decisions = self.evaluator.probabilities(genes).argmax(axis=1)
        return float(np.mean(decisions != self.evaluator.validation.labels))

    @property
    def genes(self) -> np.ndarray:
        """Genes int64 NxG of all sub-networks that were evaluated."""
        return np.array(list(self.errors))

    @property
    def objectives(self) -> np.ndarray:
        """Validation error and MACs, float64 Nx2."""
        return np.array([[e, self.evaluator.space.macs(np.array(g))] for g, e in self.errors.items()])


def search(evaluator: Evaluator, settings: Search, seed: int, checkpoint: Checkpoint | None = None) -> Evaluations:
    """Evaluate sub-networks, chosen by NSGA-II for low validation error and few MACs; all where there are few enough.

    Args:
        seed: of the study.
    """
    space, total = evaluator.space, min(settings.evaluations, evaluator.space.count)
    evaluations = Evaluations(evaluator, checkpoint, total)
    if space.count == total:
        for genes in space.smallest(total):
            evaluations.error(genes)
        return evaluations
    budget = member_budget(settings)

    def score(genes: np.ndarray) -> tuple[list[float], float]:
        cost = space.macs(genes)
        return [evaluations.error(genes), cost], max(0.0, cost / budget - 1)

    first = first_population(space, settings, seed)
    evolve(score, 2, space.sizes, first, total, derived_seed(seed, "search") % 2**32)
    random = stream(seed, "search", "rest")
    while len(evaluations.errors) < total:
        evaluations.error(space.random(random))
    return evaluations


def first_population(space: Space, settings: Search, seed: int) -> np.ndarray:
    """Distinct sub-networks that the search begins with, int64 PxG: the largest one, the smallest ones, as many as are
    chosen so that a budget can be kept, and random ones between, from those that lack little to those that lack much.

    Genes that are drawn uniformly seldom are all small or all large.
    """
    random, count = stream(seed, "search", "population"), min(settings.population, space.count)
    smallest = space.smallest(settings.members if settings.macs_budget else 1)
    population = {tuple(genes.tolist()): None for genes in [*smallest, 0 * space.sizes]}
    shares = cycle(np.linspace(0, 1, count + 2)[1:-1])
    while len(population) < count:
        population[tuple(random.binomial(space.sizes - 1, next(shares)).tolist())] = None
    return np.array(list(population))


def select_members(evaluations: Evaluations, settings: Search, seed: int) -> list[int]:
    """Positions of the sub-networks that become members, by ascending MACs."""
    objectives, count = evaluations.objectives, settings.members
    if settings.objective == "members":
        allowed = np.flatnonzero(objectives[:, 1] <= member_budget(settings))
        return allowed[along_the_front(objectives[allowed], count)].tolist()
    positions = candidates(objectives, count)
    probabilities = [evaluations.evaluator.probabilities(evaluations.genes[position]) for position in positions]
    labels, budget = np.asarray(evaluations.evaluator.validation.labels), settings.macs_budget or inf
    best = best_ensemble(np.stack(probabilities), labels, objectives[positions, 1], count, budget, seed)
    return sorted((positions[index] for index in best), key=lambda position: objectives[position, 1])


def member_budget(settings: Search) -> float:
    """Most MACs of one sub-network."""
    return (settings.macs_budget if settings.objective == "members" else None) or inf


def search_table(evaluations: Evaluations, members: dict[int, str]) -> list[dict]:
    """A row per evaluation: the sub-network, its MACs and validation error, whether it is on the front, its member.

    Args:
        members: position -> the member that it became.
    """
    front = set(fronts(evaluations.objectives)[0].tolist())
    rows = []
    for position, (genes, error) in enumerate(evaluations.errors.items()):
        shape = evaluations.evaluator.space.shape(np.array(genes))
        sizes = {key: " ".join(map(str, shape[key])) for key in ("layers", "channels", "kernels")}
        scores = {"macs": evaluations.evaluator.space.macs(np.array(genes)), "validation_error": error}
        rows.append(
            {"evaluation": position, **sizes, **scores, "front": position in front, "member": members.get(position, "")}
        )
    return rows
