"""Samples of the ensembles, where there are more than are scored."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from resiliency.ensembles.pool import chosen_ensembles, ensembles_of, limits, stands_for
from resiliency.statistics.correlation import weighted_pearson

DESIGNS = [f"d{index // 3}" for index in range(12)]


def test_limits_are_shared_by_the_sizes():
    assert limits(12, [2, 3, 4], 10**6) == [66, 220, 495]
    assert limits(12, [4, 2, 3], 300) == [117, 66, 117]
    assert limits(12, [2, 3], 100) == [50, 50]


@pytest.mark.parametrize("count", [100, 50, 6])
def test_a_sample_is_drawn_from_all_ensembles_once(count):
    ensembles = chosen_ensembles(DESIGNS, 3, count, seed=0)
    rows = [tuple(row) for row in ensembles.tolist()]
    assert len(set(rows)) == len(rows) == count
    assert set(rows) < set(combinations(range(12), 3))
    assert rows == sorted(rows)
    alike = [row for row in rows if len({DESIGNS[m] for m in row}) == 1]
    assert len(alike) == min(4, count // 2)
    np.testing.assert_array_equal(ensembles, chosen_ensembles(DESIGNS, 3, count, seed=0))
    assert (ensembles != chosen_ensembles(DESIGNS, 3, count, seed=1)).any()


@pytest.mark.parametrize("count", [495, 200, 30])
def test_what_a_sample_stands_for(count):
    designs = ["a"] * 6 + ["b", "c"] * 3
    chosen = chosen_ensembles(designs, 4, count, seed=0)
    weights = stands_for(designs, chosen)
    alike = (chosen < 6).all(axis=1)
    assert weights[alike].sum() == pytest.approx(15)
    assert weights[~alike].sum() == pytest.approx(480)
    assert len(set(weights[alike])) == len(set(weights[~alike])) == 1


def test_a_weighted_sample_has_the_correlation_of_all():
    """Half of it is of one design, which are a fifth of a percent of all and lie apart."""
    designs, rng = [f"d{index // 4}" for index in range(120)], np.random.default_rng(0)
    skill = rng.standard_normal(120)

    def r(chosen: np.ndarray, weights: np.ndarray) -> float:
        kinds = np.array([int(d[1:]) for d in designs])[chosen]
        alike = (kinds == kinds[:, :1]).all(axis=1)
        diversity = np.abs(skill[chosen[:, 0]] - skill[chosen[:, 1]]) * ~alike
        return weighted_pearson(weights[None], diversity, skill[chosen].mean(axis=1) - 2 * alike)[0]

    everything = ensembles_of(120, 2)
    truth = r(everything, np.ones(len(everything)))
    samples = [chosen_ensembles(designs, 2, 360, seed) for seed in range(20)]
    weighted = [r(sample, stands_for(designs, sample)) for sample in samples]
    alike = [r(sample, np.ones(len(sample))) for sample in samples]
    assert abs(np.mean(weighted) - truth) < 0.03
    assert np.mean(alike) - truth > 0.2


def test_a_sample_of_ensembles_of_one_design_takes_to_all_alike():
    """Of 20 + 10 ensembles of one design, 10 are drawn 2,000 times: each as often, but for chance."""
    designs = ["a"] * 6 + ["b"] * 5 + ["c"]
    ensembles = np.concatenate([chosen_ensembles(designs, 3, 20, seed) for seed in range(2000)])
    kinds = np.unique(designs, return_inverse=True)[1][ensembles]
    alike = ensembles[(kinds == kinds[:, :1]).all(axis=1)]
    counts = pd.Series(map(tuple, alike.tolist())).value_counts()
    assert len(counts) == 20 + 10
    expected = 2000 * 10 / 30
    assert abs(counts - expected).max() < 5 * np.sqrt(expected)
