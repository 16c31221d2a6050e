"""Times training against the loop that a user would write, in the same run, on the designs of the default study.

Run by hand: python tests/benchmarks/training.py [--epochs 6] [--threads 2]
The loop: a DataLoader with as many workers as threads, torchvision's v2 transforms of single images, timm's network in
float32 with contiguous memory. Both sides train the same architecture by the same recipe on the digits, a few epochs of
the one, then of the other; figures are training images a second, without the first epoch. Accuracy is that on the
validation images after the last epoch. The last line is JSON: `ratio` is the geometric mean over the
convolutional designs, `fixed_cost_s` the seconds from the start of a process to its first step.
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import geometric_mean, median
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from resiliency.data.digits import digits
from resiliency.data.source import ALL
from resiliency.data.split import split
from resiliency.designs.networks import build
from resiliency.study import load
from resiliency.training.engine import Trainer, cross_entropy
from resiliency.training.optimizer import learning_rate, optimizer
from resiliency.training.validation import Labelled, Preprocessing, accuracies

STUDY = load(yaml.safe_load(Path(__file__).parents[2].joinpath("config.yaml").read_text()))
TRANSFORMERS = ("vit", "vit_wide")
PREPROCESSING = Preprocessing([0.3] * 3, [0.35] * 3)
FIRST_STEP = """
import time
import numpy as np
from resiliency.designs.networks import build
from resiliency.training.engine import Trainer, cross_entropy
from resiliency.training.validation import Labelled, Preprocessing
from resiliency.training.settings import Recipe
network = build({description}, 10, 0)
data = Labelled(np.zeros((64, 32, 32, 3), np.uint8), np.arange(64) % 10)
def loss(*batch):
    print(time.time())
    return cross_entropy(*batch, smoothing=0)
recipe, preprocessing = Recipe(epochs=1, shift=2, flip=False), Preprocessing([0.3] * 3, [0.35] * 3)
Trainer([network], loss, recipe, preprocessing, 10, 0).train(data, data)
"""


class Digits(Dataset):
    """Single images, transformed as they are read."""

    def __init__(self, data: Labelled, shift: int):
        crop = [v2.RandomCrop(32, padding=shift, padding_mode="edge")] if shift else []
        last = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(PREPROCESSING.mean, PREPROCESSING.std)]
        self.data, self.transform = data, v2.Compose([v2.ToImage(), *crop, *last])

    def __len__(self) -> int:
        return len(self.data.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.data.images[index]), int(self.data.labels[index])


def usual(network, recipe, training: Labelled, workers: int) -> float:
    """Train `network` by the loop of a user; images a second, median of the epochs after the first."""
    loader = DataLoader(
        Digits(training, recipe.shift), recipe.batch_size, shuffle=True, drop_last=True, num_workers=workers,
        persistent_workers=workers > 0,
    )  # fmt: skip
    chosen, times, step = optimizer([network], recipe), [], 0
    for _ in range(recipe.epochs):
        start = perf_counter()
        network.train()
        for images, labels in loader:
            for group in chosen.param_groups:
                group["lr"] = learning_rate(recipe, step, len(loader))
            chosen.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            chosen.step()
            step += 1
        times.append(perf_counter() - start)
    return len(loader) * recipe.batch_size / median(times[1:])


def ours(network, recipe, training: Labelled) -> float:
    """Train `network` as the pipeline does; images a second, median of the epochs after the first."""
    steps = len(training.labels) // recipe.batch_size
    starts = []

    def loss(*batch):
        starts.append(perf_counter())
        return cross_entropy(*batch, smoothing=0)

    few = Labelled(training.images[:2], training.labels[:2])
    with contextlib.redirect_stdout(io.StringIO()):
        Trainer([network], loss, recipe, PREPROCESSING, 10, 0).train(training, few)
    epochs = np.diff(starts[::steps])
    return steps * recipe.batch_size / median(epochs[1:])


def compare(name: str, epochs: int, threads: int, training: Labelled, validation: Labelled) -> float:
    """Print a row about a design; the ratio of the rates."""
    recipe = STUDY.recipe(name).model_copy(update={"epochs": epochs})
    description = STUDY.designs[name].described(32)
    network, other = build(description, 10, 0), build(description, 10, 0).to(memory_format=torch.contiguous_format)
    rates = ours(network, recipe, training), usual(other, recipe, training, threads)
    right = accuracies([network, other], validation, PREPROCESSING)
    ratio = rates[0] / rates[1]
    print(f"{name:12} {rates[0]:8.0f} {rates[1]:8.0f} {ratio:6.2f} {right[0]:9.3f} {right[1]:9.3f}", flush=True)
    return ratio


def fixed_cost(name: str) -> float:
    """Seconds from the start of a process to the first step of training a design."""
    start = time.time()
    code = FIRST_STEP.format(description=STUDY.designs[name].described(32))
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return float(output.split()[0]) - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    part = digits(32).parts[ALL]
    chosen = split(part.labels, 180, 539, 0)
    training, validation = (
        Labelled(part.images[chosen[name]], part.labels[chosen[name]]) for name in ("train", "validation")
    )
    print(f"{'design':12} {'ours':>8} {'loop':>8} {'ratio':>6} {'accuracy':>9} {'of loop':>9}")
    ratios = {
        name: compare(name, arguments.epochs, arguments.threads, training, validation) for name in STUDY.members.designs
    }
    convolutional = geometric_mean(ratio for name, ratio in ratios.items() if name not in TRANSFORMERS)
    costs = [fixed_cost("resnet18") for _ in range(3)]
    rounded = {name: round(ratio, 2) for name, ratio in ratios.items()}
    print(
        json.dumps(
            {"ratio": round(convolutional, 2), "ratio_by_design": rounded, "fixed_cost_s": round(median(costs), 2)}
        )
    )


if __name__ == "__main__":
    main()
