"""Compares recipes for the CIFAR-10 study with a long one of small batches, on a subset and small networks.

Run by hand, with a folder train/<class>/*, test/<class>/* of 32 px images (four hours on one core):
python tests/benchmarks/recipes.py FOLDER [--recipes muon] [--designs resnet18 convnext vit] [--seeds 0] [--write]
So many training images are drawn by class. Batches shrink with their number, from those of the 45,000 that the study
trains on, so that all recipes keep their steps, and steps an epoch; so do the learning rates of SGD. Designs are
narrow ones of six families. Accuracy is that on the test images, clean and as the mean under four corruptions at
severity 3 of CIFAR-10-C. docs/results/gpu_hours.md shows what is kept.
"""

import json
from functools import partial
from pathlib import Path

import numpy as np
import torch
from shared import beside, options, replaced, timed, write_rows
from shared_training import preprocessing_of, train
from torch import nn

from resiliency.corruptions.engine import corrupt
from resiliency.data.folder import image_folder
from resiliency.data.split import split_indices
from resiliency.designs.networks import build
from resiliency.training.settings import Recipe
from resiliency.training.validation import LabelledImages, Preprocessing, accuracies

ROWS = beside(__file__, "recipe_rows.json")
RECIPES = ("long", "short", "muon")
TRAINED_ON, TESTED = 45_000, 5_000
CORRUPTIONS = ("gaussian_noise", "fog", "contrast", "pixelate")
LONG = {"epochs": 100, "batch_size": 128, "learning_rate": 0.002, "warmup_epochs": 5}
SHORT = {"epochs": 40, "batch_size": 512, "learning_rate": 0.004, "warmup_epochs": 4}
# Rates of SGD grow with the batch, so that a subset has that of its smaller batches.
SHORT_SGD = SHORT | {"optimizer": "sgd", "learning_rate": 0.4, "weight_decay": 0.0005}
MUON = LONG | {"optimizer": "muon", "epochs": 40, "learning_rate": 0.004, "warmup_epochs": 2, "gradient_clip": 1.0}
VIT_LONG = LONG | {"epochs": 200, "learning_rate": 0.001, "gradient_clip": 1.0}
VIT_SHORT = SHORT | {"epochs": 90, "learning_rate": 0.002, "gradient_clip": 1.0}
RESNET = {"channels": [16, 32, 64, 128]}
DENSENET = {"growth_rate": 8, "block_config": [4, 4, 4]}
REGNET = {"stem_width": 24, "depth": 6, "w0": 24, "wa": 36.0, "wm": 2.2, "group_size": 8}
CONVNEXT = {"patch_size": 2, "depths": [1, 1, 2, 1], "dims": [16, 32, 64, 128]}
VIT = {"img_size": 32, "patch_size": 8, "embed_dim": 96, "depth": 4, "num_heads": 3}
# Architecture, arguments, stem, and the long and the short recipe.
DESIGNS = {
    "resnet18": ("resnet18", RESNET, "original", LONG, SHORT_SGD),
    "densenet": ("densenet121", DENSENET, "adapted", LONG, SHORT_SGD),
    "regnet": ("regnetx_002", REGNET, "adapted", LONG, SHORT_SGD),
    "mobilenetv3": ("mobilenetv3_small_050", {}, "adapted", LONG, SHORT_SGD),
    "convnext": ("convnext_atto", CONVNEXT, "original", LONG, SHORT),
    "vit": ("vit_tiny_patch16_224", VIT, "original", VIT_LONG, VIT_SHORT),
}


def read(folder: Path, count: int) -> tuple[LabelledImages, LabelledImages]:
    """`count` training images, as many of each class, and all test images."""
    source = image_folder(folder, 32, 1)
    train, test = (source.parts[name] for name in ("train", "test"))
    left = len(train.labels) - count
    chosen = split_indices(train.labels, left, 0, 0)["train"] if left else np.arange(count)
    images = [
        part.images[np.arange(len(part.labels))[indices]] for part, indices in ((train, chosen), (test, slice(None)))
    ]
    return LabelledImages(images[0], train.labels[chosen]), LabelledImages(images[1], test.labels)


def under_corruptions(test: LabelledImages) -> list[LabelledImages]:
    """Test images clean and under each of `CORRUPTIONS`."""
    changed = [corrupt(test.images, name, 3, table="cifar-10-c", seed=0) for name in CORRUPTIONS]
    return [test, *(LabelledImages(images, test.labels) for images in changed)]


def clean_and_corrupted(network: nn.Module, tests: list[LabelledImages], preprocessing: Preprocessing) -> list[float]:
    """Accuracy on the first of `tests`, and its mean over the others."""
    clean, *corrupted = (accuracies([network], test, preprocessing)[0] for test in tests)
    return [clean, float(np.mean(corrupted))]


def scores(
    name: str,
    values: dict,
    seed: int,
    training: LabelledImages,
    tests: list[LabelledImages],
    preprocessing: Preprocessing,
) -> list[float]:
    """Clean accuracy, and the mean of that under corruptions, of a design trained by a recipe."""
    architecture, arguments, stem, _, _ = DESIGNS[name]
    share = len(training.labels) / TRAINED_ON
    changed = {"batch_size": round(values["batch_size"] * share), "shift": 4, "flip": True}
    if values.get("optimizer") == "sgd":
        changed["learning_rate"] = values["learning_rate"] * share
    recipe = Recipe(**values | changed)
    description = {"architecture": architecture, "factory": None, "arguments": arguments, "stem": stem, "side": 32}
    network = build(description, 10, seed)
    train(network, recipe, preprocessing, training, seed=seed)
    return clean_and_corrupted(network, tests, preprocessing)


def recipes_of(name: str) -> dict[str, dict]:
    """The recipes of a design."""
    long, short = DESIGNS[name][3:]
    return {"long": long, "short": short, "muon": MUON}


def kept(rows: list[dict], new: dict) -> list[dict]:
    """`rows` with `new`, added to that of the same design and seed, in the order of `DESIGNS`."""
    alike = ("design", "seed")
    old = next((row for row in rows if all(row[key] == new[key] for key in alike)), {})
    rows = replaced(rows, old | new, alike)
    return sorted(rows, key=lambda row: (list(DESIGNS).index(row["design"]), row["seed"]))


def main() -> None:
    parser = options(__doc__, images=10_000)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--designs", nargs="+", choices=DESIGNS, default=list(DESIGNS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=RECIPES)
    parser.add_argument("--changes", type=json.loads, default={}, help="what differs from these recipes, as JSON")
    parser.add_argument("--write", action="store_true", help=f"keep the accuracies in {ROWS.name}")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    training, test = read(arguments.folder, arguments.images)
    if len(test.labels) != TESTED:
        parser.error(f"{arguments.folder}/test holds {len(test.labels):,} images; {TESTED:,} are needed")
    preprocessing = preprocessing_of(training)
    tests = under_corruptions(test)
    print(f"{len(training.labels)} training and {len(test.labels)} test images")
    for name in arguments.designs:
        for seed in arguments.seeds:
            row = {"design": name, "seed": seed, "images": len(training.labels)}
            for label in arguments.recipes:
                values = recipes_of(name)[label] | arguments.changes
                reached, seconds = timed(partial(scores, name, values, seed, training, tests, preprocessing))
                row[label] = np.round(reached, 4).tolist()
                print(f"{name:11} seed {seed} {label:6} clean, corrupted {row[label]}; {seconds:.0f} CPU s", flush=True)
            if arguments.write:
                write_rows(ROWS, kept(json.loads(ROWS.read_text()), row))


if __name__ == "__main__":
    main()
