"""Swaps on published pages: tables follow from published labels, and sentences from tables."""

import pandas as pd
import pytest

from published.swaps import OF_LABELS, answers, equal_accuracy_row, file_of, rows_of, table_of
from resiliency.analysis.swaps import ANY_FAMILY, FAMILY
from resiliency.report.advice import advice_of
from resiliency.storage.tables import read_table, write_table

UNKNOWN = float("nan")


def swaps(ratio=0.8, low=0.7, high=0.9, rung=FAMILY, **others: float) -> dict[str, pd.DataFrame]:
    """Tables of a study: swaps.csv with these ratios, and members.csv of two seeds."""
    row = {"rung": rung, "images": "corrupted", "twin": 0.05, "stranger": 0.04, "twins": 20, "families": 9}
    row |= {"ratio": ratio, "ratio_low": low, "ratio_high": high, "control_low": 0.95, "control_high": 1.05}
    row |= {"difference": -0.01, "difference_low": -0.02, "difference_high": -0.004, "one_member": 0.045}
    names = ("undetected", "common_failures", "agreed", "error", "wrong_at_90")[: 4 + others.pop("known", 1)]
    table = pd.DataFrame([row | {"outcome": name} | others for name in names])
    return {"swaps": table, "members": pd.DataFrame({"design": ["a", "a"], "origin": "independent"})}


@pytest.mark.parametrize("study", [name for name in OF_LABELS if name == "cifar10_published"])
def test_the_kept_table_is_what_published_labels_give(study, tmp_path):
    """Of one study, in a second; `python -m published.swaps` gives all."""
    write_table(tmp_path / "swaps.csv", table_of(study))
    pd.testing.assert_frame_equal(read_table(tmp_path / "swaps.csv"), read_table(file_of(study)), rtol=1e-6)


SAID = {
    "let the second be an equally accurate member of another family: undetected errors": {},
    "take as the second another seed of the first one’s design": {"ratio": 1.2, "low": 1.1, "high": 1.4},
    "than another seed of the first one’s design is not shown, × 0.80 [0.70, 1.10] (not significant)": {"high": 1.1},
    "is not shown, × 0.80 [0.70, 0.90] (within the control)": {"control_low": 0.75},
    "is not shown, × 0.80 (no interval)": {"low": UNKNOWN, "high": UNKNOWN, "families": 4},
}


@pytest.mark.parametrize("words", SAID)
def test_advice_is_chosen_by_the_numbers(words):
    observations = pd.DataFrame({"observation": [], "verdict": []})
    (said,) = advice_of(swaps(**SAID[words]) | {"observations": observations})
    assert words in said


def test_what_is_missing_is_not_known():
    assert answers({"none": {}, "empty": {"swaps": pd.DataFrame(), "members": pd.DataFrame()}}) == []
    (labels,) = answers({"a": swaps(known=0, rung=ANY_FAMILY)})
    assert (labels["wrong"], labels["alone"], labels["registered"]) == ("", None, False)
    (both,) = answers({"a": swaps()})
    assert (both["alone"], both["paired"], both["verdict"]) == (0.045, 0.04, "supported")
    assert {row["factor"] for row in rows_of(swaps()["swaps"])} == {"× 0.80 [0.70, 0.90]"}


def test_points_of_an_equally_accurate_design_are_undetected_errors_that_it_avoids():
    cells = [equal_accuracy_row({"a": swaps()}, factors)["cells"]["a"] for factors in (True, False)]
    assert cells == ["1.0 [0.4, 2.0]; × 0.80 [0.70, 0.90]", "1.0 [0.4, 2.0]"]
