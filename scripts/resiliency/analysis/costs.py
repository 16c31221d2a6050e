"""What answers cost by a table of the user's own: the mean cost of models, and the confusions that cost most.

All are evaluated on the half of the test images on which nothing was selected (see `resiliency.analysis.deployment`).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.assessment import Judged
from resiliency.analysis.contenders import WHO
from resiliency.analysis.deployed import ensemble_of, judged_half
from resiliency.analysis.intervals import Resampling, percentile_interval, with_ends
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.ensembles.outputs import Ensemble, answered
from resiliency.metrics.classification import softmax
from resiliency.prediction.reading import Predictions

LISTED = 10  # confusions of a model that are listed
MEMBER = "member of the recommended model"
COSTS = [*WHO, "images", "answers", "error", "cost", "cost_low", "cost_high"]
CONFUSIONS = [*WHO, "images", "label", "answer", "count", "share", "cost", "cost_share"]


class CostTables(NamedTuple):
    """costs.csv and costly_confusions.csv."""

    costs: pd.DataFrame
    confusions: pd.DataFrame


def cost_tables(
    roles: dict[str, pd.Series],
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    matrix: np.ndarray,
    classes: list[str],
    resampling: Resampling,
) -> CostTables:
    """Costs and confusions of the contenders, and of each member of the recommended model.

    Models without probabilities, whose ties are broken at random, are left out.

    Args:
        roles: as from `contenders`.
        members: members.csv.
        predictions: member -> its predictions, of those that `roles` names.
        matrix: as from `resiliency.analysis.cost_matrix.cost_matrix`.
    """
    members, judged = members.set_index("member"), judged_half(predictions, resampling)
    models = [(role, row["members"], row["rule"]) for role, row in roles.items()]
    if models:
        _, joined, rule = models[0]
        models += [(MEMBER, name, rule) for name in joined.split("+") if name != joined]
    costs, confusions = [], []
    for role, joined, rule in models:
        names = joined.split("+")
        ensemble = ensemble_of(names, rule, predictions, members)
        for images in (CLEAN, CORRUPTED) if ensemble.has_probabilities else ():
            who = {"role": role, "members": joined, "size": len(names), "images": images}
            counts, of_images = _answers(ensemble, judged, images, matrix)
            drawn = judged.counts[images] @ of_images / judged.counts[images].sum(axis=1)
            total = counts.sum()
            wrong = {"answers": total, "error": 1 - np.trace(counts) / total}
            cost = with_ends("cost", (counts * matrix).sum() / total, percentile_interval(drawn, resampling.confidence))
            costs.append(who | wrong | cost)
            confusions += [who | row for row in _costliest(counts, matrix, classes)]
    table = pd.DataFrame(costs, columns=COSTS).assign(confidence=resampling.confidence)
    return CostTables(table, pd.DataFrame(confusions, columns=CONFUSIONS))


def _answers(ensemble: Ensemble, judged: Judged, images: str, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of answers per true and answered class, int64 K x K, and the mean cost per image, float64 N."""
    counts, of_images = np.zeros(matrix.shape, np.int64), np.zeros(len(judged.images[images]))
    for condition, places, part in judged.outputs(ensemble, images, disagreement=False):
        labels = ensemble.members[0].labels(condition)[judged.images[images][places]]
        answers = part.log_probabilities.argmax(axis=-1)
        if not ensemble.rule.mean:  # a vote, whose probabilities are the mean of its members'
            logits = [member.logits(condition, judged.images[images][places]) for member in ensemble.members]
            answers = answered(ensemble, softmax(np.stack(logits).astype(np.float32)))
        np.add.at(counts, (labels, answers), 1)
        of_images[places] += matrix[labels, answers] / len(judged.conditions[images])
    return counts, of_images


def _costliest(counts: np.ndarray, matrix: np.ndarray, classes: list[str]) -> list[dict]:
    """The wrong answers that cost most in all, the costliest first; right ones may cost too, and are not listed."""
    spent = counts * matrix
    wrongly = spent * (1 - np.eye(len(spent)))
    order = np.argsort(-wrongly, axis=None, kind="stable")[:LISTED]
    rows = []
    for label, answer in zip(*np.unravel_index(order, spent.shape), strict=True):
        if wrongly[label, answer] > 0:
            row = {"label": classes[label], "answer": classes[answer], "count": counts[label, answer]}
            row |= {"share": counts[label, answer] / counts[label].sum(), "cost": matrix[label, answer]}
            rows.append(row | {"cost_share": spent[label, answer] / spent.sum()})
    return rows
