"""The recommended model and its competitors: their errors under each corruption, and their calibration.

All are evaluated on the half of the test images on which nothing was selected (`resiliency.analysis.deployment`)."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.assessment import (
    BASES,
    REFERENCE,
    TEMPERATURES,
    THRESHOLDS,
    Temperature,
    calibration,
    selective_rows,
    temperature_of,
    temperature_rows,
    threshold_rows,
)
from resiliency.analysis.choices import best_member, best_row, eligible, halves, known_rows, recommended_row
from resiliency.analysis.failures import (
    CLASS_ERRORS,
    CLEAN_ANSWERS,
    CONFUSIONS,
    FAILURES,
    answers_of,
    class_error_table,
    confusion_table,
    failure_table,
)
from resiliency.analysis.judging import Judged, Resampled, judged
from resiliency.analysis.shared_failures import SHARED_FAILURES, shared_failures
from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT_IMAGES, means_over
from resiliency.base.progress import Progress
from resiliency.designs.members import LOADED
from resiliency.ensembles.combination import SCORES, Ensemble, member_weights
from resiliency.metrics.classification import CALIBRATION, ECE_BINS, bin_of
from resiliency.prediction.reading import Predictions
from resiliency.statistics.intervals import DIFFERENCE, LINEAR, max_t, of_linear, share
from resiliency.statistics.resampling import Resampling, Units

RECOMMENDED, BEST_ENSEMBLE, BEST_MEMBER = "recommended model", "best ensemble", "best member"
ROLES = (RECOMMENDED, BEST_ENSEMBLE, BEST_MEMBER, "baseline")
WHO = ["role", "members", "size"]
UNDER_CORRUPTION = [*WHO, "corruption", "severities", "n_images", "error", "low", "high"]
UNDER_CORRUPTION += ["difference", "difference_low", "difference_high", *SHARED_FAILURES]
CALIBRATION_OF_ROLES = [*WHO, *CALIBRATION]


def contenders(deployment: pd.DataFrame) -> dict[str, pd.Series]:
    """Role -> row of deployment.csv: `recommended_row`, the best ensemble, `best_member` and the baseline.

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


def errors_under(ensemble: Ensemble, evaluation: Resampled) -> np.ndarray:
    """Error of an ensemble on each evaluated image under each of `own_conditions`; float32 C x N."""
    return _in_order(judged([ensemble], [1], evaluation, _own_sets(evaluation), ())[0], evaluation)


def _in_order(answers: dict[str, Judged], evaluation: Resampled) -> np.ndarray:
    rows = np.concatenate([evaluation.conditions[name] for name in _own_sets(evaluation)])
    return np.concatenate([answers[name].errors for name in _own_sets(evaluation)])[np.argsort(rows)]


def _own_sets(evaluation: Resampled) -> list[str]:
    return [name for name in (CLEAN, CORRUPTED, HELD_OUT_IMAGES) if name in evaluation.conditions]


def own_conditions(evaluation: Resampled) -> np.ndarray:
    """The clean condition and all with a corruption, extra ones included; int64, ascending."""
    return np.sort(np.concatenate([evaluation.conditions[name] for name in _own_sets(evaluation)]))


