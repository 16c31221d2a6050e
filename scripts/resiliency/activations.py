"""What a member represents inside: Gram matrices of its feature stages."""

import numpy as np
import torch

from resiliency.data.loading import batches, in_order
from resiliency.designs.networks import normalised
from resiliency.designs.stages import feature_stages, watched
from resiliency.device import inference
from resiliency.diversity.gram import gram
from resiliency.prediction import Member

BATCH = 64
PARTS = 3


def stage_grams(member: Member, images: np.ndarray) -> np.ndarray:
    """Gram matrices of the first, the middle and the last feature stage of a member, on the same images.

    Linear CKA needs no more, and is not told the size of maps, which differs between networks. The images go through
    the network once for each stage, so that the features of but one are in memory.

    Args:
        images: uint8 N x H x W x 3.

    Returns:
        float32 3 x N x N, each scaled to a largest absolute value of 1; NaN for a network whose stages are not known.
    """
    network, known = member
    stages = feature_stages(network)
    names = list(stages)
    if not names:
        return np.full((PARTS, len(images), len(images)), np.nan, np.float32)
    device = next(network.parameters()).device
    grams = []
    for name in (names[0], names[(len(names) - 1) // 2], names[-1]):
        parts = []
        for batch in batches(images, in_order(len(images), BATCH), device, workers=0):
            with inference(), watched({name: stages[name]}) as found:
                network(normalised(batch, known["mean"], known["std"]))
            parts.append(found[name].flatten(1).float().cpu())
        inner = gram(torch.cat(parts).numpy())
        grams.append(inner / max(np.abs(inner).max(), np.finfo(float).tiny))
    return np.stack(grams).astype(np.float32)
