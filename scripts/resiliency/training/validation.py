"""Images with labels, how networks see them, and the share of them that networks label right."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from resiliency.data.loading import batches, in_order
from resiliency.data.source import Images
from resiliency.designs.networks import normalised
from resiliency.devices.choice import inference
from resiliency.faults import Fault


class Labelled(NamedTuple):
    """N images with their labels, int64 N."""

    images: Images
    labels: np.ndarray


class Preprocessing(NamedTuple):
    """How images come to a network: normalised with mean and std per channel, decoded by so many workers."""

    mean: list[float]
    std: list[float]
    workers: int = 0


def accuracies(networks: list[nn.Module], data: Labelled, preprocessing: Preprocessing) -> list[float]:
    """Share of the images that each of `networks` labels right; leaves them in evaluation mode.

    Raises:
        Fault: a logit is NaN or infinite.
    """
    device = next(networks[0].parameters()).device
    labels = torch.from_numpy(np.array(data.labels)).to(device)
    order = in_order(len(labels), 256)
    right = torch.zeros(len(networks), dtype=torch.int64)
    for network in networks:
        network.eval()
    with inference():
        read = batches(data.images, order, device, preprocessing.workers)
        for images, truth in zip(read, labels.split(256), strict=True):
            images = normalised(images, preprocessing.mean, preprocessing.std)
            answers = torch.stack([network(images) for network in networks])
            if not torch.isfinite(answers).all():
                raise Fault("validation logits are not finite; lower learning_rate, set gradient_clip, or mend weights")
            right += (answers.argmax(-1) == truth).sum(1).cpu()
    return (right / len(labels)).tolist()
