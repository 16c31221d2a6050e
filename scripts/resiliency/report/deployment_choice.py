"""Sentences on which model is recommended, by which rule, what it costs and how to get it."""

import pandas as pd

from resiliency.analysis.best import LATENCY, best_row, eligible
from resiliency.base.names import CORRUPTED
from resiliency.designs.members import WeightsKind
from resiliency.report.contender_roles import difference_words
from resiliency.report.words import label, number, percent, plural, points, quantity, with_interval

COST = "cost"
OBJECTIVES = {
    "mean": "corrupted error",
    "worst_condition": "error in the worst condition",
    "quantile": "quantile of the errors over conditions",
    COST: "mean cost of an answer",
}


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
    best, chosen = best_row(rows), plural(row["selection_images"], "test image")
    lowest, top = f"lowest {OBJECTIVES[row['objective']]} on {chosen}", _top(row)
    within = _limits(row)
    if row["number"] == best["number"]:
        cheaper = rows[(rows[_cost(row)] < row[_cost(row)]) & (rows["size"] <= row["size"])]
        worse = (
            " Every cheaper row of deployment.csv with no more members is significantly worse." if len(cheaper) else ""
        )
        return f"It has the {lowest}{within}.{worse}" if "instead" in rows else f"It was selected for the {lowest}."
    more = "No ensemble is significantly better than it there. " if row["size"] == 1 and best["size"] > 1 else ""
    ratio = _times(best, row)
    return (
        f"It is the cheapest model of deployment.csv{within} that is not significantly worse than the {top} one, which "
        f"has the {lowest}: {_value(best)}{f' at {ratio}' if ratio else ''}, against {_value(row)}. {more}"
        f"The difference is {_difference(row)} "
        f"({percent(row['confidence'], 0)} confidence, allowing for the number of candidates)."
    )


def _top(row: dict) -> str:
    return "best" if row["objective"] == COST else "most accurate"


def _value(row: dict | pd.Series) -> str:
    return (number if row["objective"] == COST else percent)(row["selection_error"])


def _difference(row: dict) -> str:
    form, unit = (number, "") if row["objective"] == COST else (points, " percentage points")
    return f"{form(row['behind'])}{unit}, at most {form(row['behind_high'])}"


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
    worth = _times(best, row) if of.iloc[0]["difference_low"] > 0 else ""
    return f"{said} To get that one, for {worth}, set `ensemble=most_accurate`." if worth else said


def _cost(row: dict | pd.Series) -> str:
    """The column of what models cost by the rule."""
    return LATENCY if LATENCY in row else "macs"


def _times(one: dict | pd.Series, other: dict | pd.Series) -> str:
    """How many times the cost of another row one has; empty if one of them is not known."""
    column = _cost(other)
    if not (one[column] > 0 and other[column] > 0):
        return ""
    return f"{quantity(one[column] / other[column])} times the {'latency' if column == LATENCY else 'MACs'}"


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
    peers = [row for row in others if row["members"] != best["members"] and _times(best, row)]
    ratios = [f"{_times(best, row)} of the {row['role'].lower()}" for row in peers]
    compared = f" It needs {', '.join(ratios)}." if ratios else ""
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
            f"Run `{_exported(row['number'])}`. It writes an ONNX model, one of torch (unless a member is an ONNX "
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
        f"{error} on corrupted images. Run `{_exported(other['number'])}`."
    )


def _exported(number_of: int) -> str:
    return f"snakemake export --cores all --configfile <study> --config ensemble={int(number_of)}"
