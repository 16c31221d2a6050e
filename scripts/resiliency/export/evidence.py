"""Evidence of an exported ensemble: claims with one-sided bounds, judged against requirements, and
unlike pictures.

All claims are about images by which nothing was selected. Requirements are judged together: the
chance that any of them is wrongly said to be met is at most 1 - confidence (Holm, Scandinavian
Journal of Statistics 6, 1979)."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.assessment import SHARES_WRONG, WRONG
from resiliency.analysis.coincident_failures import (
    OUTCOMES,
    outcomes_of,
    pairs_on_images,
    shared_failures,
)
from resiliency.analysis.contenders import (
    best_row,
    by_condition,
    by_corruption,
    contenders,
    eligible,
    name_of,
)
from resiliency.analysis.judging import REFERENCE, Resampled, both_halves, halves, judged
from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT, HELD_OUT_IMAGES, MAIN, means_over
from resiliency.base.settings import Keys
from resiliency.base.streams import stream
from resiliency.corruptions.settings import SEVERITIES
from resiliency.data.pictures import images_at
from resiliency.data.source import Images
from resiliency.ensembles.combination import Ensemble
from resiliency.export.folder.watching import distances, look
from resiliency.metrics.selective import ABSTAIN, graded
from resiliency.prediction.reading import Predictions
from resiliency.report.templates import environment
from resiliency.report.words import label, percent
from resiliency.statistics.intervals import share
from resiliency.statistics.resampling import Resampling, Units

MET, NOT_MET, NOT_SHOWN = "met", "not met", "not shown"
UNDER = "error under "
RIVAL = "best member"
AT_LEAST = ("availability", "answered")  # larger is better; their bound is the lower one
OF_ROW = "tables/deployment.csv: number {number}, "
ROLE = "tables/contenders.csv: {role}, {images}; "
OF_RIVAL = "tables/deployment.csv: number {rival[number]}, "
AT_THRESHOLD = "tables/thresholds.csv: {members}, corrupted, wrong, {share:g}; "
# Claim -> what it is about, and table, row and column of the study that hold its estimate; see
# `facts_of`.
CLAIMS = {
    "clean_error": ("Error on clean images", OF_ROW + "1 − clean_accuracy"),
    "corrupted_error": (
        "Error on corrupted images, mean over corruptions and severities",
        OF_ROW + "corrupted_error",
    ),
    "worst_condition_error": ("Error in the worst condition, {condition}", OF_ROW + "worst_error"),
    "worst_class_error": (
        "Corrupted error of the worst class, {worst_class}",
        OF_ROW + "worst_class_error",
    ),
    UNDER: ("Error under {corruption}, mean over severities", ROLE + "error"),
    "wrong": (
        "Corrupted images answered wrongly, at the threshold for {target}",
        AT_THRESHOLD + "wrong",
    ),
    "answered": ("Corrupted images answered at that threshold", AT_THRESHOLD + "coverage"),
    "common_failures": (
        "Common failures β of pairs of members on corrupted images",
        ROLE + "common_failures",
    ),
    "undetected": (
        "Undetected errors: two members wrong with the same class, corrupted images",
        ROLE + "undetected",
    ),
    "availability": (
        "Availability: two members give the same class, corrupted images",
        ROLE + "availability",
    ),
    RIVAL: (
        "Corrupted error of the best single member of that cost, {rival[members]}",
        OF_RIVAL + "corrupted_error",
    ),
}
Claim = dict[str, Any]  # of evidence.json, by the names there
Evidence = dict[str, Any]  # evidence.json
# Of ensemble.json: mean, inverse, limit, rate, units and range; see `fitted` and `unlike`.
Inputs = dict[str, Any]


def tested_conditions(conditions: pd.DataFrame) -> dict[str, list]:
    """Which corruptions and severities were tested, by a table of conditions.

    Returns:
        tested and left_out: corruptions by which ensembles were selected, and those that were
            tested beside these;
        untested: those that this project knows and the study lacks; severities and
            untested_severities.
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
        """The one-sided bound that the true value is beyond with a probability of `error_rate` at
        most."""
        return self.ends(1 - 2 * error_rate)[1 if upper else 0]


def mean_of(values: np.ndarray, units: Units) -> Measure:
    """The mean of values of images, float N in 0..1."""
    return Measure(
        float(values.mean()),
        units.number,
        len(values),
        lambda level: share(values, units, level).ends,
    )


