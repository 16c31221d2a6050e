"""The search for sub-networks, and the members made of them; a search that was interrupted repeats
no evaluation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.individual import Individual
from pymoo.core.mutation import Mutation
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.termination import NoTermination
from pymoo.operators.crossover.ux import UX
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting
from torch import Tensor, nn

from resiliency.base.faults import Progress
from resiliency.base.names import SEARCH
from resiliency.base.settings import Keys
from resiliency.base.streams import derived_seed, stream
from resiliency.data.loading import batches, in_order
from resiliency.data.split import stratified_sample
from resiliency.designs.device import inference
from resiliency.designs.members import Member, WeightsKind
from resiliency.designs.networks import SUBNETWORK, read_member, write_member
from resiliency.designs.weights import complete
from resiliency.diversity.predictions import jensen_shannon
from resiliency.metrics.classification import softmax
from resiliency.prediction.writing import logits
from resiliency.search.network import (
    Residual,
    Supernetwork,
    extract,
    network_description,
    training_macs,
)
from resiliency.search.space import Search, Space
from resiliency.storage import read_json, sha256, write_csv
from resiliency.training.engine import Checkpoint, LabelledImages, Preprocessing
from resiliency.training.member import read_labelled_images

# Genes of a sub-network -> its validation error, in the order of evaluation.
Errors = dict[tuple[int, ...], float]
Score = Callable[[np.ndarray], tuple[list[float], float]]


def evolve(
    score: Score, objectives: int, sizes: np.ndarray, first: np.ndarray, evaluations: int, seed: int
) -> None:
    """Call `score` for distinct vectors that become better, `evaluations` times; fewer if mating
    finds no more.

    Args:
        score: vector int64 G -> objectives, all to be minimised, and the excess over the
            constraint, 0 or less if it holds.
        sizes: int64 G; gene g has the values 0 to sizes[g] - 1.
        first: int64 PxG, first population of P distinct vectors.
        seed: seed of the random numbers.
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
    problem = Problem(
        n_var=len(sizes), n_obj=objectives, n_ieq_constr=1, xl=0, xu=sizes - 1, vtype=int
    )
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
    """Positions in float NxO of the vectors that none dominates, then of those that only these
    dominate, and so on."""
    return [np.sort(front) for front in NonDominatedSorting().do(objectives)]


class Step(Mutation):
    """Each gene that can change moves to a neighbouring value with probability one over the number
    of such genes."""

    def _do(
        self, problem: Problem, X: np.ndarray, random_state: np.random.Generator, **kwargs
    ) -> np.ndarray:
        last = problem.xu.astype(int)
        step = random_state.choice([-1, 1], size=X.shape)
        step = np.where((X + step < 0) | (X + step > last), -step, step)
        moves = random_state.random(X.shape) < 1 / max(1, int(np.count_nonzero(last)))
        return np.where(moves, (X + step).clip(0, last), X)


class _Unseen(DuplicateElimination):
    """Lets vectors pass that are not among `seen`, nor in the population or twice among the new
    ones."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[bytes] = set()

    def do(self, pop: Population, *others: Population, **kwargs) -> Population:
        existing = {_key(individual) for other in others for individual in other}
        first = {
            _key(individual): position for position, individual in reversed(list(enumerate(pop)))
        }
        return pop[
            sorted(
                position
                for key, position in first.items()
                if key not in self.seen and key not in existing
            )
        ]


def _key(individual: Individual) -> bytes:
    return np.asarray(individual.X, np.int64).tobytes()


BATCH = 128


@dataclass(frozen=True)
class Evaluator:
    """Makes and evaluates sub-networks of a trained super-network.

    Attributes:
        calibration: P training images, without augmentation, from which batch-norm statistics are
            estimated.
        validation: images on which no network was trained.
    """

    supernetwork: Supernetwork
    space: Space
    calibration: np.ndarray
    validation: LabelledImages
    preprocessing: Preprocessing

    def network(self, genes: np.ndarray) -> Residual:
        """A sub-network as an ordinary network, with batch-norm statistics of its own, in
        evaluation mode."""
        network = extract(self.supernetwork, self.space.shape(genes))
        device = network.fc.weight.device
        read = batches(self.calibration, in_order(len(self.calibration), BATCH), device, workers=0)
        with inference():
            recalibrate(network, map(self.preprocessing.normalised, read))
        return network

    def probabilities(self, genes: np.ndarray) -> np.ndarray:
        """Probabilities float32 NxK that a sub-network gives the validation images."""
        member = (
            self.network(genes),
            Member("a sub-network", mean=self.preprocessing.mean, std=self.preprocessing.std),
        )
        return softmax(logits(member, self.validation.images, self.preprocessing.workers))


def recalibrate(network: nn.Module, images: Iterable[Tensor]) -> None:
    """Replace batch-norm statistics by the means over these batches; leaves the network in
    evaluation mode.

    A sub-network sees other activations than those that the statistics of the super-network are of
    (Yu and Huang, Universally Slimmable Networks, 2019).

    Args:
        images: normalised batches, float Bx3xHxW.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
    network.train()
    with torch.no_grad():
        for number, batch in enumerate(images, start=1):
            for norm in norms:
                # A cumulative mean; of momentum None each norm would wait for the device.
                norm.momentum = 1 / number
            network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()


