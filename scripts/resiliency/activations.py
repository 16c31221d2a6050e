"""What a member represents inside: Gram matrices of its feature stages."""

import numpy as np
from torch import nn

from resiliency.data.loading import batches, in_order
from resiliency.data.pictures import images_in_views
from resiliency.designs.networks import normalised
from resiliency.designs.stages import feature_stages, watched_stages
from resiliency.designs.views import view_of
from resiliency.devices.choice import inference
from resiliency.diversity.gram import gram
from resiliency.prediction.writing import Classifier

BATCH = 64
PARTS = 3


def stage_grams(member: Classifier, images: np.ndarray) -> np.ndarray:
    """Gram matrices of the first, the middle and the last feature stage of a member, on the same images.

    Linear CKA needs no more, and is not told the size of maps, which differs between networks. The images go through
    the network once for each stage, so that the features of but one are in memory.

    Args:
        images: uint8 N x H x W x 3; resized where the member sees them in a view.

    Returns:
        float32 3 x N x N, each scaled to a largest absolute value of 1; NaN for a network whose stages are not known.
    """
    stages = feature_stages(member[0])
    (images,) = images_in_views(images, slice(None), [view_of(member[1])])
    names = list(stages)
    if not names:
        return np.full((PARTS, len(images), len(images)), np.nan, np.float32)
    grams = []
    for name in (names[0], names[(len(names) - 1) // 2], names[-1]):
        inner = gram(_features(member, stages[name], images))
        grams.append(inner / max(np.abs(inner).max(), np.finfo(float).tiny))
    return np.stack(grams).astype(np.float32)


def _features(member: Classifier, stage: nn.Module, images: np.ndarray) -> np.ndarray:
    """Output of `stage` for all images, flattened: float32 N x D, in memory once."""
    network, description = member
    device = next(network.parameters()).device
    order = in_order(len(images), BATCH)
    features = np.empty((0, 0), np.float32)
    for chosen, batch in zip(order, batches(images, order, device, workers=0), strict=True):
        with inference(), watched_stages({"stage": stage}) as outputs:
            network(normalised(batch, description.mean, description.std))
        part = outputs["stage"].flatten(1).float().cpu().numpy()
        if not features.size:
            features = np.empty((len(images), part.shape[1]), np.float32)
        features[chosen] = part
    return features
