"""Compares the search with random search at equal evaluations, and a super-network with its largest network alone.

Run by hand: python tests/benchmarks/search.py [--seeds 5] [--evaluations 80] [--threads 1]
The super-network of the default study is trained on the digits. NSGA-II and random search then each evaluate so many
distinct sub-networks, once a seed. Their fronts of validation error and MACs are compared by hypervolume: the area that
a front dominates within the error of the smallest sub-network and the MACs of the largest.

The last line is JSON: `hypervolume_ratio` is the mean over seeds of search over random, `cost_ratio` the CPU time of
super-network and one search over that of the largest network trained alone, and `accuracy_difference` the validation
accuracy of the largest sub-network less that of the network trained alone.
"""

import argparse
import contextlib
import io
import json
from functools import partial
from pathlib import Path
from statistics import mean
from time import process_time

import numpy as np
import torch
import yaml
from pymoo.indicators.hv import HV

from resiliency.data.digits import digits
from resiliency.data.source import ALL
from resiliency.data.split import split, stratified
from resiliency.designs.networks import build
from resiliency.search.evaluation import Evaluator
from resiliency.search.losses import progressive_phases, supernet_loss
from resiliency.search.members import SUPERNET, made_by
from resiliency.search.searching import search
from resiliency.search.space import Space
from resiliency.streams import stream
from resiliency.study import load
from resiliency.training.engine import Labelled, Looks, Trainer, accuracies, cross_entropy

STUDY = load(yaml.safe_load(Path(__file__).parents[2].joinpath("config.yaml").read_text()))
LOOKS = Looks([0.3] * 3, [0.35] * 3)


class Remembering(Evaluator):
    """Evaluates each sub-network once, whoever asks."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.known: dict[bytes, np.ndarray] = {}

    def probabilities(self, genes: np.ndarray) -> np.ndarray:
        if genes.tobytes() not in self.known:
            self.known[genes.tobytes()] = super().probabilities(genes)
        return self.known[genes.tobytes()]


def trained(network: torch.nn.Module, loss, training: Labelled, validation: Labelled) -> float:
    """Train by the recipe of the search; CPU seconds."""
    start = process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        Trainer([network], loss, STUDY.search_recipe(), LOOKS, 10, 0).train(training, validation)
    return process_time() - start


def hypervolume(objectives: np.ndarray, reference: np.ndarray) -> float:
    """Share of the box from zero to `reference` that a front of validation error and MACs (float Nx2) dominates."""
    return HV(ref_point=np.ones(2))(objectives / reference)


def error_of(evaluator: Evaluator, genes: np.ndarray) -> float:
    """Validation error of a sub-network."""
    return float(np.mean(evaluator.probabilities(genes).argmax(axis=1) != evaluator.validation.labels))


def at_random(evaluator: Evaluator, count: int, seed: int) -> np.ndarray:
    """Validation error and MACs of `count` distinct random sub-networks, float Nx2."""
    random, found = stream(seed, "random search"), {}
    while len(found) < count:
        genes = evaluator.space.random(random)
        found[genes.tobytes()] = error_of(evaluator, genes), evaluator.space.macs(genes)
    return np.array(list(found.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=STUDY.search.evaluations)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    part = digits(32).parts[ALL]
    chosen = split(part.labels, 180, 539, 0)
    training, validation = (
        Labelled(part.images[chosen[name]], part.labels[chosen[name]]) for name in ("train", "validation")
    )
    settings = STUDY.search.model_dump() | {"evaluations": arguments.evaluations}
    description = STUDY.designs[STUDY.search.design].described(32)
    space = Space.of(description, settings["elastic"], 10)
    phases = progressive_phases(space.dimensions, started=False)
    images = STUDY.search_recipe().epochs * (len(training.labels) // STUDY.search_recipe().batch_size)
    images *= STUDY.search_recipe().batch_size
    loss = supernet_loss(space, settings["strategy"], settings["drawn"], images, 0, phases)
    alone, network = build(description, 10, 0), build(made_by(SUPERNET, space.largest, 32), 10, 0)
    seconds_alone = trained(alone, partial(cross_entropy, smoothing=0), training, validation)
    seconds = trained(network, loss, training, validation)
    right = accuracies([network, alone], validation, LOOKS)
    calibration = training.images[stratified(training.labels, settings["calibration_images"], 0, "calibration")]
    evaluator = Remembering(network, space, calibration, validation, LOOKS)
    reference = np.array([error_of(evaluator, space.sizes - 1), space.macs(0 * space.sizes)])
    print(f"{'seed':>4} {'NSGA-II':>8} {'random':>8} {'ratio':>6}")
    ratios = []
    for seed in range(arguments.seeds):
        start = process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            objectives = search(evaluator, settings, seed).objectives
        seconds += process_time() - start if seed == 0 else 0
        areas = [hypervolume(o, reference) for o in (objectives, at_random(evaluator, len(objectives), seed))]
        ratios.append(areas[0] / areas[1])
        print(f"{seed:4} {areas[0]:8.4f} {areas[1]:8.4f} {ratios[-1]:6.3f}", flush=True)
    told = {"hypervolume_ratio": round(mean(ratios), 4), "least_ratio": round(min(ratios), 4)}
    told |= {"cost_ratio": round(seconds / seconds_alone, 2), "accuracy_difference": round(right[0] - right[1], 4)}
    print(json.dumps(told | {"accuracy_alone": round(right[1], 4)}))


if __name__ == "__main__":
    main()
