"""How sure an ensemble is when it is wrong: selective prediction, on the evaluation images.

Clean and corrupted images are those of the evaluation half of deployment.csv, whose ensembles were selected on the
other; all corrupted conditions count together, because one threshold of confidence has to serve them all. All images of
additional test sets count. Units of images are resampled, each with all of its conditions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.parts import corrected_interval
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.ensembles.combination import SCORES, Ensemble, Outputs
from resiliency.metrics.classification import (
    ABSTAIN,
    ECE_BINS,
    MEASURES,
    Ranked,
    bin_of,
    covering_threshold,
    fitted_temperature,
    graded,
    limiting_threshold,
    measures,
    ranking,
    resampled_rankings,
    risk_coverage,
    units_needed,
)
from resiliency.prediction.reading import condition_groups, held_out
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


class Resampled:
    """Images that ensembles are selected or evaluated on, and resamples of them.

    Args:
        evaluation: int, the dataset's own test images that count; additional test sets count whole.
        resamples, confidence, seed: number of bootstrap resamples, level of the intervals, and seed.
        units: test set -> units of all its images; in a test set without an entry, each image is a unit.

    Attributes:
        images, units, counts: set of images -> its images, their units, and how often each resample draws each image,
            float R x N, as matrix products need it.
    """

    def __init__(
        self,
        conditions: pd.DataFrame,
        evaluation: np.ndarray,
        resamples: int,
        confidence: float,
        seed: int,
        units: Mapping[str, Units] = {},
    ):
        self.conditions, self.confidence = condition_groups(conditions) | held_out(conditions), confidence
        self.images, self.units, self.counts = {}, {}, {}
        for name, rows in self.conditions.items():
            test_set, n_images = conditions.test_set.iloc[rows[0]], conditions.n_images.iloc[rows[0]]
            self.images[name] = evaluation if test_set == CLEAN else np.arange(n_images)
            self.units[name] = (units.get(test_set) or Units.single(n_images)).of(self.images[name])
            drawn_as = "images" if test_set == CLEAN else name
            self.counts[name] = self.units[name].counts(resamples, seed, drawn_as).astype(np.float64)

    def outputs(
        self, ensemble: Ensemble, name: str, disagreement: bool = True
    ) -> Iterator[tuple[int, np.ndarray, Outputs]]:
        """Outputs of `ensemble` on the set of images `name`: condition, positions of the images in the set, outputs.

        Args:
            disagreement: passed to `Ensemble.outputs`.
        """
        for condition in self.conditions[name]:
            start = 0
            for part in ensemble.outputs(condition, self.images[name], disagreement):
                yield condition, np.arange(start, start + len(part.errors)), part
                start += len(part.errors)


class Scored(NamedTuple):
    """Confidences and errors of an ensemble on N images under C conditions.

    Attributes:
        confidences: confidence score -> float64 C x N.
        errors: float32 C x N.
    """

    confidences: dict[str, np.ndarray]
    errors: np.ndarray


def selective_rows(scored: dict[str, Scored], evaluation: Resampled) -> tuple[list[dict], list[dict]]:
    """Rows of selective_prediction.csv, and of the risk-coverage curves, of one ensemble.

    Args:
        scored: set of images -> confidences and errors of the ensemble on the evaluation images.

    Returns:
        For each set of images and score of confidence: `MEASURES` with the ends of their intervals, and
        aurc_difference, the AURC less that under the maximum probability, on the same resamples, with an interval
        that allows for the number of scores that are compared with it (Bonferroni); it is below 0 if the score is
        better.
    """
    rows, curves = [], []
    for name, (confidences, errors) in scored.items():
        scores, counts, units = {}, evaluation.counts[name].astype(np.float32), evaluation.units[name]
        fewer = max(1, min(np.count_nonzero(units.sums(of.sum(axis=0))) for of in (errors, 1 - errors)))
        for score, confidence in confidences.items():
            exact = ranking(confidence.ravel(), errors.ravel())
            whole, drawn = resampled_rankings(confidence, errors, counts)
            scores[score] = {key: measures(ranked) for key, ranked in (("", exact), ("whole", whole), ("drawn", drawn))}
            risks = risk_coverage(exact, CURVE)
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


def scored_images(
    ensemble: Ensemble,
    temperature: float,
    evaluation: Resampled,
    name: str,
    scores: Sequence[str] = SCORES,
    count: Callable[[np.ndarray, tuple[Outputs, Outputs], np.ndarray], None] | None = None,
) -> Scored:
    """Confidences and errors of an ensemble on the set of images `name`.

    Args:
        temperature: temperature by which its logits are divided.
        scores: names of the confidence scores.
        count: called with the positions of some images, their outputs before and after scaling, and their labels.
    """
    shape = len(evaluation.conditions[name]), len(evaluation.images[name])
    errors, confidences = np.empty(shape, np.float32), {}
    position = {condition: index for index, condition in enumerate(evaluation.conditions[name])}
    disagreement = bool({"mutual_information", "vote_agreement"} & set(scores))
    for condition, images, part in evaluation.outputs(ensemble, name, disagreement):
        after = part.at(temperature)
        errors[position[condition], images] = part.errors
        for score, values in after.confidences(scores).items():
            confidences.setdefault(score, np.empty(shape))[position[condition], images] = values
        if count is not None:
            count(images, (part, after), ensemble.members[0].labels(condition)[evaluation.images[name][images]])
    return Scored(confidences, errors)


COVERAGE, WRONG = "coverage", "wrong"
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
    temperature: float,
    selection: Resampled,
    scored: dict[str, Scored],
    evaluation: Resampled,
    wrong: float | None = None,
) -> list[dict]:
    """Rows of thresholds.csv of one ensemble; none if it has no probabilities, as a plurality vote of several has none.

    Args:
        temperature: temperature by which its logits are divided.
        selection: images on which thresholds are chosen.
        scored: set of images -> confidences and errors of the ensemble on the evaluation images.
        evaluation: images on which thresholds are evaluated.
        wrong: required share of wrong answers, in addition to `SHARES_WRONG`.
    """
    goals = goals_of(wrong)
    if ensemble.rule.mean is None or any(REFERENCE not in of.confidences for of in scored.values()):
        return []
    tried = {name: (graded(of.confidences[REFERENCE]), of.errors) for name, of in scored.items()}
    rows = []
    for chosen_on in (name for name in (CLEAN, CORRUPTED) if name in evaluation.conditions):
        confidences, errors = scored_images(ensemble, temperature, selection, chosen_on, (REFERENCE,))
        ranked = Ranked.of(confidences[REFERENCE], errors, selection.units[chosen_on])
        corruptions = ensemble.members[0].conditions.corruption.to_numpy()[evaluation.conditions[chosen_on]]
        resampled = evaluation.units[chosen_on], evaluation.counts[chosen_on], evaluation.confidence
        worst = left_out(ranked, corruptions, *tried[chosen_on], *resampled, goals)
        for goal, target, choose in goals:
            threshold = choose(ranked, target)
            key = {"selection_images": chosen_on, "goal": goal, "target": target, "threshold": threshold}
            unmet = goal == WRONG and not threshold < ABSTAIN
            key["n_selection_images"] = ranked.units.n_images
            key["units_needed"] = units_needed(ranked, target) if unmet else np.nan
            for name in tried:
                row = key | {"images": name} | shares_at(threshold, *tried[name], evaluation, name)
                rows.append(row | (worst[goal, target] if name == chosen_on else dict.fromkeys(LEFT_OUT, np.nan)))
    return rows


def left_out(
    ranked: Ranked,
    corruptions: np.ndarray,
    confidence: np.ndarray,
    errors: np.ndarray,
    units: Units,
    counts: np.ndarray,
    level: float,
    goals: Goals,
) -> dict[tuple[str, float], dict]:
    """The largest share of wrong answers under a corruption that was left out when its threshold was chosen.

    Args:
        ranked: answers on which thresholds are chosen, under C conditions.
        corruptions: str C, corruption of each condition.
        confidence, errors: float C x N, graded confidences and errors of the evaluation images.
        units: units of the evaluation images.
        counts: float64 R x N, how often each resample draws each evaluation image.
        level: level of the intervals, which allow for the number of corruptions (Bonferroni).
        goals: goals from `goals_of`.

    Returns:
        goal, target -> `LEFT_OUT`: the largest share of images that is answered wrongly under a corruption that was
        left out, over its severities, its interval, and that corruption; NaN without a second one or a threshold.
    """
    names = dict.fromkeys(corruptions) if len(set(corruptions)) > 1 else {}
    worst = {(goal, target): dict.fromkeys(LEFT_OUT, np.nan) for goal, target, _ in goals}
    for name in names:
        own = np.flatnonzero(corruptions == name)
        others = ranked.without(own)
        for goal, target, choose in goals:
            threshold = choose(others, target)
            wrong = ((confidence[own] >= threshold) * errors[own]).mean(axis=0, dtype=np.float64)
            if not np.isnan(threshold) and not wrong.mean() <= worst[goal, target][LEFT_OUT[0]]:
                drawn = counts @ wrong / counts.sum(axis=1)
                ends = share_interval(wrong.mean(), drawn, units.number, 1 - (1 - level) / len(names))
                worst[goal, target] = with_ends(LEFT_OUT[0], wrong.mean(), ends) | {LEFT_OUT[3]: name}
    return worst


def shares_at(
    threshold: float, confidence: np.ndarray, errors: np.ndarray, evaluation: Resampled, name: str
) -> dict[str, float]:
    """Coverage, error of the answers given and share of wrong answers, with intervals; NaN without a threshold.

    The intervals are Wilson's of one condition, and of several those of the bootstrap over units (`share_interval`).
    """
    if np.isnan(threshold):
        return {f"{of}{end}": np.nan for of in ("coverage", "error", "wrong") for end in ("", "_low", "_high")}
    given = (confidence >= threshold).astype(np.float32)  # sums of bools take far longer
    answered, wrong = (of.sum(axis=0) / np.float64(len(given)) for of in (given, given * errors))
    images, row = (np.ones(len(answered)), answered, wrong), {}
    drawn = evaluation.counts[name] @ np.column_stack(images) if len(confidence) > 1 else None
    for of, part, whole in (("coverage", 1, 0), ("error", 2, 1), ("wrong", 2, 0)):
        total, has = images[whole].sum(), images[whole] > 0
        value, units = images[part].sum() / total if total else np.nan, evaluation.units[name].of(has)
        if drawn is None:
            effective = units.effective(units.sums(images[part][has])) if total else np.nan
            ends = wilson(value, effective, evaluation.confidence)
        else:
            known = drawn[:, whole] > 0
            shares = np.divide(drawn[:, part], drawn[:, whole], out=np.full(len(drawn), np.nan), where=known)
            ends = share_interval(value, shares, units.number, evaluation.confidence)
        row |= with_ends(of, value, tuple(map(float, ends)))
    return row


VALIDATION = "validation"
# A temperature rests on wrong answers: without any the best one is 0, and with a few it is mostly chance.
LEAST_ERRORS = 10
LARGEST_FIT = 2**23  # probabilities
NO_PROBABILITIES, VOTES = "members without probabilities", "a vote has no probabilities"
NO_VALIDATION = "no predictions of validation images"
FEW_ERRORS = f"fewer than {LEAST_ERRORS} validation images are answered wrongly"
LOADED = "loaded weights may have been trained on the validation images"
CALIBRATION_MEASURES = ("nll", "ece", "brier")
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


class Calibration(NamedTuple):
    """Measure -> float64 1 + R, on all images and in each resample, before and after scaling by the temperature."""

    before: dict[str, np.ndarray]
    after: dict[str, np.ndarray]


def scored_and_calibrated(
    ensemble: Ensemble, temperature: float, evaluation: Resampled, scores: Sequence[str] = SCORES
) -> tuple[dict[str, Scored], dict[str, Calibration]]:
    """Set of images -> `Scored` of an ensemble on it, and its calibration over the conditions of the set.

    An ensemble without probabilities, such as one that votes, has no calibration. `scores` are those of confidence.
    """
    found, calibration = {}, {}
    for name, images in evaluation.images.items():
        sums = [Sums(len(images)), Sums(len(images))] if ensemble.has_probabilities and ensemble.rule.mean else []

        def count(places: np.ndarray, parts: tuple, labels: np.ndarray, sums: list = sums) -> None:
            for total, part in zip(sums, parts, strict=False):
                total.add(places, part, labels)

        found[name] = scored_images(ensemble, temperature, evaluation, name, scores, count)
        if sums:
            calibration[name] = Calibration(*(total.estimates(evaluation.counts[name]) for total in sums))
    return found, calibration


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
                values = after - reference[name].after[measure]
                ends = corrected_interval(values[1:], evaluation.confidence, len(CALIBRATION_MEASURES))
                row |= with_ends(f"{measure}_difference", values[0], ends)
        rows.append(row)
    return rows


class Sums:
    """Sums over conditions of the terms of NLL, ECE and Brier score, for each of N images."""

    def __init__(self, n_images: int):
        self.losses, self.squares, self.answers = np.zeros(n_images), np.zeros(n_images), np.zeros(n_images)
        self.gaps = np.zeros((n_images, ECE_BINS))

    def add(self, images: np.ndarray, part: Outputs, labels: np.ndarray) -> None:
        """Count the outputs to n images."""
        probabilities, everyone = np.exp(part.log_probabilities), np.arange(len(labels))
        confidence = probabilities.max(axis=-1)
        self.losses[images] -= part.log_probabilities[everyone, labels]
        self.squares[images] += np.square(probabilities).sum(axis=-1) - 2 * probabilities[everyone, labels] + 1
        self.answers[images] += 1
        self.gaps[images, bin_of(confidence)] += 1 - part.errors - confidence

    def estimates(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """Each measure of all images and of each resample, float64 1 + R; counts float64 R x N."""
        parts = [self._estimates(weights) for weights in (np.ones((1, counts.shape[1])), counts)]
        return {measure: np.concatenate([part[measure] for part in parts]) for measure in CALIBRATION_MEASURES}

    def _estimates(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        answers = weights @ self.answers
        return {
            "nll": weights @ self.losses / answers,
            "ece": np.abs(weights @ self.gaps).sum(axis=1) / answers,
            "brier": weights @ self.squares / answers,
        }
