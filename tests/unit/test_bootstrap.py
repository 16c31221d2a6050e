"""Resamples of images, and percentile intervals."""

import numpy as np
import pytest

from resiliency.analysis.left_out import percentile_interval
from resiliency.statistics.units import resampled_counts


def test_counts_are_resamples():
    counts = resampled_counts(7, 500, 0, "members")
    assert counts.shape == (500, 7)
    assert (counts.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(counts, resampled_counts(7, 500, 0, "members"))
    assert (counts != resampled_counts(7, 500, 0, "images")).any()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.15)
    np.testing.assert_allclose(counts.var(axis=0), 6 / 7, atol=0.2)


def test_interval_by_hand():
    assert percentile_interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))
    values = np.arange(101.0)
    values[::2] = np.nan  # 50 values of 101 are left
    assert np.isnan(percentile_interval(values, 0.9)).all()
    values[0] = 0  # 51 are
    assert np.isfinite(percentile_interval(values, 0.9)).all()
    assert np.isnan(percentile_interval(np.full(10, np.nan), 0.9)).all()
