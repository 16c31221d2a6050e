"""Four members of three designs, small enough for loops over their predictions."""

import numpy as np
import pandas as pd
from predicted import conditions_of, predictions_of

from resiliency.diversity.metrics import METRICS
from resiliency.diversity.pairs import pair_tables
from resiliency.diversity.settings import STAGES
from resiliency.statistics.gram import gram

NAMES = ["a-s0", "a-s1", "b-s0", "c-s0"]
IMAGES, CLASSES = 20, 3
CONDITIONS = conditions_of(["fog", "snow"], [1, 2], IMAGES)
BASELINE = np.array([0.4, 0.8])
RULES = ["mean_probability", "plurality_vote"]


def softmax(row) -> np.ndarray:
    values = np.exp(np.asarray(row, float))
    return values / values.sum()


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


def answers(study, ensemble, condition: int, rule: str) -> list[bool]:
    """Whether an ensemble is right about each image, one image at a time."""
    right = []
    for n, label in enumerate(study["labels"]):
        probabilities = [softmax(study["logits"][member][condition][n]) for member in ensemble]
        score = np.mean(probabilities, axis=0)
        if rule == "plurality_vote":
            score = score + 10 * np.bincount([np.argmax(p) for p in probabilities], minlength=CLASSES)
        right.append(bool(np.argmax(score) == label))
    return right
