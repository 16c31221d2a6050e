"""Which sub-networks become members: some along the front, or those of the best ensemble."""

from collections.abc import Callable

import numpy as np

from resiliency.base.streams import derived_seed, stream
from resiliency.diversity.predictions import jensen_shannon
from resiliency.search.nsga import evolve, fronts

CANDIDATES = 100
ENSEMBLES = 2000
POPULATION = 40


def along_the_front(objectives: np.ndarray, count: int) -> list[int]:
    """Positions of `count` sub-networks, by ascending MACs, evenly spread over the front of those that none dominates.

    Where the front holds fewer, all of it is taken, and the rest from the front behind it, and so on.

    Args:
        objectives: float NxO, N >= `count`, MACs in the last column.
    """
    positions: list[int] = []
    for front in fronts(objectives):
        ordered = front[np.argsort(objectives[front, -1], kind="stable")]
        spread = np.linspace(0, len(ordered) - 1, min(count - len(positions), len(ordered)))
        positions += ordered[np.round(spread).astype(int)].tolist()
        if len(positions) == count:
            break
    return sorted(positions, key=lambda position: objectives[position, -1])


def candidates(objectives: np.ndarray, count: int) -> list[int]:
    """Positions of the sub-networks that ensembles of `count` are looked for among: those with fewest MACs and, front
    after front, `CANDIDATES` others.

    Args:
        objectives: float NxO, MACs in the last column.
    """
    ordered = np.concatenate([np.argsort(objectives[:, -1], kind="stable")[:count], *fronts(objectives)])
    return list(dict.fromkeys(ordered.tolist()))[: CANDIDATES + count]


def best_ensemble(
    probabilities: np.ndarray, labels: np.ndarray, macs: np.ndarray, count: int, budget: float, seed: int
) -> list[int]:
    """Positions of `count` sub-networks whose ensemble has the least error, ascending; of equals, the most diverse.

    Ensembles are searched by NSGA-II for a low error of their mean probability, a high diversity (mean Jensen-Shannon
    divergence of pairs) and few MACs, within the budget.

    Args:
        probabilities: float MxNxK of M sub-networks for N images.
        labels: int N.
        macs: int M, ascending over the first `count`, which are within the budget.
        budget: most MACs of the members together.
        seed: of the study.
    """
    scored: dict[tuple[int, ...], tuple[float, float, float]] = {}
    score = _ensemble_score(probabilities.astype(np.float32), labels, macs, budget, scored)
    random = stream(seed, "search", "ensembles")
    population = [np.arange(count)]
    population += [random.choice(len(macs), count, replace=False) for _ in range(POPULATION - 1)]
    population = np.unique(population, axis=0)
    sizes = np.full(count, len(macs))
    evolve(score, 3, sizes, population, ENSEMBLES, derived_seed(seed, "search", "ensembles") % 2**32)
    return list(min(scored, key=lambda ensemble: (*scored[ensemble], ensemble)))


def _ensemble_score(
    probabilities: np.ndarray, labels: np.ndarray, macs: np.ndarray, budget: float, scored: dict
) -> Callable:
    """What scores an ensemble by error, diversity (negated) and MACs, and keeps the scores of those that are allowed.

    Sub-networks that are named twice, and MACs beyond the budget as a share of it, are what exceeds.
    """
    divergence = jensen_shannon(probabilities)

    def score(genes: np.ndarray) -> tuple[list[float], float]:
        ensemble = tuple(sorted(set(genes.tolist())))
        chosen = list(ensemble)
        error = np.mean(probabilities[chosen].mean(axis=0).argmax(axis=1) != labels)
        pairs = divergence[np.ix_(chosen, chosen)][np.triu_indices(len(chosen), 1)]
        objectives = float(error), -float(pairs.mean()) if len(pairs) else 0.0, float(macs[chosen].sum())
        repeated = len(genes) - len(ensemble)
        excess = repeated + max(0.0, objectives[2] / budget - 1)
        if excess <= 0:
            scored[ensemble] = objectives
        return list(objectives), excess

    return score
