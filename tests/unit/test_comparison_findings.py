"""What is said of the best members and ensembles, and of what one more member changes."""

import numpy as np
import pandas as pd
import pytest
from synthetic import MAIN, synthetic_tables

from resiliency.report import settings
from resiliency.report.charts import ensemble_size, under_corruptions
from resiliency.report.drawing import draw
from resiliency.report.overview import led_by


@pytest.mark.parametrize(
    ("dropped", "expected"), [([], "2 members of each line"), (["vit-s1"], "1 to 2 members of each line")]
)
def test_lines_of_designs_tell_of_how_many_members_they_are(dropped, expected):
    tables = synthetic_tables()
    members = tables["members"][~tables["members"]["member"].isin(dropped)]
    spec = draw("error_by_severity", tables | {"members": members}, settings.OKABE_ITO)
    assert spec["title"]["subtitle"] == [f"Mean over 6 corruptions and {expected}; 540 test images"]


def under(rows: list[tuple], first: str = "best ensemble") -> pd.DataFrame:
    """Of each role: members, and the differences under each corruption with their intervals, or none of the first."""
    entries = []
    for role, members, ends in rows:
        for number, (low, high) in enumerate(ends):
            entry = {"role": role, "members": members, "size": 1 + members.count("+"), "corruption": MAIN[number]}
            middle = np.nan if role == first else (low + high) / 2
            entry |= {"error": 0.2 - number / 100, "low": 0.1, "high": 0.3}
            entries.append(entry | {"difference": middle, "difference_low": low, "difference_high": high})
    return pd.DataFrame(entries)


UNKNOWN_ENDS = [(np.nan, np.nan)] * 3


def test_the_best_ensemble_is_compared_under_each_corruption():
    ends = {"best member": [(-0.2, -0.1), (-0.2, 0.1), (0.1, 0.2)], "baseline": [(-0.2, 0.1)] * 3}
    rows = [("best ensemble", "a+b", UNKNOWN_ENDS), ("best member", "a", ends["best member"])]
    finding = under_corruptions.finding(under([*rows, ("baseline", "c", ends["baseline"])]))
    assert finding == (
        "The best ensemble's error is highest under gaussian noise: 20.0% [10.0, 30.0]. "
        "The best ensemble (a + b) makes fewer errors under 2 of 3 corruptions, significantly fewer under 1 and "
        "significantly more under 1, compared with the best member (a). It makes fewer errors under 3 of 3 "
        "corruptions, significantly fewer under none, compared with the baseline (c)."
    )


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([-0.2, -0.004, 0.0, -0.004], "A makes 5.0 of the 5.2 points."),
        ([-0.14, -0.002, 0.002, -0.14], "A and d make 7.0 of the 7.0 points."),
        ([0.0, 0.2, 0.0004, 0.0], "B makes 5.0 of the 5.0 points."),
        ([-0.1, -0.1, 0.0, -0.1], ""),
        ([-0.1, 0.1, 0.0, 0.0], ""),
    ],
)
def test_the_first_screen_says_which_corruptions_a_difference_rests_on(differences, expected):
    role, mean = {"role": "baseline", "members": "a", "size": 1}, np.mean(differences)
    values = [*zip("abcd", differences, strict=True), ("corrupted", mean)]
    rows = [{"role": "best ensemble", "members": "a+b", "size": 2, "corruption": "corrupted", "difference": np.nan}]
    rows += [role | {"corruption": name, "difference": value} for name, value in values]
    table = pd.DataFrame(rows)
    table = table.assign(difference_low=table.difference - 0.001, difference_high=table.difference + 0.001)
    text = led_by(table, "Baseline")
    assert text.endswith(expected or "corruptions.")
    unclear = table.assign(difference_low=-1.0, difference_high=1.0)
    assert led_by(unclear, "Baseline").endswith("4 corruptions.")


def test_a_single_member_that_is_best_is_not_called_an_ensemble():
    ends = [(-0.2, -0.1)] * 3
    table = under([("best member", "a", UNKNOWN_ENDS), ("baseline", "b", ends)], "best member")
    overall = {"corruption": "corrupted", "difference": -0.15, "difference_low": -0.2, "difference_high": -0.1}
    text = led_by(pd.concat([table, table.iloc[-1:].assign(**overall)]), "Baseline")
    assert text.startswith("The best member's error is 15.0 percentage points lower [10.0, 20.0].")


def test_nothing_is_compared_where_nothing_is_known():
    table = under([("best ensemble", "a+b", UNKNOWN_ENDS), ("best member", "a", [(-0.2, -0.1)] * 3)])
    assert led_by(table, "Best member") == ""
    assert led_by(table, "Best ensemble") == ""


def test_the_best_member_may_be_the_baseline():
    ends = [(-0.2, -0.1)] * 3
    rows = [("best ensemble", "a+b", UNKNOWN_ENDS), ("best member", "a", ends), ("baseline", "a", ends)]
    finding = under_corruptions.finding(under(rows))
    assert finding.count("compared") == 1
    assert finding.endswith("compared with the best member, which is the baseline (a).")


def test_a_contender_without_rivals_is_not_compared():
    finding = under_corruptions.finding(under([("best member", "a", UNKNOWN_ENDS)], "best member"))
    assert finding == "The best member's error is highest under gaussian noise: 20.0% [10.0, 30.0]."


def sizes_of(errors: dict[int, float], changes: dict[int, tuple[float, float]]) -> pd.DataFrame:
    """Size -> corrupted error; size -> the interval of its change."""
    rows = [
        {"size": size, "mean": error, "low": error - 0.01, "high": error + 0.01, "change": -0.02}
        | dict(zip(("change_low", "change_high"), changes.get(size, (np.nan, np.nan)), strict=True))
        for size, error in errors.items()
    ]
    columns = {"rule": "mean_probability", "measure": "corrupted_error", "members": 6}
    return pd.DataFrame(rows).assign(lower_quartile=0, upper_quartile=1, **columns)


@pytest.mark.parametrize(
    ("errors", "changes", "expected"),
    [
        (
            {1: 0.3, 2: 0.2, 3: 0.18},
            {3: (-0.03, -0.01)},
            "from 2 to 3 members changes it by −2.0 {POINTS} [−3.0, −1.0].",
        ),
        ({1: 0.3, 2: 0.2}, {2: (-0.03, 0.01)}, "from one member to 2 changes it by −2.0 {POINTS} [−3.0, 1.0], not"),
        ({1: 0.3, 2: 0.2}, {}, "−2.0 {POINTS} (no interval: too few members)."),
    ],
)
def test_what_one_more_member_changes_is_told(errors, changes, expected):
    finding = ensemble_size.finding(sizes_of(errors, changes), pd.DataFrame())
    assert finding.startswith("On corrupted images, the mean error falls from 30.0% [29.0, 31.0] for single members ")
    assert expected.format(POINTS="percentage points") in finding


def test_one_size_says_nothing_of_further_members():
    assert ensemble_size.finding(sizes_of({2: 0.2}, {}), pd.DataFrame()) == ""


def test_clean_accuracy_is_turned_into_an_error():
    rows = sizes_of({1: 0.9, 2: 0.95}, {2: (0.01, 0.09)}).assign(measure="clean_accuracy", change=0.05)
    errors = ensemble_size.errors_of(rows)
    assert errors[["error", "low", "high"]].iloc[1].tolist() == pytest.approx([0.05, 0.04, 0.06])
    assert errors[["change", "change_low", "change_high"]].iloc[1].tolist() == pytest.approx([-0.05, -0.09, -0.01])
