"""Sentences on which model is recommended, by which rule, what it costs and how to get it."""

import math

import pandas as pd

from resiliency.analysis.choices import LATENCY, best_row, eligible, priced
from resiliency.base.names import CORRUPTED
from resiliency.designs.members import WeightsKind
from resiliency.report.contender_roles import difference_words
from resiliency.report.words import label, number, percent, plural, points, quantity, with_interval

COST = "cost"
UNITS = {"macs": "MACs", LATENCY: "latency", "size": "members"}
OBJECTIVES = {
    "mean": "corrupted error",
    "worst_condition": "error in the worst condition",
    "quantile": "quantile of the errors over conditions",
    COST: "mean cost of an answer",
}
# Of published tables that were made before there was a margin.
EARLIER_RULE = "By an earlier rule, it is the cheapest that is not significantly worse than the most accurate one."


def which(row: dict, deployment: pd.DataFrame, compared: pd.DataFrame | None) -> str:
    """Which row of `deployment`, by which rule, and how it compares with the best row on other images.

    Args:
        row: the recommended one, as from `overview.contenders`.
        compared: contenders.csv, where the study has it.
    """
    members, rows = row["members"].replace("+", " + "), eligible(deployment)
    alone = "" if (deployment["size"] > 1).any() else ": there are no ensembles"
    together = f": {row['size']} members, combined by {label(row['rule'])}" if row["size"] > 1 else ""
    judged = f"It was evaluated on {plural(row['images'], 'other image')}"
    return (
        f"{members}{together or f', a single member{alone}'}. {_rule(row, rows)} {judged}{_there(row, rows, compared)}"
    )


def _rule(row: dict, rows: pd.DataFrame) -> str:
    """Why this one, of the eligible rows."""
    if "margin" not in row:
        return EARLIER_RULE
    best, cost = best_row(rows), priced(rows)
    lowest = f"lowest {OBJECTIVES[row['objective']]} on {plural(row['selection_images'], 'test image')}{_limits(row)}"
    if row["number"] == best["number"]:
        return f"It has the {lowest}.{_no_cheaper(row, rows, cost)}{_unknown(row, rows, cost)}"
    said, ratio = f"the {_top(row)} one", _times(best, row, cost)
    return (
        f"It is the cheapest model of deployment.csv with no more members than {said}, by {UNITS[cost]}, that is worse "
        f"by at most {_amount(row, best['margin'])} ({_level(row)}). {said.capitalize()} has the {lowest}: "
        f"{_value(best)}{f' at {ratio}' if ratio else f', of unknown {UNITS[cost]}'}, against {_value(row)}. "
        f"The difference is {_amount(row, row['behind'])}, at most {_amount(row, row['behind_high'])}."
        f"{_unknown(row, rows, cost)}"
    )


def _no_cheaper(row: dict, rows: pd.DataFrame, cost: str) -> str:
    """Of the best row: that no cheaper one is shown to be hardly worse, and how many images that would take."""
    known, others = row[cost] == row[cost], rows[(rows["size"] <= row["size"]) & (rows["number"] != row["number"])]
    others = others[others[cost] < row[cost]] if known else others[others[cost].notna()]
    if others.empty:
        return ""
    which = "cheaper row of deployment.csv" if known else f"row of deployment.csv with known {UNITS[cost]}"
    said = f" No {which} and no more members is shown to be worse by at most {_amount(row, row['margin'])}"
    said = f"{said} ({_level(row)})"
    if not known:
        return f"{said}."
    if pd.isna(row["images_needed"]):
        return f"{said}; all are worse by that or more on these images."
    return (
        f"{said}. More images are needed to show it: about {_about(row['images_needed'])} for the selection, if the "
        "differences stay as they are."
    )


def _about(images: float) -> str:
    """A number of images, rounded up to two digits, because it is extrapolated."""
    step = 10 ** max(len(f"{images:.0f}") - 2, 0)
    return f"{math.ceil(images / step) * step:,}"


def _unknown(row: dict, rows: pd.DataFrame, cost: str) -> str:
    """Which costs are not known, and so decided nothing; empty if all are."""
    if cost == "size":
        unit = _cost(row)
        return f" The number of members counts as cost, because the {UNITS[unit]} of all rows {_are(unit)} unknown."
    own, verb = bool(row[cost] != row[cost]), _are(cost)
    said, others = "", int(rows[cost].isna().sum()) - own
    if own:
        said += f" Its {UNITS[cost]} {verb} unknown: no row is known to be cheaper or dearer."
    if others:
        counted = plural(others, "other row" if own else "row")
        said += f" The {UNITS[cost]} of {counted} {verb} unknown; no such row is preferred to one whose cost is known."
    return said


def _are(cost: str) -> str:
    return "is" if cost == LATENCY else "are"


def _level(row: dict) -> str:
    return f"{percent(row['confidence'], 0)} confidence, allowing for the number of candidates"


def _top(row: dict) -> str:
    return "best" if row["objective"] == COST else "most accurate"


def _value(row: dict | pd.Series) -> str:
    return (number if row["objective"] == COST else percent)(row["selection_error"])


