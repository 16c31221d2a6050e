"""How long networks take for one image on the CPU."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

# Images uint8 n x H x W x 3 -> probabilities float32 n x K and mutual information float32 n.
Run = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
EAGER = "torch"
WARMING, LEAST, MOST, LONGEST = 3, 5, 30, 3.0


def eager_runner(module: torch.nn.Module, threads: int) -> Run:
    """Runs a module as it is, in so many threads of this process."""

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            outputs = module(torch.from_numpy(np.ascontiguousarray(images)))
        return tuple(values.numpy() for values in outputs)

    return run


def milliseconds(runs: Sequence[Run], image: np.ndarray) -> np.ndarray:
    """Time that each of R runs takes for one image (uint8 1 x H x W x 3) in ms; float64 rounds x R.

    A round times each run once, so that what else the machine does slows all of them. There are `MOST` rounds, or as
    many as `LONGEST` seconds per run allow, but at least `LEAST`, after `WARMING` that do not count.
    """
    for run in runs:
        for _ in range(WARMING):
            run(image)
    rounds, end = [], time.perf_counter() + LONGEST * len(runs)
    while len(rounds) < MOST and (len(rounds) < LEAST or time.perf_counter() < end):
        marks = [time.perf_counter()]
        for run in runs:
            run(image)
            marks.append(time.perf_counter())
        rounds.append(1000 * np.diff(marks))
    return np.array(rounds)


def quartiles(times: np.ndarray) -> np.ndarray:
    """Median, lower and upper quartile of each of R runs, float64 3 x R, of rounds x R."""
    return np.quantile(times, [0.5, 0.25, 0.75], axis=0)
