"""Intervals cover: a small version of tests/benchmarks/coverage.py, with bounds that chance alone does not cross."""

import importlib.util
from pathlib import Path

import pytest
from scipy.stats import binom

SIMULATIONS, RESAMPLES = 60, 100
PATH = Path(__file__).parents[1] / "benchmarks/coverage.py"
spec = importlib.util.spec_from_file_location("coverage_of_intervals", PATH)
simulated = importlib.util.module_from_spec(spec)
spec.loader.exec_module(simulated)

CASES = [
    simulated.correlation("pearson", "odd members are weak", 16, 2),
    simulated.correlation("spearman", "both", 8, 2),
    simulated.correlation("kendall", "both", 8, 2),
    simulated.correlation("partial", "both", 16, 2),
    simulated.correlation("difference", "both", 16, 2),
    simulated.contribution(1.5, 0.3, 0.5, 3, 4),
    simulated.delta(1, 0.3, 8, 2, (2,)),
    simulated.advantage(0.05, 0.01, 8, 2),
    simulated.covariance(0.5, 300),
    simulated.corruption_error(0.8, 300),
    simulated.balance(3),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.statistic)
def test_intervals_cover(case):
    """At a coverage of 0.95 the bound is missed once in ten thousand times."""
    row = simulated.coverage(case, SIMULATIONS, RESAMPLES)
    assert row["adopted_hits"] >= binom.ppf(1e-4, SIMULATIONS, simulated.CONFIDENCE)


def test_intervals_that_take_ensembles_for_independent_do_not():
    row = simulated.coverage(simulated.correlation("pearson", "odd members are weak", 16, 3), SIMULATIONS, RESAMPLES)
    assert row["naive_hits"] < SIMULATIONS / 2
    assert row["naive_width"] < row["adopted_width"] / 3


def test_the_page_has_all_cases():
    lines = simulated.PAGE.read_text().splitlines()
    assert sum(line.startswith("| ") for line in lines) == 1 + len(simulated.CASES)
