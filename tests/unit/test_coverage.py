"""Intervals cover: a small version of interval_coverage.py, with bounds that chance alone does not cross."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import simulated_intervals as simulated
import simulated_spread as spreads
import simulated_verdicts as situations
from interval_coverage import ROWS, page
from scipy.stats import binom
from simulated_class_errors import error_of_a_class
from simulated_ensembles import diversities, observed_diversities, of_correlations, replaced_by, verdicts_on_diversities
from simulated_exchanges import Logits, mixtures, of_designs, seeds
from simulated_families import POOLS, Effects, drawn, verdicts
from simulated_verdicts import Situation, one_by_one

from resiliency.analysis.observations.architecture import architecture_matters_more, families_differ_at_equal_accuracy
from resiliency.analysis.verdicts import verdict_of

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
SIMULATIONS, RESAMPLES = 60, 100

CASES = [
    simulated.correlation("pearson", "odd members are weak", 16, 2),
    simulated.correlation("spearman", "both", 8, 2),
    simulated.correlation("partial", "both", 16, 2),
    simulated.correlation("difference", "both", 16, 2),
    simulated.contest(Effects(1.5, 0.3, 0.3, 0.5), 0.5, "normal", "8 families of 3"),
    simulated.delta(1, 0.3, 8, 2, (2,)),
    simulated.advantage(0.05, 0.01, 8, 2),
    simulated.covariance(0.5, 300),
    simulated.corruption_error(0.8, 300),
    simulated.all_wrong("images", 3, 8, 500),
    simulated.all_wrong("members", 3, 12, 300),
    of_designs("family", Logits(family=0.2), 8, 2),
    of_designs("family", Logits(), 8, 2),
    of_designs("point_of_clean_accuracy", Logits(family=0.2, accuracy=-1.0), 8, 2),
    of_designs("doubling_of_training", Logits(training=-0.3), 12, 1, 3),
    seeds(0.01, 0.02, 2),
    mixtures(0.01, 0.01, 0.01, 8),
    mixtures(0.0, 0.01, 0.0, 8),
    *(error_of_a_class(error, 0.8, 25) for error in (0.01, 0.02, 0.05)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.statistic}, {case.situation}")
def test_intervals_cover(case):
    """At a coverage of 0.95 the bound is missed once in ten thousand times."""
    row = simulated.coverage(case, SIMULATIONS, RESAMPLES)
    assert row["adopted_hits"] >= binom.ppf(1e-4, SIMULATIONS, simulated.CONFIDENCE)


@pytest.mark.parametrize(
    "situation",
    [
        situations.of_families("", 0, Effects(1, 1.703, 1.703), 0.5, "normal", "8 families of 3"),
        Situation("2", "", "", (0.6, 0), 0.3, one_by_one(of_correlations((0.6, 0), situations.DIGITS, "t3"))),
        Situation(
            "4",
            "",
            "",
            (9, 9, 0),
            0.15,
            partial(verdicts_on_diversities, gaps=(1.15, 1.15, 0), pool=situations.FEWER, kind="normal"),
        ),
        situations.of_balance((6, 0), 5),
    ],
    ids=lambda situation: situation.observation,
)
def test_verdicts_are_rarely_false(situation):
    """One part is truly 0: at a rate of 0.06 the bound is passed once in ten thousand times."""
    row = situations.rates(situation, SIMULATIONS, np.random.default_rng(0))
    assert row["verdicts"]["not tested"] < SIMULATIONS / 2
    assert row["false"] <= binom.ppf(1 - 1e-4, SIMULATIONS, 0.06)


def test_what_is_true_is_found():
    gaps = (1.15, 1.15, 1.15)
    simulate = partial(verdicts_on_diversities, gaps=gaps, pool=situations.DIGITS, kind="normal")
    situation = Situation("4", "", "", (9, 9, 9), 0.15, simulate)
    row = situations.rates(situation, SIMULATIONS, np.random.default_rng(0))
    assert row["verdicts"]["supported"] > 0.6 * SIMULATIONS
    assert row["false"] == 0


def test_studies_at_once_have_the_verdicts_of_the_pipeline():
    """Observation 1 is simulated on arrays; each study, as a table of members, has the same verdict."""
    sizes, effects = POOLS["8 families of 3"], Effects(1.6, 0.4, 0.4, 0.8)
    reached, each = verdicts(np.random.default_rng(0), effects, 0.5, "normal", "8 families of 3", 20)
    studies = drawn(np.random.default_rng(0), effects, 0.5, "normal", sizes, 20)
    names = [f"d{index}" for index in range(sum(sizes))]
    designs = pd.DataFrame({"design": names, "family": np.repeat(list("abcdefgh"), sizes), "origin": "independent"})
    for values, verdict, of_parts in zip(studies, reached, each, strict=True):
        columns = {"parameters": 10 ** values[:, 0], "clean_accuracy": values[:, 1]}
        table = designs.assign(**columns, corrupted_error=values[:, 2])
        assert verdict_of(architecture_matters_more(table, 1, draws=0), 0.95) == (verdict, of_parts.tolist())


def test_studies_of_spreads_at_once_have_the_verdicts_of_the_pipeline():
    """Observation 1b is simulated on arrays; each study, as a table of members, has the same part and verdict."""
    layout, plain = spreads.Layout(12, 2, 2, 2), (0.35, spreads.NOISE, "skewed", True)
    studies = spreads.drawn(np.random.default_rng(0), layout, *plain, studies=12)
    reached = set()
    for study, part in enumerate(spreads.parts(studies, layout)):
        alone = families_differ_at_equal_accuracy(spreads.table(studies, layout, study), spreads.IMAGES, draws=0)
        assert (part.estimate, part.error) == pytest.approx((alone.parts[0].estimate, alone.parts[0].error), rel=1e-3)
        reached.add(verdict_of(alone, 0.95)[0])
        assert verdict_of(replace(alone, parts=[part]), 0.95) == verdict_of(alone, 0.95)
    assert {"supported", "undecided"} <= reached


@pytest.mark.parametrize("pool", [situations.FEWER, situations.TWO_SEEDS], ids=lambda pool: pool.name)
def test_studies_of_diversities_in_the_place_of_others_have_the_observation_of_the_pipeline(pool):
    """Observation 4 is simulated on arrays; each study, as a table of ensembles, has the same statistics."""
    random = np.random.default_rng(0)
    first, *others = (diversities(random, (0.6, 0.6, 0.6), pool, "t3") for _ in range(4))
    observation, reached = observed_diversities(first, pool), set()
    for columns in others:
        alone, at_once = observed_diversities(columns, pool), replaced_by(observation, columns, pool)
        statistics = [(of.estimate, of.error, of.freedom) for of in alone.parts + alone.controls]
        found = [(of.estimate, of.error, of.freedom) for of in at_once.parts + at_once.controls]
        assert np.array(found) == pytest.approx(np.array(statistics))
        assert at_once.placebo.estimates == pytest.approx(alone.placebo.estimates)
        assert at_once.placebo.errors == pytest.approx(alone.placebo.errors)
        assert verdict_of(at_once, 0.95) == verdict_of(alone, 0.95)
        reached.add(verdict_of(alone, 0.95)[0])
    assert reached


def test_the_page_is_made_of_the_kept_rows():
    kept = json.loads(ROWS.read_text())
    text = (REPOSITORY / "published/experiments/coverage.md").read_text(encoding="utf-8")
    assert text == page(kept["intervals"], kept["verdicts"])
