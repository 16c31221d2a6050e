"""Tables of models of which some costs are unknown, with ties and equal errors, and what is recommended."""

import numpy as np
import pandas as pd
from attacks.cases import Wrong

from resiliency.analysis.choices import LATENCY, eligible, recommended_row
from resiliency.analysis.recommendation import cheapest, differences, margin_of
from resiliency.report.deployment import choice_facts

IMAGES, CONFIDENCE = 270, 0.95


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


def checked(table: pd.DataFrame) -> dict:
    """What is known of the recommended row, if it is what plain loops give.

    Raises:
        Wrong: it is not, or another row should be recommended.
    """
    fit = table[table.fit]
    best, pick = fit.loc[fit.selection_error.idxmin()], recommended_row(eligible(table))
    own = LATENCY if LATENCY in table else "macs"
    cost = own if fit[own].notna().any() else "size"
    near = fit[(fit["size"] <= best["size"]) & (fit.behind_high <= best.margin) & fit[cost].notna()]
    if np.isfinite(best[cost]):
        near = near[near[cost] <= best[cost]]
    _must(pick.number in {*near.number} or (near.empty and pick.number == best.number), "another row is due")
    _must(near.empty or pick[cost] == near[cost].min(), "a cheaper row is within the margin")
    facts = choice_facts(pick.to_dict(), table, None)
    text = str(facts)
    _must(facts["is_best"] == (pick.number == best.number), text)
    _must(facts["best"]["number"] == best.number, text)
    _must(facts["unknown"] == int(fit[cost].isna().sum()) - int(np.isnan(pick[cost])), text)
    _must(facts["cost_known"] == (not np.isnan(pick[cost])), text)
    _must(facts["cost"] == cost, text)
    (_of_another if pick.number != best.number else _of_best)(facts, pick, best, fit, cost)
    return facts


def _must(holds: bool, words: str) -> None:
    if not holds:
        raise Wrong(words)


def _of_another(facts: dict, pick: pd.Series, best: pd.Series, _: pd.DataFrame, cost: str) -> None:
    times = facts["times"]
    _must((times is not None) == bool(np.isfinite(best[cost])), str(facts))
    _must(times is None or np.isclose(times, best[cost] / pick[cost]), str(facts))
    said = [facts["best"]["margin"], facts["row"]["behind"], facts["row"]["behind_high"]]
    _must(said == [best.margin, pick.behind, pick.behind_high], str(facts))


def _of_best(facts: dict, pick: pd.Series, _: pd.Series, fit: pd.DataFrame, cost: str) -> None:
    others = fit[(fit["size"] <= pick["size"]) & (fit.number != pick.number) & fit[cost].notna()]
    cheaper, text = others[others[cost] < pick[cost]], str(facts)
    _must(facts["cheaper"] == (len(others) if np.isnan(pick[cost]) else len(cheaper)), text)
    needed = facts["images_needed"]
    _must((needed is not None) == bool(np.isfinite(pick.images_needed)), text)
    _must(needed is None or 0 <= needed / pick.images_needed - 1 < 0.1, text)
    _must(needed is None or pick.images_needed > IMAGES, f"{pick.images_needed} images would do, of {IMAGES}")
    if len(cheaper):
        _must((cheaper.behind_high > pick.margin).all(), text)
        _must((needed is None) == bool((cheaper.behind >= pick.margin).all()), text)
