"""The best of a pool is chosen under corruptions for corrupted images, and on clean ones for the others."""

import numpy as np
import pandas as pd
import pytest
from predicted import conditions_of, predictions_of

from resiliency.analysis.ceiling import with_best
from resiliency.ensembles.pool import EnsembleErrors

IMAGES, NAMES = 40, ["clean", "tough", "third"]
RIGHT = {"clean": (40, 10), "tough": (20, 30), "third": (20, 10)}  # images, clean and under fog


def scored() -> EnsembleErrors:
    labels = np.zeros(IMAGES, int)
    table = conditions_of(["fog"], [1], IMAGES)
    logits = np.zeros((len(NAMES), 2, IMAGES, 2), np.float16)
    for member, counts in enumerate(RIGHT.values()):
        for condition, count in enumerate(counts):
            logits[member, condition, :, 1] = np.where(np.arange(IMAGES) < count, -4 - member, 4 + member)
    predictions = [predictions_of(table, labels, of_member) for of_member in logits]
    return EnsembleErrors(predictions, np.ones(len(NAMES)), "mean_probability")


def choice(member: str, ensemble: str) -> pd.DataFrame:
    """What chooses these two, of more; another ensemble, that is better, is not of the pool."""
    rows = [(member, 1, 0.9), ("third", 1, 0.1), (ensemble, 2, 0.8), ("clean+elsewhere", 2, 1.0)]
    return pd.DataFrame(rows, columns=["members", "size", "selection_accuracy"])


def test_the_best_are_those_of_the_kind_of_images():
    pool = scored()
    rows = {"condition": ["clean", "fog", "corrupted"], "size": 3, "members": 3}
    everyone = [pool.wrong_in(np.arange(3), np.arange(IMAGES), condition) for condition in range(2)]
    choices = {"clean": choice("clean", "clean+third"), "corrupted": choice("tough", "clean+tough")}
    table = with_best(pd.DataFrame(rows), everyone, choices, NAMES, pool, np.arange(IMAGES), 0.95)
    assert table["best_member"].tolist() == ["clean", "tough", "tough"]
    assert table["best_ensemble"].tolist() == ["clean+third", "clean+tough", "clean+tough"]
    assert table["best_member_accuracy"].tolist() == pytest.approx([1, 0.75, 0.75])
    alone = {"clean": choices["clean"]}
    table = with_best(pd.DataFrame(rows), everyone, alone, NAMES, pool, np.arange(IMAGES), 0.95)
    assert table["best_member"].tolist() == ["clean"] * 3
