"""Times `assess_ensembles`, of many classes: its pass over the logits and its resamples, beside the plain definition.

Run by hand: python tests/benchmarks/judging.py [--images 1000] [--classes 1000] [--threads 1]
Eight members with random logits, 16 conditions, 20 ensembles of one to eight members. Both grow with the images, so
that two sizes give the seconds for 50,000. `before` is the pass of the plain definition, one ensemble at a time, of
which the stage was made; it lacks the resamples. The last line is JSON.
"""

import json

import numpy as np
import pandas as pd
from shared import options, peak_memory, timed

from resiliency.analysis.assessment import assessment
from resiliency.base.names import CLEAN
from resiliency.ensembles.combination import Ensemble
from resiliency.metrics.classification import entropy, scaled
from resiliency.prediction.reading import Predictions, Truth, all_conditions
from resiliency.statistics.resampling import Resampling

MEMBERS, CONDITIONS, ENSEMBLES, WHOLE, GOAL = 8, 16, 20, 50_000, 1200
NAMES = [f"d{index}-s0" for index in range(MEMBERS)]


def study(images: int, classes: int) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Predictions]]:
    """deployment.csv, members.csv and the predictions, all as far as the stage reads them."""
    random, corruptions = np.random.default_rng(0), [f"c{index}" for index in range(CONDITIONS - 1)]
    conditions = all_conditions(corruptions, [1], {CLEAN: images}, {CLEAN: classes})
    labels, predictions = random.integers(0, classes, images), {}
    for name in NAMES:
        logits = random.standard_normal((CONDITIONS, images, classes), np.float32)
        logits[:, np.arange(images), labels] += 4
        predictions[name] = Predictions(conditions, {CLEAN: logits.astype(np.float16)}, {CLEAN: Truth(labels)})
    chosen = [[index] for index in range(MEMBERS)]
    chosen += [sorted(random.permutation(MEMBERS)[: 2 + index % 7]) for index in range(ENSEMBLES - MEMBERS)]
    rows = [{"members": "+".join(NAMES[index] for index in of), "size": len(of), "macs": len(of)} for of in chosen]
    table = pd.DataFrame(rows).assign(rule="mean_probability", number=range(1, ENSEMBLES + 1), fit=True, instead=1)
    members = pd.DataFrame({"member": NAMES, "validation_accuracy": 0.7, "weights_kind": "trained"})
    return table.assign(selection_error=0.3, corrupted_error=0.3), members, predictions


def one_at_a_time(deployment: pd.DataFrame, predictions: dict[str, Predictions]) -> None:
    """Outputs of each ensemble to all images, and its confidences after scaling on one half, as the stage had them."""
    for joined in deployment["members"]:
        members = [predictions[name] for name in joined.split("+")]
        ensemble, images = (
            Ensemble(members, np.ones(len(members)), "mean_probability"),
            np.arange(len(members[0].labels(0))),
        )
        for condition, half in ((condition, images[of::2]) for condition in range(CONDITIONS) for of in (0, 1)):
            for part in ensemble.outputs(condition, half, disagreement=half[0] == 0):
                after = np.exp(scaled(part.log_probabilities, 1.1))
                _ = after.max(axis=-1), entropy(after) if half[0] == 0 else None
                np.exp(part.log_probabilities)


def seconds(images: int, classes: int, threads: int) -> np.ndarray:
    """CPU seconds of the stage's assessment, and of the plain definition."""
    made, validation = study(images, classes), study(200, classes)[2]
    resampling = Resampling(2000, 0.95, 0)
    _, own = timed(lambda: assessment(*made, validation, resampling, None, threads))
    return np.array([own, timed(lambda: one_at_a_time(made[0], made[2]))[1]])


def whole(images: int, classes: int, threads: int) -> np.ndarray:
    """`seconds` of 50,000 images, from those of `images` and of half as many."""
    few, several = (seconds(some, classes, threads) for some in (images // 2, images))
    return several + (several - few) / (images - images // 2) * (WHOLE - images)


def main() -> None:
    arguments = options(__doc__, images=1000, classes=1000, threads=1).parse_args()
    now, before = whole(arguments.images, arguments.classes, arguments.threads)
    print(f"{WHOLE:,} images, from {arguments.images:,}: before {before:,.0f} CPU s, goal {GOAL:,}, now {now:,.0f}")
    figures = {"before": round(before), "goal": GOAL, "now": round(now), "peak_memory_gib": round(peak_memory(), 2)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
