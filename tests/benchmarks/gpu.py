"""Measures on a GPU: training steps launched kernel by kernel against captured ones, and one process against several.

Run by hand: python tests/benchmarks/gpu.py [--designs resnet18 densenet_m mobilenetv3_050 vit_s] [--processes 3]
Designs and recipes are those of studies/cifar10.yaml, images are noise. The ways take turns, five times; a figure is
the median of milliseconds a step, with the least and the most. Several processes train at once, each captured, and
begin their second epoch, which is timed, together; their figure is the time over their number. Where there is no GPU,
one line says so. The last line is JSON: design -> how many times as many steps a second, captured and in several
processes.
"""

import io
import json
import sys
from contextlib import nullcontext, redirect_stdout
from functools import partial
from multiprocessing import get_context
from statistics import median
from time import perf_counter

import numpy as np
import torch
from shared import options, study

from resiliency.designs.networks import build
from resiliency.devices.choice import device, device_name
from resiliency.training import engine
from resiliency.training.checkpoints import LabelledImages, Preprocessing
from resiliency.training.engine import Trainer, cross_entropy

STEPS, REPEATS = 100, 5
together = nullcontext  # is called between the epochs


def meet(barrier) -> None:
    global together
    together = barrier.wait


def milliseconds(design: str, captured: bool) -> float:
    """A step of training `design`, without the steps before the capture."""
    of_study = study("cifar10")
    recipe = of_study.recipe(design).model_copy(update={"epochs": 2})
    count = STEPS * recipe.batch_size
    images = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    training = LabelledImages(images, np.arange(count) % 10)
    few = LabelledImages(images[:256], training.labels[:256])
    engine.WARM_UP = 3 if captured else 2 * STEPS
    with redirect_stdout(io.StringIO()):
        network = build(of_study.designs[design].description(32), 10, 0).to(device())
        trainer = Trainer(
            [network], partial(cross_entropy, smoothing=0), recipe, Preprocessing([0.5] * 3, [0.25] * 3), 10, 0, True
        )
        times, row = [], trainer._history_row

        def timed(epoch, *given):
            times.append(perf_counter())  # each epoch ends with reading its loss from the device
            made = row(epoch, *given)
            if not epoch:
                together()
            times.append(perf_counter())
            return made

        trainer._history_row = timed
        trainer.train(training, few)
    return (times[2] - times[1]) / STEPS * 1e3


def several(design: str, processes: int) -> float:
    """Milliseconds a step of one of so many processes that train at once, over their number."""
    context = get_context("spawn")
    with context.Pool(processes, meet, (context.Barrier(processes),)) as pool:
        return median(pool.starmap(milliseconds, [(design, True)] * processes, chunksize=1)) / processes


def summary(times: list[float]) -> str:
    return f"{median(times):7.2f} ({min(times):.2f}-{max(times):.2f})"


def main() -> None:
    parser = options(__doc__, processes=3)
    parser.add_argument("--designs", nargs="+", default=["resnet18", "densenet_m", "mobilenetv3_050", "vit_s"])
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("there is no GPU here: nothing is measured; docs/results/gpu_hours.md has computed figures")
    print(f"{device_name()}; milliseconds a step: usual, captured, captured in {arguments.processes} processes")
    ratios = {}
    for design in arguments.designs:
        times = [
            (milliseconds(design, False), milliseconds(design, True), several(design, arguments.processes))
            for _ in range(REPEATS)
        ]
        usual, *faster = zip(*times, strict=True)
        ratios[design] = [round(median(usual) / median(values), 2) for values in faster]
        print(design, *(summary(values) for values in (usual, *faster)), sep="  ", flush=True)
    print(json.dumps(ratios))


if __name__ == "__main__":
    main()
