"""What is said of the model to deploy: questions, each with its answer and perhaps a table."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from resiliency.analysis.contenders import (
    BEST_ENSEMBLE,
    BEST_MEMBER,
    best_row,
    clean_accuracy,
    eligible,
    priced,
)
from resiliency.analysis.deployment import SAVING
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.designs.members import WeightsKind
from resiliency.metrics.selective import ABSTAIN
from resiliency.report import words
from resiliency.report.cautions import shortcomings
from resiliency.report.overview import ENDS, difference_from, models
from resiliency.report.rows import Row, compared_with, with_ends
from resiliency.report.settings import ROW
from resiliency.report.words import label, number, percent, plural, quantity

NEEDED = ("deployment", "members", "selective_prediction", "temperatures")
UNITS = {"macs": "MACs", "size": "members"}
OBJECTIVES = {
    "mean": "corrupted error",
    "worst_condition": "error in the worst condition",
    "quantile": "quantile of the errors over conditions",
    "cost": "mean cost of an answer",
}
SCORES = {"max_probability": "the maximum probability", "vote_agreement": "agreement of votes"}
MEASURES = {
    "ece": "Calibration error (ECE)",
    "nll": "Negative log-likelihood",
    "brier": "Brier score",
}
EXPORT = f"snakemake export --cores all --config ensemble={ROW}"


class Answer(NamedTuple):
    """What a reader asks, the answer, and a table of cells, whose first row is its head; [] if
    there is none."""

    question: str
    said: str
    table: list[list[str]]


def deployment_answers(
    tables: Mapping[str, pd.DataFrame],
    study: str,
    classes: Sequence[str] = (),
    units: str = "images",
    export: str = EXPORT,
) -> list[Answer]:
    """Answers about the recommended model: whether to deploy, why, how good, when to abstain, how
    to get it.

    Args:
        tables: tables of the study, by name; there are no answers if one of `NEEDED` is missing.
        study: name of the study.
        classes: names of the classes, if they have any.
        units: what the units of the test images are called, in the plural.
        export: command that exports a row, with `ROW` for its number.
    """
    rows = models(tables["deployment"]) if set(NEEDED) <= tables.keys() else []
    if not rows:
        return []
    row, compared, own = rows[0], tables.get("contenders"), rows[0]["members"]
    fit = eligible(tables["deployment"])
    of_model = {
        name: of[of["members"] == own]
        for name, of in tables.items()
        if name in (*NEEDED[2:], "thresholds")
    }
    calibrated, figures = _calibration(of_model["temperatures"])
    abstain, promises = _abstention(
        of_model["selective_prediction"], of_model.get("thresholds"), units
    )
    selected = (
        f"of the lowest {OBJECTIVES[row['objective']]} in the selection, of at most the "
        "ensemble's cost"
    )
    evaluated = (
        f"Errors are those on {plural(row['n_images'], 'image')} that the selection did not use"
    )
    good = (
        f"{evaluated}, but for the choice of the worst condition. The best member is that "
        f"{selected}."
    )
    answers = [
        (
            "Should I deploy an ensemble?",
            _deploy(rows, fit, compared, shortcomings(row, classes)),
            [],
        ),
        ("Why this one?", _why(row, fit, compared), []),
        ("How good is it, and what does it cost?", [good], _errors_and_costs(rows)),
        ("How certain are its probabilities?", calibrated, figures),
        ("When should it abstain?", abstain, promises),
        ("How do I get it?", _delivery(row, fit, tables["members"], study, export), []),
    ]
    return [
        Answer(question, " ".join(filter(None, said)), table) for question, said, table in answers
    ]


def _deploy(
    rows: list[Row], fit: pd.DataFrame, compared: pd.DataFrame | None, short: str
) -> list[str]:
    """Yes only for an ensemble that is `short` of nothing and significantly better than a member of
    its cost."""
    row, several = rows[0], rows[0]["size"] > 1
    by_costs, cost = row["objective"] == "cost", priced(fit)
    other = (
        None
        if by_costs
        else difference_from(compared, "role", BEST_MEMBER if several else BEST_ENSEMBLE)
    )
    fewer = fit[
        (fit["size"] == 1)
        & ~(fit[cost] > row[cost])
        & (fit["corrupted_error"] < row["corrupted_error"])
    ]
    rival = fewer.loc[fewer["corrupted_error"].idxmin()] if several and len(fewer) else None
    what = (
        f"{row['size']} members combined by {label(row['rule'])}" if several else "a single member"
    )
    who = f"{row['members'].replace('+', ' + ')}, {what}"
    if short:
        sentences = [f"Not this one: {who}, is recommended, but {short}."]
    elif not several:
        sentences = [
            f"{'No' if (fit['size'] > 1).any() else 'There are no ensembles'}: {who}, is "
            "recommended."
        ]
    elif other and other["difference_high"] < 0 and rival is None:
        sentences = [f"Yes: {who}."]
    elif other and other["difference_low"] > 0:
        sentences = [f"No: {who}, is recommended, but makes more errors on other images."]
    else:
        sentences = [f"Not shown: {who}, is recommended."]
    if other:
        than = f"the {BEST_MEMBER}, {other['members']}" if several else f"the {BEST_ENSEMBLE}"
        its = next((of for of in rows if of["members"] == other["members"]), {"macs": math.nan})
        at = f", at {times} the MACs" if (times := _times(row["macs"], its["macs"])) else ""
        known = (
            "Its corrupted error on images not used for selection is "
            f"{compared_with(other, f'that of {than}')}"
        )
        sentences.append(f"{known}{at}.")
    elif several:
        sentences.append("It was not compared with a single member of at most its cost.")
    if rival is not None:
        errors = " against ".join(percent(of["corrupted_error"]) for of in (rival, row))
        fewer_errors = "alone, at no higher cost, makes fewer errors"
        sentences.append(f"On these images {rival['members']} {fewer_errors}: {errors}.")
    return sentences


def _why(row: Row, fit: pd.DataFrame, compared: pd.DataFrame | None) -> list[str]:
    best, cost, by_costs = best_row(fit), priced(fit), row["objective"] == "cost"
    unit, most = UNITS[cost], "best" if by_costs else "most accurate"

    def amount(of: float) -> str:
        digits = 1 if of == 0 or abs(of) >= 0.00095 else 2
        return number(of) if by_costs else f"{words.points(of, digits)} percentage points"

    worse = (
        f"{amount(best['margin'])} ({percent(row['confidence'], 0)} confidence, for all "
        "candidates together)"
    )
    limits = {name: row[name] for name in ("limit_members", "limit_macs") if name in row}
    forms = {
        "limit_members": lambda of: plural(int(of), "member"),
        "limit_macs": lambda of: f"{quantity(of)} MACs",
    }
    within = (
        f" among models of at most {', '.join(forms[name](of) for name, of in limits.items())}"
        if limits
        else ""
    )
    lowest = (
        f"lowest {OBJECTIVES[row['objective']]} on "
        f"{plural(row['n_selection_images'], 'test image')}{within}"
    )
    if row["number"] == best["number"]:
        sentences = [f"It has the {lowest}.", _none_cheaper(row, fit, cost, worse)]
    else:
        error = number(best["selection_error"]) if by_costs else percent(best["selection_error"])
        price = (
            f" at {times} the {unit}"
            if (times := _times(best[cost], row[cost]))
            else f", of unknown {unit}"
        )
        sentences = [
            f"It needs the fewest {unit} among models that are worse than the {most} one by at "
            f"most {worse}.",
            f"The {most} one has the {lowest}: {error}{price}.",
            f"The recommended one is behind by {amount(row['behind'])}, at most by "
            f"{amount(row['behind_high'])}.",
        ]
        if other := difference_from(compared, "members", best["members"]):
            than = compared_with(other, f"that of the {most} one")
            sentences.append(f"On other images its corrupted error is {than}.")
            sentences.append(
                "To get that one, set `ensemble=most_accurate`."
                if other["difference_low"] > 0
                else ""
            )
    unknown = int(fit["macs"].isna().sum())
    if cost == "size":
        sentences.append(
            "The number of members counts as cost, because the MACs of all rows are unknown."
        )
    elif unknown:
        own = ", its own among them" if pd.isna(row[cost]) else ""
        sentences.append(
            f"The MACs of {plural(unknown, 'row')} are unknown{own}: no such row counts as cheaper."
        )
    return sentences


def _none_cheaper(row: Row, fit: pd.DataFrame, cost: str, worse: str) -> str:
    """That no row with no more members is shown to be cheaper and hardly worse, and the images that
    would show it."""
    others = fit[(fit["size"] <= row["size"]) & (fit["number"] != row["number"])]
    if not (others[cost] <= (1 - SAVING) * row[cost]).any():
        return ""
    none = f"No row that saves a tenth of the {UNITS[cost]} is shown to be worse by at most {worse}"
    needed = row.get("n_images_needed")
    if pd.isna(needed):
        return f"{none}; all are worse by that or more on these images."
    # Two digits, rounded up, because the number is extrapolated.
    step = 10 ** max(len(f"{needed:.0f}") - 2, 0)
    images = f"about {math.ceil(needed / step) * step:,} images for the selection"
    return f"{none}; {images} would show it, if the differences stay as they are."


def _errors_and_costs(rows: list[Row]) -> list[list[str]]:
    """The recommended model beside its competitors, each with its errors and costs."""
    quantile, costs = percent(rows[0]["quantile"], 0), ["Cost of an answer"] * ("cost" in rows[0])
    head = ["Model", "Error on corrupted images", "On clean images", "In the worst condition"]
    head += [f"At most, in {quantile} of conditions", *costs, "MACs per image", "Parameters"]
    cells = []
    for row in rows:
        right = clean_accuracy(row)
        clean = words.with_interval(
            *(1 - float(right[f"clean_accuracy{end}"]) for end in ("", "_high", "_low"))
        )
        where = f"{label(row['worst_corruption'])}, severity {int(row['worst_severity'])}"
        errors = [
            with_ends(row, "corrupted_error"),
            clean,
            f"{with_ends(row, 'worst_error')} ({where})",
        ]
        errors.append(with_ends(row, "quantile_error"))
        paid = [with_ends(row, "cost", number)] * len(costs)
        cells.append(
            [row["role"], *errors, *paid, quantity(row["macs"]), quantity(row["parameters"])]
        )
    return [head, *cells]


def _calibration(temperatures: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """The temperature of a model, and its calibration, with what is significantly worse than the
    best member's."""
    unknown = pd.Series({"note": "not known", "n_fitted_images": 0})
    first = temperatures.iloc[0] if len(temperatures) else unknown
    note, fitted = (
        first["note"] if isinstance(first["note"], str) else "",
        int(first["n_fitted_images"]),
    )
    if fitted:
        half = " of the half used for selection" * (first["fitted_images"] == CORRUPTED)
        of = (
            f"{plural(fitted, first['fitted_images'] + ' image')}{half}"
            f"{f'; {note}' if note else ''}"
        )
        sentences = [f"Its temperature is {number(first['temperature'], 2)}, fitted on {of}."]
    else:
        sentences = [f"No temperature was fitted: {note}."]
    known = temperatures[temperatures["images"].isin([CLEAN, CORRUPTED])].dropna(subset="ece_after")
    if known.empty:
        return sentences, []
    cells = [["Measure", *(f"On {images} images" for images in known["images"])]]
    for measure, name in MEASURES.items():
        form = percent if measure == "ece" else number
        cells.append([name])
        for row in known.to_dict("records"):
            ends = [row.get(f"{measure}_difference{end}", math.nan) for end in ENDS]
            by = (
                words.in_points(*ends)
                if measure == "ece"
                else words.with_interval(*ends, form=number)
            )
            worse = f", worse than the best member’s by {by}" if ends[1] > 0 else ""
            cells[-1].append(f"{with_ends(row, f'{measure}_after', form)}{worse}")
    return [
        *sentences,
        "Where it is significantly worse than the best member, the table says so.",
    ], cells


