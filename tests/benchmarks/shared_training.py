"""What benchmarks share that train networks: the images of the default study, and training without
a word."""

import contextlib
import io
from functools import partial
from time import process_time

import torch

from resiliency.data.reading import digits
from resiliency.data.source import ALL, SPLITS
from resiliency.data.split import split_indices
from resiliency.training.engine import LabelledImages, Loss, Preprocessing, Trainer
from resiliency.training.objectives import cross_entropy
from resiliency.training.settings import Recipe


def digit_images(seed: int = 0) -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """Training, validation and test images of the default study, split with this seed."""
    part = digits(32).parts[ALL]
    chosen = split_indices(part.labels, 180, 539, seed)
    return tuple(
        LabelledImages(part.images[chosen[name]], part.labels[chosen[name]]) for name in SPLITS
    )


def preprocessing_of(training: LabelledImages) -> Preprocessing:
    """That by the mean and the deviation of the training images."""
    return Preprocessing(
        *(getattr(training.images / 255, name)((0, 1, 2)).tolist() for name in ("mean", "std"))
    )


def train(
    network: torch.nn.Module,
    recipe: Recipe,
    preprocessing: Preprocessing,
    training: LabelledImages,
    validation: LabelledImages | None = None,
    classes: int = 10,
    seed: int = 0,
    loss: Loss | None = None,
) -> tuple[list[dict], float]:
    """Train a network without a word; its history, and seconds of CPU time.

    Args:
        validation: images to validate with; unless given, two of the training images, which take no
            time.
        loss: cross-entropy unless given.
    """
    loss = loss or partial(cross_entropy, smoothing=recipe.label_smoothing)
    validation = validation or LabelledImages(training.images[:2], training.labels[:2])
    start = process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        trainer = Trainer([network], loss, recipe, preprocessing, classes, seed)
        history = trainer.train(training, validation)
    return history, process_time() - start
