"""Spaces of small architectures."""

from itertools import product

import numpy as np

from resiliency.designs.settings import Design
from resiliency.search.space import Space

SIDE = 32
CHANNELS = [8, 8, 12, 16]
KINDS = {
    "basic": ("resnet18", {"channels": CHANNELS, "layers": [1, 2, 1, 2]}),
    "basic, first shortcut as it is": ("resnet18", {"channels": [64, 8, 8, 8], "layers": [2, 1, 1, 1]}),
    "bottleneck": ("resnet26", {"channels": CHANNELS, "layers": [2, 1, 1, 2]}),
    "bottleneck, first shortcut as it is": ("resnet26", {"channels": [16, 8, 8, 8], "layers": [2, 1, 1, 1]}),
}


def described(kind: str, side: int = SIDE, stem: str = "original") -> dict:
    architecture, arguments = KINDS[kind]
    return Design(architecture=architecture, arguments=arguments, stem=stem).description(side)


def space_of(kind: str = "basic", width=(1, 0.5), kernel=(3, 1), depth=None) -> Space:
    layers = KINDS[kind][1]["layers"]
    elastic = {"depth": depth or [1] * len(layers), "width": list(width), "kernel": list(kernel)}
    return Space.of_design(described(kind), elastic, 3)


def everything(space: Space) -> list[np.ndarray]:
    return [np.array(genes) for genes in product(*map(range, space.sizes))]
