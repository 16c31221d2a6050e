"""Values that are equal but for rounding are tied in all statistics of order."""

import numpy as np
import pytest

from resiliency.statistics.correlation import ordinals, weighted_cliffs_delta, weighted_ranks, weighted_spearman

EXACT = np.array([0.3, 0.3, 0.5, 0.1, 0.1, 0.7])
ROUNDED = np.array([0.1 + 0.2, 0.3, 0.5, 0.1, 0.3 - 0.2, 0.7])  # as sums in another order come out
OTHER = np.arange(6.0)
WEIGHTS = np.array([[1.0, 1, 1, 1, 1, 1], [1, 2, 0, 1, 3, 1]])


@pytest.mark.parametrize("scale", [1e-6, 1, 1e11])
def test_ordinals_are_those_of_exact_values(scale):
    assert len(set(ROUNDED)) > len(set(EXACT))
    assert ordinals(scale * ROUNDED).tolist() == ordinals(EXACT).tolist() == [1, 1, 2, 0, 0, 3]


@pytest.mark.parametrize(
    "statistic",
    [
        lambda values: weighted_ranks(WEIGHTS, values),
        lambda values: weighted_spearman(WEIGHTS, values, OTHER),
        lambda values: weighted_cliffs_delta(values[:3], values[1:], WEIGHTS[:, :3], WEIGHTS[:, 1:]),
    ],
    ids=["ranks", "spearman", "cliff"],
)
def test_rounding_breaks_no_tie(statistic):
    np.testing.assert_allclose(statistic(ROUNDED), statistic(EXACT), rtol=1e-14)
