"""NSGA-II over vectors of whole numbers (Deb et al. 2002), through pymoo; nothing is evaluated twice."""

from collections.abc import Callable

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.individual import Individual
from pymoo.core.mutation import Mutation
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.termination import NoTermination
from pymoo.operators.crossover.ux import UX
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

Score = Callable[[np.ndarray], tuple[list[float], float]]


def evolve(score: Score, objectives: int, sizes: np.ndarray, first: np.ndarray, evaluations: int, seed: int) -> None:
    """Call `score` for distinct vectors that become better, `evaluations` times; fewer if mating finds no more.

    Args:
        score: vector int64 G -> so many objectives, all to be made small, and by how much it exceeds what is allowed:
            0 or less where it does not.
        sizes: int64 G; values of gene g are 0 to sizes[g] - 1.
        first: int64 PxG, distinct vectors to begin with; P is the population.
        seed: of all draws.
    """
    new = _Unseen()
    algorithm = NSGA2(
        pop_size=len(first),
        sampling=first,
        crossover=UX(prob=0.9),
        mutation=Step(),
        eliminate_duplicates=new,
        seed=seed,
    )
    problem = Problem(n_var=len(sizes), n_obj=objectives, n_ieq_constr=1, xl=0, xu=sizes - 1, vtype=int)
    algorithm.setup(problem, termination=NoTermination())
    while evaluations and (candidates := algorithm.ask()) is not None:
        candidates = candidates[:evaluations]
        evaluations -= len(candidates)
        for individual in candidates:
            new.seen.add(_key(individual))
            values, excess = score(individual.X)
            individual.set("F", np.array(values, float))
            individual.set("G", np.array([excess], float))
            individual.evaluated = {"F", "G"}
        algorithm.tell(infills=candidates)


def fronts(objectives: np.ndarray) -> list[np.ndarray]:
    """Positions in float NxO of the vectors that none dominates, then of those that only these dominate, and so on."""
    return [np.sort(front) for front in NonDominatedSorting().do(objectives)]


class Step(Mutation):
    """Each gene that can change moves to a neighbouring value with probability one over the number of such genes."""

    def _do(self, problem: Problem, X: np.ndarray, random_state: np.random.Generator, **kwargs) -> np.ndarray:
        last = problem.xu.astype(int)
        step = random_state.choice([-1, 1], size=X.shape)
        step = np.where((X + step < 0) | (X + step > last), -step, step)
        moves = random_state.random(X.shape) < 1 / max(1, np.count_nonzero(last))
        return np.where(moves, (X + step).clip(0, last), X)


class _Unseen(DuplicateElimination):
    """Lets vectors pass that are not among `seen`, nor in the population or twice among the new ones."""

    def __init__(self):
        super().__init__()
        self.seen: set[bytes] = set()

    def do(self, pop: Population, *others: Population, **kwargs) -> Population:
        existing = {_key(individual) for other in others for individual in other}
        first = {_key(individual): position for position, individual in reversed(list(enumerate(pop)))}
        return pop[sorted(position for key, position in first.items() if key not in self.seen and key not in existing)]


def _key(individual: Individual) -> bytes:
    return np.asarray(individual.X, np.int64).tobytes()
