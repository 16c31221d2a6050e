"""Four members of three designs, small enough for loops over their predictions."""

import numpy as np
import pandas as pd
from predicted import conditions_of, predictions_of
from scipy.special import softmax

from resiliency.diversity.metrics import METRICS, pair_tables
from resiliency.diversity.settings import STAGES
from resiliency.statistics.correlation import gram

NAMES = ["a-s0", "a-s1", "b-s0", "c-s0"]
IMAGES, CLASSES = 20, 3
CONDITIONS = conditions_of(["fog", "snow"], [1, 2], IMAGES)
BASELINE = np.array([0.4, 0.8])


RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, CLASSES, IMAGES)
LOGITS = RANDOM.standard_normal((4, len(CONDITIONS), IMAGES, CLASSES)) + 0.8 * np.eye(CLASSES)[LABELS]
LOGITS = LOGITS.astype(np.float16)
PREDICTIONS = [predictions_of(CONDITIONS, LABELS, of_member) for of_member in LOGITS]
# What the members are compared by on eight images, by its source.
ARRAYS = {"features": [RANDOM.standard_normal((8, width)).astype(np.float32) for width in (3, 4, 5, 3)]}
ARRAYS |= {m: RANDOM.standard_normal((4, 8, 4, 4)).astype(np.float16) for m in ("saliency", "integrated_gradients")}
ARRAYS |= {s: np.stack([gram(RANDOM.standard_normal((8, 5))) for _ in NAMES]) for s in STAGES}


def pairs_of(arrays: dict = ARRAYS) -> pd.DataFrame:
    """The table of pairs, by all metrics that need no more than these arrays."""
    metrics = [name for name, metric in METRICS.items() if metric.kind == "activation" or metric.source in arrays]
    return pd.concat(pair_tables(NAMES, PREDICTIONS, arrays.__getitem__, metrics), ignore_index=True)


PAIRS = pairs_of()


def wrong(member: int, condition: int) -> list[bool]:
    logits = LOGITS[member, condition].tolist()
    return [max(range(CLASSES), key=lambda k: row[k]) != y for row, y in zip(logits, LABELS, strict=True)]


ERRORS = np.array([[np.mean(wrong(m, c)) for c in range(len(CONDITIONS))] for m in range(4)])
MEMBERS = pd.DataFrame(
    {
        "member": NAMES,
        "design": ["a", "a", "b", "c"],
        "family": ["x", "x", "x", "y"],
        "parameters": [10, 10, 20, 40],
        "macs": [1, 1, 2, 4],
        "clean_accuracy": 1 - ERRORS[:, 0],
        "corrupted_error": ERRORS[:, 1:].mean(axis=1),
        "validation_accuracy": 1 - ERRORS[:, 0],
    }
)


def answer(rule: str, probabilities: np.ndarray, weights: np.ndarray) -> int:
    """The answer of one ensemble to one image, from the probabilities M x K and the weights of its members."""
    rows = [[float(value) for value in row] for row in probabilities]
    classes = range(len(rows[0]))
    means = [sum(row[k] for row in rows) / len(rows) for k in classes]
    if rule == "weighted_mean":
        return max(classes, key=lambda k: sum(w * row[k] for w, row in zip(weights, rows, strict=True)))
    if rule == "mean_probability":
        return max(classes, key=lambda k: means[k])
    if rule == "mean_logit":
        products = [np.prod([max(row[k], 1e-12) for row in rows]) ** (1 / len(rows)) for k in classes]
        return max(classes, key=lambda k: products[k])
    votes = [sum(row[k] == max(row) for row in rows) for k in classes]
    return max(classes, key=lambda k: (votes[k], means[k]))


def answers(ensemble, condition: int, rule: str) -> list[bool]:
    """Whether an ensemble is right about each image, one image at a time."""
    probabilities = softmax(LOGITS[ensemble, condition].astype(float), axis=-1)
    return [answer(rule, probabilities[:, n], ()) == label for n, label in enumerate(LABELS)]
