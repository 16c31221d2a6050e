"""Times the corruption engine against the package imagecorruptions on one core: the 15 main corruptions x 5 severities.

Run by hand: python tests/benchmarks/corruptions.py [--repeats 5]
Each figure is the median over the repeats, of milliseconds an image, summed over the five severities. Both sides are
timed in turn in the same run, on the same images (the reference on the first of them), with the "imagenet-c" figures.
Tables and pictures that are kept between calls are loaded before the clock starts. Freed memory is kept, as in a job of
the workflow. The four held-out corruptions are shown but not counted. The last line is JSON.
"""

import json
import os
from functools import partial
from statistics import median
from time import perf_counter

import cv2
import numpy as np
from shared import options, timed

from resiliency.corruptions import engine, reference
from resiliency.corruptions.settings import HELD_OUT, MAIN, SEVERITIES
from resiliency.devices.gpus import keep_freed_memory

# Side in pixels: images in a batch for the engine, and for the reference, which handles them one by one anyway.
BATCHES = {32: (64, 8), 224: (8, 1)}
ours, theirs = partial(engine.corrupt, table="imagenet-c", seed=0), partial(reference.corrupt, seed=0)


def pictures(count: int, side: int) -> np.ndarray:
    """uint8 `count`x`side`x`side`x3: smooth waves of colour with some grain."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side][..., None] * (2 * np.pi / side)
    images = np.empty((count, side, side, 3), np.uint8)
    for image in images:
        waves = sum(random.uniform(10, 40, 3) * np.sin(f * x + g * y) for f, g in random.uniform(-5, 5, (4, 2)))
        image[...] = np.clip(random.uniform(80, 180, 3) + waves + random.normal(0, 8, (side, side, 1)), 0, 255)
    return images


def milliseconds(corrupt: object, images: np.ndarray, corruption: str, severity: int) -> float:
    """Milliseconds an image."""
    _, seconds = timed(lambda: corrupt(images, corruption, severity), perf_counter)
    return seconds / len(images) * 1000


def compare(corruption: str, side: int, repeats: int) -> tuple[float, float]:
    """Milliseconds an image over all severities: the engine's and the reference's."""
    our_batch, their_batch = BATCHES[side]
    images = pictures(our_batch, side)
    totals = [0.0, 0.0]
    for severity in SEVERITIES:
        times = ([], [])
        ours(images[:1], corruption, severity)
        for _ in range(repeats):
            times[0].append(milliseconds(ours, images, corruption, severity))
            times[1].append(milliseconds(theirs, images[:their_batch], corruption, severity))
        totals = [total + median(values) for total, values in zip(totals, times, strict=True)]
    return totals[0], totals[1]


def main() -> None:
    repeats = options(__doc__, repeats=5).parse_args().repeats
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    keep_freed_memory()
    result = {}
    for side in BATCHES:
        print(f"{side}x{side}, ms an image over severities 1-5 {'ours':>10} {'reference':>10} {'ratio':>7}")
        totals = np.zeros(2)
        for corruption in MAIN + HELD_OUT:
            pair = compare(corruption, side, repeats)
            totals += pair if corruption in MAIN else (0, 0)
            print(f"{corruption:40} {pair[0]:10.3f} {pair[1]:10.3f} {pair[1] / pair[0]:7.1f}")
        print(f"{'the 15 main ones':40} {totals[0]:10.3f} {totals[1]:10.3f} {totals[1] / totals[0]:7.1f}\n")
        result |= {f"ratio_{side}": round(totals[1] / totals[0], 2), f"ms_{side}": round(totals[0], 2)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
