"""What is recommended, and what is said of it, is right for tables with unknown costs, ties and equal errors."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from resiliency.analysis.choices import LATENCY, cheapest, differences, eligible, margin_of, recommended_row
from resiliency.report.deployment import choice_facts

IMAGES, CONFIDENCE = 270, 0.95
COSTS = st.sampled_from([np.nan, 1e6, 2e6, 2e6, 5e8])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "size": st.integers(1, 3),
            "macs": COSTS,
            LATENCY: COSTS.map(lambda cost: cost / 1e6),
            "selection_error": st.sampled_from([0.0, 0.02, 0.1, 0.1, 0.105, 0.11, 0.3]),
            "fit": st.booleans(),
        }
    ),
    min_size=1,
    max_size=6,
)


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
    """What is known of the recommended row, compared with what plain loops give."""
    fit = table[table.fit]
    best, pick = fit.loc[fit.selection_error.idxmin()], recommended_row(eligible(table))
    own = LATENCY if LATENCY in table else "macs"
    cost = own if fit[own].notna().any() else "size"
    near = fit[(fit["size"] <= best["size"]) & (fit.behind_high <= best.margin) & fit[cost].notna()]
    if np.isfinite(best[cost]):
        near = near[near[cost] <= best[cost]]
    assert pick.number in {*near.number} or (near.empty and pick.number == best.number)
    assert near.empty or pick[cost] == near[cost].min()
    facts = choice_facts(pick.to_dict(), table, None)
    assert facts["is_best"] == (pick.number == best.number)
    assert facts["best"]["number"] == best.number
    assert facts["unknown"] == int(fit[cost].isna().sum()) - int(np.isnan(pick[cost]))
    assert facts["cost_known"] == (not np.isnan(pick[cost]))
    assert facts["cost"] == cost
    (_of_another if pick.number != best.number else _of_best)(facts, pick, best, fit, cost)
    return facts


def _of_another(facts: dict, pick: pd.Series, best: pd.Series, _: pd.DataFrame, cost: str) -> None:
    times = facts["times"]
    assert (times is not None) == bool(np.isfinite(best[cost]))
    assert times is None or np.isclose(times, best[cost] / pick[cost])
    said = [facts["best"]["margin"], facts["row"]["behind"], facts["row"]["behind_high"]]
    assert said == [best.margin, pick.behind, pick.behind_high]


def _of_best(facts: dict, pick: pd.Series, _: pd.Series, fit: pd.DataFrame, cost: str) -> None:
    others = fit[(fit["size"] <= pick["size"]) & (fit.number != pick.number) & fit[cost].notna()]
    cheaper = others[others[cost] < pick[cost]]
    assert facts["cheaper"] == (len(others) if np.isnan(pick[cost]) else len(cheaper))
    needed = facts["images_needed"]
    assert (needed is not None) == bool(np.isfinite(pick.images_needed))
    assert needed is None or 0 <= needed / pick.images_needed - 1 < 0.1
    assert needed is None or pick.images_needed > IMAGES
    if len(cheaper):
        assert (cheaper.behind_high > pick.margin).all()
        assert (needed is None) == bool((cheaper.behind >= pick.margin).all())


def numbered(rows: list[dict], by_latency: bool) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    table.loc[0, "fit"] = True
    table.insert(0, "number", np.arange(1, len(table) + 1))
    table.insert(1, "members", [f"m{row}" for row in range(len(table))])
    return table if by_latency else table.drop(columns=LATENCY, errors="ignore")


@settings(max_examples=150, deadline=None)
@given(
    ROWS, st.booleans(), st.sampled_from(["mean", "cost"]), st.sampled_from([0, 0.0005, 0.005, 0.05]), st.integers(0, 9)
)
def test_the_cheapest_model_within_the_margin_is_recommended_and_described(rows, by_latency, objective, spread, seed):
    table = numbered(rows, by_latency)
    errors = table.selection_error.to_numpy()
    drawn = errors[:, None] + spread * np.random.default_rng(seed).standard_normal((len(table), 100))
    checked(compared(table, errors, drawn, objective))
