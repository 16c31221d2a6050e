"""Failures of the recommended ensemble: the classes that it confuses, what they cost, and images for inspection.

All are of the half of the test images on which nothing was selected (see `resiliency.analysis.deployment`)."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.assessment import REFERENCE
from resiliency.analysis.contenders import BEST_MEMBER, RECOMMENDED, WHO
from resiliency.analysis.judging import Resampled, both_halves, ensemble_of, evaluation_half, judged
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.ensembles.combination import Ensemble
from resiliency.prediction.reading import Predictions
from resiliency.statistics.intervals import share
from resiliency.statistics.resampling import Resampling, Units

CONFUSIONS = ["role", "members", "size", "images", "class", "predicted", "answers", "share"]
CLASS_ERRORS = ["role", "members", "size", "class", "corruption", "n_images", "error", "low", "high", "confidence"]
FAILURES = ["kind", "image", "name", "corruption", "severity", "class", "predicted", "confidence", "conditions", "said"]
CLEAN_ANSWERS = ["clean_predicted", "clean_confidence", "clean_said"]  # answers to uncorrupted images
PAIR, CORRUPTION, NOBODY = "classes", "corruption", "no member"
MOST = 24  # number of failures of each kind


class Answers(NamedTuple):
    """Answers of an ensemble to N evaluation images under C conditions.

    Attributes:
        conditions: int C, rows of the table of conditions.
        predicted: int32 C x N, predicted classes.
        confidence: float32 C x N, largest probability after scaling by the temperature, or share of the votes.
        errors: float32 C x N.
        nobody: bool C x N, whether no member is right.
    """

    conditions: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    errors: np.ndarray
    nobody: np.ndarray


def answers_of(
    ensembles: Sequence[Ensemble], temperatures: Sequence[float], evaluation: Resampled, threads: int = 1
) -> list[dict[str, Answers]]:
    """`clean` and `corrupted`, if there are such images -> the answers of each ensemble to them."""
    names = [name for name in (CLEAN, CORRUPTED) if name in evaluation.conditions]
    scores = ("vote_agreement",)[: not all(ensemble.has_probabilities for ensemble in ensembles)]
    everything = judged(ensembles, temperatures, evaluation, names, (REFERENCE, *scores), threads=threads)
    found: list[dict[str, Answers]] = [{} for _ in ensembles]
    for name, (ensemble, own, of) in product(names, list(zip(ensembles, everything, found, strict=True))):
        conditions, images = np.asarray(evaluation.conditions[name]), evaluation.images[name]
        nobody = np.ones(own[name].errors.shape, bool)
        for row, condition in enumerate(conditions):
            for member in ensemble.members:
                nobody[row] &= member.decisions(condition, images) != member.labels(condition)[images]
        sure = next(iter(own[name].confidences.values()), np.ones(nobody.shape)).astype(np.float32)
        of[name] = Answers(conditions, own[name].answers, sure, own[name].errors, nobody)
    return found


def confusion_table(
    roles: dict[str, pd.Series], answers: dict[str, dict[str, Answers]], labels: np.ndarray, classes: Sequence[str]
) -> pd.DataFrame:
    """Confusion counts: how often each class is taken for which.

    Args:
        roles: role -> row of deployment.csv.
        answers: role -> answers from `answers_of`.
        labels: int N, true classes of the evaluation images.
        classes: names of the classes; a class without a name is called by its number.

    Returns:
        `CONFUSIONS`, as docs/tables.md describes them.
    """
    rows = []
    for role, of_role in answers.items():
        for images, of_images in of_role.items():
            predicted = of_images.predicted
            pairs = pd.DataFrame({"class": np.tile(labels, len(predicted)), "predicted": predicted.ravel()})
            counts = pairs.value_counts().rename("answers").reset_index().sort_values(["class", "predicted"])
            counts["share"] = counts.answers / counts.groupby("class").answers.transform("sum")
            row = roles[role]
            rows.append(counts.assign(role=role, members=row["members"], size=row["size"], images=images))
    table = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=CONFUSIONS)
    for column in ("class", "predicted"):
        table[column] = [name_of(classes, place) for place in table[column]]
    return table[CONFUSIONS]


def class_error_table(
    roles: dict[str, pd.Series],
    answers: dict[str, dict[str, Answers]],
    conditions: pd.DataFrame,
    labels: np.ndarray,
    units: Units,
    classes: Sequence[str],
    confidence: float,
) -> pd.DataFrame:
    """Error on the images of each class, clean, under each corruption and under all (mean over severities).

    Args:
        units: units of the evaluation images.
        confidence: level of the intervals, between 0 and 1.

    Others are those of `confusion_table`.

    Returns:
        `CLASS_ERRORS`, as docs/tables.md describes them; intervals are those of `class_error`, over units.
    """
    rows = []
    for role, of_role in answers.items():
        for images, given in of_role.items():
            names = conditions.corruption.to_numpy()[given.conditions]
            errors = {name: given.errors[names == name].mean(axis=0, dtype=np.float64) for name in dict.fromkeys(names)}
            errors |= {CORRUPTED: np.mean(list(errors.values()), axis=0)} if images == CORRUPTED else {}
            for place in np.unique(labels):
                who = {"role": role, "members": roles[role]["members"], "size": roles[role]["size"]}
                who["class"], own = name_of(classes, place), labels == place
                rows += [
                    who | {"corruption": name} | class_error(values[own], units.of(own), confidence)
                    for name, values in errors.items()
                ]
    return pd.DataFrame(rows, columns=CLASS_ERRORS)


def class_error(errors: np.ndarray, units: Units, confidence: float) -> dict[str, float]:
    """The mean of the errors of images, float64 N from 0 to 1, with its interval."""
    low, high = share(errors, units, confidence).ends
    return {"n_images": len(errors), "error": errors.mean(), "low": low, "high": high, "confidence": confidence}


def name_of(classes: Sequence[str], place: int) -> str:
    """The name of the class at a position."""
    return classes[place] if place < len(classes) else str(place)


def failure_table(
    ensemble: Ensemble,
    answers: dict[str, Answers],
    evaluation: Resampled,
    names: Sequence[str],
    classes: Sequence[str],
) -> pd.DataFrame:
    """Failures of an ensemble, at most `MOST` of each kind.

    Args:
        answers: answers from `answers_of`.
        names: names of all test images; empty if they are called by their positions.
        classes: names of the classes, as in `confusion_table`.

    Returns:
        `FAILURES`, as docs/tables.md describes them, the kinds one after the other: wrong answers by confidence, the
        largest first; images that no member gets right by the number of conditions, each under the first of these. And
        `CLEAN_ANSWERS`: what the ensemble and its members answer to the image without a corruption.
    """
    table = ensemble.members[0].conditions
    everything = list(answers.values())
    joined = Answers(*(np.concatenate([getattr(part, field) for part in everything]) for field in Answers._fields))
    images, labels = evaluation.images[CLEAN], ensemble.members[0].labels(0)[evaluation.images[CLEAN]]
    rows, places = np.nonzero(joined.errors == 1)
    wrong = pd.DataFrame({"row": rows, "place": places, "confidence": joined.confidence[rows, places]})
    wrong["class"], wrong["predicted"] = labels[places], joined.predicted[rows, places]
    wrong["corruption"] = table.corruption.to_numpy()[joined.conditions[rows]]
    wrong = wrong.sort_values(["confidence", "row", "place"], ascending=[False, True, True], kind="stable")
    kinds = {PAIR: wrong.drop_duplicates(["class", "predicted"]), CORRUPTION: wrong.drop_duplicates("corruption")}
    picked = [(kind, *of) for kind, rows in kinds.items() for of in rows[["row", "place"]].head(MOST).to_numpy()]
    picked += [(NOBODY, *of) for of in _nobody(joined)]
    found = []
    for kind, index, place in picked:
        condition, image = joined.conditions[index], images[place]
        under = table.iloc[condition]
        row = {"kind": kind, "image": image, "name": names[image] if len(names) else str(image)}
        row |= {"corruption": under.corruption, "severity": under.severity}
        row |= {"class": name_of(classes, labels[place])}
        row |= {"predicted": name_of(classes, joined.predicted[index, place])}
        row |= {"confidence": joined.confidence[index, place]}
        row |= {"said": _said(ensemble, condition, image, classes)}
        row |= {"conditions": joined.nobody[:, place].sum() if kind == NOBODY else np.nan}
        found.append(row | _clean_answers(ensemble, answers[CLEAN], place, image, classes))
    return pd.DataFrame(found, columns=[*FAILURES, *CLEAN_ANSWERS])


def _clean_answers(ensemble: Ensemble, clean: Answers, place: int, image: int, classes: Sequence[str]) -> dict:
    return {
        "clean_predicted": name_of(classes, clean.predicted[0, place]),
        "clean_confidence": clean.confidence[0, place],
        "clean_said": _said(ensemble, clean.conditions[0], image, classes),
    }


def _nobody(answers: Answers) -> Iterator[tuple[int, int]]:
    """Row and place of the images that no member gets right under the most conditions, under the first of these."""
    counts = answers.nobody.sum(axis=0)
    for place in np.argsort(-counts, kind="stable")[:MOST]:
        if counts[place]:
            yield int(answers.nobody[:, place].argmax()), int(place)


def _said(ensemble: Ensemble, condition: int, image: int, classes: Sequence[str]) -> str:
    """The answer of each member to an image."""
    answers = []
    for member in ensemble.members:
        (decided,) = member.decisions(condition, np.array([image]))
        answer = name_of(classes, decided)
        if member.has_probabilities:
            answer += f" {member.probabilities(condition, np.array([image])).max():.2f}"
        answers.append(answer)
    return "; ".join(answers)


def failures(
    roles: dict[str, pd.Series],
    members: pd.DataFrame,
    temperatures: pd.DataFrame,
    predictions: dict[str, Predictions],
    names: Sequence[str],
    classes: Sequence[str],
    confidence: float,
    seed: int,
    threads: int = 1,
) -> dict[str, pd.DataFrame]:
    """Confusions and errors of classes of the recommended model and of the best member, and failures of the former.

    Args:
        roles: rows from `contenders`.
        members, temperatures: tables members.csv and temperatures.csv.
        predictions: member -> its predictions, for the members in `roles`.
        names: names of the test images; empty if they have none.
        classes: names of the classes; empty if they have none.
        confidence: level of the intervals, between 0 and 1.

    Returns:
        Tables `confusions`, `class_errors` and `failures`, this with `CLEAN_ANSWERS`.
    """
    shown = {role: roles[role] for role in (RECOMMENDED, BEST_MEMBER) if role in roles}
    if not shown:
        columns = {"confusions": CONFUSIONS, "class_errors": CLASS_ERRORS, "failures": [*FAILURES, *CLEAN_ANSWERS]}
        return {name: pd.DataFrame(columns=of) for name, of in columns.items()}
    members, (_, evaluation) = members.set_index("member"), both_halves(predictions, Resampling(1, 0.5, seed))
    fitted = temperatures.drop_duplicates("members").set_index("members").temperature.fillna(1)
    ensembles = [ensemble_of(row["members"].split("+"), row["rule"], predictions, members) for row in shown.values()]
    scaled_by = [fitted[row["members"]] for row in shown.values()]
    answers = dict(zip(shown, answers_of(ensembles, scaled_by, evaluation, threads), strict=True))
    one = next(iter(predictions.values()))
    labels = one.labels(0)[evaluation.images[CLEAN]]
    units = evaluation.units[CLEAN]
    return {
        "confusions": confusion_table(shown, answers, labels, classes),
        "class_errors": class_error_table(shown, answers, one.conditions, labels, units, classes, confidence),
        "failures": failure_table(ensembles[0], next(iter(answers.values())), evaluation, names, classes),
    }


LISTED = 10  # number of listed confusions per model
MEMBER = "member of the recommended model"
COSTS = [*WHO, "images", "answers", "error", "cost", "cost_low", "cost_high"]
COST_COLUMNS = [*WHO, "images", "label", "answer", "count", "share", "cost", "cost_share"]


def cost_tables(
    roles: dict[str, pd.Series],
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    matrix: np.ndarray,
    classes: list[str],
    resampling: Resampling,
) -> dict[str, pd.DataFrame]:
    """Costs and confusions of the contenders, and of each member of the recommended model.

    Models without probabilities, whose ties are broken at random, are left out.

    Args:
        roles: rows from `contenders`.
        members: members.csv.
        predictions: member -> its predictions, for the members in `roles`.
        matrix: float64 K x K from `resiliency.metrics.costs.cost_matrix`.
    """
    members, evaluation = members.set_index("member"), evaluation_half(predictions, resampling)
    models = [(role, row["members"], row["rule"]) for role, row in roles.items()]
    if models:
        _, joined, rule = models[0]
        models += [(MEMBER, name, rule) for name in joined.split("+") if name != joined]
    known = [(*model, ensemble_of(model[1].split("+"), model[2], predictions, members)) for model in models]
    known = [model for model in known if model[3].has_probabilities]
    everything = answers_of([ensemble for *_, ensemble in known], np.ones(len(known)), evaluation) if known else []
    costs, confusions = [], []
    for (role, joined, _, ensemble), given in zip(known, everything, strict=True):
        for images, of in given.items():
            who = {"role": role, "members": joined, "size": len(ensemble.members), "images": images}
            labels = np.broadcast_to(ensemble.members[0].labels(0)[evaluation.images[images]], of.predicted.shape)
            counts, of_images = np.zeros(matrix.shape, np.int64), matrix[labels, of.predicted].mean(axis=0)
            np.add.at(counts, (labels, of.predicted), 1)
            total = counts.sum()
            wrong = {"answers": total, "error": 1 - np.trace(counts) / total}
            cost, units = (counts * matrix).sum() / total, evaluation.units[images]
            of_cost = share(of_images, units, resampling.confidence, largest=matrix.max())
            costs.append(who | wrong | of_cost.columns("cost", cost))
            confusions += [who | row for row in _costliest(counts, matrix, classes)]
    table = pd.DataFrame(costs, columns=COSTS).assign(confidence=resampling.confidence)
    return {"costs": table, "costly_confusions": pd.DataFrame(confusions, columns=COST_COLUMNS)}


def _costliest(counts: np.ndarray, matrix: np.ndarray, classes: list[str]) -> list[dict]:
    """The wrong answers with the largest total cost, costliest first; correct answers that cost are not listed."""
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
