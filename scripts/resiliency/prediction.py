"""What a member says of images, and what it represents them by."""

import numpy as np
import torch
from torch import nn

from resiliency.designs.networks import normalised, penultimate

BATCH = 256


def logits(network: nn.Module, member: dict, images: np.ndarray) -> np.ndarray:
    """Logits float16 N x K of `images` (uint8 NxHxWx3)."""
    return _over_batches(network, member, images, network).astype(np.float16)


def features(network: nn.Module, member: dict, images: np.ndarray) -> np.ndarray:
    """Penultimate features float32 N x D of `images` (uint8 NxHxWx3)."""
    return _over_batches(network, member, images, lambda batch: penultimate(network, batch))


def _over_batches(network, member, images, function) -> np.ndarray:
    device = next(network.parameters()).device
    with torch.inference_mode():
        parts = [
            function(normalised(torch.tensor(images[start : start + BATCH], device=device), member)).float().cpu()
            for start in range(0, len(images), BATCH)
        ]
    return torch.cat(parts).numpy()