def measures(
    ensemble: Ensemble,
    row: pd.Series,
    temperature: float,
    threshold: float | None,
    evaluation: Resampled,
) -> dict[str, Measure]:
    """Name of a claim -> `Measure` of an ensemble: errors, answers at the threshold, and failures
    that members share.

    Args:
        row: row of deployment.csv, which names the worst condition and the worst class.
        threshold: threshold of the largest probability at the temperature; None if there is none.
        evaluation: images by which nothing was selected.
    """
    (answers,) = judged([ensemble], [temperature], evaluation, evaluation.own, (REFERENCE,))
    units, errors, corrupted = (
        evaluation.units[CLEAN],
        by_condition(answers, evaluation),
        answers[CORRUPTED],
    )
    conditions = ensemble.members[0].conditions.iloc[list(errors)]
    means = by_corruption(np.stack(list(errors.values())), conditions.corruption)
    worst = (conditions.corruption == row["worst_corruption"]) & (
        conditions.severity == row["worst_severity"]
    )
    of_class = ensemble.members[0].labels(0)[evaluation.images[CLEAN]] == row["worst_class"]
    found = {
        "clean_error": mean_of(means[CLEAN], units),
        "corrupted_error": mean_of(means[CORRUPTED], units),
        "worst_condition_error": mean_of(
            errors[conditions.index[worst][0]].astype(np.float64), units
        ),
        "worst_class_error": mean_of(means[CORRUPTED][of_class], units.of(of_class)),
    }
    found |= {
        f"{UNDER}{name}": mean_of(means[name], units)
        for name in conditions.corruption.unique()
        if name != CLEAN
    }
    if threshold is not None:
        given = (graded(corrupted.confidences[REFERENCE]) >= threshold).astype(np.float64)
        found["wrong"] = mean_of((given * corrupted.errors).mean(axis=0), units)
        found["answered"] = mean_of(given.mean(axis=0), units)
    if len(ensemble.members) > 1:
        on_images = pairs_on_images(ensemble.members, evaluation)[CORRUPTED]

        def ends(name: str, level: float) -> tuple[float, float]:
            columns = outcomes_of(on_images, evaluation, level)
            return columns[f"{name}_low"], columns[f"{name}_high"]

        values = outcomes_of(on_images, evaluation)
        found |= {
            name: Measure(values[name], units.number, units.n_images, partial(ends, name))
            for name in OUTCOMES
        }
    return found


def _rejected(
    limits: dict[str, float],
    known: dict[str, Measure],
    confidence: float,
    rejects: Callable[[Measure, float, float], bool],
) -> tuple[set[str], dict[str, float]]:
    """The requirements that a step-down procedure decides, and the error rate at which each was
    tested last."""
    left, before = list(limits), None
    rates: dict[str, float] = {}
    while left and left != before:
        before, rate = left, (1 - confidence) / len(left)
        rates |= dict.fromkeys(left, rate)
        left = [
            name
            for name in left
            if name not in known or not rejects(known[name], rate, limits[name])
        ]
    return set(limits) - set(left), rates


def _needs(measure: Measure, rate: float, limit: float) -> str:
    """What would show that a requirement is met; bounds narrow by the square root of the number of
    units."""
    if measure.value >= limit:
        return "a better model: the estimate is no lower than the limit"
    times = ((measure.bound(rate) - measure.value) / (limit - measure.value)) ** 2
    return f"about {np.ceil(measure.units * times):,.0f} units of images, if the estimate stays"


