"""Weighted correlations are those of repeated data; each measure is that of another implementation."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import linregress, pearsonr, rankdata, spearmanr

from resiliency.statistics.correlation import (
    MEASURES,
    independent_interval,
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


def test_a_resample_of_one_ensemble_has_no_correlation():
    """Large values leave rounding errors that must not pass for a variance."""
    x, y = np.random.default_rng(0).uniform(1e5, 1e6, (2, 50))
    weights = np.zeros((50, 50))
    np.fill_diagonal(weights, 3.0)
    assert np.isnan(weighted_pearson(weights, x, y)).all()


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


def test_nothing_is_left_of_what_is_given(ensembles):
    weights, x, y, _ = ensembles
    assert np.isnan(MEASURES["partial"](weights, x, y, 2 * x + 1)).all()


@pytest.mark.parametrize("weights", [np.ones(9), np.full(9, 2.5)])
def test_quantiles_of_equal_weights_are_those_of_numpy(weights):
    values = np.random.default_rng(0).standard_normal(9)
    quantiles = weighted_quantiles(np.append(values, np.nan), np.append(weights, 1), [0.25, 0.5, 0.75])
    np.testing.assert_allclose(quantiles, np.quantile(values, [0.25, 0.5, 0.75]))


def test_weighted_quantiles_by_repetition():
    values, weights = np.arange(4.0), np.array([1000, 3000, 4000, 2000])
    quantiles = weighted_quantiles(values, weights.astype(float), [0.1, 0.6, 0.9])
    np.testing.assert_allclose(quantiles, np.quantile(np.repeat(values, weights), [0.1, 0.6, 0.9]), atol=1)
    assert np.isnan(weighted_quantiles(np.array([np.nan]), np.ones(1), [0.5])).all()


@pytest.mark.parametrize("measure", ["pearson", "spearman"])
def test_interval_of_independent_observations_against_scipy(measure):
    x, y = np.random.default_rng(1).standard_normal((2, 40))
    result = pearsonr(x, y)
    expected = result.confidence_interval(0.9)
    low, high = independent_interval(measure, result.statistic, 40, 0.9)
    if measure == "pearson":
        assert (low, high) == pytest.approx((expected.low, expected.high))
    else:
        assert low < expected.low < expected.high < high  # ranks spread a little more


@pytest.mark.parametrize("measure", list(MEASURES))
def test_interval_of_independent_observations_covers(measure):
    """Two thousand samples of 40 pairs with no correlation; binomial limits at 4 standard errors."""
    rng = np.random.default_rng(2)
    samples = rng.standard_normal((2000, 3, 40))
    everyone = np.ones((1, 40))
    hits = [
        low <= 0 <= high
        for low, high in (
            independent_interval(measure, MEASURES[measure](everyone, *sample)[0], 40, 0.9) for sample in samples
        )
    ]
    assert abs(np.mean(hits) - 0.9) < 4 * np.sqrt(0.09 / 2000)


def test_no_interval_of_few_observations():
    assert np.isnan(independent_interval("pearson", 0.5, 4, 0.95)).all()
