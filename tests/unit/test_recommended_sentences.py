"""What is recommended and said of it is right for tables with unknown costs, ties and equal errors."""

import re

import numpy as np
import pandas as pd
import pytest
from attacks.cases import Wrong
from attacks.recommended import checked, compared, table_of
from hypothesis import given, settings
from hypothesis import strategies as st

from resiliency.analysis.choices import LATENCY

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


def of(**columns: list) -> str:
    """What is said of models that differ by little, and vary by less."""
    rows = len(columns["macs"])
    given = {"size": [1] * rows, "selection_error": [0.1, 0.101, 0.102, 0.3][:rows], "fit": [True] * rows} | columns
    table = numbered(pd.DataFrame(given).to_dict("records"), LATENCY in columns)
    errors = table.selection_error.to_numpy()
    drawn = errors[:, None] + 1e-5 * np.random.default_rng(0).standard_normal((rows, 200))
    return checked(compared(table, errors, drawn, "mean"))


def test_a_model_of_unknown_cost_is_not_preferred_and_said_to_be_unknown():
    """Also where only the worst one's cost is unknown, which decides nothing."""
    assert of(macs=[500e6, 5e6, np.nan]).startswith("m1, a single member")
    text = of(macs=[500e6, 400e6, 5e6, np.nan])
    assert text.startswith("m2, ")
    assert "The MACs of 1 row are unknown; no such row is preferred to one whose cost is known." in text
    assert "9.8%" not in text
    assert "10.0% at 100 times the MACs, against 10.2%" in text


def test_of_the_best_model_of_unknown_cost_it_is_said_that_it_is():
    text = of(macs=[np.nan, 400e6, 5e6])
    assert text.startswith("m2, ")
    assert "10.0%, of unknown MACs, against 10.2%" in text
    text = of(macs=[np.nan, 4e6], selection_error=[0.1, 0.3])
    assert text.startswith("m0, ")
    assert "Its MACs are unknown: no row is known to be cheaper or dearer." in text


def test_by_latency_the_lowest_latency_counts_whatever_the_macs():
    text = of(macs=[12e6, 14e6, 10e6], **{LATENCY: [30.0, 2.0, 20.0]})
    assert text.startswith("m1, ")
    assert "10.0% at 15 times the latency, against 10.1%" in text


def test_how_many_images_would_show_a_cheaper_one_is_said():
    """Bounds shrink with the root of the number of images: four times as many halve them."""
    table = numbered(
        [
            {"size": 1, "macs": macs, LATENCY: 1.0, "selection_error": error, "fit": True}
            for macs, error in ((9e6, 0.1), (1e6, 0.105))
        ],
        False,
    )
    deviations = np.random.default_rng(0).standard_normal((2, 4000))
    near, far = (
        compared(table, np.array([0.1, 0.105]), np.array([[0.1], [0.105]]) + spread * deviations, "mean")
        for spread in (0.005, 0.01)
    )
    assert far.images_needed[0] == pytest.approx(4 * near.images_needed[0], rel=0.01)
    room, reach = 0.005, near.behind_high[1] - near.behind[1]
    assert near.images_needed[0] == np.ceil(270 * (reach / room) ** 2)
    said = float(re.search(r"about ([\d,]+) for the selection", checked(near))[1].replace(",", ""))
    assert near.images_needed[0] <= said < 1.1 * near.images_needed[0]
    assert "worse by that or more" in of(macs=[9e6, 1e6], selection_error=[0.1, 0.3])


@pytest.mark.parametrize("column", ["macs", "behind_high", "instead", "images_needed"])
def test_a_table_that_says_otherwise_is_noticed(column):
    """The check of these tests can fail: some table with other values in one column does not pass it."""
    noticed = 0
    for seed in range(150):
        table = table_of(np.random.default_rng(seed))
        checked(table)
        spoilt = table.assign(**{column: table[column].sample(frac=1, random_state=1).to_numpy() * 2 % 7 + 1})
        try:
            checked(spoilt.astype({"instead": int}))
        except (Wrong, TypeError):
            noticed += 1
    assert noticed > 5
