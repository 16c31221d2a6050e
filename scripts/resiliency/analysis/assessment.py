"""How sure an ensemble is when it is wrong: selective prediction, on the evaluation images.

Clean and corrupted images are those of the evaluation half of deployment.csv, whose ensembles were selected on the
other; all corrupted conditions count together, because one threshold of confidence has to serve them all. All images of
additional test sets count. Units of images are resampled, each with all of its conditions."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from resiliency.analysis.judging import CALIBRATION_MEASURES, Judged, Resampled
from resiliency.analysis.parts import corrected_interval
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.ensembles.combination import Ensemble
from resiliency.metrics.classification import (
    ABSTAIN,
    Ranked,
    covering_threshold,
    fitted_temperature,
    graded,
    limiting_threshold,
    units_needed,
)
from resiliency.metrics.selective import MEASURES, measures, resampled_rankings, risk_coverage
from resiliency.statistics.resampling import (
    Units,
    apart,
    cost_interval,
    percentile_interval,
    share_interval,
    varies,
    widened,
    wilson,
    with_ends,
)

CURVE = np.round(np.arange(0.01, 1.005, 0.01), 2)
REFERENCE = "max_probability"
ERRORS_AT = {f"error_at_{coverage}": coverage / 100 for coverage in (80, 90, 95)}


def selective_rows(answers: dict[str, Judged], evaluation: Resampled) -> tuple[list[dict], list[dict]]:
    """Rows of selective_prediction.csv, and of the risk-coverage curves, of one ensemble.

    Args:
        answers: set of images -> answers of the ensemble to the evaluation images.

    Returns:
        For each set of images and score of confidence: `MEASURES` with the ends of their intervals, and
        aurc_difference, the AURC less that under the maximum probability, on the same resamples, with an interval
        that allows for the number of scores that are compared with it (Bonferroni); it is below 0 if the score is
        better.
    """
    rows, curves = [], []
    for name, (errors, _, confidences, _) in answers.items():
        scores, counts, units = {}, evaluation.counts[name].astype(np.float32), evaluation.units[name]
        fewer = max(1, min(np.count_nonzero(units.sums(of.sum(axis=0))) for of in (errors, 1 - errors)))
        for score, confidence in confidences.items():
            rankings = resampled_rankings(confidence, errors, counts)
            scores[score] = dict(zip(("", "whole", "drawn"), map(measures, rankings), strict=True))
            risks = risk_coverage(rankings[0], CURVE)
            curves += [
                {"images": name, "score": score, "coverage": c, "risk": r} for c, r in zip(CURVE, risks, strict=True)
            ]
        for score, of_score in scores.items():
            row = {"images": name, "answers": errors.size, "error": errors.mean(), "score": score}
            for measure in MEASURES:
                value, whole = of_score[""][measure][0], of_score["whole"][measure][0]
                drawn = of_score["drawn"][measure] - whole
                if measure == "aurc":
                    ends = cost_interval(value, value + drawn, 1, units.number, evaluation.confidence)
                elif measure in ERRORS_AT:
                    answered = ERRORS_AT[measure] * units.number
                    ends = share_interval(value, value + drawn, answered, evaluation.confidence)
                else:
                    low, high = (value + end for end in percentile_interval(drawn, evaluation.confidence))
                    ends = (low, high) if varies(drawn) else widened(value, value, fewer, evaluation.confidence)
                row |= with_ends(measure, value, np.clip(ends, 0, 1))
            rows.append(row | _excess(of_score, scores.get(REFERENCE), len(scores) - 1, score, evaluation, units))
    return rows, curves


def _excess(
    of_score: dict, reference: dict | None, compared: int, score: str, evaluation: Resampled, units: Units
) -> dict[str, float]:
    if reference is None or score == REFERENCE:
        return with_ends("aurc_difference", np.nan, (np.nan, np.nan))
    value, whole, drawn = (of_score[key]["aurc"] - reference[key]["aurc"] for key in ("", "whole", "drawn"))
    low, high = corrected_interval(drawn - whole[0], evaluation.confidence, compared)
    ends = value[0] + low, value[0] + high
    if not of_score[""]["aurc"][0]:  # no answer is wrong
        ends = apart(value[0], units.number, 1 - (1 - evaluation.confidence) / compared)
    return with_ends("aurc_difference", value[0], ends)


COVERAGE, WRONG = "coverage", "wrong"
BASES = (CLEAN, CORRUPTED)
THRESHOLDS = ["members", "size", "rule", "selection_images", "goal", "target", "threshold", "n_selection_images"]
THRESHOLDS += ["units_needed", "images"]
THRESHOLDS += [f"{of}{end}" for of in ("coverage", "error", "wrong") for end in ("", "_low", "_high")]
LEFT_OUT = ["left_out_wrong", "left_out_wrong_low", "left_out_wrong_high", "left_out_corruption"]
THRESHOLDS += LEFT_OUT
COVERAGES, SHARES_WRONG = (0.99, 0.95, 0.9, 0.8), (0.02, 0.01, 0.005, 0.001)
Goals = list[tuple[str, float, Callable[[Ranked, float], float]]]


def goals_of(wrong: float | None = None) -> Goals:
    """Goal, target and the function that finds its threshold; `wrong` is a required share of wrong answers."""
    shares = sorted({*SHARES_WRONG, wrong or SHARES_WRONG[0]}, reverse=True)
    goals: Goals = [(COVERAGE, target, covering_threshold) for target in COVERAGES]
    return goals + [(WRONG, target, limiting_threshold) for target in shares]


def threshold_rows(
    ensemble: Ensemble,
    chosen: dict[str, Judged],
    selection: Resampled,
    tried: dict[str, Judged],
    evaluation: Resampled,
    wrong: float | None = None,
) -> list[dict]:
    """Rows of thresholds.csv of one ensemble; none if it has no probabilities, as a plurality vote of several has none.

    Args:
        chosen: `clean` and `corrupted` -> answers to the images of the selection.
        selection: images on which thresholds are chosen.
        tried: set of images -> answers to the evaluation images.
        evaluation: images on which thresholds are evaluated.
        wrong: required share of wrong answers, in addition to `SHARES_WRONG`.
    """
    goals, rows = goals_of(wrong), []
    if ensemble.rule.mean is None or any(REFERENCE not in of.confidences for of in tried.values()):
        return rows
    given = {name: (graded(of.confidences[REFERENCE]), of.errors) for name, of in tried.items()}
    for chosen_on, answers in chosen.items():
        ranked = Ranked.of(answers.confidences[REFERENCE], answers.errors, selection.units[chosen_on])
        corruptions = ensemble.members[0].conditions.corruption.to_numpy()[evaluation.conditions[chosen_on]]
        worst = left_out(ranked, corruptions, *given[chosen_on], evaluation, chosen_on, goals)
        thresholds = [choose(ranked, target) for _, target, choose in goals]
        shares = {name: shares_at(thresholds, *of, evaluation, name) for name, of in given.items()}
        for place, (threshold, (goal, target, _)) in enumerate(zip(thresholds, goals, strict=True)):
            key = {"selection_images": chosen_on, "goal": goal, "target": target, "threshold": threshold}
            unmet = goal == WRONG and not threshold < ABSTAIN
            key["n_selection_images"] = ranked.units.n_images
            key["units_needed"] = units_needed(ranked, target) if unmet else np.nan
            for name in given:
                row = key | {"images": name} | shares[name][place]
                rows.append(row | (worst[place] if name == chosen_on else dict.fromkeys(LEFT_OUT, np.nan)))
    return rows


def left_out(
    ranked: Ranked,
    corruptions: np.ndarray,
    confidence: np.ndarray,
    errors: np.ndarray,
    evaluation: Resampled,
    chosen_on: str,
    goals: Goals,
) -> list[dict]:
    """The largest share of wrong answers under a corruption that was left out when its threshold was chosen.

    Args:
        ranked: answers on which thresholds are chosen, under C conditions.
        corruptions: str C, corruption of each condition.
        confidence, errors: float C x N, graded confidences and errors of the evaluation images.
        evaluation, chosen_on: the evaluation images, and the name of the set of the C conditions.
        goals: goals from `goals_of`.

    Returns:
        `LEFT_OUT` of each goal: the largest share of images that is answered wrongly under a corruption that was left
        out, over its severities, its interval, which allows for the number of corruptions (Bonferroni), and that
        corruption; NaN without a second one or a threshold.
    """
    names = dict.fromkeys(corruptions) if len(set(corruptions)) > 1 else {}
    worst: dict[int, tuple[str, np.ndarray]] = {}
    for name in names:
        own = np.flatnonzero(corruptions == name)
        others = ranked.without(own)
        for place, (_, target, choose) in enumerate(goals):
            threshold = choose(others, target)
            wrong = ((confidence[own] >= threshold) * errors[own]).mean(axis=0, dtype=np.float64)
            if not np.isnan(threshold) and (place not in worst or wrong.mean() > worst[place][1].mean()):
                worst[place] = name, wrong
    rows, counts = [dict.fromkeys(LEFT_OUT, np.nan) for _ in goals], evaluation.counts[chosen_on]
    if worst:
        level, units = 1 - (1 - evaluation.confidence) / len(names), evaluation.units[chosen_on].number
        drawn = counts @ np.stack([wrong for _, wrong in worst.values()], axis=1) / counts.sum(axis=1, keepdims=True)
        for (place, (name, wrong)), of in zip(worst.items(), drawn.T, strict=True):
            ends = share_interval(wrong.mean(), of, units, level)
            rows[place] = with_ends(LEFT_OUT[0], wrong.mean(), ends) | {LEFT_OUT[3]: name}
    return rows


def shares_at(
    thresholds: Sequence[float], confidence: np.ndarray, errors: np.ndarray, evaluation: Resampled, name: str
) -> list[dict[str, float]]:
    """Coverage, error of the answers given and share of wrong answers, with intervals, at each of T thresholds.

    NaN without a threshold. The intervals are Wilson's of one condition, and of several those of the bootstrap over
    units (`share_interval`).
    """
    everyone = np.ones(confidence.shape[1])
    columns = [(everyone, *_given(threshold, confidence, errors)) for threshold in thresholds]
    several = len(confidence) > 1
    values = np.stack([everyone, *(of for _, *given in columns for of in given)], axis=1)
    drawn = (evaluation.counts[name] @ values).T if several else [None] * values.shape[1]
    rows = []
    for place, (threshold, images) in enumerate(zip(thresholds, columns, strict=True)):
        row, of_resamples = {}, (drawn[0], *drawn[1 + 2 * place : 3 + 2 * place])
        for of, part, whole in (("coverage", 1, 0), ("error", 2, 1), ("wrong", 2, 0)):
            value, ends = np.nan, (np.nan, np.nan)
            if not np.isnan(threshold):
                total, has = images[whole].sum(), images[whole] > 0
                value, units = images[part].sum() / total if total else np.nan, evaluation.units[name].of(has)
                if several:
                    known, shares = of_resamples[whole] > 0, np.full(len(of_resamples[whole]), np.nan)
                    shares = np.divide(of_resamples[part], of_resamples[whole], out=shares, where=known)
                    ends = share_interval(value, shares, units.number, evaluation.confidence)
                else:
                    effective = units.effective(units.sums(images[part][has])) if total else np.nan
                    ends = wilson(value, effective, evaluation.confidence)
            row |= with_ends(of, value, tuple(map(float, ends)))
        rows.append(row)
    return rows


def _given(threshold: float, confidence: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often each image is answered, and answered wrongly, float64 N each, over C conditions."""
    given = (confidence >= threshold).astype(np.float32)  # sums of bools take far longer
    return given.sum(axis=0) / np.float64(len(given)), (given * errors).sum(axis=0) / np.float64(len(given))


