"""What the first screen says in numbers and directions is what the tables hold; tests/golden has
the sentences."""

import numpy as np
import pandas as pd
import pytest
from synthetic import HOSTILE, synthetic_tables
from verdict_cases import part

from resiliency.report import overview
from resiliency.report.advice import architecture_answer
from resiliency.report.cautions import POOR, POOR_MODEL, WARNED
from resiliency.report.rules import Evidence, said
from resiliency.report.verdicts import interval_picture


def test_the_best_ensemble_may_be_the_only_one_and_less_accurate_than_a_member():
    rows = pd.DataFrame(
        {"size": [2, 1], "members": ["a+b", "a"], "ensembles": [1, 2], "clean_accuracy": [0.8, 0.9]}
    )
    best = rows.assign(rank=1, clean_accuracy_low=0.7, clean_accuracy_high=0.95)
    rows = overview.leaders({"best_ensembles": best}, [])
    assert [row["role"] for row in rows] == ["Best of 1 ensemble of 2", "Best of 2 members"]
    assert overview.best_answer(rows) == "By accuracy on clean images, a, with 90.0% [70.0, 95.0]."


def test_a_caution_counts_and_names_its_members():
    members = pd.DataFrame(
        {"member": ["a", "b"], "warnings": ["near chance", ""], "origin": "independent"}
    )
    (line,) = said(WARNED, Evidence({"members": members}, {}, {}))
    assert line.sentence.startswith("Close to chance level on clean images: 1 of 2 members (a).")
    assert line.look == "members"


@pytest.mark.parametrize(
    ("accuracy", "source", "advice"),
    [
        (1 - POOR, "trained here", "from pretrained weights"),
        (0.55, "pretrained timm/a@1", "preprocessing"),
        (1.001 - POOR, "trained here", None),
        (np.nan, "trained here", None),
    ],
)
def test_a_best_model_that_is_poor_needs_a_caution(accuracy, source, advice):
    members = pd.DataFrame({"clean_accuracy": [accuracy - 0.1, accuracy], "weights_source": source})
    lines = said([POOR_MODEL], Evidence({"members": members}, {}, {}))
    assert [advice in line.sentence for line in lines] == [True] * bool(advice)


def test_neighbouring_ranks_are_corrected_for_their_number():
    """Differences of 5, 2.1 and 0 standard errors; of three, one of 2.1 is not below a third of
    5%."""
    rows = pd.DataFrame(
        {"next_difference": [0.05, 0.021, 0.0, np.nan], "n_images_needed": [9, 99, np.nan, np.nan]}
    )
    rows = rows.assign(
        images="corrupted", confidence=0.95, next_low=rows["next_difference"] - 0.01959964
    )
    said = overview.ranks_sentence(rows)
    assert "1 of 3 pairs of neighbouring ranks differ" in said
    assert said.endswith("The first two do.")
    assert overview.ranks_sentence(rows.iloc[[1, 0, 2, 3]]).endswith(
        "The first two differ only before this correction."
    )


def test_what_architecture_is_worth_is_shown_without_an_interval():
    rates = synthetic_tables()["exchange_rates"]
    assert "nan" not in architecture_answer(rates.assign(points_low=np.nan, points_high=np.nan))
    others = rates[rates["exchange"] == "another_seed"]
    assert (
        architecture_answer(others) == "Unknown: the study has too few families of several designs."
    )


def test_intervals_placebos_and_margins_are_drawn_around_zero_on_one_scale():
    """Of 300 with a margin of 8: 150 ± 142 for 1, the margin."""
    row = part("supported", 0.5, 0.75, HOSTILE) | {
        "placebo_low": -0.5,
        "placebo_high": 0.5,
        "margin": 1.0,
    }
    drawn = interval_picture([row, part("undecided", -0.5, 0.5)])
    for mark in (
        'x1="221.0" x2="256.5"',
        'cx="150.0"',
        'class="margin" x1="8.0"',
        'class="margin" x1="292.0"',
    ):
        assert mark in drawn
    assert '<rect class="placebo" x="79.0" y="2" width="142.0"' in drawn
    assert HOSTILE not in drawn
    assert interval_picture([part("undecided", np.nan, np.nan)]) == ""


def test_the_smallest_effect_is_drawn_on_the_side_that_supports():
    """Of 300: 150 ± 142 for 2, so that 1 is at 221 above and at 79 below."""
    row = part("undecided", -1.0, 2.0) | {"reading": "", "least": 1.0}
    control = part("supported", 1.0, 2.0) | {"reading": "against random numbers", "least": np.nan}
    above, below = (
        interval_picture([row | {"side": side}, control]) for side in ("above", "below")
    )
    assert '<line class="least" x1="221.0" x2="221.0"' in above
    assert '<line class="least" x1="79.0" x2="79.0"' in below
    assert above.count(">control</text>") == 1
    assert "least" not in interval_picture([row | {"least": 0.0, "side": "above"}])
