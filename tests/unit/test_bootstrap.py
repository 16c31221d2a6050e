"""Weighted statistics are those of repeated data; resamples of members are those of their ensembles."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, rankdata, spearmanr

from resiliency.analysis.bootstrap import (
    ensemble_weights,
    interval,
    resampled_counts,
    weighted_pearson,
    weighted_ranks,
)
from resiliency.ensembles.pool import ensembles_of

triples = st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=12)


def repeated(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.repeat(values, weights.astype(int))


def columns(case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weights, x, y = np.array(case, float).T
    assume(len(set(repeated(weights, x))) > 1 and len(set(repeated(weights, y))) > 1)
    return weights, x, y


@given(triples)
@settings(deadline=None)
def test_pearson_is_that_of_repeated_values(case):
    weights, x, y = columns(case)
    expected = pearsonr(repeated(weights, x), repeated(weights, y)).statistic
    assert weighted_pearson(weights[None], x, y)[0] == pytest.approx(expected, abs=1e-9)


@given(triples)
@settings(deadline=None)
def test_pearson_of_ranks_is_spearman_with_ties(case):
    weights, x, y = columns(case)
    found = weighted_pearson(weights[None], weighted_ranks(weights[None], x), weighted_ranks(weights[None], y))[0]
    assert found == pytest.approx(spearmanr(repeated(weights, x), repeated(weights, y)).statistic, abs=1e-9)


@given(triples)
@settings(deadline=None)
def test_ranks_are_those_of_repeated_values_up_to_a_half(case):
    weights, x, _ = np.array(case, float).T
    found = repeated(weights, weighted_ranks(weights[None], x)[0])
    np.testing.assert_allclose(found + 0.5, rankdata(repeated(weights, x)))


def test_rows_of_weights_do_not_mix():
    rng = np.random.default_rng(0)
    weights, x, y = rng.integers(0, 4, (6, 20)).astype(float), rng.standard_normal(20), rng.standard_normal(20)
    single = [weighted_pearson(row[None], x, y)[0] for row in weights]
    np.testing.assert_allclose(weighted_pearson(weights, x, y), single)
    ranks = np.stack([weighted_ranks(row[None], x)[0] for row in weights])
    np.testing.assert_allclose(weighted_ranks(weights, x), ranks)


@given(triples, st.floats(0.001, 1000))
@settings(deadline=None)
def test_only_the_shares_of_weights_matter(case, factor):
    weights, x, y = columns(case)
    one = weighted_pearson(weights[None], x, y)[0]
    assert weighted_pearson(factor * weights[None], x, y)[0] == pytest.approx(one, abs=1e-9)


def test_no_correlation_without_variance_or_weight():
    x, y = np.array([1.0, 2, 3]), np.array([1.0, 1, 1])
    assert np.isnan(weighted_pearson(np.ones((1, 3)), x, y)[0])
    assert np.isnan(weighted_pearson(np.array([[0.0, 1, 0], [0, 0, 0]]), x, x)).all()


def test_counts_are_resamples():
    counts = resampled_counts(7, 500, 0, "members")
    assert counts.shape == (500, 7)
    assert (counts.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(counts, resampled_counts(7, 500, 0, "members"))
    assert (counts != resampled_counts(7, 500, 0, "images")).any()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.15)
    np.testing.assert_allclose(counts.var(axis=0), 6 / 7, atol=0.2)


@pytest.mark.parametrize("size", [2, 3])
def test_weights_count_the_ensembles_that_a_resample_forms(size):
    """Draw members with replacement and form all ensembles of distinct ones from the draw."""
    ensembles = ensembles_of(5, size)
    rng = np.random.default_rng(0)
    for _ in range(5):
        drawn = rng.integers(0, 5, 5)
        formed = [tuple(sorted(chosen)) for chosen in combinations(drawn.tolist(), size)]
        expected = [formed.count(tuple(ensemble)) for ensemble in ensembles.tolist()]
        counts = np.bincount(drawn, minlength=5)
        np.testing.assert_array_equal(ensemble_weights(counts[None], ensembles)[0], expected)


def test_one_of_each_member_weighs_all_ensembles_alike():
    np.testing.assert_array_equal(ensemble_weights(np.ones((2, 4), int), ensembles_of(4, 3)), 1)


def test_interval_by_hand():
    assert interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))
    values = np.arange(101.0)
    values[::2] = np.nan  # 50 values of 101 are left
    assert np.isnan(interval(values, 0.9)).all()
    values[0] = 0  # 51 are
    assert np.isfinite(interval(values, 0.9)).all()
    assert np.isnan(interval(np.full(10, np.nan), 0.9)).all()


@given(st.lists(st.floats(-100, 100), min_size=5, max_size=50), st.floats(0.5, 0.9), st.floats(0, 0.09))
def test_more_confidence_is_wider(values, confidence, more):
    low, high = interval(np.array(values), confidence)
    wider_low, wider_high = interval(np.array(values), confidence + more)
    assert wider_low <= low + 1e-9
    assert wider_high >= high - 1e-9
    assert min(values) <= wider_low <= wider_high <= max(values)


def test_a_resample_of_one_ensemble_has_no_correlation():
    """Large values leave rounding errors that must not pass for a variance."""
    x, y = np.random.default_rng(0).uniform(1e5, 1e6, (2, 50))
    weights = np.zeros((50, 50))
    np.fill_diagonal(weights, 3.0)
    assert np.isnan(weighted_pearson(weights, x, y)).all()