CANDIDATES = 100
ENSEMBLES = 2000
POPULATION = 40


def along_the_front(objectives: np.ndarray, count: int) -> list[int]:
    """Positions of `count` sub-networks, by ascending MACs, evenly spread over the front of those
    that none dominates.

    Where the front holds fewer, all of it is taken, and the rest from the front behind it, and so
    on.

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


def best_ensemble(
    probabilities: np.ndarray, labels: np.ndarray, macs: np.ndarray, count: int, seed: int
) -> list[int]:
    """Positions of `count` sub-networks whose ensemble has the least error, ascending; of equals,
    the most diverse.

    Ensembles are searched by NSGA-II for a low error of their mean probability, a high diversity
    (mean Jensen-Shannon divergence of pairs) and few MACs.

    Args:
        probabilities: float MxNxK, of M sub-networks for N images.
        labels: int N.
        macs: int M.
    """
    # Of ensembles that name no sub-network twice.
    scored: dict[tuple[int, ...], tuple[float, float, float]] = {}
    probabilities = probabilities.astype(np.float32)
    divergence = jensen_shannon(probabilities)

    def score(genes: np.ndarray) -> tuple[list[float], float]:
        ensemble = tuple(sorted(set(genes.tolist())))
        chosen = list(ensemble)
        error = np.mean(probabilities[chosen].mean(axis=0).argmax(axis=1) != labels)
        pairs = divergence[np.ix_(chosen, chosen)][np.triu_indices(len(chosen), 1)]
        objectives = (
            float(error),
            -float(pairs.mean()) if len(pairs) else 0.0,
            float(macs[chosen].sum()),
        )
        repeated = len(genes) - len(ensemble)
        if not repeated:
            scored[ensemble] = objectives
        return list(objectives), repeated

    random = stream(seed, "search", "ensembles")
    drawn = [random.choice(len(macs), count, replace=False) for _ in range(POPULATION)]
    population = np.unique(drawn, axis=0)
    sizes = np.full(count, len(macs))
    evolve(
        score, 3, sizes, population, ENSEMBLES, derived_seed(seed, "search", "ensembles") % 2**32
    )
    *_, best = min((*scores, ensemble) for ensemble, scores in scored.items())
    return list(best)


def search(
    evaluator: Evaluator, settings: Search, seed: int, checkpoint: Checkpoint | None = None
) -> Errors:
    """Evaluate sub-networks, chosen by NSGA-II for low validation error and few MACs; all if there
    are few enough.

    What was kept by a run that was interrupted is not evaluated again.
    """
    space, total = evaluator.space, min(settings.evaluations, evaluator.space.count)
    state = checkpoint.load() if checkpoint else None
    known: Errors = {tuple(genes): error for genes, error in state["evaluations"]} if state else {}
    errors, progress = Errors(), Progress(total, pause=5)

    def evaluate(genes: np.ndarray) -> float:
        key = tuple(genes.tolist())
        if key not in errors:
            if key not in known:
                decisions = evaluator.probabilities(genes).argmax(axis=1)
                known[key] = float(np.mean(decisions != evaluator.validation.labels))
            errors[key] = known[key]
            progress.step(f"validation error {errors[key]:.4f}, {space.macs(genes):,} MACs")
            if checkpoint and checkpoint.due():
                checkpoint.save(
                    {"evaluations": [[list(genes), error] for genes, error in known.items()]}
                )
        return errors[key]

    if space.count == total:
        for genes in space.all():
            evaluate(genes)
        return errors
    # Genes of one value: without them, published studies would draw other numbers.
    idle = len(space.depth)

    def score(genes: np.ndarray) -> tuple[list[float], float]:
        return [evaluate(genes[:-idle]), space.macs(genes[:-idle])], 0

    first = np.pad(first_population(space, settings, seed), [(0, 0), (0, idle)])
    sizes = np.pad(space.sizes, (0, idle), constant_values=1)
    evolve(score, 2, sizes, first, total, derived_seed(seed, "search") % 2**32)
    random = stream(seed, "search", "rest")
    while len(errors) < total:
        evaluate(space.random(random))
    return errors


def objectives_of(space: Space, errors: Errors) -> np.ndarray:
    """Validation error and MACs of each evaluated sub-network, float64 Nx2."""
    return np.array([[error, space.macs(np.array(genes))] for genes, error in errors.items()])


def first_population(space: Space, settings: Search, seed: int) -> np.ndarray:
    """Distinct sub-networks that the search begins with, int64 PxG: the largest one, the smallest
    one, and random ones between, from those that lack little to those that lack much.

    Genes that are drawn uniformly seldom are all small or all large.
    """
    random, count = stream(seed, "search", "population"), min(settings.population, space.count)
    population = {tuple(genes.tolist()): None for genes in (space.sizes - 1, 0 * space.sizes)}
    shares = cycle(np.linspace(0, 1, count + 2)[1:-1])
    while len(population) < count:
        population[tuple(random.binomial(space.sizes - 1, next(shares)).tolist())] = None
    return np.array(list(population))


def select_members(evaluator: Evaluator, errors: Errors, settings: Search, seed: int) -> list[int]:
    """Positions of the sub-networks that become members, by ascending MACs."""
    objectives, count, genes = (
        objectives_of(evaluator.space, errors),
        settings.members,
        np.array(list(errors)),
    )
    if settings.objective == "members":
        return along_the_front(objectives, count)
    positions = np.concatenate(fronts(objectives))[:CANDIDATES].tolist()
    probabilities = np.stack([evaluator.probabilities(genes[position]) for position in positions])
    labels = np.asarray(evaluator.validation.labels)
    best = best_ensemble(probabilities, labels, objectives[positions, 1], count, seed)
    return sorted(
        (positions[index] for index in best), key=lambda position: objectives[position, 1]
    )


def search_table(space: Space, errors: Errors, members: dict[int, str]) -> list[dict[str, object]]:
    """A row per evaluation: the sub-network, its MACs and validation error, whether it is on the
    front, its member.

    Args:
        members: position of a sub-network -> the member made from it.
    """
    front = set(fronts(objectives_of(space, errors))[0].tolist())
    rows = []
    for position, (genes, error) in enumerate(errors.items()):
        shape = space.shape(np.array(genes))
        sizes = {
            "layers": " ".join(map(str, shape["layers"])),
            "channels": " ".join(map(str, shape["channels"])),
        }
        scores = {"macs": space.macs(np.array(genes)), "validation_error": error}
        rows.append(
            {
                "evaluation": position,
                **sizes,
                **scores,
                "front": position in front,
                "member": members.get(position, ""),
            }
        )
    return rows


def search_members(
    folders: list[Path],
    table: Path,
    design: Keys,
    family: str,
    settings: Search,
    data: dict[str, str],
    seed: int,
    workers: int,
    code: str,
) -> None:
    """Search the super-network for sub-networks, and write the chosen ones and the table of
    evaluations.

    The search resumes from a checkpoint beside the table, which is removed when all are written.

    Args:
        folders: folders of the members, with their names; weights.safetensors and member.json are
            written to each.
        table: path to which the table of evaluations is written.
        design: description of the super-network, as from `Design.description`.
        family: family of the members, that of their design.
        data: paths by name: weights (of the super-network), card, images, labels, validation_images
            and validation_labels.
        workers: number of processes that decode image files.
        code: fingerprint of the code that searches.
    """
    card = read_json(data["card"])
    space = Space.of_design(design, settings.elastic, len(card["classes"]))
    network, supernet = read_member(Path(data["weights"]).parent)
    (images, labels), validation = read_labelled_images(data)
    count = min(settings.n_calibration_images, len(labels))
    calibration = images[stratified_sample(labels, count, seed, "search", "calibration")]
    preprocessing = Preprocessing(supernet.mean, supernet.std, workers)
    evaluator = Evaluator(network, space, calibration, validation, preprocessing)
    dependencies = {"code": code, "search": settings.model_dump(exclude={"training"}), "seed": seed}
    dependencies |= {"data": card["splits"], "supernet": sha256(data["weights"])}
    with Checkpoint(table.with_name("checkpoint.pt"), dependencies) as checkpoint:
        errors = search(evaluator, settings, seed, checkpoint)
    all_genes, objectives = list(errors), objectives_of(space, errors)
    cost, images_seen = supernet.training_cost, len(calibration) + len(validation.labels)
    macs = (
        3 * training_macs(space, settings) * cost["n_images"]
        + int(objectives[:, 1].sum()) * images_seen
    )
    common = {
        key: getattr(supernet, key) for key in ("mean", "std", "normalisation", "precision")
    } | {
        "weights_kind": WeightsKind.SUPERNET,
        "weights_source": "a super-network trained here",
        "training_cost": cost | {"macs": macs, "shared_by": settings.members},
        "classes": card["classes"],
    }
    positions = dict(zip(select_members(evaluator, errors, settings, seed), folders, strict=True))
    for position, folder in positions.items():
        genes, accuracy = np.array(all_genes[position]), float(1 - objectives[position, 0])
        made = evaluator.network(genes)
        description = network_description(SUBNETWORK, space.shape(genes), space.side)
        named = {
            "origin": SEARCH,
            "design": folder.name,
            "family": family,
            "index": folders.index(folder),
        }
        member = Member(folder.name, validation_accuracy=accuracy, **description | named | common)
        complete(member, made, len(card["classes"]))
        member.device = ", then ".join(checkpoint.devices)
        write_member(folder, made, member)
    write_csv(
        table,
        search_table(
            space, errors, {position: folder.name for position, folder in positions.items()}
        ),
    )
    checkpoint.path.unlink(missing_ok=True)
