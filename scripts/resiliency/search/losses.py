"""Losses that train a super-network: in each step the largest sub-network, and others that learn from it."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resiliency.search.space import Space
from resiliency.search.supernet import Supernetwork
from resiliency.training.engine import Loss


def supernet_loss(
    space: Space, strategy: str, random_subnetworks: int, images: int, smoothing: float, phases: list[list[str]]
) -> Loss:
    """The loss of one super-network, a sum over sub-networks: cross-entropy of the largest one with the labels, and of
    the others with its probabilities, in float32, which are not learned from them (in-place distillation).

    "sandwich": the others are the smallest one and `random_subnetworks` random ones (Yu et al., BigNAS, 2020).
    "progressive": they are `random_subnetworks` random ones of the dimensions of a phase; phases take equal shares of
    the training (progressive shrinking; Cai et al., Once-for-All, 2020).

    Sub-networks are drawn from the seed of the step, as which torch's generator is seeded: the same in all parts of a
    batch, and after an interruption.

    Args:
        images: training images in all steps.
        smoothing: of the labels.
        phases: the elastic dimensions of each phase of "progressive".
    """

    def others(network: Supernetwork) -> Iterator[np.ndarray]:
        random = np.random.default_rng(torch.initial_seed())
        dimensions = None
        if strategy == "progressive":
            dimensions = phases[min(int(network.seen) * len(phases) // images, len(phases) - 1)]
        else:
            yield space.sizes - 1
        if dimensions != []:
            for _ in range(random_subnetworks):
                yield space.random(random, dimensions)

    def loss(networks: list[nn.Module], batch: Tensor, labels: Tensor) -> Tensor:
        network = networks[0]
        network.activate(space.largest)
        logits = network(batch)
        value = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        target = logits.detach().float().softmax(dim=1)
        for genes in others(network):
            network.activate(space.shape(genes), follow=False)
            value = value + F.cross_entropy(network(batch), target)
        network.activate(space.largest)
        network.seen += len(batch)
        return value

    return loss


def progressive_phases(dimensions: list[str], started: bool) -> list[list[str]]:
    """The elastic dimensions of each phase, one more in each: kernel, then depth, then width.

    From random weights, the largest sub-network learns alone in the first phase.
    """
    order = [name for name in ("kernel", "depth", "width") if name in dimensions]
    phases = [order[: number + 1] for number in range(len(order))]
    return phases if started and phases else [[], *phases]


def training_macs(space: Space, strategy: str, random_subnetworks: int, phases: list[list[str]]) -> int:
    """Multiply-accumulate operations of the forward passes of one training image, in expectation over 256 draws."""
    random = np.random.default_rng(0)

    def mean(dimensions: list[str] | None) -> float:
        return float(np.mean([space.macs(space.random(random, dimensions)) for _ in range(256)]))

    largest = space.macs(0 * space.sizes)
    if strategy == "sandwich":
        return round(largest + space.macs(space.sizes - 1) + random_subnetworks * mean(None))
    return round(largest + random_subnetworks * np.mean([mean(phase) if phase else 0 for phase in phases]))
