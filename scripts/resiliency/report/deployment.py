"""Facts about the model to deploy, for the questions and answers in `deployment.txt.j2`."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.choices import SAVING, best_row, clean_accuracy, eligible, priced
from resiliency.analysis.contenders import BEST_ENSEMBLE, BEST_MEMBER
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.designs.members import WeightsKind
from resiliency.metrics.classification import ABSTAIN
from resiliency.report import words
from resiliency.report.cautions import shortcomings
from resiliency.report.overview import contenders, difference_from
from resiliency.report.rows import compared_with
from resiliency.report.templates import sentences

REFERENCE = "max_probability"  # the score of confidence that has thresholds
COVERAGE = 0.9
MEASURES = ("ece", "nll", "brier")
NEEDED = ("deployment", "members", "selective_prediction", "temperatures")
LIMITS = ("members", "macs")
ERRORS = ("corrupted_error", "worst_error", "quantile_error")


class Figure(NamedTuple):
    """A number with the ends of its interval; NaN if unknown."""

    value: float
    low: float
    high: float


def figure(row: pd.Series | dict, name: str) -> Figure:
    """The value and interval in a column; NaN if a published table lacks them."""
    return Figure(*(row.get(f"{name}{end}", np.nan) for end in ("", "_low", "_high")))


def choice_facts(row: dict, deployment: pd.DataFrame, compared: pd.DataFrame | None) -> dict:
    """The reasons for the recommended model, and its comparison with others on the evaluation images.

    Args:
        row: recommended row, as from `overview.contenders`.
        compared: table contenders.csv, if the study has it.

    Returns:
        `best`, the row of the least error on the images of the choice, and `is_best`; `cost`, the column that decides;
        `cheaper`, how many rows of no more members cost a tenth less than the best; `unknown`, how many other rows have
        no known cost; `n_images_needed`, to show that a cheaper one is hardly worse, rounded up to two digits because
        it is extrapolated; `times`, the cost of the best over that of `row`; rows of contenders.csv that compare the
        errors on other images, as `difference` with the best one, as `gain` of an ensemble with the best member, and as
        `loss` of a member with the best ensemble; `rival`, the single member of at most its cost that makes the fewest
        errors on these images, if it makes fewer.
        None stands for what is unknown.
    """
    rows = eligible(deployment)
    best, cost = best_row(rows).to_dict(), priced(rows)
    rivals = rows[(rows["size"] == 1) & ~(rows[cost] > row[cost]) & (rows["corrupted_error"] < row["corrupted_error"])]
    is_best, by_errors = row["number"] == best["number"], row["objective"] != "cost"
    return {
        "row": row,
        "best": best,
        "is_best": is_best,
        "ensembles": bool((deployment["size"] > 1).any()),
        "limits": {key: row[f"limit_{key}"] for key in LIMITS if f"limit_{key}" in row},
        "cost": cost,
        "cost_known": row[cost] == row[cost],
        "cheaper": _cheaper(row, rows, cost),
        "unknown": int(rows[cost].isna().sum()) - int(row[cost] != row[cost]),
        "n_images_needed": _rounded_up(row.get("n_images_needed", np.nan)),
        "times": ratio(best, row, cost),
        "difference": None if is_best else difference_from(compared, "members", best["members"]),
        "gain": difference_from(compared, "role", BEST_MEMBER) if row["size"] > 1 and by_errors else None,
        "loss": difference_from(compared, "role", BEST_ENSEMBLE) if row["size"] == 1 and by_errors else None,
        "rival": rivals.loc[rivals["corrupted_error"].idxmin()].to_dict() if len(rivals) else None,
    }


def _cheaper(row: dict, rows: pd.DataFrame, cost: str) -> int:
    """Number of rows with no more members that save enough; without a cost of `row`, of rows with a known cost."""
    others = rows[(rows["size"] <= row["size"]) & (rows["number"] != row["number"])]
    enough = others[cost] <= (1 - SAVING) * row[cost]
    return int(enough.sum() if row[cost] == row[cost] else others[cost].notna().sum())


def _rounded_up(n_images: float) -> int | None:
    if pd.isna(n_images):
        return None
    step = 10 ** max(len(f"{n_images:.0f}") - 2, 0)
    return math.ceil(n_images / step) * step


def ratio(one: dict, other: dict, cost: str) -> float | None:
    """The cost of one row over that of another; None if either is unknown."""
    return one[cost] / other[cost] if one[cost] > 0 and other[cost] > 0 else None


def error_facts(row: dict) -> dict[str, object]:
    """The errors of the recommended model, and its `cost` if the study sets costs of answers."""
    right = clean_accuracy(row)
    clean = Figure(*(1 - right[f"clean_accuracy{end}"] for end in ("", "_high", "_low")))
    errors = {name: figure(row, name) for name in ERRORS}
    return errors | {"clean_error": clean, "cost": figure(row, "cost") if "cost" in row else None}


def calibration_facts(temperatures: pd.DataFrame) -> dict:
    """The temperature of a model, its calibration, and where that is worse than the best member's.

    Args:
        temperatures: rows of temperatures.csv about the model.

    Returns:
        `images`, those of which calibration is known, and for each measure its `figures`; `worse`, measures and images
        with a `Figure` of the difference if its interval is above 0; `compared`, whether any difference is known.
    """
    first = temperatures.iloc[0] if len(temperatures) else pd.Series({"note": "not known", "n_fitted_images": 0})
    by_images = temperatures.set_index("images")
    images = [name for name in (CLEAN, CORRUPTED) if name in by_images.index]
    known = {name: by_images.loc[name] for name in images if pd.notna(by_images.loc[name].get("ece_after"))}
    differences = {
        (measure, name): figure(row, f"{measure}_difference") for name, row in known.items() for measure in MEASURES
    }
    return {
        "note": first["note"] if isinstance(first["note"], str) else "",
        "n_fitted_images": int(first["n_fitted_images"]),
        "fitted_images": first.get("fitted_images"),
        "temperature": first.get("temperature"),
        "images": list(known),
        "figures": {measure: [figure(row, f"{measure}_after") for row in known.values()] for measure in MEASURES},
        "compared": any(pd.notna(difference.value) for difference in differences.values()),
        "worse": {key: difference for key, difference in differences.items() if difference.low > 0},
    }


def abstaining_facts(members: str, selective: pd.DataFrame, thresholds: pd.DataFrame | None) -> dict:
    """What thresholds of confidence promise on corrupted images, and what they gave on other ones.

    Args:
        members: members of the model.
        selective: rows of selective_prediction.csv about the model.
        thresholds: thresholds.csv.

    Returns:
        `covering`, the threshold for a coverage of 90 % if it abstains at all, and `limiting`, that for the fewest
        wrong answers of those that answer some images, each with its results; `left_out`, the share of wrong answers of
        the latter under the worst corruption that it was not chosen on; `unmet`, the shares of wrong answers that no
        threshold promises, of which `needed` has the number of units that would do, as text; the `score` of confidence
        and its `error` at 90 % coverage. None stands for what is unknown.
    """
    scores = selective[selective["images"] == CORRUPTED].set_index("score")
    score = None if scores.empty else REFERENCE if REFERENCE in scores.index else scores.index[0]
    facts = {"score": score, "error": score and figure(scores.loc[score], "error_at_90")}
    nothing = dict.fromkeys(("covering", "limiting", "left_out"))
    if thresholds is None:
        return facts | nothing | {"unmet": [], "needed": {}}
    rows = thresholds[(thresholds["members"] == members) & (thresholds["selection_images"] == CORRUPTED)]
    rows = rows[rows["images"] == CORRUPTED].sort_values("target", ascending=False)
    wrong, answers = rows["goal"] == "wrong", rows["threshold"] < ABSTAIN
    covering = rows[~wrong & (rows["target"] == COVERAGE) & (rows["threshold"] > 0)]
    limiting = _first(rows[wrong & answers].iloc[::-1])
    left_out = figure(limiting["row"], "left_out_wrong") if limiting else None
    unmet = rows[wrong & ~answers].reindex(columns=["target", "units_needed"])
    return facts | {
        "covering": _first(covering),
        "limiting": limiting,
        "left_out": left_out if left_out and pd.notna(left_out.value) else None,
        "unmet": unmet["target"].tolist(),
        "needed": {of.target: f"{of.units_needed:,.0f}" for of in unmet.dropna(subset=["units_needed"]).itertuples()},
    }


def _first(rows: pd.DataFrame) -> dict | None:
    """The first row, with the results of its threshold on other images."""
    if rows.empty:
        return None
    row = rows.iloc[0].to_dict()
    return {"row": row} | {name: figure(row, name) for name in ("coverage", "error", "wrong")}


def cost_facts(rows: list[dict]) -> dict:
    """Cost of the first row, and its ratio to the costs of the others.

    Args:
        rows: rows from `overview.contenders`.

    Returns:
        `macs` and `parameters`, None if unknown; `others`, the ratio of MACs for each role, and `uncompared`, the roles
        without one.
    """
    row = rows[0]
    macs = row["macs"] if row["macs"] == row["macs"] else None
    others = {of["role"]: ratio(row, of, "macs") for of in rows[1:] if of["members"] != row["members"]}
    return {
        "macs": macs,
        "parameters": row["parameters"] if macs is not None and row["parameters"] > 0 else None,
        "others": {role: times for role, times in others.items() if times},
        "uncompared": [role for role, times in others.items() if not times],
    }


def networkless(row: dict, members: pd.DataFrame) -> list[str]:
    """The members of an ensemble whose networks are not available."""
    unknown = set(members.loc[members["weights_kind"] == WeightsKind.NONE, "member"])
    return [name for name in row["members"].split("+") if name in unknown]


def delivery_facts(row: dict, deployment: pd.DataFrame, members: pd.DataFrame) -> dict:
    """The `networkless` members of a row; if there are any, the best row of networks alone as `other`."""
    lacking, other = networkless(row, members), None
    if lacking:
        networks = deployment[[not networkless(of, members) for of in deployment.to_dict("records")]]
        rows = eligible(networks)
        other = best_row(rows).to_dict() if len(rows) else None
    return {"number": int(row["number"]), "networkless": lacking, "other": other}


EXPORT = "snakemake export --cores all --config ensemble=0"


def deployment_answers(
    tables: Mapping[str, pd.DataFrame],
    study: str,
    classes: Sequence[str] = (),
    units: str = "images",
    export: str = EXPORT,
) -> list[tuple[str, str]]:
    """Questions and answers about the recommended model: which, why, how good, when to abstain, worst case, cost.

    Args:
        tables: tables of the study, by name; there are no answers if one of `NEEDED` is missing.
        study: name of the study.
        classes: names of the classes, if they have any.
        units: what the units of the test images are called, in the plural.
        export: command that exports row 0.
    """
    rows = contenders(tables["deployment"]) if set(NEEDED) <= tables.keys() else []
    if not rows:
        return []
    row, deployment, members = rows[0], tables["deployment"], tables["members"]
    selective, temperatures = (tables[name][tables[name]["members"] == row["members"]] for name in NEEDED[2:])
    text = sentences("deployment.txt.j2", compared_with, with_interval).render(
        row=row,
        study=study,
        choice=choice_facts(row, deployment, tables.get("contenders")),
        errors=error_facts(row),
        calibration=calibration_facts(temperatures),
        abstaining=abstaining_facts(row["members"], selective, tables.get("thresholds")),
        short=shortcomings(row, classes),
        units=units,
        costs=cost_facts(rows),
        delivery=delivery_facts(row, deployment, members),
        command=export,
    )
    return by_heading(text)


def by_heading(text: str) -> list[tuple[str, str]]:
    """Split text at lines that begin with ## into pairs of heading and paragraph."""
    _, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    return [(heading, " ".join(lines.split())) for heading, _, lines in (part.partition("\n") for part in parts)]


def with_interval(of: Figure, form: Callable = words.percent, **digits: int) -> str:
    return words.with_interval(*of, partial(form, **digits))
