"""The precision of the layers' arithmetic in training, where the recipe leaves it open."""

from collections.abc import Iterable

import torch
from torch import nn

from resiliency.devices.choice import bfloat16_in_hardware


def layer_precision(wanted: str, networks: Iterable[nn.Module], device: torch.device) -> str:
    """float32 or bfloat16: what the recipe wants, and for "auto" what suits the device.

    On a GPU that is bfloat16. On a CPU it is bfloat16 if the processor multiplies in it and all `networks` are of those
    that it makes faster (`tests/benchmarks/training.py` measures it), else float32. It depends on nothing else, so that
    trainings on equal processors give equal members.
    """
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bfloat16"
    return "bfloat16" if bfloat16_in_hardware() and all(map(_is_faster_in_bfloat16, networks)) else "float32"


def _is_faster_in_bfloat16(network: nn.Module) -> bool:
    """Whether its work is in convolutions, none of them depthwise: for these and for attention, casts take longer."""
    layers = list(network.modules())
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    depthwise = any(layer.groups == layer.in_channels > 1 for layer in convolutions)
    return len(convolutions) > sum(isinstance(layer, nn.Linear) for layer in layers) and not depthwise
