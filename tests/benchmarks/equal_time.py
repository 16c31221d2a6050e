"""Compares AdamW and Muon at equal CPU time, on a subset of CIFAR-10 and a design of each family of cifar10_cpu.

Run by hand, with a folder train/<class>/*, test/<class>/* of 32 px images (two hours on one core):
python tests/benchmarks/equal_time.py FOLDER
Each optimizer has the best learning rate for each design, by clean accuracy after the fewest epochs: three are tried,
and others beyond while the best of them is the lowest or the highest. What is done is kept in equal_time_rows.json, and
cifar_recipes.py shows it. Accuracy is that on half of the test images, clean and as the mean under four corruptions at
severity 3 of CIFAR-10-C.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from digit_recipes import before_and_after, half_interval, interval_of
from recipes import clean_and_corrupted, read, under_corruptions
from shared import beside, options, resumed, study
from shared import table as markdown_table
from shared_training import preprocessing_of, train

from resiliency.designs.networks import build
from resiliency.devices.allocation import keep_freed_memory
from resiliency.training.validation import LabelledImages

ROWS = beside(__file__, "equal_time_rows.json")
STUDY = study("cifar10_cpu")
IMAGES = 3_000
DESIGNS = ("resnet18", "densenet_s", "convnext", "mobilenetv3", "starnet", "regnet", "fasternet", "vit")
RATES = {"adamw": (0.0015, 0.003, 0.006), "muon": (0.0025, 0.005, 0.01)}
EPOCHS = 5, 10, 20
SEEDS = 3
KEYS = ("design", "optimizer", "learning_rate", "epochs", "seed")
SCORES = ("clean", "corrupted")
COMPARISONS = len(SCORES) * len(EPOCHS[1:])
ALL = "all"


class Data:
    """Training images, and test images clean and under each corruption."""

    def __init__(self, folder: Path):
        self.train, test = read(folder, IMAGES)
        self.tests = under_corruptions(LabelledImages(test.images[::2], test.labels[::2]))
        self.preprocessing = preprocessing_of(self.train)


def run(case: tuple, data: Data) -> dict:
    """A row: the values of `KEYS`, accuracies clean and corrupted, and the CPU seconds of training."""
    design, optimizer, rate, epochs, seed = case
    changes = {"optimizer": optimizer, "learning_rate": rate, "epochs": epochs}
    recipe = STUDY.recipe(design).model_copy(update=changes)
    network = build(STUDY.designs[design].description(32), 10, seed)
    _, seconds = train(network, recipe, data.preprocessing, data.train, seed=seed)
    clean, corrupted = clean_and_corrupted(network, data.tests, data.preprocessing)
    scores = {"clean": round(clean, 4), "corrupted": round(corrupted, 4), "seconds": round(seconds, 1)}
    return dict(zip(KEYS, case, strict=True)) | scores


def best_rate(rows: list[dict], design: str, optimizer: str) -> float:
    """The rate of a design's row that is most accurate after the fewest epochs, by the first seed."""
    alike = {"design": design, "optimizer": optimizer, "epochs": EPOCHS[0], "seed": 0}
    tried = [row for row in rows if alike.items() <= row.items()]
    return max(tried, key=lambda row: row["clean"])["learning_rate"]


def tried_rate(keep: Callable[[list[tuple]], list[dict]], design: str, optimizer: str) -> float:
    """The best rate, after a lower and a higher one have been tried; `keep` tries what its rows lack."""
    rates = set(RATES[optimizer])
    while True:
        rows = keep([(design, optimizer, rate, EPOCHS[0], 0) for rate in sorted(rates)])
        best = best_rate(rows, design, optimizer)
        if min(rates) < best < max(rates):
            return best
        rates |= {best / 2, best, best * 2}


def compared(rows: list[dict], epochs: int) -> pd.DataFrame:
    """Both optimizers at the CPU time of so many epochs of AdamW: a row per design, means over the seeds.

    Muon's accuracy at that time is interpolated, linearly in the logarithm of time, between its numbers of epochs.
    """
    lines = []
    for design in DESIGNS:
        adamw, muon = (
            pd.DataFrame(row for row in rows if row | of == row)
            for of in (
                {"design": design, "optimizer": name, "learning_rate": best_rate(rows, design, name)} for name in RATES
            )
        )
        pairs = []
        for seed in range(SEEDS):
            (first,) = adamw[(adamw["epochs"] == epochs) & (adamw["seed"] == seed)].to_dict("records")
            curve = muon[muon["seed"] == seed].sort_values("seconds")
            at = partial(np.interp, np.log(first["seconds"]), np.log(curve["seconds"]))
            pairs.append([first["seconds"], *(value for score in SCORES for value in (first[score], at(curve[score])))])
        lines.append([design, adamw["learning_rate"][0], muon["learning_rate"][0], *np.mean(pairs, axis=0)])
    return pd.DataFrame(
        lines, columns=["design", *RATES, "seconds", *(f"{score} {name}" for score in SCORES for name in RATES)]
    )


def table(frame: pd.DataFrame) -> str:
    """A row per design, and one of all with intervals of the differences over designs; accuracies in per cent."""
    head = ["design", "CPU s", "rate, AdamW", "Muon"]
    head += [cell for score in SCORES for cell in (f"{score}, AdamW", "Muon", "points")]
    lines = [head]
    for name in [*DESIGNS, ALL]:
        of = frame if name == ALL else frame[frame["design"] == name]
        rates = ["", ""] if name == ALL else [f"{of[optimizer].item():g}" for optimizer in RATES]
        cells = [name, f"{of['seconds'].mean():.0f}", *rates]
        for score in SCORES:
            accuracies = (100 * of[f"{score} {optimizer}"] for optimizer in RATES)
            cells += before_and_after(*accuracies, comparisons=COMPARISONS * (name == ALL))
        lines.append(cells)
    return markdown_table(lines)


def finding(frame: pd.DataFrame, epochs: int) -> str:
    """A sentence on Muon's accuracy at the CPU time of so many epochs, with the intervals of `table`'s last row."""
    parts = []
    for score in SCORES:
        differences = 100 * (frame[f"{score} muon"] - frame[f"{score} adamw"])
        mean, half = differences.mean(), half_interval(differences, COMPARISONS)
        word = "higher" if mean > half else "lower" if mean < -half else "not significantly different"
        parts.append(f"{word} on {score} images ({interval_of(differences, COMPARISONS)} percentage points)")
    return f"At the CPU time of {epochs} epochs of AdamW, the accuracy with Muon is {' and '.join(parts)}:"


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("folder", type=Path)
    torch.set_num_threads(1)
    keep_freed_memory()
    data = Data(parser.parse_args().folder)

    def keep(cases: list[tuple]) -> list[dict]:
        return resumed(ROWS, {case: partial(run, case, data) for case in cases}, KEYS)

    chosen = [(*pair, tried_rate(keep, *pair)) for pair in product(DESIGNS, RATES)]
    for epochs in EPOCHS:
        keep([(*case, epochs, seed) for seed in range(SEEDS) for case in chosen])


if __name__ == "__main__":
    main()