def claims(
    found: dict[str, Measure], limits: dict[str, float], confidence: float, lacking: dict[str, str]
) -> list[Claim]:
    """A claim per measure: estimate, one-sided bound, units, and the requirement and its verdict,
    if there is one.

    Met: the upper bound is at most the limit. Not met: the lower bound is above it. Not shown:
    neither.

    Args:
        found: measures from `measures`.
        limits: requirement -> largest value.
        confidence: probability that no requirement is wrongly said to be met, by Holm's procedure
            over all; likewise for not met. A bound without a requirement holds with it by itself.
        lacking: requirement that cannot be judged -> what it needs.
    """
    known = {name: of for name, of in found.items() if not np.isnan(of.value)}
    met, rates = _rejected(
        limits, known, confidence, lambda of, rate, limit: of.bound(rate) <= limit
    )
    missed, _ = _rejected(
        limits, known, confidence, lambda of, rate, limit: of.bound(rate, upper=False) > limit
    )
    rows: list[Claim] = []
    for name in dict.fromkeys([*found, *limits]):
        of, limit, upper = known.get(name), limits.get(name), name not in AT_LEAST
        rate = rates.get(name, 1 - confidence)
        verdict = limit and (MET if name in met else NOT_MET if name in missed else NOT_SHOWN)
        claim = {"claim": name, "estimate": of and of.value, "bound": of and of.bound(rate, upper)}
        claim |= {"side": "at most" if upper else "at least", "bound_confidence": 1 - rate}
        claim |= {
            "units": of and of.units,
            "n_images": of and of.n_images,
            "requirement": limit,
            "needs": "",
        }
        if limit is not None and verdict == NOT_SHOWN:
            claim["needs"] = _needs(of, rate, limit) if of else lacking.get(name, "more images")
        rows.append(claim | {"verdict": verdict})
    return rows


def rival_row(deployment: pd.DataFrame, row: pd.Series) -> pd.Series | None:
    """The best single member that costs no more MACs than `row`, by the error by which models are
    selected."""
    rows = eligible(deployment)
    alone = rows[
        (rows["size"] == 1) & ~(rows["macs"] > row["macs"]) & (rows["members"] != row["members"])
    ]
    return best_row(alone) if len(alone) else None


def abstaining(thresholds: pd.DataFrame, target: float, units: int, called: str) -> Keys:
    """How the program of an ensemble abstains by default.

    Args:
        thresholds: rows of thresholds.csv of the ensemble.
        target: largest share of corrupted images that are answered wrongly.
        units: number of units by which thresholds were chosen.
        called: what several units are called, such as "films".

    Returns:
        threshold: least probability of an answer; None if no threshold keeps wrong answers below
        `target`; target; why there is none, and how many units would give one; and range, the lower
        and upper end of the rate of abstentions in the study, from clean to corrupted images.
    """
    rows = thresholds[(thresholds.selection_images == CORRUPTED) & (thresholds.goal == WRONG)]
    rows = rows[np.isclose(rows.target, target) & rows.images.isin([CLEAN, CORRUPTED])]
    ends: tuple[float, float] = (0, 1)
    threshold, why = None, "a vote has no probability to compare with one"
    if len(rows) and (first := rows.iloc[0]).threshold < ABSTAIN:
        threshold, why = float(first.threshold), ""
        ends = float(1 - rows.coverage_high.max()), float(1 - rows.coverage_low.min())
    elif len(rows):
        needed = (
            f"about {first.units_needed:,.0f} are needed"
            if first.units_needed > 0
            else "no number would do"
        )
        why = (
            f"no threshold keeps wrong answers at {100 * target:g}% of corrupted images; "
            f"{units:,} {called}; {needed}"
        )
    return {"threshold": threshold, "target": target, "why": why, "range": ends}


class Evaluated(NamedTuple):
    """The test images of a study, and what was measured on them.

    Attributes:
        conditions: images under each condition, N clean ones first.
        predictions: member -> its predictions, of the ensemble and of all single members.
        deployment: deployment.csv.
        called: what a unit of images and several are called.
        resampling: resampling of the images.
        card: card of the dataset, card.json.
    """

    conditions: list[Images]
    predictions: dict[str, Predictions]
    deployment: pd.DataFrame
    called: tuple[str, str]
    resampling: Resampling
    card: Keys


def described(
    rows: list[Claim], row: pd.Series, tested: Evaluated, target: float, rival: pd.Series | None
) -> list[Claim]:
    """Claims with what `CLAIMS` says of each: its statement, and its source; "" if no table of the
    study has it."""
    role = next(
        (
            role
            for role, of in contenders(tested.deployment).items()
            if of["members"] == row["members"]
        ),
        "",
    )
    facts = row.to_dict() | {
        "role": role,
        "rival": rival,
        "target": percent(target),
        "share": target,
    }
    facts["worst_class"] = name_of(tested.card["classes"], int(row["worst_class"]))
    facts["condition"] = f"{label(row['worst_corruption'])} at severity {row['worst_severity']:g}"
    found = []
    for claim in rows:
        name = claim["claim"]
        statement, source = CLAIMS.get(name) or CLAIMS[UNDER]
        facts["images"] = name.removeprefix(UNDER) if name.startswith(UNDER) else CORRUPTED
        facts["corruption"] = label(facts["images"])
        known = role or not source.startswith(ROLE)
        of = (
            {"statement": statement.format(**facts)}
            | claim
            | {"source": source.format(**facts) if known else ""}
        )
        found.append(of)
    return found


