"""Intervals and tests that leave out a unit at a time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from resiliency.statistics import resampling

samples = st.lists(st.floats(-0.9, 0.9), min_size=3, max_size=12).filter(lambda values: np.ptp(values) > 1e-3)


def replicates(values: list[float]) -> np.ndarray:
    """The mean of all, and without each."""
    values = np.array(values)
    return np.append(values.mean(), (values.sum() - values) / (len(values) - 1))


@given(samples)
@settings(deadline=None)
def test_of_a_mean_it_is_the_t_test(values):
    result = ttest_1samp(values, 0)
    expected = result.confidence_interval(0.9)
    assert resampling.jackknife_interval(replicates(values), 0.9) == pytest.approx((expected.low, expected.high))
    assert resampling.p_value(replicates(values)) == pytest.approx(result.pvalue)


@given(samples, st.sampled_from([resampling.LINEAR, resampling.FISHER, resampling.ANGULAR]))
@settings(deadline=None)
def test_p_value_is_where_the_interval_meets_zero(values, scale):
    estimates = replicates(values)
    p = resampling.p_value(estimates, scale)
    if 1e-6 < p < 0.999:
        low, high = resampling.jackknife_interval(estimates, 1 - p, scale)
        assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-6)


def test_what_is_not_defined_without_a_unit_has_no_interval():
    assert np.isnan(resampling.jackknife_interval(np.array([0.5, np.nan, 0.4, 0.6]), 0.95)).all()
    assert np.isnan(resampling.p_value(np.array([0.5, np.nan, 0.4, 0.6])))
    for few in ([0.5], [0.5, 0.5]):
        assert np.isnan(resampling.jackknife_interval(np.array(few), 0.95)).all()
        assert np.isnan(resampling.p_value(np.array(few)))


def test_holm_by_hand():
    """The example of Holm's step-down: 0.01 * 4, 0.02 * 3, then 0.03 * 2 and 0.04 * 1, which must not fall."""
    np.testing.assert_allclose(resampling.holm(np.array([0.04, 0.01, 0.03, 0.02])), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(resampling.holm(np.array([0.5, 0.9])), [1, 1])


def test_units_are_left_out_one_by_one_unless_there_are_very_many():
    few = [f"m{index}" for index in range(200)]
    assert resampling.in_groups(few) == {name: name for name in few}
    groups = resampling.in_groups(f"m{index}" for index in range(1000))
    assert set(pd.Series(groups).value_counts()) == {10}
    assert len(set(groups.values())) == 100


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, np.inf), (-np.inf, 1)])
@pytest.mark.parametrize("value", [0.02, 0.98])
def test_an_interval_stays_within_a_range_and_is_the_linear_one_far_from_its_ends(low, high, value):
    wide = value + np.array([0, -0.01, 0.01, 0.015, -0.015])
    ends = resampling.interval_within(wide, 0.95, low, high)
    assert low < ends[0] < value < ends[1] < high
    narrow = value + np.array([0, -0.05, 0.05, 0.06, -0.06]) / 1e4
    assert resampling.interval_within(narrow, 0.95, low, high) == pytest.approx(
        resampling.jackknife_interval(narrow, 0.95), abs=1e-6
    )


def test_an_interval_within_is_that_of_the_logit():
    """The derivative of the logit at .9 is 1 / .09."""
    replicates = np.array([0.9, 0.85, 0.95, 0.9])
    low, high = resampling.jackknife_interval(replicates, 0.95)
    ends = 1 / (1 + np.exp(-(np.log(9) + (np.array([low, high]) - 0.9) / 0.09)))
    assert resampling.interval_within(replicates, 0.95, 0, 1) == pytest.approx(tuple(ends))


def test_what_does_not_vary_is_certain():
    assert resampling.jackknife_interval(np.ones(5), 0.95, resampling.ANGULAR) == pytest.approx((1, 1))
    assert resampling.p_value(np.ones(5), resampling.ANGULAR) == 0
    assert resampling.p_value(np.zeros(5)) == 1
