"""Tables of models of which some costs are unknown, with ties and equal errors, and what is recommended and said."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from attacks.cases import Case, Wrong, allowed

from resiliency.analysis.choices import LATENCY, eligible, recommended_row
from resiliency.analysis.recommendation import cheapest, differences, margin_of
from resiliency.report.deployment_choice import which

CASES, IMAGES, CONFIDENCE = 600, 270, 0.95
FACTORS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}


def recommended() -> Iterator[Case]:
    """Random tables: as many by MACs as by latency, and by errors as by costs."""
    for seed in range(CASES):
        yield Case(f"table {seed}", allowed(partial(_tried, seed=seed)), None)


def _tried(_: Path, seed: int) -> None:
    checked(table_of(np.random.default_rng(seed)))


def table_of(random: np.random.Generator) -> pd.DataFrame:
    """The columns of a deployment.csv that say what is recommended."""
    rows = int(random.integers(1, 8))
    costs = np.array([np.nan, 1e6, 1e6, 2e6, 3.5e6, 2e7])
    errors = random.choice([0.02, 0.1, 0.1, 0.101, 0.104, 0.2], rows)
    known = random.random() < 0.8
    columns = {
        "number": np.arange(1, rows + 1),
        "members": [f"m{row}" for row in range(rows)],
        "size": random.integers(1, 4, rows),
        "macs": random.choice(costs, rows) if known else np.full(rows, np.nan),
        "fit": random.random(rows) < 0.9,
        "selection_error": errors,
    }
    if random.random() < 0.5:
        columns[LATENCY] = random.choice(costs / 1e6, rows)
    table = pd.DataFrame(columns)
    table.loc[random.integers(rows), "fit"] = True
    drawn = errors[:, None] + random.choice([0, 0.0005, 0.003, 0.03]) * random.standard_normal((rows, 200))
    return compared(table, errors, drawn, str(random.choice(["mean", "cost"])))


def compared(table: pd.DataFrame, errors: np.ndarray, drawn: np.ndarray, objective: str) -> pd.DataFrame:
    """`table` with what is found of it."""
    cost = LATENCY if LATENCY in table else "macs"
    of_best = differences(errors, drawn, int(np.where(table.fit, errors, np.inf).argmin()), CONFIDENCE)
    table = table.assign(
        **dict(zip(("behind", "behind_low", "behind_high"), of_best, strict=True)),
        instead=table.number, margin=np.nan, images_needed=np.nan, corrupted_error=errors, rule="mean_probability",
        objective=objective, confidence=CONFIDENCE, selection_images=IMAGES, images=IMAGES,
    )  # fmt: skip
    for row in np.flatnonzero(table.fit):
        margin = margin_of(errors[row], None, objective)
        found = cheapest(table, differences(errors, drawn, row, CONFIDENCE), row, margin, IMAGES, cost)
        table.loc[row, ["instead", "margin", "images_needed"]] = [found.place + 1, margin, found.images]
    return table.astype({"instead": int})


def checked(table: pd.DataFrame) -> str:
    """What is said of the recommended row, if table and sentence agree.

    Raises:
        Wrong: they do not, or another row should be recommended.
    """
    fit = table[table.fit]
    best, pick = fit.loc[fit.selection_error.idxmin()], recommended_row(eligible(table))
    own = LATENCY if LATENCY in table else "macs"
    cost = own if fit[own].notna().any() else "size"
    unit = {LATENCY: "latency", "macs": "MACs", "size": "members"}[cost]
    near = fit[(fit["size"] <= best["size"]) & (fit.behind_high <= best.margin) & fit[cost].notna()]
    if np.isfinite(best[cost]):
        near = near[near[cost] <= best[cost]]
    _must(pick.number in {*near.number} or (near.empty and pick.number == best.number), "another row is due")
    _must(near.empty or pick[cost] == near[cost].min(), "a cheaper row is within the margin")
    text = which(pick.to_dict(), table, None)
    _must(("is the cheapest model" in text) == (pick.number != best.number), text)
    unknown = int(fit[cost].isna().sum())
    others = unknown - int(np.isnan(pick[cost]))
    counted = re.search(r"of ([\d,]+) (?:other )?rows? (?:is|are) unknown; no such", text)
    _must((int(counted[1]) if counted else 0) == others, text)
    _must(bool(re.search(r" Its (MACs|latency) (are|is) unknown", text)) == bool(np.isnan(pick[cost])), text)
    _must(("number of members counts as cost" in text) == (cost == "size"), text)
    (_of_another if pick.number != best.number else _of_best)(text, pick, best, fit, cost, unit)
    return text


def _must(holds: bool, words: str) -> None:
    if not holds:
        raise Wrong(words)


def _of_another(text: str, pick: pd.Series, best: pd.Series, _: pd.DataFrame, cost: str, unit: str) -> None:
    ratio = re.search(r" at ([\d.]+) ?([kMG]?) times the (MACs|latency|members), against", text)
    _must(bool(ratio) == bool(np.isfinite(best[cost])), text)
    if ratio:
        _must(ratio[3] == unit, text)
        _must(np.isclose(float(ratio[1]) * FACTORS[ratio[2]], best[cost] / pick[cost], rtol=0.006), text)
    else:
        _must(f", of unknown {unit}, against" in text, text)
    of_errors = pick.objective == "mean"
    factor, slack = (100, 0.051) if of_errors else (1, 0.00051)
    points = "percentage points" if of_errors else ""
    said = re.search(rf"by at most ([\d.]+) ?{points} \(95%", text)
    found = re.search(rf"difference is ([−\d.]+) ?{points}, at most ([\d.]+\d)", text)
    numbers = [float(value.replace("−", "-")) for value in (said[1], *found.groups())]
    _must(np.allclose(numbers, factor * np.array([best.margin, pick.behind, pick.behind_high]), atol=slack), text)


def _of_best(text: str, pick: pd.Series, _: pd.Series, fit: pd.DataFrame, cost: str, unit: str) -> None:
    others = fit[(fit["size"] <= pick["size"]) & (fit.number != pick.number) & fit[cost].notna()]
    cheaper = others[others[cost] < pick[cost]]
    _must(("No cheaper row" in text) == bool(len(cheaper)), text)
    _must((f"No row of deployment.csv with known {unit}" in text) == (np.isnan(pick[cost]) and len(others) > 0), text)
    needed = re.search(r"about ([\d,.]+) for the selection", text)
    _must(bool(needed) == bool(np.isfinite(pick.images_needed)), text)
    _must(not needed or 0 <= float(needed[1].replace(",", "")) / pick.images_needed - 1 < 0.1, text)
    _must(not needed or pick.images_needed > IMAGES, f"{pick.images_needed} images would do, of {IMAGES}")
    if len(cheaper):
        _must((cheaper.behind_high > pick.margin).all(), text)
        _must(("worse by that or more" in text) == bool((cheaper.behind >= pick.margin).all()), text)
