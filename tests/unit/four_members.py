"""Four members of three designs, small enough for loops over their predictions."""

import numpy as np
import pandas as pd
from predicted import conditions_of, predictions_of
from scipy.special import softmax

from resiliency.diversity.metrics import METRICS
from resiliency.diversity.pairs import pair_tables
from resiliency.diversity.settings import STAGES
from resiliency.statistics.gram import gram

NAMES = ["a-s0", "a-s1", "b-s0", "c-s0"]
IMAGES, CLASSES = 20, 3
CONDITIONS = conditions_of(["fog", "snow"], [1, 2], IMAGES)
BASELINE = np.array([0.4, 0.8])
RULES = ["mean_probability", "plurality_vote"]


def drawn_study() -> dict:
    """Labels, logits and predictions of the members, and what they are compared by on eight images."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, IMAGES)
    logits = rng.standard_normal((4, len(CONDITIONS), IMAGES, CLASSES))
    logits[..., np.arange(IMAGES), labels] += 0.8
    return {
        "labels": labels,
        "logits": list(logits.astype(np.float16)),
        "predictions": [predictions_of(CONDITIONS, labels, of_member) for of_member in logits.astype(np.float16)],
        "features": [rng.standard_normal((8, width)).astype(np.float32) for width in (3, 4, 5, 3)],
        "maps": {m: rng.standard_normal((4, 8, 4, 4)).astype(np.float16) for m in ("saliency", "integrated_gradients")},
        "stages": {s: np.stack([gram(rng.standard_normal((8, 5))) for _ in NAMES]) for s in STAGES},
    }


MEASURED = [name for name, metric in METRICS.items() if metric.source in ("saliency", "integrated_gradients")]
ACTIVATIONS = [name for name, metric in METRICS.items() if metric.kind == "activation"]


def pairs_of(study, chosen=range(4), metrics=(*MEASURED, *ACTIVATIONS)) -> pd.DataFrame:
    chosen = list(chosen)
    arrays = study["maps"] | study["stages"] | {"features": study["features"]}
    tables = pair_tables(
        [NAMES[i] for i in chosen],
        [study["predictions"][i] for i in chosen],
        lambda source: [arrays[source][i] for i in chosen],
        list(metrics),
    )
    return pd.concat(tables, ignore_index=True)


def wrong(study, member: int, condition: int) -> list[bool]:
    logits = study["logits"][member][condition].tolist()
    return [max(range(CLASSES), key=lambda k: row[k]) != y for row, y in zip(logits, study["labels"], strict=True)]


def described(study) -> pd.DataFrame:
    errors = np.array([[np.mean(wrong(study, m, c)) for c in range(len(CONDITIONS))] for m in range(4)])
    return pd.DataFrame(
        {
            "member": NAMES,
            "design": ["a", "a", "b", "c"],
            "family": ["x", "x", "x", "y"],
            "parameters": [10, 10, 20, 40],
            "macs": [1, 1, 2, 4],
            "clean_accuracy": 1 - errors[:, 0],
            "corrupted_error": errors[:, 1:].mean(axis=1),
            "validation_accuracy": 1 - errors[:, 0],
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


def answers(study, ensemble, condition: int, rule: str) -> list[bool]:
    """Whether an ensemble is right about each image, one image at a time."""
    probabilities = softmax(np.array([study["logits"][member][condition] for member in ensemble], float), axis=-1)
    return [answer(rule, probabilities[:, n], ()) == label for n, label in enumerate(study["labels"])]
