"""Times compiled layers against torch's: depthwise convolutions and layer norms, alone and in training steps.

Run by hand: python tests/benchmarks/compiled_layers.py [--repeats 9] [--study traffic_signs] [--designs rdnet_m vit_m]
Rows: milliseconds of CPU time of a forward and backward pass of 64 images, on one thread, with torch's layers and with
ours, each the median of repeats that take turns; then the median ratio with the lowest and the highest. The last line
is the geometric mean of the designs' ratios.
"""

from collections.abc import Callable
from copy import deepcopy
from statistics import geometric_mean, median

import torch
import torch.nn.functional as F
from shared import options, study, timed
from torch import nn

from resiliency.designs.layers import with_right_gradients
from resiliency.designs.networks import build
from resiliency.designs.speed import with_fast_gradients, with_fast_layer_norms
from resiliency.devices.machine import keep_freed_memory

BATCH, CLASSES = 64, 10
NORMS = ((16_384, 6), (4_096, 12), (16_384, 32), (4_096, 64), (1_024, 128), (1_024, 256))  # rows, channels
CONVOLUTIONS = ((16, 16, 7), (64, 16, 7), (64, 16, 5), (64, 16, 3), (48, 8, 7), (256, 4, 7), (384, 2, 3), (1024, 2, 3))


def compared(label: str, network: nn.Module, step: Callable[[nn.Module], object], repeats: int) -> float:
    """Print a row; the median of torch's time over ours."""
    sides = network, with_fast_layer_norms(with_fast_gradients(deepcopy(network)))
    times = [[1000 * timed(lambda side=side: step(side))[1] for side in sides] for _ in range(repeats + 1)][1:]
    ratios = [plain / fast for plain, fast in times]
    middle = [median(side) for side in zip(*times, strict=True)]
    spread = f"{median(ratios):6.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"{label:24}", *(f"{value:8.2f}" for value in middle), spread, flush=True)
    return median(ratios)


def of_convolution(channels: int, side: int, kernel: int, repeats: int) -> None:
    layer = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels)
    images = torch.rand(BATCH, channels, side, side).to(memory_format=torch.channels_last).requires_grad_()
    label = f"{channels} x {side} x {side}, {kernel} x {kernel}"
    compared(label, layer, lambda one: one(images).sum().backward(), repeats)


def of_norm(rows: int, channels: int, repeats: int) -> None:
    values = torch.rand(rows, channels, requires_grad=True)
    compared(f"{rows:,} x {channels}", nn.LayerNorm(channels), lambda one: one(values).sum().backward(), repeats)


def of_design(name: str, description: dict, repeats: int) -> float:
    network = with_right_gradients(build(description, CLASSES, 0)).train()
    images = torch.rand(BATCH, 3, 32, 32).to(memory_format=torch.channels_last)
    labels = torch.arange(BATCH) % CLASSES
    return compared(name, network, lambda one: F.cross_entropy(one(images), labels).backward(), repeats)


def main() -> None:
    parser = options(__doc__, repeats=9)
    parser.add_argument("--study", default="traffic_signs")
    parser.add_argument("--designs", nargs="+")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    for geometry in CONVOLUTIONS:
        of_convolution(*geometry, given.repeats)
    for shape in NORMS:
        of_norm(*shape, given.repeats)
    of_study = study(given.study)
    names = given.designs or of_study.members.designs
    print(f"{geometric_mean(of_design(name, of_study.description(name), given.repeats) for name in names):.2f}")


if __name__ == "__main__":
    main()
