"""Compares a short recipe of large batches with that of studies/cifar10.yaml, on a subset and small networks.

Run by hand, with a folder train/<class>/*, test/<class>/* of 32 px images (about an hour on one core):
python tests/benchmarks/recipes.py FOLDER [--images 10000] [--designs resnet18 convnext vit] [--seeds 0]
So many training images are drawn by class. Batches shrink with their number, from those of the 45,000 that the study
trains on, so that both recipes keep their steps, and steps an epoch; learning rates stay. Designs are narrow ones of
three families. Accuracy is that on the test images, clean and as the mean under four corruptions at severity 3 of
CIFAR-10-C. The last line is JSON: design -> [clean, corrupted] accuracy of the short recipe minus that of the long one.
"""

import argparse
import contextlib
import io
import json
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from resiliency.corruptions.engine import corrupt
from resiliency.data.folder import image_folder
from resiliency.data.split import split
from resiliency.designs.networks import build
from resiliency.training.engine import Trainer, cross_entropy
from resiliency.training.settings import Recipe
from resiliency.training.validation import Labelled, Preprocessing, accuracies

TRAINED_ON = 45_000
CORRUPTIONS = ("gaussian_noise", "fog", "contrast", "pixelate")
LONG = {"epochs": 100, "batch_size": 128, "learning_rate": 0.002, "warmup_epochs": 5}
SHORT = {"epochs": 40, "batch_size": 512, "learning_rate": 0.004, "warmup_epochs": 4}
VIT_LONG = LONG | {"epochs": 200, "learning_rate": 0.001, "gradient_clip": 1.0}
VIT_SHORT = SHORT | {"epochs": 90, "learning_rate": 0.002, "gradient_clip": 1.0}
DESIGNS = {
    "resnet18": ("resnet18", {"channels": [16, 32, 64, 128]}, LONG, SHORT, "bfloat16"),
    "convnext": (
        "convnext_atto",
        {"patch_size": 2, "depths": [1, 1, 2, 1], "dims": [16, 32, 64, 128]},
        LONG,
        SHORT,
        "float32",
    ),
    "vit": (
        "vit_tiny_patch16_224",
        {"img_size": 32, "patch_size": 8, "embed_dim": 96, "depth": 4, "num_heads": 3},
        VIT_LONG,
        VIT_SHORT,
        "float32",
    ),
}


def read(folder: Path, count: int) -> tuple[Labelled, Labelled]:
    """`count` training images, as many of each class, and all test images."""
    source = image_folder(folder, 32, 1)
    train, test = (source.parts[name] for name in ("train", "test"))
    left = len(train.labels) - count
    chosen = split(train.labels, left, 0, 0)["train"] if left else np.arange(count)
    images = [
        part.images[np.arange(len(part.labels))[indices]] for part, indices in ((train, chosen), (test, slice(None)))
    ]
    return Labelled(images[0], train.labels[chosen]), Labelled(images[1], test.labels)


def scores(
    name: str, values: dict, seed: int, training: Labelled, tests: list[Labelled], preprocessing: Preprocessing
) -> list[float]:
    """Clean accuracy, and the mean of that under corruptions, of a design trained by a recipe."""
    architecture, arguments, _, _, precision = DESIGNS[name]
    batch = round(values["batch_size"] * len(training.labels) / TRAINED_ON)
    recipe = Recipe(**values | {"batch_size": batch, "shift": 4, "flip": True, "precision": precision})
    description = {"architecture": architecture, "factory": None, "arguments": arguments, "stem": "original"}
    network = build(description, 10, seed)
    few = Labelled(training.images[:2], training.labels[:2])
    with contextlib.redirect_stdout(io.StringIO()):
        Trainer([network], partial(cross_entropy, smoothing=0), recipe, preprocessing, 10, seed).train(training, few)
    clean, *corrupted = (accuracies([network], test, preprocessing)[0] for test in tests)
    return [clean, float(np.mean(corrupted))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--designs", nargs="+", choices=DESIGNS, default=list(DESIGNS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--short", type=json.loads, default={}, help="what differs from the short recipe, as JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    training, test = read(arguments.folder, arguments.images)
    mean, std = (getattr(training.images / 255, f)((0, 1, 2)).tolist() for f in ("mean", "std"))
    tests = [test] + [
        Labelled(corrupt(test.images, corruption, 3, table="cifar-10-c", seed=0), test.labels)
        for corruption in CORRUPTIONS
    ]
    print(f"{len(training.labels)} training and {len(test.labels)} test images")
    differences = {}
    for name in arguments.designs:
        results = []
        for seed in arguments.seeds:
            for label, values in (("long", DESIGNS[name][2]), ("short", DESIGNS[name][3] | arguments.short)):
                start = perf_counter()
                results.append(scores(name, values, seed, training, tests, Preprocessing(mean, std)))
                seconds = perf_counter() - start
                print(
                    f"{name:9} seed {seed} {label:6} clean, corrupted {np.round(results[-1], 4)}; {seconds:.0f} s",
                    flush=True,
                )
        differences[name] = np.round(np.mean(np.subtract(results[1::2], results[::2]), axis=0), 4).tolist()
    print(json.dumps(differences))


if __name__ == "__main__":
    main()
