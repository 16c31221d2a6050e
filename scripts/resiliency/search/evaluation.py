"""Evaluation of a sub-network: batch-norm statistics of its own, then its predictions on the validation images."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from resiliency.data.loading import batches, in_order
from resiliency.designs.members import Member
from resiliency.designs.networks import normalised
from resiliency.devices.choice import inference, offered_precision
from resiliency.metrics.classification import softmax
from resiliency.prediction.writing import logits
from resiliency.search.network import Residual
from resiliency.search.space import Space
from resiliency.search.supernet import Supernetwork, extract
from resiliency.training.validation import LabelledImages, Preprocessing

BATCH = 128


class Evaluator:
    """Makes and evaluates sub-networks of a trained super-network.

    Args:
        calibration: P training images that batch-norm statistics are estimated on, as they are.
        validation: images that no network was trained on.
        precision: of `inference`, of all that is computed; float32 where the device does not offer it.
    """

    def __init__(
        self,
        network: Supernetwork,
        space: Space,
        calibration: np.ndarray,
        validation: LabelledImages,
        preprocessing: Preprocessing,
        precision: str = "float32",
    ):
        self.supernetwork, self.space, self.calibration = network, space, calibration
        self.validation, self.preprocessing = validation, preprocessing
        self.precision = offered_precision(precision)

    def network(self, genes: np.ndarray) -> Residual:
        """A sub-network as an ordinary network, with batch-norm statistics of its own, in evaluation mode."""
        network = extract(self.supernetwork, self.space.shape(genes))
        device = network.fc.weight.device
        read = batches(self.calibration, in_order(len(self.calibration), BATCH), device, workers=0)
        images = (normalised(batch, self.preprocessing.mean, self.preprocessing.std) for batch in read)
        with inference(self.precision):
            recalibrate(network, images)
        return network

    def probabilities(self, genes: np.ndarray) -> np.ndarray:
        """Probabilities float32 NxK that a sub-network gives the validation images."""
        member = self.network(genes), Member("a sub-network", mean=self.preprocessing.mean, std=self.preprocessing.std)
        batches_of_logits = logits([member], self.validation.images, self.preprocessing.workers, self.precision)
        return softmax(np.concatenate([batch[0] for batch in batches_of_logits]))


def recalibrate(network: nn.Module, images: Iterable[Tensor]) -> None:
    """Replace batch-norm statistics by the means over these batches; leaves the network in evaluation mode.

    A sub-network sees other activations than those that the statistics of the super-network are of (Yu and Huang,
    Universally Slimmable Networks, 2019).

    Args:
        images: batches float Bx3xHxW, normalised.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
    network.train()
    with torch.no_grad():
        for number, batch in enumerate(images, start=1):
            for norm in norms:
                norm.momentum = 1 / number  # a cumulative mean; of momentum None each norm would wait for the device
            network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
