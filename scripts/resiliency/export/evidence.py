"""Evidence of an exported ensemble: claims with one-sided bounds, judged against the requirements of the study.

All claims are about images by which nothing was selected. Requirements are judged together: the chance that any of them
is wrongly said to be met is at most 1 - confidence (Holm, Scandinavian Journal of Statistics 6, 1979)."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.assessment import SHARES_WRONG, WRONG
from resiliency.analysis.coincident_failures import OUTCOMES, outcomes_of, pairs_on_images, shared_failures
from resiliency.analysis.contenders import best_row, by_condition, contenders, eligible, name_of
from resiliency.analysis.judging import REFERENCE, Resampled, both_halves, judged
from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT, HELD_OUT_IMAGES, MAIN, means_over
from resiliency.corruptions.settings import SEVERITIES
from resiliency.data.source import Images
from resiliency.ensembles.combination import Ensemble
from resiliency.metrics.classification import ABSTAIN, graded
from resiliency.prediction.reading import Predictions
from resiliency.report import words
from resiliency.report.templates import environment
from resiliency.report.words import label, percent
from resiliency.statistics.intervals import share
from resiliency.statistics.resampling import Resampling, Units

MET, NOT_MET, NOT_SHOWN = "met", "not met", "not shown"
UNDER = "error under "
RIVAL = "best member"
AT_LEAST = ("availability", "answered")  # larger is better; their bound is the lower one


def tested_conditions(conditions: pd.DataFrame) -> dict[str, list]:
    """Which corruptions and severities were tested, by a table of conditions.

    Returns:
        tested and left_out: corruptions by which ensembles were selected, and those that were tested beside these;
        untested: those that this project knows and the study lacks; severities and untested_severities.
    """
    own = conditions[(conditions.test_set == CLEAN) & (conditions.corruption != CLEAN)]
    names, means = own.corruption.unique().tolist(), means_over(own.corruption.unique())
    severities = sorted(own.severity.unique().tolist())
    return {
        "tested": means[CORRUPTED],
        "left_out": means.get(HELD_OUT_IMAGES, []),
        "untested": [name for name in (*MAIN, *HELD_OUT) if name not in names],
        "severities": severities,
        "untested_severities": [severity for severity in SEVERITIES if severity not in severities],
    }


class Measure(NamedTuple):
    """A measured quantity.

    Attributes:
        value: its value; NaN if it is not defined.
        units, n_images: number of units and of images that it was measured on.
        ends: function of a confidence that returns the ends of the interval.
    """

    value: float
    units: int
    n_images: int
    ends: Callable[[float], tuple[float, float]]

    def bound(self, error_rate: float, upper: bool = True) -> float:
        """The one-sided bound that the true value is beyond with a probability of `error_rate` at most."""
        return self.ends(1 - 2 * error_rate)[1 if upper else 0]


def mean_of(values: np.ndarray, units: Units) -> Measure:
    """The mean of values of images, float N in 0..1."""
    return Measure(float(values.mean()), units.number, len(values), lambda level: share(values, units, level).ends)


def errors_of(ensemble: Ensemble, evaluation: Resampled) -> dict[tuple[str, int], np.ndarray]:
    """Corruption and severity -> error of an ensemble on each evaluation image, float64 N."""
    (answers,) = judged([ensemble], [1], evaluation, evaluation.own, ())
    conditions = ensemble.members[0].conditions.set_index(["corruption", "severity"]).index
    return {conditions[row]: errors.astype(np.float64) for row, errors in by_condition(answers, evaluation).items()}


def mean_errors(errors: dict[tuple[str, int], np.ndarray]) -> dict[str, np.ndarray]:
    """`clean`, each corruption, and `corrupted` -> mean over severities of errors from `errors_of`, float64 N."""
    names = dict.fromkeys(name for name, _ in errors)
    means = {name: np.mean([of for (own, _), of in errors.items() if own == name], axis=0) for name in names}
    return means | {CORRUPTED: np.mean([means[name] for name in means_over(names)[CORRUPTED]], axis=0)}


def measures(
    ensemble: Ensemble, row: pd.Series, temperature: float, threshold: float | None, evaluation: Resampled
) -> dict[str, Measure]:
    """Name of a claim -> `Measure` of an ensemble: errors, answers at the threshold, and failures that members share.

    Args:
        row: row of deployment.csv, which names the worst condition and the worst class.
        threshold: threshold of the largest probability at the temperature; None if there is none.
        evaluation: images by which nothing was selected.
    """
    units = evaluation.units[CLEAN]
    errors = errors_of(ensemble, evaluation)
    means = mean_errors(errors)
    of_class = ensemble.members[0].labels(0)[evaluation.images[CLEAN]] == row["worst_class"]
    worst, corrupted = errors[row["worst_corruption"], row["worst_severity"]], means.pop(CORRUPTED)
    found = {
        "clean_error": mean_of(means.pop(CLEAN), units),
        "corrupted_error": mean_of(corrupted, units),
        "worst_condition_error": mean_of(worst, units),
        "worst_class_error": mean_of(corrupted[of_class], units.of(of_class)),
    }
    found |= {f"{UNDER}{name}": mean_of(values, units) for name, values in means.items()}
    if threshold is not None:
        (answers,) = judged([ensemble], [temperature], evaluation, [CORRUPTED], (REFERENCE,))
        scored = answers[CORRUPTED]
        given = (graded(scored.confidences[REFERENCE]) >= threshold).astype(np.float64)
        found["wrong"] = mean_of((given * scored.errors).mean(axis=0), units)
        found["answered"] = mean_of(given.mean(axis=0), units)
    if len(ensemble.members) > 1:
        on_images = pairs_on_images(ensemble.members, evaluation)[CORRUPTED]

        def ends(name: str, level: float) -> tuple[float, float]:
            columns = outcomes_of(on_images, evaluation, level)
            return columns[f"{name}_low"], columns[f"{name}_high"]

        values = outcomes_of(on_images, evaluation)
        found |= {name: Measure(values[name], units.number, units.n_images, partial(ends, name)) for name in OUTCOMES}
    return found


def _rejected(
    limits: dict[str, float], rejects: Callable[[str, float], bool], confidence: float
) -> tuple[set[str], dict[str, float]]:
    """The requirements that a step-down procedure decides, and the error rate at which each was tested last."""
    open_, rates = list(limits), dict.fromkeys(limits, 1.0)
    while open_:
        rate = (1 - confidence) / len(open_)
        rates |= dict.fromkeys(open_, rate)
        left = [name for name in open_ if not rejects(name, rate)]
        if len(left) == len(open_):
            break
        open_ = left
    return set(limits) - set(open_), rates


def _needs(measure: Measure, rate: float, limit: float) -> str:
    """What would show that a requirement is met: units, if the estimate stays; bounds narrow by their square root."""
    if measure.value >= limit:
        return "a better model: the estimate is no lower than the limit"
    times = ((measure.bound(rate) - measure.value) / (limit - measure.value)) ** 2
    return f"about {np.ceil(measure.units * times):,.0f} units of images, if the estimate stays"


def rival_row(deployment: pd.DataFrame, row: pd.Series) -> pd.Series | None:
    """The best single member that costs no more MACs than `row`, by the error by which models are selected."""
    rows = eligible(deployment)
    alone = rows[(rows["size"] == 1) & ~(rows["macs"] > row["macs"]) & (rows["members"] != row["members"])]
    return best_row(alone) if len(alone) else None


def statements(row: pd.Series, rival: pd.Series | None, classes: list[str], target: float) -> Callable[[str], str]:
    """A function of a claim: what it is about, in words."""
    stated = {
        "clean_error": "Error on clean images",
        "corrupted_error": "Error on corrupted images, mean over corruptions and severities",
        "worst_condition_error": f"Error in the worst condition, {label(row['worst_corruption'])} "
        f"at severity {row['worst_severity']:g}",
        "worst_class_error": f"Corrupted error of the worst class, {name_of(classes, int(row['worst_class']))}",
        "wrong": f"Corrupted images answered wrongly, at the threshold for {percent(target)}",
        "answered": "Corrupted images answered at that threshold",
        "common_failures": "Common failures β of pairs of members on corrupted images",
        "undetected": "Undetected errors: two members wrong with the same class, corrupted images",
        "availability": "Availability: two members give the same class, corrupted images",
        RIVAL: f"Corrupted error of the best single member of that cost, {'' if rival is None else rival['members']}",
    }
    return lambda claim: stated.get(claim) or f"Error under {label(claim.removeprefix(UNDER))}, mean over severities"


def claims(
    found: dict[str, Measure], limits: dict[str, float], confidence: float, lacking: dict[str, str]
) -> list[dict[str, Any]]:
    """A claim per measure: estimate, one-sided bound, units, and the requirement and its verdict, if there is one.

    Met: the upper bound is at most the limit. Not met: the lower bound is above it. Not shown: neither.

    Args:
        found: measures from `measures`.
        limits: requirement -> largest value.
        confidence: probability that no requirement is wrongly said to be met, by Holm's procedure over all; likewise
            for not met. A bound without a requirement holds with it by itself.
        lacking: requirement that cannot be judged -> what it needs.
    """
    known = {name: of for name, of in found.items() if not np.isnan(of.value)}
    met, rates = _rejected(
        limits, lambda name, rate: name in known and known[name].bound(rate) <= limits[name], confidence
    )
    missed, _ = _rejected(
        limits, lambda name, rate: name in known and known[name].bound(rate, upper=False) > limits[name], confidence
    )
    rows = []
    for name in dict.fromkeys([*found, *limits]):
        of, limit, rate, upper = (
            known.get(name),
            limits.get(name),
            rates.get(name, 1 - confidence),
            name not in AT_LEAST,
        )
        claim = {"claim": name, "estimate": of and of.value, "bound": of and of.bound(rate, upper)}
        claim |= {"side": "at most" if upper else "at least", "bound_confidence": 1 - rate}
        claim |= {"units": of and of.units, "n_images": of and of.n_images, "requirement": limit, "needs": ""}
        claim["verdict"] = limit and (MET if name in met else NOT_MET if name in missed else NOT_SHOWN)
        if limit is not None and claim["verdict"] == NOT_SHOWN:
            claim["needs"] = _needs(of, rate, limit) if of else lacking.get(name, "more images")
        rows.append(claim)
    return rows


def sources_of(
    deployment: pd.DataFrame, row: pd.Series, rival: pd.Series | None, target: float
) -> Callable[[str], str]:
    """A function of a claim: table, row and column of the study that hold its estimate; "" if no table does."""
    own = {"clean_error": "1 − clean_accuracy", "worst_condition_error": "worst_error"}
    chosen = {"wrong": "wrong", "answered": "coverage"}
    role = next((name for name, of in contenders(deployment).items() if of["members"] == row["members"]), "")

    def source(claim: str) -> str:
        if claim == RIVAL and rival is not None:
            return f"tables/deployment.csv: number {rival['number']}, corrupted_error"
        if claim in chosen:
            return f"tables/thresholds.csv: {row['members']}, corrupted, wrong, {target:g}; {chosen[claim]}"
        if claim not in OUTCOMES and not claim.startswith(UNDER):
            return f"tables/deployment.csv: number {row['number']}, {own.get(claim, claim)}"
        images, column = (CORRUPTED, claim) if claim in OUTCOMES else (claim.removeprefix(UNDER), "error")
        return f"tables/contenders.csv: {role}, {images}; {column}" if role else ""

    return source


def abstaining(thresholds: pd.DataFrame, target: float, units: int, called: str) -> dict[str, Any]:
    """How the program of an ensemble abstains by default.

    Args:
        thresholds: rows of thresholds.csv of the ensemble.
        target: largest share of corrupted images that are answered wrongly.
        units: number of units by which thresholds were chosen.
        called: what several units are called, such as "films".

    Returns:
        threshold: least probability of an answer; None if no threshold keeps wrong answers below `target`;
        target; why there is none, and how many units would give one; and range, the lower and upper end of the rate of
        abstentions in the study, from clean to corrupted images.
    """
    rows = thresholds[(thresholds.selection_images == CORRUPTED) & (thresholds.goal == WRONG)]
    rows = rows[np.isclose(rows.target, target) & rows.images.isin([CLEAN, CORRUPTED])]
    found = {
        "threshold": None,
        "target": target,
        "why": "a vote has no probability to compare with one",
        "range": (0, 1),
    }
    if rows.empty:
        return found
    first = rows.iloc[0]
    if first.threshold < ABSTAIN:
        ends = float(1 - rows.coverage_high.max()), float(1 - rows.coverage_low.min())
        return found | {"threshold": float(first.threshold), "why": "", "range": ends}
    needed = "no number would do" if np.isnan(first.units_needed) else f"about {first.units_needed:,.0f} are needed"
    why = f"no threshold keeps wrong answers at {100 * target:g}% of corrupted images; {units:,} {called}; {needed}"
    return found | {"why": why}


class Evaluated(NamedTuple):
    """The test images of a study, and what was measured on them.

    Attributes:
        conditions: images under each condition, N clean ones first.
        labels: int N.
        predictions: member -> its predictions, of the ensemble and of all single members.
        deployment: deployment.csv.
        called: what a unit of images and several are called.
        resampling: resampling of the images.
    """

    conditions: list[Images]
    labels: np.ndarray
    predictions: dict[str, Predictions]
    deployment: pd.DataFrame
    called: tuple[str, str]
    resampling: Resampling


def evidence_of(
    row: pd.Series,
    thresholds: pd.DataFrame,
    ensemble: Ensemble,
    temperature: float,
    tested: Evaluated,
    requirements: dict[str, float | None],
    card: dict,
) -> dict[str, Any]:
    """The content of evidence.json but for its provenance and what is said of unlike pictures.

    Args:
        row: row of deployment.csv.
        thresholds: rows of thresholds.csv of the ensemble.
        ensemble: ensemble with the study's predictions.
        temperature: temperature of its probabilities.
        requirements: fields of `Requirements`.
        card: card of the dataset, card.json.
    """
    confidence, names = tested.resampling.confidence, row["members"].split("+")
    selection, evaluation = both_halves(tested.predictions, tested.resampling)
    limits = {name: limit for name, limit in requirements.items() if limit is not None}
    target, rival = limits.get("wrong", SHARES_WRONG[0]), rival_row(tested.deployment, row)
    chosen = abstaining(thresholds, target, selection.units[CLEAN].number, tested.called[1])
    found = measures(ensemble, row, temperature, chosen["threshold"], evaluation)
    if rival is not None:
        alone = Ensemble([tested.predictions[rival["members"]]], np.ones(1), rival["rule"])
        errors = mean_errors(errors_of(alone, evaluation))[CORRUPTED]
        found[RIVAL] = mean_of(errors, evaluation.units[CLEAN])
    pairs = "an ensemble of two members or more, of which one fails"
    lacking = {"wrong": chosen["why"], "undetected": pairs, "common_failures": pairs}
    stated, sources = statements(row, rival, card["classes"], target), sources_of(tested.deployment, row, rival, target)
    rows = claims(found, limits, confidence, lacking)
    data = {"name": card["name"], "source": card["source"], "classes": len(card["classes"]), "unit": tested.called[0]}
    data["splits"] = {name: of["n_images"] for name, of in card["splits"].items()}
    for half, of in (("selection_units", selection), ("evaluation_units", evaluation)):
        data[half] = of.units[CLEAN].number
    pair = None
    if len(names) > 1:
        shared = shared_failures(names, ensemble.members, selection, evaluation)[CORRUPTED]
        factor = shared["pair_common_failures"]
        pair = {"members": str(shared["pair"]).split("+"), "common_failures": factor if factor == factor else None}
    return {
        "ensemble": {"row": int(row["number"]), "members": names, "rule": row["rule"]},
        "data": data,
        "confidence": confidence,
        "claims": [{"statement": stated(of["claim"])} | of | {"source": sources(of["claim"])} for of in rows],
        "pair": pair,
        "conditions": tested_conditions(ensemble.members[0].conditions),
        "abstaining": chosen,
    }


def evidence_page(evidence: dict[str, Any]) -> str:
    """The text of evidence.html, from the content of evidence.json."""
    forms = {form.__name__: form for form in (words.percent, words.number, words.label, words.plural, words.listed)}
    template = environment(Path(__file__).parent, forms, autoescape=True).get_template("evidence.html.j2")
    under = [of["claim"] for of in evidence["claims"] if of["claim"].startswith(UNDER)]
    return template.render(evidence, corrupted_claims=under)
