"""Failures of the recommended ensemble: the classes that it confuses, and images for inspection.

All are of the half of the test images on which nothing was selected (see `resiliency.analysis.deployment`)."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.assessment import REFERENCE
from resiliency.analysis.judging import Resampled, judged
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.ensembles.combination import Ensemble
from resiliency.statistics.intervals import share
from resiliency.statistics.resampling import Units

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
