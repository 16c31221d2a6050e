"""Trains designs of studies/traffic_signs.yaml by other recipes, and times all of them, before the study is fixed.

Run by hand, with a folder train/<class>/<track>_<frame>.png, test/<class>/* of the German Traffic Sign Recognition
Benchmark at 32 px, in a few minutes of CPU time per design:
python tests/benchmarks/sign_pilots.py FOLDER [--designs shvit_s ...] [--recipe '{"epochs": 5}'] [--time]
A recipe names what differs from the study's. A run is added to sign_pilot_rows.json, in place of an earlier one of the
same recipe and design. --time times the designs instead, CPU milliseconds per image on one thread, of training and of
prediction. docs/results/traffic_signs_design.md, which sign_design.py writes, shows what is kept.
"""

import contextlib
import io
import json
from functools import partial
from pathlib import Path

import numpy as np
import torch
from shared import beside, options, replaced, study, timed, write_rows
from shared_training import corrupted, preprocessing_of, train

from resiliency.data.folder import image_folder
from resiliency.data.groups import with_groups
from resiliency.data.source import SPLITS
from resiliency.data.split import draw_splits
from resiliency.designs.networks import build, parameters_and_macs
from resiliency.devices.allocation import keep_freed_memory
from resiliency.training.engine import Trainer, cross_entropy
from resiliency.training.settings import Recipe
from resiliency.training.validation import LabelledImages, accuracies

ROWS = beside(__file__, "sign_pilot_rows.json")
ALIKE = ("design", "recipe", "images")
STUDY = study("traffic_signs")
CLASSES = 43
TIMED = (384, 1024)  # images of a timed epoch, and predicted images
WARM = 128
PILOTED = (  # what pilots vary
    "optimizer", "learning_rate", "epochs", "warmup_epochs", "batch_size", "shift", "label_smoothing",
)  # fmt: skip
BEFORE = "second run"  # of the study, which new pilots precede


def families_of(of_study) -> dict[str, list[str]]:
    """Family -> its designs that become members."""
    families: dict[str, list[str]] = {}
    for design in of_study.members.designs:
        families.setdefault(of_study.family(design), []).append(design)
    return families


class Data:
    """Images of the study: training and validation, its test images, all test images, and corrupted ones."""

    def __init__(self, folder: Path, data, most: int | None):
        """`most` training images of a class, or as many as there are."""
        source = with_groups(image_folder(folder, data.side, data.margin), "<track>_*", SPLITS)
        whole = draw_splits(source, data.validation_fraction, data.test_fraction, {}, 0)
        capped = data.images_per_class | ({"train": most} if most else {})
        own = draw_splits(source, data.validation_fraction, data.test_fraction, capped, 0)
        self.train, self.validation, test = (_labelled(*own[name]) for name in SPLITS)
        self.preprocessing = preprocessing_of(self.train)
        self.tests = {"clean": [test], "all": [_labelled(*whole["test"])], "corrupted": []}
        self.original = test

    def corrupt(self, names: list[str]) -> None:
        """Add the test images under each corruption."""
        self.tests["corrupted"] = [corrupted(self.original, name) for name in names]


def _labelled(part, indices: np.ndarray) -> LabelledImages:
    return LabelledImages(np.asarray(part.images[indices]), part.labels[indices])


def run(design: str, changes: dict, data: Data) -> dict:
    """A row: what was trained and how, accuracies, the gain of the last fifth, and CPU seconds of training."""
    network = build(STUDY.description(design), CLASSES, 0)
    recipe = Recipe(**STUDY.recipe(design).model_dump() | {"flip": False} | changes)
    history, seconds = train(network, recipe, data.preprocessing, data.train, data.validation, CLASSES)
    scores = {
        name: round(float(np.mean([accuracies([network], test, data.preprocessing)[0] for test in tests])), 4)
        for name, tests in data.tests.items()
    }
    curve = [round(row["validation_accuracy"], 4) for row in history]
    used = {key: getattr(recipe, key) for key in PILOTED}
    fitted = {"before": BEFORE, "design": design, "recipe": used, "images": len(data.train.labels)}
    return {**fitted, **scores, "validation": curve, "seconds": round(seconds, 1)}


def speed(design: str, data: Data) -> dict:
    """A row: size and CPU milliseconds per image of a design, in training and in prediction."""
    network = build(STUDY.description(design), CLASSES, 0)
    parameters, macs = parameters_and_macs(network, [STUDY.data.side] * 2 + [3])
    recipe = STUDY.recipe(design).model_copy(update={"flip": False, "epochs": 1})
    fit, shown = (LabelledImages(data.train.images[:count], data.train.labels[:count]) for count in TIMED)
    few = LabelledImages(data.train.images[:WARM], data.train.labels[:WARM])
    trainer = Trainer([network], partial(cross_entropy, smoothing=0), recipe, data.preprocessing, CLASSES, 0)
    with contextlib.redirect_stdout(io.StringIO()):
        trainer.train(few, few)
        _, trained = timed(lambda: trainer.train(fit, few))
    _, predicted = timed(lambda: accuracies([network], shown, data.preprocessing))
    row = {"design": design, "family": STUDY.family(design), "parameters": parameters, "macs": macs}
    return row | {
        "training_ms": round(1e3 * trained / TIMED[0], 3),
        "prediction_ms": round(1e3 * predicted / TIMED[1], 3),
    }


def main() -> None:
    parser = options(__doc__, "time")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--designs", nargs="+")
    parser.add_argument("--recipe", type=json.loads, default={})
    parser.add_argument("--most", type=int, help="training images of a class, where not as many as the study has")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    data = Data(arguments.folder, STUDY.data, arguments.most)
    if not arguments.time:
        data.corrupt(STUDY.corruptions.names[:15])
    for design in arguments.designs or [*STUDY.members.designs, STUDY.search.design]:
        kind = "times" if arguments.time else "pilots"
        row = speed(design, data) if arguments.time else run(design, arguments.recipe, data)
        print(json.dumps(row), flush=True)
        rows = {"pilots": [], "times": []} | (json.loads(ROWS.read_text()) if ROWS.exists() else {})
        rows[kind] = replaced(rows[kind], row, ALIKE)
        write_rows(ROWS, rows)


if __name__ == "__main__":
    main()
