"""Members with the weights of a small ResNet."""

from resiliency.designs.settings import Design
from resiliency.designs.weights import load_member

SMALL = {"architecture": "resnet18", "arguments": {"channels": [4, 4, 4, 8]}, "stem": "original"}
CLASSES = ["ant", "bee", "cat", "dog"]
CARD = {"image_shape": [32, 32, 3], "classes": CLASSES, "mean": [0.5] * 3, "std": [0.2] * 3}


def load(**settings):
    design = Design(**{**SMALL, **settings})
    return load_member(design.description(32), CARD, design.inputs(0))
