"""Compares the search with random search at equal evaluations, and a super-network with its largest
network alone.

Run by hand: python tests/benchmarks/search.py [--seeds 6] [--searches 2] [--processes 2] So many
super-networks of the default study, so many searches of each, in processes of one thread each. A
super-network is trained on the digits, once a seed, which decides all that is random: split,
initial weights, order of the images, searches. NSGA-II and random search then each evaluate as many
distinct sub-networks as the study says, several times a super-network. Their fronts of validation
error and MACs are compared by hypervolume: the area that a front dominates within the error of the
smallest sub-network and the MACs of the largest. Settings of the study were chosen with the seeds
10 and 11.

Intervals are Student's, at 95 %, over super-networks. The last line is JSON: `hypervolume_ratio` is
search over random, `accuracy_difference` the validation accuracy of the largest sub-network less
that of the network trained alone, and `cost_ratio` the CPU time of super-network and one search
over that of the network trained alone.
"""

import contextlib
import io
import json
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from time import process_time

import numpy as np
import torch
from pymoo.indicators.hv import HV
from scipy import stats
from shared import options, study
from shared_training import digit_images, train

from resiliency.base.streams import stream
from resiliency.data.split import stratified_sample
from resiliency.designs.members import Member
from resiliency.designs.networks import SUPERNETWORK, build
from resiliency.search.network import network_description, supernet_loss
from resiliency.search.searching import Evaluator, search
from resiliency.search.space import Space
from resiliency.training.engine import Loss, Preprocessing, accuracies

STUDY = study()
SETTINGS = STUDY.search
DESCRIPTION = STUDY.designs[STUDY.search.design].description(32)
SPACE = Space.of_design(DESCRIPTION, SETTINGS.elastic, 10)
PREPROCESSING = Preprocessing([0.3] * 3, [0.35] * 3)


class Remembering(Evaluator):
    """Evaluates each sub-network once, whoever asks."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.cache: dict[bytes, np.ndarray] = {}

    def probabilities(self, genes: np.ndarray) -> np.ndarray:
        if genes.tobytes() not in self.cache:
            self.cache[genes.tobytes()] = super().probabilities(genes)
        return self.cache[genes.tobytes()]


def sandwich(n_images: int) -> Loss:
    """The loss of the super-network, for so many training images."""
    recipe = STUDY.search_recipe()
    seen = recipe.epochs * (n_images // recipe.batch_size) * recipe.batch_size
    return supernet_loss(SPACE, SETTINGS, seen, recipe.label_smoothing)


def hypervolume(objectives: np.ndarray, reference: np.ndarray) -> float:
    """Share of the box from zero to `reference` that a front of validation error and MACs (float
    Nx2) dominates."""
    return HV(ref_point=np.ones(2))(objectives / reference)


def error_of(evaluator: Evaluator, genes: np.ndarray) -> float:
    """Validation error of a sub-network."""
    return float(
        np.mean(evaluator.probabilities(genes).argmax(axis=1) != evaluator.validation.labels)
    )


def at_random(evaluator: Evaluator, count: int, seed: int) -> np.ndarray:
    """Validation error and MACs of `count` distinct random sub-networks, float Nx2."""
    random, results = stream(seed, "random search"), {}
    while len(results) < count:
        genes = SPACE.random(random)
        results[genes.tobytes()] = error_of(evaluator, genes), SPACE.macs(genes)
    return np.array(list(results.values()))


def compared(seed: int, searches: int) -> dict[str, float]:
    """One super-network: hypervolumes, accuracies, and CPU seconds in units of the training of the
    largest alone."""
    training, validation, _ = digit_images(seed)
    alone, network = (
        build(Member("largest", **DESCRIPTION), 10, seed),
        build(Member("supernet", **network_description(SUPERNETWORK, SPACE.largest, 32)), 10, seed),
    )
    of_both = {"validation": validation, "seed": seed}
    _, unit = train(alone, STUDY.search_recipe(), PREPROCESSING, training, **of_both)
    loss = sandwich(len(training.labels))
    _, cost = train(network, STUDY.search_recipe(), PREPROCESSING, training, loss=loss, **of_both)
    right = accuracies([network, alone], validation, PREPROCESSING)
    calibration = training.images[
        stratified_sample(training.labels, SETTINGS.n_calibration_images, seed, "calibration")
    ]
    evaluator = Remembering(network, SPACE, calibration, validation, PREPROCESSING)
    start, fronts = process_time(), []
    for number in range(searches):
        with contextlib.redirect_stdout(io.StringIO()):
            fronts.append(search(evaluator, SETTINGS, 100 * seed + number).objectives)
        cost += process_time() - start if number == 0 else 0
    blind = [
        at_random(evaluator, len(fronts[0]), 100 * seed + number) for number in range(searches)
    ]
    reference = np.array([error_of(evaluator, SPACE.sizes - 1), SPACE.macs(0 * SPACE.sizes)])
    areas = [np.mean([hypervolume(o, reference) for o in runs]) for runs in (fronts, blind)]
    summary = {"NSGA-II": areas[0], "random": areas[1], "hypervolume_ratio": areas[0] / areas[1]}
    summary |= {"accuracy": right[0], "alone": right[1], "accuracy_difference": right[0] - right[1]}
    return summary | {"smallest_error": reference[0], "cost_ratio": cost / unit}


def main() -> None:
    arguments = options(__doc__, seeds=6, searches=2, processes=2).parse_args()
    rows: list[dict[str, float]] = []
    start = {
        "mp_context": get_context("spawn"),
        "initializer": torch.set_num_threads,
        "initargs": (1,),
    }
    with ProcessPoolExecutor(arguments.processes, **start) as pool:
        for row in pool.map(compared, range(arguments.seeds), repeat(arguments.searches)):
            if not rows:
                print("seed", *row)
            print(
                f"{len(rows):4}",
                *(f"{value:{len(name)}.4f}" for name, value in row.items()),
                flush=True,
            )
            rows.append(row)
    summary = {"sub_networks": SPACE.count, "evaluations": SETTINGS.evaluations, "seeds": len(rows)}
    for name in ("hypervolume_ratio", "accuracy_difference", "cost_ratio"):
        values = np.array([row[name] for row in rows])
        half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
        summary[name] = round(float(values.mean()), 4)
        summary[f"{name}_interval"] = [
            round(float(values.mean() + sign * half), 4) for sign in (-1, 1)
        ]
    print(
        json.dumps(
            summary | {"least_ratio": round(min(row["hypervolume_ratio"] for row in rows), 4)}
        )
    )


if __name__ == "__main__":
    main()
