"""Trainings of tiny networks on images that are easy to tell apart."""

from functools import partial

import numpy as np
import torch
from torch import nn

from resiliency.training.engine import LabelledImages, Preprocessing, Trainer
from resiliency.training.objectives import cross_entropy
from resiliency.training.settings import Recipe

single = partial(cross_entropy, smoothing=0)


def train(networks, loss, recipe, training, validation, seed=0, checkpoint=None) -> list[dict]:
    classes = int(training.labels.max()) + 1
    return Trainer(networks, loss, recipe, PREPROCESSING, classes, seed).train(
        training, validation, checkpoint
    )


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 64, 2),
    )


def separable(count: int = 64) -> LabelledImages:
    """8x8 images of noise, those of class 1 brighter in the upper half and darker in the lower."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    images = random.normal(128, 20, (count, 8, 8, 3))
    images[labels == 1, :4] += 60
    images[labels == 1, 4:] -= 60
    return LabelledImages(images.clip(0, 255).astype(np.uint8), labels)


PREPROCESSING = Preprocessing([0.5] * 3, [0.25] * 3)

RECIPE = Recipe(epochs=4, batch_size=16, learning_rate=0.01, warmup_epochs=1, shift=1, flip=False)


def weights(members) -> torch.Tensor:
    return torch.cat(
        [tensor.flatten().float() for member in members for tensor in member.state_dict().values()]
    )