def _abstention(
    selective: pd.DataFrame, thresholds: pd.DataFrame | None, units: str
) -> tuple[list[str], list[list[str]]]:
    """What thresholds of confidence promise on corrupted images, and what they gave on other
    ones."""
    rows = pd.DataFrame(columns=["threshold"]) if thresholds is None else thresholds
    if len(rows):
        rows = rows[(rows["selection_images"] == CORRUPTED) & (rows["images"] == CORRUPTED)]
    if not (rows["threshold"] < ABSTAIN).any():
        scores = selective[selective["images"] == CORRUPTED].set_index("score")
        if scores.empty:
            return ["Unknown: all its predictions have the same confidence."], []
        score = next((name for name in SCORES if name in scores.index), scores.index[0])
        error, called = (
            with_ends(scores.loc[score], "error_at_90"),
            SCORES.get(score, score.replace("_", " ")),
        )
        return [
            f"When {called} is low: at 90% coverage its error on corrupted images is {error}."
        ], []
    head = [
        "Promise for corrupted images",
        "Least maximum probability",
        "Answered on the other half",
        "Wrongly",
    ]
    cells = [[*head, "Wrongly, under a corruption that is left out of the choice"]]
    for row in rows.sort_values(["goal", "target"], ascending=[True, False]).to_dict("records"):
        share, wrong = f"{100 * row['target']:g}%", row["goal"] == "wrong"
        least = number(row["threshold"], 6) if row["threshold"] < ABSTAIN else "none would do"
        if pd.isna(row["threshold"]) and row.get("units_needed", 0) > 0:
            least += f"; choosing on {row['units_needed']:,.0f} {units} would"
        left_out = (
            f" ({label(row['left_out_corruption'])})" if row.get("left_out_wrong", -1) >= 0 else ""
        )
        promise = f"at most {share} answered wrongly" if wrong else f"at least {share} answered"
        cells.append(
            [
                promise,
                least,
                *(with_ends(row, of) for of in ("coverage", "wrong", "left_out_wrong")),
            ]
        )
        cells[-1][-1] += left_out
    below = "Below the least maximum probability of the promise that you need."
    average = (
        "Promises hold on average, for images like those of the study in the same mix of "
        "corruptions."
    )
    return [below, average], cells


