"""What the first screen of a report says of verdicts, what was tested, and the terms that a report explains."""

import numpy as np
from synthetic import HOSTILE, MAIN, synthetic_tables
from verdict_cases import CASES, observation_of, part

from resiliency.report.glossary import with_terms
from resiliency.report.interval_pictures import interval_picture
from resiliency.report.overview import basis


def test_terms_are_buttons_where_they_come_first():
    html = with_terms("mCE of members: mCE, and the Members' ECE of 5 %")
    assert html.count("<button") == 3
    assert html.startswith('<button type="button" class="term" popovertarget="term-mce">mCE</button> of ')
    assert html.endswith("of 5\N{NO-BREAK SPACE}%")


def test_names_within_words_are_no_terms():
    assert with_terms("remember the designer's rmse of pre-mCE") == "remember the designer&#39;s rmse of pre-mCE"


def test_what_is_explained_is_escaped():
    assert "<img" not in with_terms(f"{HOSTILE} ensembles")


def test_intervals_are_drawn_around_zero():
    drawn = interval_picture([part("supported", 0.5, 1.0, HOSTILE), part("undecided", -0.5, 0.5)])
    assert 'x1="221.0" x2="292.0"' in drawn  # of 300, with a margin of 8: 150 + 0.5 × 142 and 150 + 142
    assert 'cx="150.0"' in drawn
    assert HOSTILE not in drawn
    assert interval_picture([part("undecided", np.nan, np.nan)]) == ""


def test_the_range_of_the_placebo_and_the_margin_are_drawn_on_the_scale_of_the_intervals():
    """Of 300: 150 ± 142 for 1, the margin, so that the range from -0.5 to 0.5 is 142 wide."""
    row = part("supported", 0.5, 0.75) | {"placebo_low": -0.5, "placebo_high": 0.5, "margin": 1.0}
    drawn = interval_picture([row])
    assert '<rect class="placebo" x="79.0" y="2" width="142.0"' in drawn
    assert 'class="margin" x1="8.0"' in drawn
    assert 'class="margin" x1="292.0"' in drawn
    assert "placebo" not in interval_picture([part("supported", 0.5, 1.0)])


def test_the_smallest_effect_is_drawn_on_the_side_that_supports_and_controls_have_a_label():
    """Of 300: 150 ± 142 for 2, so that 1 is at 221 above and at 79 below; labels stand away from the estimate."""
    row = part("undecided", -1.0, 2.0) | {"reading": "", "least": 1.0}
    control = part("supported", 1.0, 2.0) | {"reading": "against random numbers", "least": np.nan}
    above, below = (interval_picture([row | {"side": side}, control]) for side in ("above", "below"))
    assert '<line class="least" x1="221.0" x2="221.0"' in above
    assert '<line class="least" x1="79.0" x2="79.0"' in below
    assert above.count(">control</text>") == 1
    assert '<text class="control" x="0" y="21.5" text-anchor="start">control</text>' in above
    assert "least" not in interval_picture([row | {"least": 0.0, "side": "above"}])


def test_what_a_study_lacks_is_the_reason():
    observation = observation_of([part("not tested", 0.1, 0.2)], "not tested", "needs 8 families; there are 2")
    assert observation["reason"] == "Not tested: needs 8 families; there are 2."
    assert 'class="not-tested"' in observation["picture"]


def test_parts_controls_and_other_rows_are_told_apart():
    observation = observation_of(*CASES["noise"][:2])
    assert [len(observation[kind]) for kind in ("parts", "controls", "beside")] == [2, 1, 1]


def test_what_was_tested_is_told():
    tables = synthetic_tables(corruptions=MAIN[:6])
    card = {"name": "tiny", "splits": {"test": {"images": 540}}}
    assert basis(card, tables).startswith(
        "Based on 39 members of 3 designs in 2 families (6 trained independently, 30 jointly, 3 found by search)"
    )
    assert basis(card, tables).endswith("Evaluated on 540 test images of tiny, clean and under 6 corruptions.")


PARTS = {
    "prediction: q_statistic, clean images": "Predictions: Q statistic (negated), clean images",
    "lambda = 0.5 against lambda = 1": "λ = 0.5 against λ = 1",
    "architecture family - log10 parameters": "family against size",
    "architecture family - clean accuracy": "family against clean accuracy",
}


def test_parts_of_observations_have_readable_names():
    rows = [part("supported", 0.1, 0.2, name) for name in PARTS]
    names = [row["part"] for row in observation_of(rows, "supported")["parts"]]
    assert names == list(PARTS.values())
