"""How sure an ensemble is when it is wrong: selective prediction, on the evaluation images.

Clean and corrupted images are those of the evaluation half of deployment.csv, whose ensembles were
selected on the other; all corrupted conditions count together, because one threshold of confidence
has to serve them all. All images of additional test sets count. Units of images are resampled, each
with all of its conditions."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.contenders import best_member
from resiliency.analysis.judging import (
    CALIBRATION_MEASURES,
    REFERENCE,
    Judged,
    Resampled,
    both_halves,
    ensemble_of,
    judged,
)
from resiliency.base.faults import Progress
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.designs.members import LOADED
from resiliency.ensembles.combination import SCORES, VOTE, Ensemble
from resiliency.metrics.classification import fitted_temperature
from resiliency.metrics.selective import (
    ABSTAIN,
    MEASURES,
    Ranked,
    covering_threshold,
    graded,
    limiting_threshold,
    measures,
    resampled_rankings,
    risk_coverage,
    units_needed,
)
from resiliency.prediction.reading import Predictions
from resiliency.statistics.intervals import (
    OF_PAIRS,
    POSITIVE,
    SHARE,
    UNKNOWN,
    Scale,
    bootstrap,
    max_t,
    share,
)
from resiliency.statistics.resampling import Resampling

CURVE = np.round(np.arange(0.01, 1.005, 0.01), 2)
# Measures of answers given -> share of the images that are answered; others are of right and of
# wrong ones.
COUNTED = {"aurc": 1.0, "error_at_90": 0.9}
COVERAGE, WRONG = "coverage", "wrong"
THRESHOLDS = [
    "members",
    "size",
    "rule",
    "selection_images",
    "goal",
    "target",
    "threshold",
    "n_selection_images",
]
THRESHOLDS += ["units_needed", "images"]
THRESHOLDS += [
    f"{of}{end}" for of in ("coverage", "error", "wrong") for end in ("", "_low", "_high")
]
LEFT_OUT = ["left_out_wrong", "left_out_wrong_low", "left_out_wrong_high", "left_out_corruption"]
THRESHOLDS += LEFT_OUT
COVERAGES, SHARES_WRONG = (0.99, 0.95, 0.9, 0.8), (0.02, 0.01, 0.005, 0.001)
VALIDATION = "validation"
# A temperature rests on wrong answers: without any the best one is 0, and with a few it is mostly
# chance.
LEAST_ERRORS = 10
LARGEST_FIT = 2**23  # probabilities
NO_PROBABILITIES, VOTES = "members without probabilities", "a vote has no probabilities"
NO_VALIDATION = "no predictions of validation images"
FEW_ERRORS = f"fewer than {LEAST_ERRORS} validation images are answered wrongly"
LOADED_WEIGHTS = "loaded weights may have been trained on the validation images"
SCALES = {"nll": POSITIVE, "ece": SHARE, "brier": Scale(low=0, high=2)}  # of `CALIBRATION_MEASURES`
TEMPERATURES = [
    "members",
    "size",
    "rule",
    "temperature",
    "fitted_images",
    "n_fitted_images",
    "note",
    "images",
]
TEMPERATURES += [
    f"{measure}_{column}"
    for measure in CALIBRATION_MEASURES
    for column in (
        "before",
        *(f"after{end}" for end in ("", "_low", "_high")),
        *(f"difference{end}" for end in ("", "_low", "_high")),
    )
]
Row = dict[str, object]
Goals = list[tuple[str, float, Callable[[Ranked, float], float]]]
Calibration = tuple[dict[str, np.ndarray], ...]
HELD = 2**27  # number of confidences in memory at a time


def assessment(
    deployment: pd.DataFrame,
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    validation: dict[str, Predictions],
    resampling: Resampling,
    wrong: float | None = None,
    threads: int = 1,
) -> dict[str, pd.DataFrame]:
    """Selective prediction, thresholds and temperature of each ensemble, and its risk-coverage
    curves.

    Args:
        deployment: deployment.csv.
        members: members.csv.
        predictions: member -> its predictions, for the members in `deployment`.
        validation: member -> its predictions of validation images, if it has any.
        wrong: required share of wrong answers, for which thresholds are chosen too.
        threads: number of ensembles at a time, which changes no byte.
    """
    selection, evaluation = both_halves(predictions, resampling)
    keys, best = deployment[["members", "size", "rule"]].to_dict("records"), best_member(deployment)
    ensembles = [ensemble_of(key["members"], key["rule"], predictions) for key in keys]
    chosen_on = [name for name in (CLEAN, CORRUPTED) if name in evaluation.conditions]
    answers = len(evaluation.images[CLEAN]) * sum(map(len, evaluation.conditions.values()))
    several = max(1, HELD // (len(SCORES) * answers))
    tables: dict[str, list[Row]] = {
        "selective": [],
        "curves": [],
        "temperatures": [],
        "thresholds": [],
    }

    def rows(
        place: int,
        tried: dict[str, Judged],
        chosen: dict[str, Judged],
        reference: dict[str, Calibration] | None,
    ) -> list[list[Row]]:
        """Those of each table for one ensemble."""
        compared = (
            None if best is not None and keys[place]["members"] == best["members"] else reference
        )
        temperatures = temperature_rows(
            fitted[place], calibration(tried, evaluation), compared, evaluation
        )
        thresholds = threshold_rows(ensembles[place], chosen, selection, tried, evaluation, wrong)
        return [*selective_rows(tried, evaluation), temperatures, thresholds]

    with ThreadPoolExecutor(threads) as executor:
        data = repeat(members), repeat(validation), repeat(selection)
        fitted = list(executor.map(temperature_of, deployment["members"], ensembles, *data))
        values, reference, progress = (
            [of.value for of in fitted],
            None,
            Progress(len(keys), pause=5),
        )
        if best is not None:
            place = list(deployment["members"]).index(best["members"])
            of_best = judged(
                [ensembles[place]], [values[place]], evaluation, None, (), True, threads
            )
            reference = calibration(of_best[0], evaluation)
        for start in range(0, len(keys), several):
            some = slice(start, start + several)
            tried = judged(ensembles[some], values[some], evaluation, None, SCORES, True, threads)
            chosen = judged(
                ensembles[some], values[some], selection, chosen_on, (REFERENCE,), False, threads
            )
            for key, of_tables in zip(
                keys[some],
                executor.map(rows, range(len(keys))[some], tried, chosen, repeat(reference)),
                strict=True,
            ):
                for table, of_table in zip(tables.values(), of_tables, strict=True):
                    table += [key | row for row in of_table]
                progress.step("ensembles")
    columns = {"temperatures": TEMPERATURES, "thresholds": THRESHOLDS}
    frames = {name: pd.DataFrame(of, columns=columns.get(name)) for name, of in tables.items()}
    with_level = {
        name: frames[name].assign(confidence=resampling.confidence)
        for name in ("selective", *columns)
    }
    return frames | with_level


def selective_rows(
    answers: dict[str, Judged], evaluation: Resampled
) -> tuple[list[Row], list[Row]]:
    """Rows of selective_prediction.csv, and of the risk-coverage curves, of one ensemble.

    Args:
        answers: set of images -> answers of the ensemble to the evaluation images.

    Returns:
        For each set of images and score of confidence `MEASURES` with the ends of their intervals;
        and the curves.
    """
    rows, curves = [], []
    for name, (errors, _, confidences, _) in answers.items():
        counts, units = evaluation.counts[name].astype(np.float32), evaluation.units[name]
        fewer = max(
            1, min(np.count_nonzero(units.sums(of.sum(axis=0))) for of in (errors, 1 - errors))
        )
        for score, confidence in confidences.items():
            rankings = resampled_rankings(confidence, errors, counts)
            own, whole, drawn = map(measures, rankings)
            risks = risk_coverage(rankings[0], CURVE)
            curves += [
                {"images": name, "score": score, "coverage": c, "risk": r}
                for c, r in zip(CURVE, risks, strict=True)
            ]
            row = {"images": name, "answers": errors.size, "error": errors.mean(), "score": score}
            for measure in MEASURES:
                value = own[measure][0]
                of_resamples = value + drawn[measure] - whole[measure][0]
                scale = OF_PAIRS if measure == "auroc" else SHARE
                varying = COUNTED[measure] * units.number if measure in COUNTED else fewer
                of = bootstrap(value, of_resamples, units, evaluation.confidence, scale, varying)
                row |= of.columns(measure, value)
            rows.append(row)
    return rows, curves


def threshold_rows(
    ensemble: Ensemble,
    chosen: dict[str, Judged],
    selection: Resampled,
    tried: dict[str, Judged],
    evaluation: Resampled,
    wrong: float | None = None,
) -> list[Row]:
    """Rows of thresholds.csv of one ensemble; none if it has no probabilities, as a plurality vote
    of several has none.

    Args:
        chosen: `clean` and `corrupted` -> answers to the images of the selection.
        selection: images on which thresholds are chosen.
        tried: set of images -> answers to the evaluation images.
        evaluation: images on which thresholds are evaluated.
        wrong: required share of wrong answers, in addition to `SHARES_WRONG`.
    """
    rows: list[Row] = []
    if ensemble.rule == VOTE or any(REFERENCE not in of.confidences for of in tried.values()):
        return rows
    shares_wrong = sorted({*SHARES_WRONG, wrong or SHARES_WRONG[0]}, reverse=True)
    goals: Goals = [(COVERAGE, target, covering_threshold) for target in COVERAGES]
    goals += [(WRONG, target, limiting_threshold) for target in shares_wrong]
    given = {name: (graded(of.confidences[REFERENCE]), of.errors) for name, of in tried.items()}
    for chosen_on, answers in chosen.items():
        ranked = Ranked.of(
            answers.confidences[REFERENCE], answers.errors, selection.units[chosen_on]
        )
        corruptions = ensemble.members[0].conditions.corruption.to_numpy()[
            evaluation.conditions[chosen_on]
        ]
        worst = left_out(ranked, corruptions, *given[chosen_on], evaluation, chosen_on, goals)
        thresholds = [choose(ranked, target) for _, target, choose in goals]
        shares = {name: shares_at(thresholds, *of, evaluation, name) for name, of in given.items()}
        for place, (threshold, (goal, target, _)) in enumerate(zip(thresholds, goals, strict=True)):
            key = {
                "selection_images": chosen_on,
                "goal": goal,
                "target": target,
                "threshold": threshold,
            }
            unmet = goal == WRONG and not threshold < ABSTAIN
            key["n_selection_images"] = ranked.units.n_images
            key["units_needed"] = units_needed(ranked, target) if unmet else np.nan
            for name in given:
                row = key | {"images": name} | shares[name][place]
                rows.append(
                    row | (worst[place] if name == chosen_on else dict.fromkeys(LEFT_OUT, np.nan))
                )
    return rows


def left_out(
    ranked: Ranked,
    corruptions: np.ndarray,
    confidence: np.ndarray,
    errors: np.ndarray,
    evaluation: Resampled,
    chosen_on: str,
    goals: Goals,
) -> list[Row]:
    """The largest share of wrong answers under a corruption that was left out when its threshold
    was chosen.

    Args:
        ranked: answers on which thresholds are chosen, under C conditions.
        corruptions: str C, corruption of each condition.
        confidence, errors: float C x N, graded confidences and errors of the evaluation images.
        evaluation, chosen_on: the evaluation images, and the name of the set of the C conditions.
        goals: goal, target and the function that finds its threshold.

    Returns:
        `LEFT_OUT` of each goal: the largest share of images that is answered wrongly under a
        corruption that was left out, over its severities, its interval, which allows for the number
        of corruptions (Bonferroni), and that corruption; NaN without a second one or a threshold.
    """
    names = dict.fromkeys(corruptions) if len(set(corruptions)) > 1 else {}
    worst: dict[int, tuple[str, np.ndarray]] = {}
    for name in names:
        own = np.flatnonzero(corruptions == name)
        others = ranked.without(own)
        for place, (_, target, choose) in enumerate(goals):
            threshold = choose(others, target)
            wrong = ((confidence[own] >= threshold) * errors[own]).mean(axis=0, dtype=np.float64)
            if not np.isnan(threshold) and (
                place not in worst or wrong.mean() > worst[place][1].mean()
            ):
                worst[place] = name, wrong
    rows: list[Row] = [{**dict.fromkeys(LEFT_OUT, np.nan)} for _ in goals]
    for place, (name, wrong) in worst.items():
        of_wrong = share(
            wrong, evaluation.units[chosen_on], 1 - (1 - evaluation.confidence) / len(names)
        )
        rows[place] = of_wrong.columns(LEFT_OUT[0], wrong.mean()) | {LEFT_OUT[3]: name}
    return rows


def shares_at(
    thresholds: Sequence[float],
    confidence: np.ndarray,
    errors: np.ndarray,
    evaluation: Resampled,
    name: str,
) -> list[dict[str, float]]:
    """Coverage, error of the answers given and share of wrong answers, with intervals, at each of T
    thresholds.

    NaN without a threshold.
    """
    rows, units, level = [], evaluation.units[name], evaluation.confidence
    for threshold in thresholds:
        given = (confidence >= threshold).astype(np.float32)  # sums of bools take far longer
        answered, wrong = (
            of.sum(axis=0) / np.float64(len(given)) for of in (given, given * errors)
        )
        row = {}
        for of, part, whole in (
            ("coverage", answered, None),
            ("error", wrong, answered),
            ("wrong", wrong, None),
        ):
            total = len(part) if whole is None else whole.sum()
            interval, value = UNKNOWN, np.nan
            if total and not np.isnan(threshold):
                interval, value = share(part, units, level, whole), part.sum() / total
            row |= interval.columns(of, value)
        rows.append(row)
    return rows


class Temperature(NamedTuple):
    """A temperature and where it comes from.

    Attributes:
        value: the temperature; 1 if none could be fitted.
        n_images: number of images to which it was fitted; 0 if none could be.
        fitted_images: `validation`, or `corrupted` for corrupted images of the selection half;
            empty if none could be fitted.
        note: why it was not fitted, or not on validation images, or a caution; may be empty.
    """

    value: float
    n_images: int
    fitted_images: str
    note: str


def temperature_of(
    joined: str,
    ensemble: Ensemble,
    members: pd.DataFrame,
    validation: dict[str, Predictions],
    selection: Resampled,
) -> Temperature:
    """The temperature of an ensemble, fitted on validation images.

    If fewer than `LEAST_ERRORS` of these are answered wrongly, or a member has no predictions of
    them, it is fitted on the corrupted images on which ensembles are selected, if enough of these
    are answered wrongly.

    Args:
        joined: names of the members of `ensemble`, joined by "+".
        members, validation: as of `assessment`.
        selection: images on which ensembles are selected.
    """
    if not ensemble.has_probabilities:
        return Temperature(1, 0, "", NO_PROBABILITIES)
    if ensemble.rule == VOTE:
        return Temperature(1, 0, "", VOTES)
    why = NO_VALIDATION
    if validation.keys() >= {*joined.split("+")}:
        images = np.arange(len(next(iter(validation.values())).labels(0)))
        if value := _fitted(ensemble_of(joined, ensemble.rule, validation), [0], images):
            loaded = members.weights_kind[members.member.isin(joined.split("+"))].isin(LOADED).any()
            return Temperature(value, len(images), VALIDATION, LOADED_WEIGHTS if loaded else "")
        why = FEW_ERRORS
    if CORRUPTED in selection.conditions:
        conditions, images = selection.conditions[CORRUPTED], selection.images[CORRUPTED]
        most = max(1, LARGEST_FIT // (len(conditions) * ensemble.members[0].classes(0)))
        images = images[
            np.unique(np.linspace(0, len(images) - 1, min(most, len(images))).astype(int))
        ]
        if value := _fitted(ensemble, conditions, images):
            return Temperature(value, len(images), CORRUPTED, why)
    return Temperature(1, 0, "", why)


def _fitted(
    ensemble: Ensemble, conditions: list[int] | np.ndarray, images: np.ndarray
) -> float | None:
    """The temperature on `images` under the conditions together; None if too few answers are
    wrong."""
    parts = [
        part
        for condition in conditions
        for part in ensemble.outputs(condition, images, disagreement=False)
    ]
    if sum(part.errors.sum() for part in parts) < LEAST_ERRORS:
        return None
    labels = np.concatenate(
        [ensemble.members[0].labels(condition)[images] for condition in conditions]
    )
    value = fitted_temperature(np.concatenate([part.log_probabilities for part in parts]), labels)
    return None if np.isnan(value) else value


def calibration(answers: dict[str, Judged], evaluation: Resampled) -> dict[str, Calibration]:
    """Set of images -> measure -> float64 1 + R, on all images and in each resample, before and
    after scaling.

    An ensemble without probabilities, such as one that votes, has none.
    """
    return {
        name: tuple(sums.estimates(evaluation.counts[name]) for sums in of.sums)
        for name, of in answers.items()
        if of.sums
    }


def temperature_rows(
    temperature: Temperature,
    calibration: dict[str, Calibration],
    reference: dict[str, Calibration] | None,
    evaluation: Resampled,
) -> list[Row]:
    """Rows of temperatures.csv of one ensemble, one for each set of images.

    NLL, ECE (15 bins) and Brier score before scaling, and after it with their intervals;
    and the values after it less those of the best member (`reference`) after its own scaling, with
    an interval that holds together with those of the other measures (max-t), on the same resamples.
    Without probabilities, figures are empty.
    """
    columns = {
        "temperature": temperature.value if temperature.n_images else np.nan,
        "note": temperature.note,
    }
    columns |= {"fitted_images": temperature.fitted_images, "n_fitted_images": temperature.n_images}
    rows = []
    for name in evaluation.conditions:
        row, units = columns | {"images": name}, evaluation.units[name]
        for measure, scale in SCALES.items() if name in calibration else ():
            before, after = (of[measure] for of in calibration[name])
            row[f"{measure}_before"] = before[0]
            interval = bootstrap(after[0], after[1:], units, evaluation.confidence, scale)
            row |= interval.columns(f"{measure}_after", after[0])
        if name in calibration and reference and name in reference:
            own, others = (of[name][1] for of in (calibration, reference))
            values = np.stack(
                [own[measure] - others[measure] for measure in CALIBRATION_MEASURES], axis=1
            )
            intervals = max_t(values[0], values[1:], units, evaluation.confidence)
            for measure, value, interval in zip(
                CALIBRATION_MEASURES, values[0], intervals, strict=True
            ):
                row |= interval.columns(f"{measure}_difference", value)
        rows.append(row)
    return rows