def _delivery(
    row: Row, fit: pd.DataFrame, members: pd.DataFrame, study: str, command: str
) -> list[str]:
    """How to export a row; if networks of its members are not available, the best row of networks
    alone."""
    unknown = set(members.loc[members["weights_kind"] == WeightsKind.NONE, "member"])
    lacking = [name for name in row["members"].split("+") if name in unknown]
    sentences = []
    if lacking:
        only = f"only predictions of {', '.join(lacking)} are available"
        instead = "Load their networks in the study, or combine the predictions yourself."
        sentences = [f"It cannot be exported: {only}.", instead]
        networks = fit[[unknown.isdisjoint(names.split("+")) for names in fit["members"]]]
        if networks.empty:
            return sentences
        row = best_row(networks)
        error = words.with_interval(row["corrupted_error"], row["low"], row["high"])
        name = row["members"].replace("+", " + ")
        sentences.append(
            f"The best model of networks alone is {name}, with an error of {error} on corrupted "
            "images."
        )
    checkout = ", with a checkout of the repository in `CHECKOUT`" if "$CHECKOUT" in command else ""
    return [
        *sentences,
        f"Run `{command.replace(ROW, str(row['number']))}`{checkout}.",
        "It writes a program, a card and evidence for a review to "
        f"results/{study}/export/{row['number']}.",
        "To export another row of deployment.csv, give its number.",
    ]


def _times(one: float, other: float) -> str:
    """Such as "2.16 times"; "" if either number is unknown."""
    return f"{quantity(one / other)} times" if one > 0 and other > 0 else ""
