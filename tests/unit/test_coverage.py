"""Intervals cover: a small version of interval_coverage.py, with bounds that chance alone does not cross."""

import json
from pathlib import Path

import numpy as np
import pytest
import simulated_intervals as simulated
import simulated_verdicts
from coverage_page import page
from interval_coverage import ROWS
from scipy.stats import binom

REPOSITORY = Path(__file__).parents[2]
SIMULATIONS, RESAMPLES = 60, 100

CASES = [
    simulated.correlation("pearson", "odd members are weak", 16, 2),
    simulated.correlation("spearman", "both", 8, 2),
    simulated.correlation("partial", "both", 16, 2),
    simulated.correlation("difference", "both", 16, 2),
    simulated.contribution(1.5, 0.3, 0.5, 8, 3),
    simulated.delta(1, 0.3, 8, 2, (2,)),
    simulated.advantage(0.05, 0.01, 8, 2),
    simulated.covariance(0.5, 300),
    simulated.corruption_error(0.8, 300),
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


@pytest.mark.parametrize(
    "situation",
    [
        simulated_verdicts.of_families(1, 1, 1, 1, 9, 2, 1, "18 x 1"),
        simulated_verdicts.of_correlations((0.45, 0), "30 x 1"),
        simulated_verdicts.of_diversities((1.15, 1.15, 0), "8 x 2"),
        simulated_verdicts.of_balance((6, 0), 2),
    ],
    ids=lambda situation: situation.observation,
)
def test_verdicts_are_rarely_false(situation):
    """One part is truly 0: at a rate of 0.06 the bound is passed once in ten thousand times."""
    row = simulated_verdicts.rates(situation, SIMULATIONS, lambda *names: np.random.default_rng(names[-1]))
    assert not row["lacking"]
    assert row["false"] <= binom.ppf(1 - 1e-4, SIMULATIONS, 0.06)


def test_what_is_true_is_found():
    situation = simulated_verdicts.of_diversities((1.15, 1.15, 1.15), "8 x 2")
    row = simulated_verdicts.rates(situation, SIMULATIONS, lambda *names: np.random.default_rng(names[-1]))
    assert row["verdicts"]["supported"] > 0.6 * SIMULATIONS
    assert row["false"] == 0


def test_the_page_is_made_of_the_kept_rows():
    kept = json.loads(ROWS.read_text())
    assert (REPOSITORY / "docs/coverage.md").read_text(encoding="utf-8") == page(kept["intervals"], kept["verdicts"])


def rows_below(text: str, head: str) -> list[tuple[str, ...]]:
    """The first three cells of each row of the table with this head."""
    table = text.partition(f"\n{head}\n")[2].partition("\n\n")[0].splitlines()[1:]
    return [tuple(row.strip("| ").split(" | ")[:3]) for row in table]


def test_the_page_has_a_row_of_each_simulation_and_no_others():
    text = (REPOSITORY / "docs/coverage.md").read_text(encoding="utf-8").replace(" %", "%")
    verdicts = "| Observation | Situation | Study | Supported | Contradicted | Equivalent | False "
    rows = rows_below(text, f"{verdicts}| Simulations |")
    assert sorted(rows) == sorted((str(s.observation), s.name, s.size) for s in simulated_verdicts.SITUATIONS)
    rows = rows_below(text, "| Statistic | Situation | Units | Truth | Adopted | Bootstrap | Naive |")
    assert sorted(rows) == sorted((case.statistic, case.situation, case.units) for case in simulated.CASES)
