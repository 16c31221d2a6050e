"""Compares optimizers, rates and numbers of epochs on the designs and images of the default study.

Run by hand, in about a second of CPU time per epoch and member, with one or more recipes, in JSON:
python tests/benchmarks/digit_recipes.py '{"optimizer": "muon", "epochs": 6}' ... [--designs resnet18 vit] [--seeds 0 1]
A recipe names what differs from config.yaml; `others` in it has the epochs of families with more of their own. A run is
added to digit_recipe_rows.json, in place of an earlier one of the same recipe, design and seed, and the page
docs/results/digit_recipes.md is written from all rows; without recipes it is only written. Accuracy is that on the test
images, clean and under all 15 corruptions, where each fifth of the images has a severity of its own.
"""

import json

import pandas as pd
import torch
from recipes import clean_and_corrupted
from scipy.stats import t
from shared import RESULTS, beside, options, replaced, signed, study, write_rows
from shared import table as markdown_table
from shared_training import corrupted, digit_images, preprocessing_of, train

from resiliency.designs.networks import build
from resiliency.devices.allocation import keep_freed_memory
from resiliency.training.settings import Recipe

PAGE = RESULTS / "digit_recipes.md"
ROWS, TEMPLATE = (beside(__file__, name) for name in ("digit_recipe_rows.json", "digit_recipes.md.template"))
ALIKE = ("recipe", "design", "seed")
STUDY = study()


class Data:
    """Images of the study: training, validation and test images, and the test images under each corruption."""

    def __init__(self):
        self.train, self.validation, test = digit_images()
        self.preprocessing = preprocessing_of(self.train)
        self.tests = [test, *(corrupted(test, name) for name in STUDY.corruptions.names)]


def recipe_of(design: str, changes: dict) -> Recipe:
    """The recipe of a design of the study with `changes`."""
    own = {key: value for key, value in changes.items() if key != "others"}
    architecture = STUDY.designs[design].architecture.partition("_")[0]
    if architecture in changes.get("others", {}):
        own["epochs"] = changes["others"][architecture]
    return STUDY.recipe(design).model_copy(update=own)


def run(design: str, changes: dict, seed: int, data: Data) -> dict:
    """A row: what was run, accuracies clean and corrupted, and the CPU seconds of training."""
    network = build(STUDY.designs[design].description(32), 10, seed)
    recipe = recipe_of(design, changes)
    _, seconds = train(network, recipe, data.preprocessing, data.train, data.validation, seed=seed)
    clean, others = clean_and_corrupted(network, data.tests, data.preprocessing)
    scores = {"clean": round(clean, 4), "corrupted": round(others, 4), "seconds": round(seconds, 1)}
    return {"recipe": changes, "design": design, "seed": seed} | scores


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
            points = interval_of(differences) if group is not first else ""
            cells += [f"{100 * group[score].mean():.1f}", points]
        lines.append([*cells, f"{group['seconds'].mean():.1f}"])
    return lines


def half_interval(differences: pd.Series, comparisons: int = 1) -> float:
    """Half of the 95% interval of the mean of paired differences (Student's t; Bonferroni over comparisons)."""
    return t.ppf(1 - 0.025 / comparisons, len(differences) - 1) * differences.sem()


def interval_of(differences: pd.Series, comparisons: int = 1) -> str:
    """The mean of paired differences, and `half_interval`."""
    return f"{signed(differences.mean())} ± {half_interval(differences, comparisons):.1f}"


def before_and_after(before: pd.Series, after: pd.Series, comparisons: int = 0) -> list[str]:
    """Cells of paired percentages: both means, and the mean difference in points, with its interval if asked for."""
    differences = after - before
    points = interval_of(differences, comparisons) if comparisons else signed(differences.mean())
    return [f"{before.mean():.1f}", f"{after.mean():.1f}", points]


def named(changes: dict) -> str:
    recipe = Recipe(**STUDY.training.model_dump() | {k: v for k, v in changes.items() if k != "others"})
    brackets = ", ".join(f"{family} {epochs}" for family, epochs in changes.get("others", {}).items())
    return f"{recipe.optimizer}, rate {recipe.learning_rate:g}, {recipe.epochs} epochs" + f" ({brackets})" * bool(
        brackets
    )


def page(rows: list[dict]) -> str:
    return TEMPLATE.read_text(encoding="utf-8").format(
        designs=len({row["design"] for row in rows}), table=markdown_table(table(rows))
    )


def main() -> None:
    parser = options(__doc__)
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
                rows = replaced(rows, run(design, changes, seed, data), ALIKE)
                print(rows[-1], flush=True)
                write_rows(ROWS, rows)
    PAGE.write_text(page(rows))


if __name__ == "__main__":
    main()
