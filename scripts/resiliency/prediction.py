"""What members say of images, and what they represent them by."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from resiliency.data.loading import batches, in_order
from resiliency.data.source import Images
from resiliency.designs.networks import normalised, penultimate

BATCH = 256

Member = tuple[nn.Module, dict]


def logits(members: list[Member], images: Images, workers: int = 0) -> Iterator[list[np.ndarray]]:
    """Logits of `images`, batch after batch: for each member float16 BxK.

    Images are read once for all members.

    Args:
        members: networks, on one device, with their descriptions.
        images: N of them.
        workers: processes that decode image files.
    """
    device = next(members[0][0].parameters()).device
    with torch.inference_mode():
        for batch in batches(images, in_order(len(images), BATCH), device, workers):
            yield [
                network(normalised(batch, member["mean"], member["std"])).cpu().numpy().astype(np.float16)
                for network, member in members
            ]


def features(member: Member, images: np.ndarray) -> np.ndarray:
    """Penultimate features float32 NxD of `images` (uint8 NxHxWx3)."""
    network, known = member
    device = next(network.parameters()).device
    with torch.inference_mode():
        parts = [
            penultimate(network, normalised(batch, known["mean"], known["std"])).float().cpu()
            for batch in batches(images, in_order(len(images), BATCH), device, workers=0)
        ]
    return torch.cat(parts).numpy()
