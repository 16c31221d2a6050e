"""Intervals cover: a small version of interval_coverage.py, with bounds that chance alone does not
cross."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import simulated_intervals as simulated
import simulated_verdicts as situations
from interval_coverage import ROWS, page, too_low
from scipy.stats import binom
from simulated_ensembles import of_correlations, verdicts_on_diversities
from simulated_exchanges import Logits, mixtures, of_designs, seeds
from simulated_families import Effects
from simulated_kinds import FEW
from simulated_verdicts import Situation, one_by_one

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
SIMULATIONS, RESAMPLES = 60, 100

CASES = [
    simulated.correlation("pearson", "odd members are weak", 16, 2),
    simulated.correlation("partial", "both", 16, 2),
    simulated.correlation("difference", "both", 16, 2),
    simulated.delta(1, 0.3, 8, 2, (2,)),
    simulated.delta(2, 0.3, 8, 3, (2, 3)),
    simulated.all_wrong("members", 3, 12, 300),
    of_designs("family", Logits(family=0.4, size=-0.15, training=-0.4), 12, 3, 4),
    of_designs("doubling_of_training", Logits(training=-0.3), 12, 1, 3),
    seeds(0.01, 0.02, 2),
    mixtures(0.01, 0.01, 0.01, 8),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.statistic}, {case.situation}")
def test_intervals_cover(case):
    """At a coverage of 0.95 the bound is missed once in ten thousand times."""
    row = simulated.coverage(case, SIMULATIONS, RESAMPLES)
    assert row["adopted_hits"] >= binom.ppf(1e-4, SIMULATIONS, simulated.CONFIDENCE)


OF_DIVERSITIES = partial(
    verdicts_on_diversities, gaps=(1.15, 1.15, 0), pool=situations.FEWER, kind="normal"
)


@pytest.mark.parametrize(
    "situation",
    [
        situations.of_families("", 0, Effects(1, 1.703, 1.703), 0.5, "normal", "8 families of 3"),
        Situation(
            "2",
            "",
            "",
            (0.6, 0),
            0.3,
            one_by_one(of_correlations((0.6, 0), situations.DIGITS, "t3")),
        ),
        Situation("4", "", "", (9, 9, 0), 0.15, OF_DIVERSITIES),
        situations.of_balance((6, 0), 5),
    ],
    ids=lambda situation: situation.observation,
)
def test_verdicts_are_rarely_false(situation):
    """One part is truly 0: at a rate of 0.06 the bound is passed once in ten thousand times."""
    row = situations.rates(situation, SIMULATIONS, np.random.default_rng(0))
    assert row["verdicts"]["not tested"] < SIMULATIONS / 2
    assert row["false"] <= binom.ppf(1 - 1e-4, SIMULATIONS, 0.06)


def test_the_page_is_made_of_the_kept_rows():
    kept = json.loads(ROWS.read_text())
    assert not too_low([row for row in kept["intervals"] if row["situation"] != FEW])
    assert min(row["adopted_hits"] / row["simulations"] for row in kept["intervals"]) > 0.91
    text = (REPOSITORY / "published/experiments/coverage.md").read_text(encoding="utf-8")
    assert text == page(kept["intervals"], kept["verdicts"], kept["swaps"])
