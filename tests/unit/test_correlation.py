"""Weighted correlations are those of repeated data; each measure is that of another implementation."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import linregress, pearsonr, rankdata, spearmanr

from resiliency.statistics.correlation import (
    MEASURES,
    weighted_pearson,
    weighted_quantiles,
    weighted_ranks,
    weighted_spearman,
)

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


@pytest.mark.slow
@given(triples)
@settings(deadline=None)
def test_spearman_is_that_of_repeated_values_with_ties(case):
    weights, x, y = columns(case)
    correlation = weighted_spearman(weights[None], x, y)[0]
    assert correlation == pytest.approx(spearmanr(repeated(weights, x), repeated(weights, y)).statistic, abs=1e-9)


@given(triples)
@settings(deadline=None)
def test_ranks_are_those_of_repeated_values_less_their_mean(case):
    weights, x, _ = np.array(case, float).T
    expected = rankdata(repeated(weights, x))
    ranks = repeated(weights, weighted_ranks(weights[None], x)[0])
    np.testing.assert_allclose(ranks, expected - (len(expected) + 1) / 2)


def test_no_correlation_without_variance_or_weight():
    x, y = np.array([1.0, 2, 3]), np.array([1.0, 1, 1])
    assert np.isnan(weighted_pearson(np.ones((1, 3)), x, y)[0])
    assert np.isnan(weighted_pearson(np.array([[0.0, 1, 0], [0, 0, 0]]), x, x)).all()


@pytest.fixture
def ensembles() -> tuple[np.ndarray, ...]:
    """Weights that keep all or some of 30 ensembles, and x, y with ties, and a third."""
    rng = np.random.default_rng(0)
    given = rng.standard_normal(30)
    x, y = (np.round(given + rng.standard_normal(30), 1) for _ in range(2))
    weights = np.vstack([np.ones(30), rng.integers(0, 2, (5, 30))])
    return weights, x, y, given


def test_partial_is_the_correlation_of_residuals(ensembles):
    weights, x, y, given = ensembles
    for kept, correlation in zip(weights > 0, MEASURES["partial"](*ensembles), strict=True):
        lines = [linregress(given[kept], values[kept]) for values in (x, y)]
        residuals = [v[kept] - f.slope * given[kept] for v, f in zip((x, y), lines, strict=True)]
        assert correlation == pytest.approx(pearsonr(*residuals).statistic)


def test_weighted_quantiles_by_repetition():
    values, weights = np.arange(4.0), np.array([1000, 3000, 4000, 2000])
    quantiles = weighted_quantiles(values, weights.astype(float), [0.1, 0.6, 0.9])
    np.testing.assert_allclose(quantiles, np.quantile(np.repeat(values, weights), [0.1, 0.6, 0.9]), atol=1)
    assert np.isnan(weighted_quantiles(np.array([np.nan]), np.ones(1), [0.5])).all()