def under_corruptions(
    errors: dict[str, np.ndarray], corruptions: Sequence[str], counts: np.ndarray, units: Units, confidence: float
) -> pd.DataFrame:
    """Error under each corruption and their mean over severities, and differences from the first role.

    Args:
        errors: role -> float C x N, error on each image under each condition.
        corruptions: the corruption of each of the C conditions; `clean` for none.
        counts: float R x N, how often each resample draws each image.
        units: units of the images.
        confidence: level of the intervals, between 0 and 1.

    Returns:
        A row per role and corruption, clean first, and the last of each role of means: "corrupted", and "held_out" if
        there are corruptions that nothing was selected by. Columns: role, corruption, images (N), error with its
        interval low and high (Wilson); difference, the error of the first role less that of this one on the same
        images, NaN in the rows of the first role, with its interval. Those of all corruptions hold together (max-t);
        that of clean images or of a mean holds by itself (linearised, t).
    """
    names, rows = list(dict.fromkeys(corruptions)), []
    means, single = means_over(names), [name for name in names if name != CLEAN]
    of_images = {role: _by_corruption(values, corruptions, names) for role, values in errors.items()}
    of_images = {
        role: np.vstack([values, *(values[np.isin(names, over)].mean(axis=0) for over in means.values())])
        for role, values in of_images.items()
    }
    first, drawn_images = next(iter(of_images), None), counts.sum(axis=1, keepdims=True)
    for role, values in of_images.items():
        low, high = share(values, units, confidence).ends
        better, intervals = of_images[first] - values, {}
        scale = LINEAR if np.array_equal(errors[role], errors[first]) else DIFFERENCE  # of the same model it is 0
        if role != first:
            intervals = {
                name: of_linear(of_name.mean(), of_name, units, confidence, scale)
                for name, of_name in zip([*names, *means], better, strict=True)
            }
            places = [names.index(name) for name in single]
            drawn = counts @ better[places].T / drawn_images
            intervals |= zip(single, max_t(better[places].mean(axis=1), drawn, units, confidence, scale), strict=True)
        for place, name in enumerate([*names, *means]):
            row = {"role": role, "corruption": name, "n_images": units.n_images, "error": values[place].mean()}
            row |= {"low": low[place], "high": high[place]}
            rows.append(row | (intervals[name].columns("difference", better[place].mean()) if intervals else {}))
    return pd.DataFrame(rows)


def _by_corruption(errors: np.ndarray, corruptions: Sequence[str], names: list[str]) -> np.ndarray:
    """Mean over severities of errors C x N: float64, corruptions x N."""
    of = np.array(corruptions)
    return np.array([errors[of == name].mean(axis=0, dtype=np.float64) for name in names])


def calibration_bins(confidence: np.ndarray, errors: np.ndarray) -> list[tuple]:
    """Lower and upper end, number of predictions, mean confidence and accuracy of each bin that is not empty.

    Args:
        confidence, errors: float C x N, before any temperature.
    """
    bins, rows = bin_of(confidence.ravel()), []
    sums = [np.bincount(bins, of, ECE_BINS) for of in (None, confidence.ravel(), 1 - errors.ravel())]
    for place, (count, sure, right) in enumerate(np.transpose(sums)):
        if count:
            rows.append((place / ECE_BINS, (place + 1) / ECE_BINS, int(count), sure / count, right / count))
    return rows


HELD = 2**27  # number of confidences in memory at a time


class Assessment(NamedTuple):
    """selective_prediction.csv, temperatures.csv, thresholds.csv and risk_coverage.parquet."""

    selective: pd.DataFrame
    temperatures: pd.DataFrame
    thresholds: pd.DataFrame
    curves: pd.DataFrame


def named_in(ensembles: Iterable[str]) -> set[str]:
    """The members of ensembles whose members are joined by "+"."""
    return {name for joined in ensembles for name in joined.split("+")}


def ensemble_of(names: list[str], rule: str, predictions: dict[str, Predictions], members: pd.DataFrame) -> Ensemble:
    """The ensemble of the members `names` under a combination rule.

    Args:
        predictions: member -> its predictions.
        members: table members.csv, indexed by member.
    """
    return Ensemble([predictions[name] for name in names], member_weights(members.loc[names]), rule)


def both_halves(predictions: dict[str, Predictions], resampling: Resampling) -> tuple[Resampled, Resampled]:
    """The half of the test images on which ensembles were selected, and the other."""
    member = next(iter(predictions.values()))
    both, units = halves(member.labels(0), resampling.seed, member.units(0)), member.units_of_test_sets()
    return tuple(Resampled(member.conditions, half, *resampling, units) for half in both)


def evaluation_half(predictions: dict[str, Predictions], resampling: Resampling) -> Resampled:
    """The half of the test images on which no ensemble was selected."""
    return both_halves(predictions, resampling)[1]