VALIDATION = "validation"
# A temperature rests on wrong answers: without any the best one is 0, and with a few it is mostly chance.
LEAST_ERRORS = 10
LARGEST_FIT = 2**23  # probabilities
NO_PROBABILITIES, VOTES = "members without probabilities", "a vote has no probabilities"
NO_VALIDATION = "no predictions of validation images"
FEW_ERRORS = f"fewer than {LEAST_ERRORS} validation images are answered wrongly"
LOADED = "loaded weights may have been trained on the validation images"
TEMPERATURES = ["members", "size", "rule", "temperature", "fitted_images", "n_fitted_images", "note", "images"]
TEMPERATURES += [
    f"{measure}_{column}"
    for measure in CALIBRATION_MEASURES
    for column in (
        "before",
        *(f"after{end}" for end in ("", "_low", "_high")),
        *(f"{of}{end}" for of in ("change", "difference") for end in ("", "_low", "_high")),
    )
]


class Temperature(NamedTuple):
    """A temperature and where it comes from.

    Attributes:
        value: the temperature; 1 if none could be fitted.
        n_images: number of images to which it was fitted; 0 if none could be.
        fitted_images: `validation`, or `corrupted` for corrupted images of the selection half; empty if none could be
            fitted.
        note: why it was not fitted, or not on validation images, or a caution; may be empty.
    """

    value: float
    n_images: int
    fitted_images: str
    note: str