def evidence_of(
    row: pd.Series,
    thresholds: pd.DataFrame,
    ensemble: Ensemble,
    temperature: float,
    tested: Evaluated,
    requirements: dict[str, float | None],
) -> Evidence:
    """The content of evidence.json but for its provenance and what is said of unlike pictures.

    Args:
        row: row of deployment.csv.
        thresholds: rows of thresholds.csv of the ensemble.
        ensemble: ensemble with the study's predictions.
        temperature: temperature of its probabilities.
        requirements: fields of `Requirements`.
    """
    confidence, names, card = tested.resampling.confidence, row["members"].split("+"), tested.card
    selection, evaluation = both_halves(tested.predictions, tested.resampling)
    units = {
        "selection_units": selection.units[CLEAN].number,
        "evaluation_units": evaluation.units[CLEAN].number,
    }
    limits = {name: limit for name, limit in requirements.items() if limit is not None}
    target = limits.get("wrong", SHARES_WRONG[0])
    chosen = abstaining(thresholds, target, units["selection_units"], tested.called[1])
    found = measures(ensemble, row, temperature, chosen["threshold"], evaluation)
    if (rival := rival_row(tested.deployment, row)) is not None:
        single = Ensemble([tested.predictions[rival["members"]]], rival["rule"])
        (answers,) = judged([single], [1], evaluation, [CORRUPTED], ())
        found[RIVAL] = mean_of(
            answers[CORRUPTED].errors.mean(axis=0, dtype=np.float64), evaluation.units[CORRUPTED]
        )
    pair, pairs = None, "an ensemble of two members or more, of which one fails"
    if len(names) > 1:
        shared = shared_failures(names, ensemble.members, selection, evaluation)[CORRUPTED]
        factor = shared["pair_common_failures"]
        pair = {
            "members": str(shared["pair"]).split("+"),
            "common_failures": factor if factor == factor else None,
        }
    lacking = {"wrong": chosen["why"], "undetected": pairs, "common_failures": pairs}
    data = {
        "name": card["name"],
        "source": card["source"],
        "classes": len(card["classes"]),
        "unit": tested.called[0],
    }
    data["splits"] = {name: of["n_images"] for name, of in card["splits"].items()}
    return {
        "ensemble": {"row": int(row["number"]), "members": names, "rule": row["rule"]},
        "data": data | units,
        "confidence": confidence,
        "claims": described(claims(found, limits, confidence, lacking), row, tested, target, rival),
        "pair": pair,
        "conditions": tested_conditions(ensemble.members[0].conditions),
        "abstaining": chosen,
    }


def evidence_page(evidence: Evidence) -> str:
    """The text of evidence.html, from the content of evidence.json."""
    return (
        environment(Path(__file__).parent, autoescape=True)
        .get_template("evidence.html.j2")
        .render(evidence)
    )


FALSE_ALARMS = 0.01
RIDGE = 0.01**2  # variance that each number has at least, in their own units of about 1
AT_ONCE = 64  # pictures in memory
MOST, MOST_CORRUPTED = 2_000, 200  # images of either half, and of each corrupted condition


def unlike(conditions: list[Images], one: Predictions, seed: int) -> tuple[Inputs, Evidence]:
    """How the program tells pictures unlike the study's, for ensemble.json, and its rates, for
    evidence.json.

    Args:
        conditions: the test images under each condition.
        one: predictions of a member, which know labels, units and conditions.
        seed: seed of the study, which also decides the halves of the images.
    """
    selection, evaluation = halves(one.labels(0), seed, one.units(0))
    some = _some(selection, MOST)
    inputs = fitted(conditions[0], some, one.units(0).of(some), seed)
    names = one.conditions.corruption[one.conditions.test_set == CLEAN]
    rates = flag_rates(inputs, conditions, names.tolist(), evaluation, one.units(0))
    inputs["range"] = (
        0.0,
        max(high for name in (CLEAN, CORRUPTED) if (high := rates[name]["high"]) is not None),
    )
    return inputs, {"nominal": inputs["rate"], "calibrated_on": inputs["units"], "flagged": rates}


