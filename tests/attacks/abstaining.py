"""Thresholds for abstaining on their way from a study through its table and an export to the exported program."""

import json
from collections.abc import Iterator
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import torch
from attacks.cases import Case, Wrong, allowed
from torch import nn

from resiliency.analysis.assessment import Judged, scored_and_calibrated, threshold_rows
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.designs.members import Member
from resiliency.ensembles.combination import Ensemble
from resiliency.export import programs
from resiliency.export.exporting import threshold_constants
from resiliency.export.loading import Deployable
from resiliency.prediction.reading import Predictions, Truth, all_conditions
from resiliency.storage.tables import read_table, write_table

IMAGES, CLASSES, CONDITIONS = 240, 4, 3
WEIGHTS = np.array([0.9, 0.6])
MODEL = Path(programs.__file__).parent / "folder/model.py"
ROUNDING = 1e-6  # of a probability that is computed in another order
PATTERNS = {
    "of any confidence": lambda random, labels: random.normal(2 * (labels == np.arange(CLASSES)), 1.5),
    "of three confidences": lambda random, labels: 4.0 * (labels == np.arange(CLASSES)) * random.integers(0, 3, 1),
    "of one confidence": lambda random, labels: 3.0 * (labels == np.arange(CLASSES)),
    "all sure, some wrong": lambda random, labels: (
        60.0 * ((labels + (random.random() < 0.1)) % CLASSES == np.arange(CLASSES))
    ),
    "all sure and wrong": lambda random, labels: 60.0 * ((labels + 1) % CLASSES == np.arange(CLASSES)),
    "nearly sure, some wrong": lambda random, labels: (
        random.uniform(10, 20) * ((labels + (random.random() < 0.05)) % CLASSES == np.arange(CLASSES))
    ),
    "knowing nothing": lambda random, labels: np.zeros(CLASSES),
}
TIED = ("of three confidences", "of one confidence", "all sure, some wrong", "all sure and wrong", "knowing nothing")
RULES = {"single": ("mean_probability", 1)} | {rule: (rule, 2) for rule in ("mean_probability", "weighted_mean")}
RULES |= {"mean_logit": ("mean_logit", 2)}


def logits_of(pattern: str, members: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits float16 members x C x N x K of images of a pattern, and labels int N."""
    random = np.random.default_rng([members, *pattern.encode()])
    labels = np.arange(IMAGES) % CLASSES
    values = [PATTERNS[pattern](random, label) for _ in range(members * CONDITIONS) for label in labels]
    return np.array(values).reshape(members, CONDITIONS, IMAGES, CLASSES).astype(np.float16), labels


def abstaining() -> Iterator[Case]:
    """Each pattern of answers, combined by each rule, at each temperature."""
    for pattern, rule, temperature in product(PATTERNS, RULES, (0.1, 0.5, 1.0, 3.0)):
        act = partial(_answered_alike, pattern=pattern, rule=rule, temperature=temperature)
        yield Case(f"{pattern}, {rule}, temperature {temperature:g}", allowed(act), None)


def _answered_alike(folder: Path, pattern: str, rule: str, temperature: float) -> None:
    name, members = RULES[rule]
    logits, labels = logits_of(pattern, members)
    table = all_conditions(["fog", "snow"], [1], {CLEAN: IMAGES}, {CLEAN: CLASSES})
    predictions = [Predictions(table, {CLEAN: of}, {CLEAN: Truth(labels)}) for of in logits]
    ensemble = Ensemble(predictions, WEIGHTS[:members], name)
    chosen, judged = (Judged(table, np.arange(first, IMAGES, 2), 20, 0.95, 0) for first in (0, 1))
    scored = scored_and_calibrated(ensemble, temperature, judged)[0]
    rows = pd.DataFrame(threshold_rows(ensemble, temperature, chosen, scored, judged))
    write_table(folder / "thresholds.csv", rows)
    constants = threshold_constants(read_table(folder / "thresholds.csv"))
    model = exported(folder, json.loads(json.dumps(constants)))
    parts = [(nn.Identity(), Member(str(place))) for place in range(members)]
    program = Deployable(parts, list(WEIGHTS[:members]), name, temperature)
    of_set = {CLEAN: [0], CORRUPTED: [1, 2]}
    for row in rows.dropna(subset=["threshold"]).to_dict("records"):
        threshold = model.THRESHOLDS[row["basis"]][row["goal"]][row["target"]]
        if threshold != row["threshold"]:
            raise Wrong(f"the threshold {row['threshold']!r} became {threshold!r}")
        inputs = [torch.from_numpy(of[of_set[row["images"]], 1::2].reshape(-1, CLASSES)).float() for of in logits]
        answers = tuple(values.numpy() for values in program.combined(inputs))
        model._program = lambda answers=answers: lambda _: answers
        abstained = model.load(threshold=threshold)(np.zeros((1, 1, 1, 3), np.uint8))[2]
        given = scored[row["images"]].confidences["max_probability"].ravel()
        near = (abs(given - threshold) < ROUNDING) & (given < 1 - ROUNDING / 10)
        if (~abstained != (given >= threshold))[~near].any():
            raise Wrong(f"{row['goal']} {row['target']}: study and program answer other images")
        if not np.isclose((~abstained).mean(), row["coverage"], atol=near.mean() + 1e-9):
            raise Wrong(f"{row['goal']} {row['target']}: coverage {row['coverage']}, answered {(~abstained).mean()}")
        if pattern in TIED and near.any():
            raise Wrong(f"{row['goal']} {row['target']}: a threshold at the very confidence of many images")


def exported(folder: Path, thresholds: dict) -> ModuleType:
    """The module model.py of an export with these thresholds."""
    about = {"classes": list("abcd"), "side": 1, "margin": 1, "thresholds": thresholds}
    (folder / "ensemble.json").write_text(json.dumps(about))
    (folder / "model.py").write_bytes(MODEL.read_bytes())
    module = module_from_spec(spec := spec_from_file_location("model", folder / "model.py"))
    spec.loader.exec_module(module)
    return module
