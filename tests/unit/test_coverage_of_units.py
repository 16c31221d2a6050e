"""Intervals over images in groups cover: a small version of the rows of simulated_units.py."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom
from simulated_intervals import coverage
from simulated_units import CASES, CONFIDENCE, GROUPED, IMAGES, MANY, confidences, study

from resiliency.metrics.classification import Ranked, graded, limiting_threshold
from resiliency.statistics.units import Units

pytestmark = pytest.mark.slow

SIMULATIONS, RESAMPLES = 20, 60


@cache
def row(place: int) -> dict:
    return coverage(CASES[place], SIMULATIONS, RESAMPLES)


@pytest.mark.parametrize("place", range(len(CASES)), ids=[case.statistic for case in CASES])
def test_intervals_of_each_statistic_cover(place):
    """At a coverage of 0.95 the bound is missed once in ten thousand times."""
    assert row(place)["adopted_hits"] >= binom.ppf(1e-4, SIMULATIONS, CONFIDENCE)


def test_all_intervals_together_cover_as_often_as_they_say_and_images_alone_do_not():
    shares = {
        method: sum(row(place)[f"{method}_hits"] for place in range(len(CASES))) / len(CASES) / SIMULATIONS
        for method in ("adopted", "naive")
    }
    assert 0.92 <= shares["adopted"] <= 0.98
    assert shares["naive"] < 0.86


def test_a_threshold_keeps_its_level_on_images_of_new_groups():
    random, level = np.random.default_rng(1), 0.1
    many = confidences(MANY._replace(margins=MANY.margins[..., :20_000]))
    sure = graded(many.confidences["max_probability"]).ravel()
    order = np.argsort(sure, kind="stable")
    wrong_from = np.append(np.cumsum(many.errors.ravel()[order][::-1])[::-1], 0) / many.errors.size
    risks = {}
    for _ in range(300):
        drawn = study(random)
        some = confidences(drawn._replace(margins=drawn.margins[..., : IMAGES // 4]))
        for units in (GROUPED.of(np.arange(IMAGES // 4)), None):
            threshold = limiting_threshold(Ranked.of(some.confidences["max_probability"], some.errors, units), level)
            risks.setdefault(units is None, []).append(wrong_from[np.searchsorted(sure[order], threshold)])
    assert np.mean(risks[False]) <= level + 3 * np.std(risks[False]) / np.sqrt(300)
    assert np.mean(risks[False]) < np.mean(risks[True])


def test_the_losses_that_a_level_allows_by_hand():
    """Of units of 1 and 3 images: 4 / 2 = 2 images per unit, and a unit's loss is 3 / 2 at most."""
    ranked = Ranked.of(np.ones((2, 4)) / 2, np.ones((2, 4)), Units.numbered(np.array([0, 1, 1, 1])))
    assert ranked.most(0.6) == pytest.approx(2 * (0.6 * 3 - 3 / 2) * 2)
    assert Ranked.of(np.ones((2, 4)) / 2, np.ones((2, 4))).most(0.6) == pytest.approx(2 * (0.6 * 5 - 1))