def _amount(row: dict, difference: float) -> str:
    """A difference of errors in points, with as many digits as show it, or of costs."""
    if row["objective"] == COST:
        return number(difference)
    digits = 1 if difference == 0 or abs(difference) >= 0.00095 else 2
    return f"{points(difference, digits)} percentage points"


def _limits(row: dict) -> str:
    """What the study allows a model to cost; empty if it allows all."""
    forms = {"members": lambda most: plural(int(most), "member"), "macs": lambda most: f"{quantity(most)} MACs"}
    forms["milliseconds"] = lambda most: f"{most:g} ms"
    limits = [form(row[f"limit_{key}"]) for key, form in forms.items() if f"limit_{key}" in row]
    return f" within the limits of the study (at most {', '.join(limits)})" if limits else ""


def _there(row: dict, rows: pd.DataFrame, compared: pd.DataFrame | None) -> str:
    """How its error compares with the best row's on the images that judge, and what to do if it is clearly higher."""
    best = best_row(rows)
    if row["number"] == best["number"] or compared is None:
        return "."
    of = compared[(compared["members"] == best["members"]) & (compared["corruption"] == CORRUPTED)]
    of = of.dropna(subset=["difference"])
    if of.empty:
        return "."
    amount, ends, unclear = difference_words(of.iloc[0])
    said = f". On these, its corrupted error is {amount} {ends} compared with the {_top(row)} one{unclear}."
    worth = _times(best, row, priced(rows)) if of.iloc[0]["difference_low"] > 0 else ""
    return f"{said} To get that one, for {worth}, set `ensemble=most_accurate`." if worth else said


def _cost(row: dict | pd.Series) -> str:
    """The column of what models cost by the rule, where it is known."""
    return LATENCY if LATENCY in row else "macs"


def _times(one: dict | pd.Series, other: dict | pd.Series, cost: str) -> str:
    """How many times the cost of another row one has, by a column; empty if one of them is not known."""
    if not (one[cost] > 0 and other[cost] > 0):
        return ""
    return f"{quantity(one[cost] / other[cost])} times the {UNITS[cost]}"


def costs(rows: list[dict], members: pd.DataFrame) -> str:
    """What the first of the rows costs, and how often as much as the others.

    Args:
        rows: as from `overview.contenders`.
        members: members.csv.
    """
    best, others = rows[0], rows[1:]
    amounts = [f"{quantity(best['macs'])} MACs per image"] if best["macs"] == best["macs"] else []
    amounts += [f"{quantity(best['parameters'])} parameters"] if amounts and best["parameters"] > 0 else []
    if best.get(LATENCY, float("nan")) > 0:
        where = "on one thread of the CPU in latencies.csv, the sum of its members' medians"
        amounts.append(f"{quantity(best[LATENCY])} ms per image {where}")
    if not amounts:
        advice = (
            "" if networkless(best, members) else " To measure time instead, set `deployment.cheapest_by: latency`."
        )
        return f"Unknown: the MACs of its members are not known.{advice}"
    compared, cost = "", _cost(best)
    for other in (row for row in others if row["members"] != best["members"]):
        ratio = _times(best, other, cost) or f"an unknown part of the {UNITS[cost]}"
        compared += f"{', ' if compared else ' It needs '}{ratio} of the {other['role'].lower()}"
    compared += "." if compared else ""
    return f"{' and '.join(amounts)}.{compared} The export measures its time on your machine."


def networkless(row: dict | pd.Series, members: pd.DataFrame) -> list[str]:
    """The members of a row of which only predictions are available."""
    unknown = set(members.loc[members["weights_kind"] == WeightsKind.NONE, "member"])
    return [name for name in row["members"].split("+") if name in unknown]


def delivered(row: dict, deployment: pd.DataFrame, members: pd.DataFrame, study: str) -> str:
    """How to export it, or why that cannot be done and what can."""
    known = networkless(row, members)
    if not known:
        return (
            f"Run {_exported(row['number'])}. It writes an ONNX model, one of torch (unless a member is an ONNX "
            f"file) and a model card to results/{study}/export. Models take uint8 images. To export another row "
            "of deployment.csv, give its number."
        )
    answer = (
        f"It cannot be exported: only predictions of {', '.join(known)} are available, not the "
        f"network{'' if len(known) == 1 else 's'}. Load the networks in the study, or combine the predictions yourself"
    )
    networks = deployment[[not networkless(of, members) for of in deployment.to_dict("records")]]
    if eligible(networks).empty:
        return f"{answer}."
    other = best_row(eligible(networks))
    error = with_interval(other["corrupted_error"], other["low"], other["high"])
    return (
        f"{answer}. The best ensemble of networks is {other['members'].replace('+', ' + ')}, with an error of "
        f"{error} on corrupted images. Run {_exported(other['number'])}."
    )


def _exported(number_of: int) -> str:
    return (
        f"`snakemake export --cores all --config ensemble={int(number_of)}`, with the `--configfile` of the study if "
        "it has one"
    )
