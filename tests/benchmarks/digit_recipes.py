"""Compares optimizers, rates and numbers of epochs on the designs and images of the default study.

Run by hand, in about a second of CPU time per epoch and member, with one or more recipes, in JSON:
python tests/benchmarks/digit_recipes.py '{"optimizer": "muon", "epochs": 6}' ... [--designs resnet18 vit] [--seeds 0 1]
A recipe names what differs from config.yaml; `others` in it has the epochs of families with more of their own. A run is
added to digit_recipe_rows.json, in place of an earlier one of the same recipe, design and seed, and the page
docs/results/digit_recipes.md is written from all rows; without recipes it is only written. Accuracy is that on the test
images, clean and under all 15 corruptions, where each fifth of the images has a severity of its own.
"""

import argparse
import contextlib
import io
import json
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import torch
import yaml
from scipy.stats import t

from resiliency.corruptions.engine import corrupt
from resiliency.data.digits import digits
from resiliency.data.source import ALL
from resiliency.data.split import split
from resiliency.designs.networks import build
from resiliency.devices.allocation import keep_freed_memory
from resiliency.study.loading import load
from resiliency.training.engine import Trainer, cross_entropy
from resiliency.training.settings import Recipe
from resiliency.training.validation import Labelled, Preprocessing, accuracies

ROOT = Path(__file__).parents[2]
ROWS = Path(__file__).parent / "digit_recipe_rows.json"
PAGE = ROOT / "docs/results/digit_recipes.md"
STUDY = load(yaml.safe_load((ROOT / "config.yaml").read_text()))
TEXT = """# Optimizers on the digits

`python tests/benchmarks/digit_recipes.py` trained {designs} designs of the default study with each recipe.
Brackets give the epochs of families with more of their own. Accuracies are means over members, in per cent, on clean
test images and under all 15 corruptions at five severities. Points are paired differences from the first recipe, with
95% intervals over members. CPU time is the mean per member on one core.

{table}
"""


class Data:
    """Images of the study: training, validation and test images, and the test images under each corruption."""

    def __init__(self):
        part = digits(32).parts[ALL]
        chosen = split(part.labels, 180, 539, 0)
        train, self.validation, test = (
            Labelled(part.images[chosen[name]], part.labels[chosen[name]]) for name in ("train", "validation", "test")
        )
        self.train, self.tests = train, [test]
        mean, std = (getattr(train.images / 255, statistic)((0, 1, 2)).tolist() for statistic in ("mean", "std"))
        self.preprocessing = Preprocessing(mean, std)
        for name in STUDY.corruptions.names:
            images = test.images.copy()
            for severity in range(1, 6):
                own = slice(severity - 1, None, 5)
                images[own] = corrupt(test.images[own], name, severity, table="cifar-10-c", seed=0)
            self.tests.append(Labelled(images, test.labels))


def recipe_of(design: str, changes: dict) -> Recipe:
    """The recipe of a design of the study with `changes`."""
    own = {key: value for key, value in changes.items() if key != "others"}
    architecture = STUDY.designs[design].architecture.partition("_")[0]
    if architecture in changes.get("others", {}):
        own["epochs"] = changes["others"][architecture]
    return STUDY.recipe(design).model_copy(update=own)


def run(design: str, changes: dict, seed: int, data: Data) -> dict:
    """A row: what was run, accuracies clean and corrupted, and the CPU seconds of training."""
    network = build(STUDY.designs[design].described(32), 10, seed)
    recipe, started = recipe_of(design, changes), process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        trainer = Trainer([network], partial(cross_entropy, smoothing=0), recipe, data.preprocessing, 10, seed)
        trainer.train(data.train, data.validation)
    seconds = process_time() - started
    clean, *corrupted = (accuracies([network], test, data.preprocessing)[0] for test in data.tests)
    scores = {"clean": round(clean, 4), "corrupted": round(float(np.mean(corrupted)), 4), "seconds": round(seconds, 1)}
    return {"recipe": changes, "design": design, "seed": seed} | scores


def kept(rows: list[dict], new: dict) -> list[dict]:
    """`rows` with `new`, which takes the place of that of the same recipe, design and seed."""
    alike = ("recipe", "design", "seed")
    return [row for row in rows if any(row[key] != new[key] for key in alike)] + [new]


def table(rows: list[dict]) -> list[list[str]]:
    """Header and a row per recipe; the first recipe of `rows` is that which others are compared with."""
    frame = pd.DataFrame(rows).assign(recipe=[named(row["recipe"]) for row in rows])
    runs = {name: group.set_index(["design", "seed"]) for name, group in frame.groupby("recipe", sort=False)}
    first = next(iter(runs.values()))
    lines = [["recipe", "members", "clean", "points", "corrupted", "points", "CPU s"]]
    for name, group in runs.items():
        cells = [name, str(len(group))]
        for score in ("clean", "corrupted"):
            differences = 100 * (group[score] - first[score]).dropna()
            half = t.ppf(0.975, len(differences) - 1) * differences.sem()
            points = f"{differences.mean():+.1f} ± {half:.1f}".replace("-", "−") if group is not first else ""
            cells += [f"{100 * group[score].mean():.1f}", points]
        lines.append([*cells, f"{group['seconds'].mean():.1f}"])
    return lines


def named(changes: dict) -> str:
    recipe = Recipe(**STUDY.training.model_dump() | {k: v for k, v in changes.items() if k != "others"})
    brackets = ", ".join(f"{family} {epochs}" for family, epochs in changes.get("others", {}).items())
    return f"{recipe.optimizer}, rate {recipe.learning_rate:g}, {recipe.epochs} epochs" + f" ({brackets})" * bool(
        brackets
    )


def page(rows: list[dict]) -> str:
    header, *lines = table(rows)
    text = [header, ["---", *["---:"] * (len(header) - 1)], *lines]
    designs = len({row["design"] for row in rows})
    return TEXT.format(designs=designs, table="\n".join(f"| {' | '.join(line)} |" for line in text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", type=json.loads)
    parser.add_argument("--designs", nargs="+", default=list(STUDY.designs))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    rows = json.loads(ROWS.read_text()) if ROWS.exists() else []
    data = Data() if arguments.recipes else None
    for changes in arguments.recipes:
        for seed in arguments.seeds:
            for design in arguments.designs:
                rows = kept(rows, run(design, changes, seed, data))
                print(rows[-1], flush=True)
                ROWS.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
    PAGE.write_text(page(rows))


if __name__ == "__main__":
    main()
