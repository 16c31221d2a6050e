"""The recommended model and its competitors: which rows of deployment.csv they are, and what they
get wrong.

All are evaluated on the half of the test images on which nothing was selected
(`resiliency.analysis.judging`)."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.coincident_failures import SHARED_FAILURES, shared_failures
from resiliency.analysis.judging import (
    REFERENCE,
    Judged,
    Resampled,
    both_halves,
    by_corruption,
    ensemble_of,
    judged,
)
from resiliency.base.names import CLEAN, CORRUPTED, means_over
from resiliency.ensembles.combination import VOTE, Ensemble
from resiliency.metrics.classification import CALIBRATION, ECE_BINS, accuracies, bin_of
from resiliency.prediction.reading import Predictions
from resiliency.statistics.intervals import DIFFERENCE, LINEAR, max_t, of_linear, share
from resiliency.statistics.resampling import Resampling, Units

RECOMMENDED, BEST_ENSEMBLE, BEST_MEMBER = "recommended model", "best ensemble", "best member"
ROLES = (RECOMMENDED, BEST_ENSEMBLE, BEST_MEMBER, "baseline")
MEMBER = "member of the recommended model"
# Largest error of a model to use: clean, in the worst others.
BEARABLE = {"clean": 0.1, "class": 0.5, "condition": 0.5}
EFFECTIVE = "n_clean_effective_images"  # column of deployment.csv if images are grouped in units

WHO = ["role", "members", "size"]
UNDER_CORRUPTION = [*WHO, "corruption", "severities", "n_images", "error", "low", "high"]
UNDER_CORRUPTION += ["difference", "difference_low", "difference_high", *SHARED_FAILURES]
CONFUSIONS = [*WHO, "images", "class", "predicted", "answers", "share"]
CLASS_ERRORS = [*WHO, "class", "corruption", "n_images", "error", "low", "high", "confidence"]
FAILURES = [
    "kind",
    "image",
    "name",
    "corruption",
    "severity",
    "class",
    "predicted",
    "confidence",
    "conditions",
    "said",
]
# Answers to uncorrupted images.
CLEAN_ANSWERS = ["clean_predicted", "clean_confidence", "clean_said"]
COSTS = [*WHO, "images", "answers", "error", "cost", "cost_low", "cost_high"]
COSTLY_CONFUSIONS = [*WHO, "images", "label", "answer", "count", "share", "cost", "cost_share"]
PAIR, CORRUPTION, NOBODY = "classes", "corruption", "no member"
MOST = 24  # number of failures of each kind
LISTED = 10  # number of listed confusions per model


def clean_accuracy(row: dict[str, float] | pd.Series) -> dict[str, np.ndarray]:
    """The clean accuracy of a row of deployment.csv with the ends of its interval (Wilson's), under
    their names."""
    return accuracies(
        CLEAN, row["clean_accuracy"], row.get(EFFECTIVE, row["n_images"]), row["confidence"]
    )


def shortcomings(row: dict[str, float] | pd.Series) -> dict[str, float]:
    """The estimated errors of a row of deployment.csv with which no model should be used as it is,
    by name."""
    errors = {
        "clean": 1 - row["clean_accuracy"],
        "class": row["worst_class_error"],
        "condition": row["worst_error"],
    }
    return {name: error for name, error in errors.items() if error > BEARABLE[name]}


def priced(rows: pd.DataFrame) -> str:
    """The column that holds the cost of `rows`: macs, or size if no MACs are known."""
    return "macs" if rows["macs"].notna().any() else "size"


def known_rows(deployment: pd.DataFrame) -> pd.DataFrame:
    """The rows whose errors are known both on the selection images and on evaluation images."""
    return deployment.dropna(subset=["selection_error", "corrupted_error"])


def eligible(deployment: pd.DataFrame) -> pd.DataFrame:
    """The rows that may be best: known ones whose members are all fit."""
    rows = known_rows(deployment)
    return rows[rows["fit"].astype(bool)]


def best_row(rows: pd.DataFrame) -> pd.Series:
    """The eligible row with the least selection_error; errors on evaluation images are unknown when
    one chooses."""
    return rows.loc[rows["selection_error"].idxmin()]


def recommended_row(rows: pd.DataFrame) -> pd.Series:
    """The row to deploy in place of the best of these eligible `rows` of deployment.csv."""
    return rows[rows["number"] == best_row(rows)["instead"]].iloc[0]


def best_member(deployment: pd.DataFrame) -> pd.Series | None:
    """The best row of a single member; if an ensemble is recommended, of those that cost no more.
    None if none is.

    A member of unknown cost may be it.
    """
    rows = eligible(deployment)
    alone = rows[rows["size"] == 1]
    if len(alone) and (chosen := recommended_row(rows))["size"] > 1:
        alone = alone[~(alone[priced(rows)] > chosen[priced(rows)])]
    return best_row(alone) if len(alone) else None


def contenders(deployment: pd.DataFrame) -> dict[str, pd.Series]:
    """Role -> row of deployment.csv: `recommended_row`, the best ensemble, `best_member` and the
    baseline.

    Roles that nobody has are left out.
    """
    fit, known = eligible(deployment), known_rows(deployment)
    ensembles, baseline = fit[fit["size"] > 1], known[known["baseline"].astype(bool)]
    rows = [
        recommended_row(fit) if len(fit) else None,
        best_row(ensembles) if len(ensembles) else None,
        best_member(deployment),
        best_row(baseline) if len(baseline) else None,
    ]
    return {role: row for role, row in zip(ROLES, rows, strict=True) if row is not None}


class Model(NamedTuple):
    """A contender, or a member of the recommended model, and its answers to each set of images, at
    temperature 1."""

    role: str
    members: str
    ensemble: Ensemble
    answers: dict[str, Judged]

    @property
    def who(self) -> dict[str, str | int]:
        """The columns `WHO`."""
        return dict(zip(WHO, (self.role, self.members, len(self.ensemble.members)), strict=True))


def comparison(
    roles: dict[str, pd.Series],
    predictions: dict[str, Predictions],
    temperatures: pd.DataFrame,
    names: Sequence[str],
    classes: Sequence[str],
    resampling: Resampling,
    matrix: np.ndarray | None = None,
    threads: int = 1,
) -> dict[str, pd.DataFrame]:
    """What the contenders get wrong: under corruptions, by class and by confidence; at what cost;
    and examples.

    Args:
        roles: rows from `contenders`.
        predictions: member -> its predictions, for the members in `roles`.
        temperatures: temperatures.csv.
        names: names of all test images; empty if they are called by their positions.
        classes: names of the classes; a class without a name is called by its number.
        matrix: float64 K x K from `resiliency.metrics.classification.cost_matrix`, if answers have
            costs.

    Returns:
        Tables by the outputs of rule assess_ensembles, which docs/tables.md describes; `failures`
        with `CLEAN_ANSWERS`.
    """
    selection, evaluation = both_halves(predictions, resampling)
    rows = [(role, row["members"], row["rule"]) for role, row in roles.items()]
    if rows and matrix is not None:
        _, joined, rule = rows[0]
        rows += [(MEMBER, name, rule) for name in joined.split("+") if name != joined]
    ensembles = [ensemble_of(joined, rule, predictions) for _, joined, rule in rows]
    same = np.ones(len(rows))
    answers = (
        judged(ensembles, same, evaluation, evaluation.own, (REFERENCE,), threads=threads)
        if rows
        else []
    )
    models = [Model(*row[:2], *of) for row, *of in zip(rows, ensembles, answers, strict=True)]
    contending = models[: len(roles)]
    shown = [of for of in contending if of.role in (RECOMMENDED, BEST_MEMBER)]
    failed = pd.DataFrame(columns=[*FAILURES, *CLEAN_ANSWERS])
    if shown:
        fitted = temperatures.drop_duplicates("members").set_index("members").temperature.fillna(1)
        temperature = fitted[shown[0].members]
        failed = failure_table(shown[0].ensemble, temperature, evaluation, names, classes, threads)
    tables = {
        "under_corruptions": under_corruptions_table(contending, selection, evaluation),
        "calibration": calibration_table(contending),
        "confusions": confusion_table(shown, evaluation, classes),
        "class_errors": class_error_table(shown, evaluation, classes),
        "failures": failed,
    }
    return tables if matrix is None else tables | cost_tables(models, evaluation, matrix, classes)


def by_condition(answers: dict[str, Judged], evaluation: Resampled) -> dict[int, np.ndarray]:
    """Row of the table of conditions -> errors on the dataset's own evaluation images, float32 N;
    rows ascend."""
    rows = np.concatenate([evaluation.conditions[name] for name in evaluation.own])
    errors = np.concatenate([answers[name].errors for name in evaluation.own])
    return {int(rows[place]): errors[place] for place in np.argsort(rows)}


def under_corruptions_table(
    models: list[Model], selection: Resampled, evaluation: Resampled
) -> pd.DataFrame:
    """Errors of the contenders under each corruption, differences from the first, and failures that
    members share."""
    if not models:
        return pd.DataFrame(columns=[*UNDER_CORRUPTION, "confidence"])
    errors = {of.role: by_condition(of.answers, evaluation) for of in models}
    own = models[0].ensemble.members[0].conditions.iloc[list(errors[models[0].role])]
    stacked = {role: np.stack(list(of.values())) for role, of in errors.items()}
    counts, units = evaluation.counts[CLEAN], evaluation.units[CLEAN]
    rows = under_corruptions(stacked, own.corruption, counts, units, evaluation.confidence)
    over = {name: [name] for name in own.corruption} | means_over(own.corruption.unique())
    tested = {of: np.unique(own.severity[own.corruption.isin(names)]) for of, names in over.items()}
    whom = {of.role: of.who for of in models}
    several = [of for of in models if len(of.ensemble.members) > 1]
    shared = {
        of.role: shared_failures(of.members.split("+"), of.ensemble.members, selection, evaluation)
        for of in several
    }
    for row in rows:
        role, name = str(row["role"]), str(row["corruption"])
        row |= whom[role] | {"severities": "+".join(map(str, tested[name]))}
        row |= shared.get(role, {}).get(name, {})
    return pd.DataFrame(rows, columns=UNDER_CORRUPTION).assign(confidence=evaluation.confidence)


def under_corruptions(
    errors: dict[str, np.ndarray],
    corruptions: Sequence[str],
    counts: np.ndarray,
    units: Units,
    confidence: float,
) -> list[dict[str, object]]:
    """Error under each corruption and their mean over severities, and differences from the first
    role.

    Args:
        errors: role -> float C x N, error on each image under each condition.
        corruptions: the corruption of each of the C conditions; `clean` for none.
        counts: float R x N, how often each resample draws each image.
        units: units of the images.
        confidence: level of the intervals, between 0 and 1.

    Returns:
        A row per role and corruption, clean first, and the last of each role of means: "corrupted",
        and "held_out" if there are corruptions that nothing was selected by. Keys: role,
        corruption, n_images (N), error with its interval low and high (Wilson); but in the rows of
        the first role difference, the error of the first role less that of this one on the same
        images, with its interval. Those of all corruptions hold together (max-t); that of clean
        images or of a mean holds by itself (linearised, t).
    """
    rows, first, drawn_images = [], next(iter(errors)), counts.sum(axis=1, keepdims=True)
    of_images = {role: by_corruption(values, corruptions) for role, values in errors.items()}
    single = [name for name in dict.fromkeys(corruptions) if name != CLEAN]
    for role, values in of_images.items():
        better = {name: of_images[first][name] - of for name, of in values.items()}
        # Of the same model it is 0.
        scale = LINEAR if np.array_equal(errors[role], errors[first]) else DIFFERENCE
        intervals = {}
        if role != first:
            intervals = {
                name: of_linear(of.mean(), of, units, confidence, scale)
                for name, of in better.items()
                if name not in single
            }
            together = np.array([better[name] for name in single])
            drawn = counts @ together.T / drawn_images
            intervals |= zip(
                single, max_t(together.mean(axis=1), drawn, units, confidence, scale), strict=True
            )
        for name, of in values.items():
            low, high = share(of, units, confidence).ends
            row = {"role": role, "corruption": name, "n_images": units.n_images, "error": of.mean()}
            row |= {"low": low, "high": high}
            rows.append(
                row
                | (intervals[name].columns("difference", better[name].mean()) if intervals else {})
            )
    return rows


def calibration_table(models: list[Model]) -> pd.DataFrame:
    """The bins of confidence that are not empty, of the contenders with probabilities, before any
    temperature."""
    rows = []
    for of, images in product(models, (CLEAN, CORRUPTED)):
        if of.ensemble.has_probabilities and of.ensemble.rule != VOTE:
            sure, right = (
                of.answers[images].confidences[REFERENCE].ravel(),
                1 - of.answers[images].errors.ravel(),
            )
            sums = [np.bincount(bin_of(sure), values, ECE_BINS) for values in (None, sure, right)]
            for place, (count, *both) in enumerate(np.transpose(sums)):
                if count:
                    ends = place / ECE_BINS, (place + 1) / ECE_BINS
                    rows.append(
                        (
                            *of.who.values(),
                            images,
                            *ends,
                            int(count),
                            *(each / count for each in both),
                        )
                    )
    return pd.DataFrame(rows, columns=[*WHO, *CALIBRATION])


def name_of(classes: Sequence[str], place: int) -> str:
    """The name of the class at a position."""
    return classes[place] if place < len(classes) else str(place)


def confusion_table(
    models: list[Model], evaluation: Resampled, classes: Sequence[str]
) -> pd.DataFrame:
    """How often each class is taken for which, clean and corrupted."""
    tables = []
    for of in models:
        labels = of.ensemble.members[0].labels(0)[evaluation.images[CLEAN]]
        for images in (name for name in (CLEAN, CORRUPTED) if name in of.answers):
            predicted = of.answers[images].answers
            pairs = pd.DataFrame(
                {"class": np.tile(labels, len(predicted)), "predicted": predicted.ravel()}
            )
            counts = (
                pairs.value_counts()
                .rename("answers")
                .reset_index()
                .sort_values(["class", "predicted"])
            )
            counts["share"] = counts.answers / counts.groupby("class").answers.transform("sum")
            for column in ("class", "predicted"):
                counts[column] = [name_of(classes, place) for place in counts[column]]
            tables.append(counts.assign(**of.who, images=images)[CONFUSIONS])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=CONFUSIONS)


def class_error_table(
    models: list[Model], evaluation: Resampled, classes: Sequence[str]
) -> pd.DataFrame:
    """Error on the images of each class, clean, under each corruption and under all, with
    `class_error`'s interval."""
    rows = []
    for of in models:
        conditions, units = of.ensemble.members[0].conditions, evaluation.units[CLEAN]
        labels = of.ensemble.members[0].labels(0)[evaluation.images[CLEAN]]
        for images in (name for name in (CLEAN, CORRUPTED) if name in of.answers):
            corruptions = conditions.corruption.iloc[evaluation.conditions[images]]
            errors = by_corruption(of.answers[images].errors, corruptions)
            for place in np.unique(labels):
                who, own = of.who | {"class": name_of(classes, place)}, labels == place
                rows += [
                    who
                    | {"corruption": name}
                    | class_error(values[own], units.of(own), evaluation.confidence)
                    for name, values in errors.items()
                ]
    return pd.DataFrame(rows, columns=CLASS_ERRORS)


def class_error(errors: np.ndarray, units: Units, confidence: float) -> dict[str, float]:
    """The mean of the errors of images, float64 N from 0 to 1, with its interval."""
    low, high = share(errors, units, confidence).ends
    return {
        "n_images": len(errors),
        "error": errors.mean(),
        "low": low,
        "high": high,
        "confidence": confidence,
    }


def failure_table(
    ensemble: Ensemble,
    temperature: float,
    evaluation: Resampled,
    names: Sequence[str],
    classes: Sequence[str],
    threads: int = 1,
) -> pd.DataFrame:
    """Failures of an ensemble, at most `MOST` of each kind, by its confidence at a temperature.

    Returns:
        `FAILURES`, the kinds one after the other: wrong answers by confidence, the largest first;
        images that no member gets right by the number of conditions, each under the first of these.
        And `CLEAN_ANSWERS`: what the ensemble and its members answer to the image without a
        corruption.
    """
    score = REFERENCE if ensemble.has_probabilities else "vote_agreement"
    sets = [name for name in (CLEAN, CORRUPTED) if name in evaluation.conditions]
    (answers,) = judged([ensemble], [temperature], evaluation, sets, (score,), threads=threads)
    conditions = np.concatenate([evaluation.conditions[name] for name in sets])
    errors = np.concatenate([answers[name].errors for name in sets])
    predicted = np.concatenate([answers[name].answers for name in sets])
    sure = [
        answers[name].confidences.get(score, np.ones(answers[name].errors.shape)) for name in sets
    ]
    confidence, images = np.concatenate(sure).astype(np.float32), evaluation.images[CLEAN]
    table, labels = ensemble.members[0].conditions, ensemble.members[0].labels(0)[images]
    rows, places = np.nonzero(errors == 1)
    wrong = pd.DataFrame({"row": rows, "place": places, "confidence": confidence[rows, places]})
    wrong["class"], wrong["predicted"] = labels[places], predicted[rows, places]
    wrong["corruption"] = table.corruption.to_numpy()[conditions[rows]]
    nobody = [
        np.all([of.decisions(c, images) != labels for of in ensemble.members], axis=0)
        for c in conditions
    ]

    def answer(row: int, place: int) -> dict[str, str | float]:
        said = said_by(ensemble, conditions[row], images[place], classes)
        of_class = name_of(classes, predicted[row, place])
        return {"predicted": of_class, "confidence": confidence[row, place], "said": said}

    found = []
    for kind, row, place, count in picked_failures(wrong, np.stack(nobody)):
        under, image = table.iloc[conditions[row]], images[place]
        of = {
            "kind": kind,
            "image": image,
            "name": names[image] if len(names) else str(image),
            "conditions": count,
        }
        of |= {
            "corruption": under.corruption,
            "severity": under.severity,
            "class": name_of(classes, labels[place]),
        }
        found.append(
            of
            | answer(row, place)
            | {f"clean_{name}": value for name, value in answer(0, place).items()}
        )
    return pd.DataFrame(found, columns=[*FAILURES, *CLEAN_ANSWERS])


def picked_failures(wrong: pd.DataFrame, nobody: np.ndarray) -> list[tuple[str, int, int, float]]:
    """Kind, row of conditions and place of the image of each failure; and in how many conditions no
    member is right.

    Args:
        wrong: a row per wrong answer: row, place, confidence, class, predicted, corruption.
        nobody: bool C x N, whether no member is right.
    """
    wrong = wrong.sort_values(
        ["confidence", "row", "place"], ascending=[False, True, True], kind="stable"
    )
    kinds = {
        PAIR: wrong.drop_duplicates(["class", "predicted"]),
        CORRUPTION: wrong.drop_duplicates("corruption"),
    }
    picked = [
        (kind, *of, np.nan)
        for kind, rows in kinds.items()
        for of in rows[["row", "place"]].head(MOST).to_numpy()
    ]
    counts = nobody.sum(axis=0)
    most = np.argsort(-counts, kind="stable")[:MOST]
    return picked + [
        (NOBODY, nobody[:, place].argmax(), place, counts[place]) for place in most if counts[place]
    ]


def said_by(ensemble: Ensemble, condition: int, image: int, classes: Sequence[str]) -> str:
    """The answer of each member to an image, with its probability if it is known."""
    answers = []
    for member in ensemble.members:
        (decided,) = member.decisions(condition, np.array([image]))
        answer = name_of(classes, decided)
        if member.has_probabilities:
            answer += f" {member.probabilities(condition, np.array([image])).max():.2f}"
        answers.append(answer)
    return "; ".join(answers)


def cost_tables(
    models: list[Model], evaluation: Resampled, matrix: np.ndarray, classes: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Costs, and confusions by their total cost, of models with probabilities; ties of others are
    broken at random."""
    costs, confusions = [], []
    for of in (of for of in models if of.ensemble.has_probabilities):
        for images in (name for name in (CLEAN, CORRUPTED) if name in of.answers):
            who, predicted = of.who | {"images": images}, of.answers[images].answers
            labels = np.broadcast_to(
                of.ensemble.members[0].labels(0)[evaluation.images[images]], predicted.shape
            )
            counts, of_images = (
                np.zeros(matrix.shape, np.int64),
                matrix[labels, predicted].mean(axis=0),
            )
            np.add.at(counts, (labels, predicted), 1)
            total, spent = counts.sum(), counts * matrix
            interval = share(
                of_images, evaluation.units[images], evaluation.confidence, largest=matrix.max()
            )
            row = who | {"answers": total, "error": 1 - np.trace(counts) / total}
            costs.append(row | interval.columns("cost", spent.sum() / total))
            wrongly = spent * (1 - np.eye(len(spent)))  # right answers that cost are not listed
            for place in np.argsort(-wrongly, axis=None, kind="stable")[
                : min(LISTED, np.count_nonzero(wrongly > 0))
            ]:
                label, answer = np.unravel_index(place, spent.shape)
                row = who | {
                    "label": classes[label],
                    "answer": classes[answer],
                    "count": counts[label, answer],
                }
                row |= {
                    "share": counts[label, answer] / counts[label].sum(),
                    "cost": matrix[label, answer],
                }
                confusions.append(row | {"cost_share": spent[label, answer] / spent.sum()})
    table = pd.DataFrame(costs, columns=COSTS).assign(confidence=evaluation.confidence)
    return {
        "costs": table,
        "costly_confusions": pd.DataFrame(confusions, columns=COSTLY_CONFUSIONS),
    }
