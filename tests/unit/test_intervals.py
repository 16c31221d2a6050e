"""Intervals of the four kinds, and tests that leave out a unit at a time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from resiliency.statistics import intervals
from resiliency.statistics.intervals import (
    DIFFERENCE,
    SHARE,
    UNKNOWN,
    bootstrap,
    jackknife,
    p_value,
    share,
)
from resiliency.statistics.resampling import Units, in_groups

samples = st.lists(st.floats(-0.9, 0.9), min_size=3, max_size=12).filter(
    lambda values: np.ptp(values) > 1e-3
)


def replicates(values: list[float]) -> np.ndarray:
    """The mean of all, and without each."""
    values = np.array(values)
    return np.append(values.mean(), (values.sum() - values) / (len(values) - 1))


@given(samples)
@settings(deadline=None)
def test_of_a_mean_it_is_the_t_test(values):
    result = ttest_1samp(values, 0)
    expected = result.confidence_interval(0.9)
    assert jackknife(replicates(values), 0.9).ends == pytest.approx((expected.low, expected.high))
    assert p_value(replicates(values)) == pytest.approx(result.pvalue)


@given(samples, st.sampled_from([intervals.LINEAR, intervals.FISHER, intervals.ANGULAR]))
@settings(deadline=None)
def test_p_value_is_where_the_interval_meets_zero(values, scale):
    estimates = replicates(values)
    p = p_value(estimates, scale)
    if 1e-6 < p < 0.999:
        low, high = jackknife(estimates, 1 - p, scale).ends
        assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-6)


def test_what_is_not_defined_without_a_unit_has_no_interval():
    assert jackknife(np.array([0.5, np.nan, 0.4, 0.6]), 0.95) is UNKNOWN
    assert np.isnan(p_value(np.array([0.5, np.nan, 0.4, 0.6])))
    for few in ([0.5], [0.5, 0.5]):
        assert jackknife(np.array(few), 0.95) is UNKNOWN
        assert np.isnan(p_value(np.array(few)))


def test_holm_by_hand():
    """The example of Holm's step-down: 0.01 * 4, 0.02 * 3, then 0.03 * 2 and 0.04 * 1, which must
    not fall."""
    np.testing.assert_allclose(
        intervals.holm(np.array([0.04, 0.01, 0.03, 0.02])), [0.06, 0.04, 0.06, 0.06]
    )
    np.testing.assert_allclose(intervals.holm(np.array([0.5, 0.9])), [1, 1])


def test_units_are_left_out_one_by_one_unless_there_are_very_many():
    few = [f"m{index}" for index in range(200)]
    assert in_groups(few) == {name: name for name in few}
    groups = in_groups(f"m{index}" for index in range(1000))
    assert set(pd.Series(groups).value_counts()) == {10}
    assert len(set(groups.values())) == 100


ALONE, FILMS = Units.single(40), Units.numbered(np.arange(40) // 5)
NONE = 0.0876  # upper end of 0 of 40: 3.8415 / (40 + 3.8415)
HALF = 0.352, 0.648  # of half of 40: .5 -+ .5 sqrt(3.8415 / (40 + 3.8415))


def flat(value: float) -> np.ndarray:
    return np.full(101, value) + 1e-17 * np.arange(101)


@pytest.mark.parametrize(
    ("interval", "ends", "kind"),
    [
        (share(np.zeros(40), ALONE, 0.95), (0, NONE), "Wilson"),
        (share(np.ones(40), ALONE, 0.95), (1 - NONE, 1), "Wilson"),
        (share(np.full(40, 0.5), ALONE, 0.95), HALF, "Wilson"),
        # No higher an end than without any.
        (share(np.eye(40)[0] / 20, ALONE, 0.95), (0, NONE), "Wilson"),
        (share(np.full(40, 25.0), ALONE, 0.95, largest=50), (17.6, 32.4), "Wilson"),
        (share(np.zeros(40), FILMS, 0.95), (0, 3.8415 / 11.8415), "Wilson"),
        (share(np.zeros(40), ALONE, 0.95, np.arange(40) < 10), (0, 3.8415 / 13.8415), "Wilson"),
        (bootstrap(0, flat(0), ALONE, 0.95, SHARE), (0, NONE), "bootstrap"),
        (bootstrap(0.5, flat(0.5), ALONE, 0.95, SHARE), HALF, "bootstrap"),
        (
            bootstrap(1, flat(1), ALONE, 0.95, SHARE, varying=1),
            (1 - 3.8415 / 4.8415, 1),
            "bootstrap",
        ),
        (bootstrap(0, flat(0), ALONE, 0.95, DIFFERENCE), (-NONE, NONE), "bootstrap"),
        (bootstrap(3, flat(3), ALONE, 0.95), (3, 3), "bootstrap"),  # of the same thing
        (
            intervals.max_t(np.zeros(1), np.zeros((9, 1)), ALONE, 0.95, DIFFERENCE)[0],
            (-NONE, NONE),
            "max-t",
        ),
        (
            intervals.max_t(np.ones(1), np.ones((9, 1)), ALONE, 0.95, DIFFERENCE)[0],
            (1 - NONE, 1),
            "max-t",
        ),
        (intervals.of_linear(0, np.zeros(40), ALONE, 0.95, DIFFERENCE), (-NONE, NONE), "jackknife"),
        (jackknife(np.zeros(41), 0.95, SHARE), (0, NONE), "jackknife"),
        (jackknife(np.ones(41), 0.95, intervals.ANGULAR), (1 - 2 * NONE, 1), "jackknife"),
        (jackknife(np.full(41, 0.5), 0.95, SHARE), HALF, "jackknife"),
    ],
)
def test_what_does_not_vary_may_vary_as_much_as_a_share_of_0_may_be(interval, ends, kind):
    assert interval.ends == pytest.approx(ends, abs=1e-3 * max(1, ends[1]))
    assert interval.kind == kind


def test_p_values_of_what_does_not_vary():
    assert p_value(np.ones(5), intervals.ANGULAR) == 0
    assert p_value(np.zeros(5)) == 1


@pytest.mark.parametrize(
    "scale",
    [SHARE, intervals.POSITIVE, intervals.Scale(low=-1, high=1), intervals.Scale(low=0, high=2)],
)
@pytest.mark.parametrize("value", [0.02, 0.98])
def test_an_interval_stays_within_a_range_and_is_the_linear_one_far_from_its_ends(scale, value):
    wide = value + np.array([0, -0.01, 0.01, 0.015, -0.015])
    low, high = jackknife(wide, 0.95, scale).ends
    assert scale.low < low < value < high < scale.high
    narrow = value + np.array([0, -0.05, 0.05, 0.06, -0.06]) / 1e5
    assert jackknife(narrow, 0.95, scale).ends == pytest.approx(
        jackknife(narrow, 0.95).ends, abs=1e-6
    )


def test_a_share_of_some_is_that_of_as_many_images_alone():
    """Thirteen of 20 answers that are given, of 40 images; in films, by a jackknife over these,
    with t."""
    given = np.arange(40) % 2 == 0
    wrong = given & (np.arange(40) < 26)
    assert share(wrong, ALONE, 0.95, given).ends == pytest.approx(
        intervals.wilson(13 / 20, 20, 0.95).ends
    )
    assert share(given, ALONE, 0.95, np.zeros(40)) is UNKNOWN
    sums = [FILMS.sums(of.astype(float)) for of in (wrong, given)]
    without = [(sums[0].sum() - a) / (sums[1].sum() - b) for a, b in zip(*sums, strict=True)]
    ends = jackknife(np.array([13 / 20, *without]), 0.95, SHARE).ends
    assert share(wrong, FILMS, 0.95, given).ends == pytest.approx(ends, abs=0.05)


def test_a_bootstrap_reaches_t_standard_deviations():
    random, drawn = np.random.default_rng(0), np.array([0.0, 2, np.nan])
    assert bootstrap(1, drawn, ALONE, 0.95).ends == pytest.approx((1 - 1.96, 1 + 1.96), abs=1e-3)
    # 7 degrees.
    assert bootstrap(1, drawn, FILMS, 0.95).ends == pytest.approx(
        (1 - 2.3646, 1 + 2.3646), abs=1e-3
    )
    assert bootstrap(1, np.append(drawn, [np.nan, np.nan]), ALONE, 0.95) is UNKNOWN
    assert bootstrap(np.nan, drawn, ALONE, 0.95) is UNKNOWN
    draws = 2 + random.standard_normal((20_000, 3))
    # Sidak's for three, and Student's at its probability.
    for units, reach in ((ALONE, 2.39), (FILMS, 3.13)):
        for interval in intervals.max_t(np.full(3, 2.0), draws, units, 0.95):
            assert interval.ends == pytest.approx((2 - reach, 2 + reach), abs=0.05)


def test_crossed_jackknife_of_a_sum_adds_both_variances():
    """Of a mean over 6 families plus a mean over 4 groups nothing is shared; 4 degrees of
    freedom."""
    families, groups = np.array([0.1, 0.5, 0.2, 0.9, 0.4, 0.3]), np.array([1.0, 3, 2, 6])
    values = replicates(groups)[:, None] + replicates(families)
    interval = intervals.crossed_jackknife(values, intervals.LINEAR, 0.95, 6)
    half = 2.7764 * np.sqrt(families.var(ddof=1) / 6 + groups.var(ddof=1) / 4)
    assert interval.ends == pytest.approx((3.4 - half, 3.4 + half), abs=1e-3)