def fitted(images: Images, selection: np.ndarray, units: Units, seed: int) -> Inputs:
    """Mean, inverse covariance and limit of `distances`, from clean images.

    Half of the units say what pictures look like; the other half, how far from it they are. The
    limit is the smallest one at which a new unit's pictures are flagged with a probability of
    `FALSE_ALARMS` at most (conformal risk control, Angelopoulos et al., ICLR 2024), or of one in n
    + 1 if there are only n units to calibrate on.

    Args:
        images: the clean test images.
        selection: int n, images on which models were selected.
        units: units of these n images.

    Returns:
        mean (8 numbers), inverse (8 x 8), limit and rate, the nominal rate of false alarms.
    """
    described = _looks(images, selection)
    order = stream(seed, "unfamiliar").permutation(units.number)
    first = order[units.of_image] < units.number // 2
    mean, covariance = (
        described[first].mean(axis=0),
        np.cov(described[first], rowvar=False, bias=True),
    )
    inverse = np.linalg.inv(covariance + RIDGE * np.eye(len(mean)))
    far, of = distances(described[~first], mean, inverse), units.of(~first)
    rate = max(FALSE_ALARMS, 1 / (of.number + 1))
    candidates = np.sort(far)
    flagged = np.array(
        [(of.sums((far > limit).astype(float)) / of.sizes).sum() for limit in candidates]
    )
    limit = candidates[(flagged + 1) / (of.number + 1) <= rate + 1e-12][0]
    return {
        "mean": mean.tolist(),
        "inverse": inverse.tolist(),
        "limit": float(limit),
        "rate": rate,
        "units": of.number,
    }


def flag_rates(
    inputs: Inputs,
    conditions: Sequence[Images],
    names: Sequence[str],
    evaluation: np.ndarray,
    units: Units,
) -> dict[str, dict[str, float | None]]:
    """Name of pictures -> share that is flagged, `low` and `high` (95 %, Wilson, by units), and
    number of images.

    Beside `clean`, each corruption and their means, the names are `noise` (random pixels) and
    `constant` (pictures of one colour), which are samples of nothing and have no interval.

    Args:
        inputs: what `fitted` returns.
        conditions: the test images under each condition.
        names: corruption of each condition; `clean` for none.
        evaluation: images on which nothing was selected, of which at most `MOST` or
            `MOST_CORRUPTED` count.
        units: units of all test images.
    """
    chosen = {name: _some(evaluation, MOST if name == CLEAN else MOST_CORRUPTED) for name in names}
    flagged: dict[str, list[np.ndarray]] = {}
    for name, images in zip(names, conditions, strict=True):
        flagged.setdefault(name, []).append(_flags(_looks(images, chosen[name]), inputs))
    shares = {name: np.mean(of, axis=0) for name, of in flagged.items()}
    shares |= {
        name: np.mean([shares[of] for of in over], axis=0)
        for name, over in means_over(shares).items()
        if over
    }
    rates: dict[str, dict[str, float | None]] = {}
    for name, of in shares.items():
        low, high = share(
            of, units.of(chosen.get(name, _some(evaluation, MOST_CORRUPTED))), 0.95
        ).ends
        rates[name] = {"share": float(of.mean()), "low": low, "high": high, "n_images": len(of)}
    shape = conditions[0][:1].shape[1:]
    colours = np.array(list(product((0, 128, 255), repeat=3)), np.uint8)[:, None, None]
    noise = stream(0, "noise").integers(0, 256, (AT_ONCE, *shape), np.uint8)
    for name, made in (
        ("noise", noise),
        ("constant", np.broadcast_to(colours, (len(colours), *shape))),
    ):
        share_of_made = float(_flags(look(made), inputs).mean())
        rates[name] = {"share": share_of_made, "low": None, "high": None, "n_images": len(made)}
    return rates


def _some(images: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the images, evenly spread."""
    return images[np.unique(np.linspace(0, len(images) - 1, min(most, len(images))).astype(int))]


def _looks(images: Images, places: np.ndarray) -> np.ndarray:
    parts = np.array_split(places, -(-len(places) // AT_ONCE))
    return np.concatenate([look(np.asarray(images_at(images, part)[:])) for part in parts])


def _flags(looks: np.ndarray, inputs: Inputs) -> np.ndarray:
    return (distances(looks, inputs["mean"], inputs["inverse"]) > inputs["limit"]).astype(float)
