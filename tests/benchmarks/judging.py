"""Times `assess_ensembles`, of many classes: its pass over the logits and its resamples; see
ensembles.py.

Eight members with random logits, 16 conditions, 20 ensembles of one to eight members. Time grows
with the images, so that two sizes give the seconds for 50,000.
"""

import numpy as np
import pandas as pd
from shared import timed

from resiliency.analysis.assessment import assessment
from resiliency.base.names import CLEAN
from resiliency.prediction.reading import Predictions, Truth, all_conditions
from resiliency.statistics.resampling import Resampling

MEMBERS, CONDITIONS, ENSEMBLES, WHOLE = 8, 16, 20, 50_000
NAMES = [f"d{index}-s0" for index in range(MEMBERS)]


def study(images: int, classes: int) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Predictions]]:
    """deployment.csv, members.csv and the predictions, all as far as the stage reads them."""
    random, corruptions = np.random.default_rng(0), [f"c{index}" for index in range(CONDITIONS - 1)]
    conditions = all_conditions(corruptions, [1], {CLEAN: images}, {CLEAN: classes})
    labels, predictions = random.integers(0, classes, images), {}
    for name in NAMES:
        logits = random.standard_normal((CONDITIONS, images, classes), np.float32)
        logits[:, np.arange(images), labels] += 4
        predictions[name] = Predictions(
            conditions, {CLEAN: logits.astype(np.float16)}, {CLEAN: Truth(labels)}
        )
    chosen = [[index] for index in range(MEMBERS)]
    chosen += [
        sorted(random.permutation(MEMBERS)[: 2 + index % 7]) for index in range(ENSEMBLES - MEMBERS)
    ]
    rows = [
        {"members": "+".join(NAMES[index] for index in of), "size": len(of), "macs": len(of)}
        for of in chosen
    ]
    table = pd.DataFrame(rows).assign(
        rule="mean_probability", number=range(1, ENSEMBLES + 1), fit=True, instead=1
    )
    members = pd.DataFrame({"member": NAMES, "validation_accuracy": 0.7, "weights_kind": "trained"})
    return table.assign(selection_error=0.3, corrupted_error=0.3), members, predictions


def seconds(images: int, classes: int) -> float:
    """CPU seconds of the stage's assessment, on one thread."""
    made, validation = study(images, classes), study(200, classes)[2]
    return timed(lambda: assessment(*made, validation, Resampling(2000, 0.95, 0), None, 1))[1]


def whole(images: int, classes: int) -> float:
    """`seconds` of 50,000 images, from those of `images` and of half as many."""
    few, several = (seconds(some, classes) for some in (images // 2, images))
    return several + (several - few) / (images - images // 2) * (WHOLE - images)