def assessment(
    deployment: pd.DataFrame,
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    validation: dict[str, Predictions],
    resampling: Resampling,
    wrong: float | None = None,
    threads: int = 1,
) -> Assessment:
    """Selective prediction, thresholds and temperature of each ensemble.

    Args:
        deployment: deployment.csv.
        members: members.csv.
        predictions: member -> its predictions, for the members in `deployment`.
        validation: member -> its predictions of validation images, if it has any.
        wrong: required share of wrong answers, for which thresholds are chosen too.
        threads: number of ensembles at a time, which changes no byte.
    """
    members = members.set_index("member")
    selection, evaluation = both_halves(predictions, resampling)
    keys = deployment[["members", "size", "rule"]].to_dict("records")
    ensembles = [ensemble_of(key["members"].split("+"), key["rule"], predictions, members) for key in keys]

    def temperature(place: int) -> Temperature:
        names, rule = keys[place]["members"].split("+"), keys[place]["rule"]
        known = validation.keys() >= set(names)
        validated = ensemble_of(names, rule, validation, members) if known else None
        loaded = bool(members.weights_kind[names].isin(LOADED).any())
        return temperature_of(validated, loaded, ensembles[place], selection)

    best, progress, tables = best_member(deployment), Progress(len(keys), pause=5), {}
    chosen_on = [name for name in BASES if name in evaluation.conditions]
    answers = len(evaluation.images[CLEAN]) * sum(map(len, evaluation.conditions.values()))
    several = max(1, HELD // (len(SCORES) * answers))
    with ThreadPoolExecutor(threads) as executor:
        fitted = list(executor.map(temperature, range(len(keys))))
        values, reference = [of.value for of in fitted], None
        if best is not None:
            place = list(deployment["members"]).index(best["members"])
            of_best = [ensembles[place]], [values[place]], evaluation
            reference = calibration(judged(*of_best, None, (), True, threads)[0], evaluation)
        for start in range(0, len(keys), several):
            some = slice(start, start + several)
            tried = judged(ensembles[some], values[some], evaluation, None, SCORES, True, threads)
            chosen = judged(ensembles[some], values[some], selection, chosen_on, (REFERENCE,), False, threads)

            def rows(place: int, tried: list = tried, chosen: list = chosen, start: int = start) -> dict[str, list]:
                own = tried[place - start], chosen[place - start]
                compared = None if best is not None and keys[place]["members"] == best["members"] else reference
                calibrated = calibration(own[0], evaluation)
                selective, curves = selective_rows(own[0], evaluation)
                temperatures = temperature_rows(fitted[place], calibrated, compared, evaluation)
                thresholds = threshold_rows(ensembles[place], own[1], selection, own[0], evaluation, wrong)
                return dict(selective=selective, temperatures=temperatures, thresholds=thresholds, curves=curves)

            for place, of_ensemble in zip(
                range(len(keys))[some], executor.map(rows, range(len(keys))[some]), strict=True
            ):
                for name, found in of_ensemble.items():
                    tables.setdefault(name, []).extend(keys[place] | row for row in found)
                progress.step("ensembles")
    confidence = {"confidence": resampling.confidence}
    selective, temperatures, thresholds, curves = (pd.DataFrame(tables[name]) for name in tables)
    return Assessment(
        selective.assign(**confidence),
        temperatures.reindex(columns=TEMPERATURES).assign(**confidence),
        thresholds.reindex(columns=None if len(thresholds) else THRESHOLDS).assign(**confidence),
        curves,
    )


class Failures(NamedTuple):
    """confusions.csv, class_errors.csv and failures.csv, this with `CLEAN_ANSWERS`."""

    confusions: pd.DataFrame
    class_errors: pd.DataFrame
    failures: pd.DataFrame


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
) -> Failures:
    """Confusions of the recommended model and of the best member, and failures of the former.

    Args:
        roles: rows from `contenders`.
        members, temperatures: tables members.csv and temperatures.csv.
        predictions: member -> its predictions, for the members in `roles`.
        names: names of the test images; empty if they have none.
        classes: names of the classes; empty if they have none.
        confidence: level of the intervals, between 0 and 1.
    """
    shown = {role: roles[role] for role in (RECOMMENDED, BEST_MEMBER) if role in roles}
    if not shown:
        return Failures(
            *(pd.DataFrame(columns=columns) for columns in (CONFUSIONS, CLASS_ERRORS, [*FAILURES, *CLEAN_ANSWERS]))
        )
    members, (_, evaluation) = members.set_index("member"), both_halves(predictions, Resampling(1, 0.5, seed))
    fitted = temperatures.drop_duplicates("members").set_index("members").temperature.fillna(1)
    ensembles = [ensemble_of(row["members"].split("+"), row["rule"], predictions, members) for row in shown.values()]
    scaled_by = [fitted[row["members"]] for row in shown.values()]
    answers = dict(zip(shown, answers_of(ensembles, scaled_by, evaluation, threads), strict=True))
    one = next(iter(predictions.values()))
    labels = one.labels(0)[evaluation.images[CLEAN]]
    return Failures(
        confusion_table(shown, answers, labels, classes),
        class_error_table(shown, answers, one.conditions, labels, evaluation.units[CLEAN], classes, confidence),
        failure_table(ensembles[0], next(iter(answers.values())), evaluation, names, classes),
    )


