"""Sizes of timm's networks, counted without memory for their weights."""

import torch

from resiliency.designs.networks import parameters_and_macs
from resiliency.devices.eager import timm


def parameters_and_macs_of(architecture: str, image_size: int | None = None) -> tuple[int, int]:
    """Parameters of timm's network with its own number of classes, and its MACs for one image.

    Args:
        image_size: side in pixels; by default that of the images which timm has weights for.
    """
    with torch.device("meta"):
        network = timm.create_model(architecture)
        side = image_size or network.pretrained_cfg["input_size"][-1]
        return parameters_and_macs(network, [side, side, 3])
