"""Tells where the time of a training step goes, for designs of a study on a CPU.

Run by hand: python tests/benchmarks/step_shares.py [--study traffic_signs] [--designs resnet_m vit_m] [--epochs 3]
A row per design: milliseconds of CPU time per step of one thread, and the percentage of each part. *Data* is drawing
and copying images, *augmentation* is shifting, mirroring and normalising them, *backward* includes the clipping of
gradients. Images are those of the digits, whatever the study. The last line is the mean of each part.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from time import process_time

import numpy as np
import torch
from shared import options, study
from shared_training import digit_images, preprocessing_of
from torch import Tensor, nn

from resiliency.base.machine import keep_freed_memory
from resiliency.designs.networks import build
from resiliency.training.checkpoints import LabelledImages
from resiliency.training.engine import Trainer, cross_entropy
from resiliency.training.settings import Recipe

PARTS = ("forward", "backward", "optimizer", "augmentation", "data")
CLASSES = 10


class ClockedTrainer(Trainer):
    """A trainer that adds up the CPU seconds of its parts in `spent`."""

    def __init__(self, network: nn.Module, recipe: Recipe, training: LabelledImages):
        self.spent = Counter()
        loss = partial(cross_entropy, smoothing=recipe.label_smoothing)
        preprocessing = preprocessing_of(training)
        super().__init__([network], self._clocked("forward", loss), recipe, preprocessing, CLASSES, 0)
        self.optimizer.step = self._clocked("optimizer", self.optimizer.step)

    def _clocked(self, part: str, work):
        def clocked(*arguments):
            start = process_time()
            result = work(*arguments)
            self.spent[part] += process_time() - start
            return result

        return clocked

    def _batches(self, *arguments) -> Iterator[tuple[int, Tensor, Tensor]]:
        loaded = super()._batches(*arguments)
        following = self._clocked("data", lambda: next(loaded, None))
        while batch := following():
            yield batch

    def _step(self, *arguments) -> Tensor:
        return self._clocked("step", super()._step)(*arguments)

    def _learn(self, *arguments) -> Tensor:
        return self._clocked("learning", super()._learn)(*arguments)


def shares(name: str, recipe: Recipe, description: dict, training: LabelledImages) -> np.ndarray:
    """Print the row of a design; the percentages of `PARTS`."""
    trainer = ClockedTrainer(build(description, CLASSES, 0), recipe, training)
    trainer.train(training, LabelledImages(training.images[:2], training.labels[:2]))
    spent = trainer.spent
    spent["augmentation"] = spent["step"] - spent["learning"]
    spent["backward"] = spent["learning"] - spent["forward"] - spent["optimizer"]
    total = spent["step"] + spent["data"]
    steps = recipe.epochs * (len(training.labels) // recipe.batch_size)
    percent = np.array([100 * spent[part] / total for part in PARTS])
    print(f"{name:20} {1000 * total / steps:8.1f}", *(f"{value:15.0f}" for value in percent), flush=True)
    return percent


def main() -> None:
    parser = options(__doc__, epochs=3)
    parser.add_argument("--study", default="")
    parser.add_argument("--designs", nargs="+")
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    chosen, training = study(given.study), digit_images()[0]
    print(f"{'design':20} {'ms':>8}", *(f"{f'{part}, %':>15}" for part in PARTS))
    rows = [
        shares(
            name,
            chosen.recipe(name).model_copy(update={"epochs": given.epochs, "warmup_epochs": 1}),
            chosen.designs[name].description(32),
            training,
        )
        for name in given.designs or chosen.members.designs
    ]
    print(f"{'mean':29}", *(f"{value:15.0f}" for value in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
