"""Images with labels, how networks see them, and the share of them that networks label right."""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from resiliency.base.faults import Fault
from resiliency.data.loading import batches, in_order
from resiliency.data.pictures import View, images_in_views
from resiliency.data.source import Images
from resiliency.designs.networks import normalised
from resiliency.devices.choice import inference


class LabelledImages(NamedTuple):
    """N images with their labels, int64 N."""

    images: Images
    labels: np.ndarray


class Preprocessing(NamedTuple):
    """How images come to a network: in a view, decoded by so many workers, normalised with mean and std per channel.

    Without mean and std, what comes are features, float Bx1x1xD, and stays as it is.
    """

    mean: list[float] | None
    std: list[float] | None
    workers: int = 0
    view: View | None = None

    def normalised(self, images: Tensor) -> Tensor:
        """Images uint8 BxHxWx3 -> float32 Bx3xHxW."""
        return images if self.mean is None else normalised(images, self.mean, self.std)

    def in_view(self, images: Images, indices: np.ndarray) -> np.ndarray:
        """The images at `indices`, uint8 BxHxWx3."""
        return images_in_views(images, indices, [self.view])[0]


def accuracies(networks: list[nn.Module], data: LabelledImages, preprocessing: Preprocessing) -> list[float]:
    """Share of the images that each of `networks` labels right; leaves them in evaluation mode.

    Raises:
        Fault: a logit is NaN or infinite.
    """
    device = next(networks[0].parameters()).device
    labels = torch.from_numpy(np.array(data.labels)).to(device)
    order = in_order(len(labels), 256)
    correct = torch.zeros(len(networks), dtype=torch.int64)
    for network in networks:
        network.eval()
    with inference():
        read = partial(preprocessing.in_view, data.images)
        loaded = batches(data.images, order, device, preprocessing.workers, read)
        for images, truth in zip(loaded, labels.split(256), strict=True):
            images = preprocessing.normalised(images)
            logits = torch.stack([network(images) for network in networks])
            if not torch.isfinite(logits).all():
                raise Fault(
                    "validation logits contain NaN or infinity; lower learning_rate, set gradient_clip or check weights"
                )
            correct += (logits.argmax(-1) == truth).sum(1).cpu()
    return (correct / len(labels)).tolist()