def temperature_of(validation: Ensemble | None, loaded: bool, ensemble: Ensemble, selection: Resampled) -> Temperature:
    """The temperature of an ensemble, fitted on validation images.

    If fewer than `LEAST_ERRORS` of these are answered wrongly, or none are predicted, it is fitted on the corrupted
    images on which ensembles are selected, if enough of these are answered wrongly.

    Args:
        validation: ensemble on validation images, one condition; None if a member has no predictions of them.
        loaded: whether weights of a member were trained outside this study.
        ensemble: ensemble on the test images.
        selection: images on which ensembles are selected.
    """
    if not ensemble.has_probabilities:
        return Temperature(1, 0, "", NO_PROBABILITIES)
    if ensemble.rule.mean is None:
        return Temperature(1, 0, "", VOTES)
    why = NO_VALIDATION
    if validation is not None:
        labels = validation.members[0].labels(0)
        if value := _fitted(validation, [0], np.arange(len(labels))):
            return Temperature(value, len(labels), VALIDATION, LOADED if loaded else "")
        why = FEW_ERRORS
    if CORRUPTED in selection.conditions:
        conditions, images = selection.conditions[CORRUPTED], selection.images[CORRUPTED]
        most = max(1, LARGEST_FIT // (len(conditions) * ensemble.members[0].classes(0)))
        images = images[np.unique(np.linspace(0, len(images) - 1, min(most, len(images))).astype(int))]
        if value := _fitted(ensemble, conditions, images):
            return Temperature(value, len(images), CORRUPTED, why)
    return Temperature(1, 0, "", why)


def _fitted(ensemble: Ensemble, conditions: list[int] | np.ndarray, images: np.ndarray) -> float | None:
    """The temperature on `images` under the conditions together; None if too few answers are wrong."""
    parts = [part for condition in conditions for part in ensemble.outputs(condition, images, disagreement=False)]
    if sum(part.errors.sum() for part in parts) < LEAST_ERRORS:
        return None
    labels = np.concatenate([ensemble.members[0].labels(condition)[images] for condition in conditions])
    value = fitted_temperature(np.concatenate([part.log_probabilities for part in parts]), labels)
    return None if np.isnan(value) else value


Calibration = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


def calibration(answers: dict[str, Judged], evaluation: Resampled) -> dict[str, Calibration]:
    """Set of images -> measure -> float64 1 + R, on all images and in each resample, before and after scaling.

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
) -> list[dict]:
    """Rows of temperatures.csv of one ensemble, one for each set of images.

    NLL, ECE (15 bins) and Brier score before scaling, and after it with their intervals; the change with its interval;
    and the values after it less those of the best member (`reference`) after its own scaling, with an interval that
    allows for the number of measures (Bonferroni), on the same resamples. Without probabilities, figures are empty.
    """
    columns = {"temperature": temperature.value if temperature.n_images else np.nan, "note": temperature.note}
    columns |= {"fitted_images": temperature.fitted_images, "n_fitted_images": temperature.n_images}
    rows = []
    for name in evaluation.conditions:
        row = columns | {"images": name}
        for measure in CALIBRATION_MEASURES if name in calibration else ():
            before, after = (of[measure] for of in calibration[name])
            row[f"{measure}_before"] = before[0]
            for column, values in ((f"{measure}_after", after), (f"{measure}_change", after - before)):
                row |= with_ends(column, values[0], percentile_interval(values[1:], evaluation.confidence))
            if reference and name in reference:
                values = after - reference[name][1][measure]
                ends = corrected_interval(values[1:], evaluation.confidence, len(CALIBRATION_MEASURES))
                row |= with_ends(f"{measure}_difference", values[0], ends)
        rows.append(row)
    return rows