class Comparison(NamedTuple):
    """contenders.csv and contender_calibration.csv."""

    under_corruptions: pd.DataFrame
    calibration: pd.DataFrame


def comparison(
    roles: dict[str, pd.Series],
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    resampling: Resampling,
    threads: int = 1,
) -> Comparison:
    """Errors under each corruption and calibration of all roles; empty if nobody has a role.

    Args:
        roles: rows from `contenders`.
        members: members.csv.
        predictions: member -> its predictions, for the members in `roles`.
    """
    if not roles:
        nothing = pd.DataFrame(columns=UNDER_CORRUPTION).assign(confidence=resampling.confidence)
        return Comparison(nothing, pd.DataFrame(columns=CALIBRATION_OF_ROLES))
    members, (selection, evaluation) = members.set_index("member"), both_halves(predictions, resampling)
    ensembles = [ensemble_of(row["members"].split("+"), row["rule"], predictions, members) for row in roles.values()]
    sets, rows = _own_sets(evaluation), own_conditions(evaluation)
    found = judged(ensembles, np.ones(len(roles)), evaluation, sets, (REFERENCE,), threads=threads)
    errors, shared, bins = {}, [], []
    for (role, row), ensemble, own in zip(roles.items(), ensembles, found, strict=True):
        errors[role] = _in_order(own, evaluation)
        names = row["members"].split("+")
        several = {name: predictions[name] for name in names if len(names) > 1}
        of_pairs = shared_failures(several, selection, evaluation) if several else {}
        shared += [{"role": role, "corruption": name} | outcomes for name, outcomes in of_pairs.items()]
        for name in (CLEAN, CORRUPTED) if ensemble.has_probabilities and ensemble.rule.mean else ():
            who = role, row["members"], row["size"], name
            bins += [who + of for of in calibration_bins(own[name].confidences[REFERENCE], own[name].errors)]
    conditions = next(iter(predictions.values())).conditions.iloc[rows]
    counts, units = evaluation.counts[CLEAN], evaluation.units[CLEAN]
    table = under_corruptions(errors, conditions.corruption, counts, units, resampling.confidence)
    table = table.merge(
        pd.DataFrame([row[WHO[1:]].to_dict() | {"role": role} for role, row in roles.items()]), on="role"
    ).merge(
        pd.DataFrame(shared, columns=["role", "corruption", *SHARED_FAILURES]), on=["role", "corruption"], how="left"
    )
    own = conditions.drop_duplicates(["corruption", "severity"]).groupby("corruption").severity.apply(list)
    own = own.to_dict() | {
        of: sorted({s for name in over for s in own[name]}) for of, over in means_over(own.index).items()
    }
    table["severities"] = ["+".join(map(str, own[name])) for name in table.corruption]
    return Comparison(
        table.reindex(columns=UNDER_CORRUPTION).assign(confidence=resampling.confidence),
        pd.DataFrame(bins, columns=CALIBRATION_OF_ROLES),
    )


LISTED = 10  # number of listed confusions per model
MEMBER = "member of the recommended model"
COSTS = [*WHO, "images", "answers", "error", "cost", "cost_low", "cost_high"]
COST_COLUMNS = [*WHO, "images", "label", "answer", "count", "share", "cost", "cost_share"]


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
    return CostTables(table, pd.DataFrame(confusions, columns=COST_COLUMNS))


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
