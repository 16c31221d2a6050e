"""Times trainings that run side by side against one that runs alone, on a machine with two free cores.

Run by hand: python tests/benchmarks/side_by_side.py [--study traffic_signs] [--designs resnet_m vit_m] [--repeats 5]
A row per design: milliseconds of CPU time per training step of one thread, alone, and with the same training in a
second process; then their ratio, the median of repeats that take turns, with the lowest and the highest. It is above 1
if the processes wait for the memory, or for a core that two threads of the processor share. The last line is the
geometric mean.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import geometric_mean, median

import numpy as np
import torch
from shared import options, study
from shared_training import preprocessing_of, train

from resiliency.base.machine import keep_freed_memory
from resiliency.designs.networks import build
from resiliency.training.checkpoints import LabelledImages
from resiliency.training.settings import Recipe

STEPS = 40
CLASSES = 10


def step_time(description: dict, recipe: Recipe) -> float:
    """Milliseconds of CPU time per step of a training of `STEPS` steps."""
    torch.set_num_threads(1)
    keep_freed_memory()
    random = np.random.default_rng(0)
    count = STEPS * recipe.batch_size
    images = random.integers(0, 256, (count, description["side"], description["side"], 3), np.uint8)
    data = LabelledImages(images, random.integers(0, CLASSES, count))
    recipe = recipe.model_copy(update={"epochs": 1, "warmup_epochs": 0})
    _, seconds = train(build(description, CLASSES, 0), recipe, preprocessing_of(data), data, classes=CLASSES)
    return 1000 * seconds / STEPS


def compare(name: str, description: dict, recipe: Recipe, repeats: int, pool: ProcessPoolExecutor) -> float:
    """Print the row of a design; its ratio."""
    times = []
    for _ in range(repeats):
        alone = pool.submit(step_time, description, recipe).result()
        both = [pool.submit(step_time, description, recipe) for _ in range(2)]
        times.append((alone, np.mean([one.result() for one in both])))
    ratios = [both / alone for alone, both in times]
    alone, both = np.median(times, axis=0)
    print(
        f"{name:20} {alone:8.1f} {both:8.1f} {median(ratios):6.2f} ({min(ratios):.2f} to {max(ratios):.2f})", flush=True
    )
    return median(ratios)


def main() -> None:
    parser = options(__doc__, repeats=5)
    parser.add_argument("--study", default="")
    parser.add_argument("--designs", nargs="+")
    given = parser.parse_args()
    chosen = study(given.study)
    print(f"{'design':20} {'alone':>8} {'both':>8}  ratio")
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        ratios = [
            compare(name, chosen.designs[name].description(32), chosen.recipe(name), given.repeats, pool)
            for name in given.designs or chosen.members.designs
        ]
    print(f"{'geometric mean':37} {geometric_mean(ratios):6.2f}")


if __name__ == "__main__":
    main()
