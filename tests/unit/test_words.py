"""Numbers as people read them."""

import numpy as np
import pytest

from resiliency.report.rows import difference_said
from resiliency.report.words import (
    bounds,
    difference,
    difference_interval,
    duration,
    interval,
    number,
    percent,
)


def test_words():
    assert percent(0.1234) == "12.3%"
    assert percent(np.nan) == number(None) == "–"
    assert number(-0.0001, 2) == "0.00"
    assert number(1234567, 0) == "1,234,567"
    assert interval(-0.5, 0.25) == "[−0.500, 0.250]"
    said = ["2.5 s", "1 min 00 s", "1 min 15 s", "5 min 00 s", "2 h 01 min"]
    assert [duration(s) for s in (2.5, 59.97, 75, 299.6, 7260)] == said


@pytest.mark.parametrize(
    ("form", "low", "high", "shown"),
    [
        (difference_interval, 0.01, 0.034, "[1.0, 3.4]"),
        (difference_interval, -0.0003, 0.0097, "[−0.03, 0.97]"),
        (difference_interval, -0.00004, 0.00002, "[−0.004, 0.002]"),
        (difference_interval, 0, 0.01, "[0.0, 1.0]"),
        (difference_interval, -1e-7, 0.02, "[0.000, 2.000]"),
        (difference_interval, np.nan, 0.02, ""),
        (bounds, 0.2344, 0.4951, "[0.234, 0.495]"),
        (bounds, -0.0023, 0.137, "[−0.002, 0.137]"),
        (bounds, -0.0003, 0.137, "[−0.0003, 0.1370]"),
        (bounds, -0.0093, -0.0042, "[−0.0093, −0.0042]"),
        (bounds, -0.00004, 0.0058, "[−0.00004, 0.00580]"),
        (bounds, 0, 0.2, "[0.000, 0.200]"),
        (bounds, np.nan, 0.2, ""),
    ],
)
def test_ends_show_on_which_side_of_0_they_are(form, low, high, shown):
    assert form(low, high) == shown


def test_a_difference_has_the_decimals_of_its_interval():
    assert difference(0.0004, 0.0001, 0.0009) == "0.04"
    assert difference(-0.0123, np.nan, np.nan) == "−1.2"
    row = {"difference": -0.0004, "difference_low": -0.0009, "difference_high": -0.0001}
    assert difference_said(row) == "0.04 percentage points lower [0.01, 0.09]"
    row = {"difference": 0.0004, "difference_low": -0.0001, "difference_high": 0.0009}
    assert difference_said(row) == "about the same [−0.01, 0.09]"
