"""Units of images, resamples of them, and intervals of statistics of images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm, t
from simulated_intervals import coverage
from simulated_units import CASES, CONFIDENCE

from resiliency.analysis.deployment import drawn_errors
from resiliency.analysis.judging import halves
from resiliency.base.names import CLEAN
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.metrics.selective import Ranked
from resiliency.prediction.reading import Predictions, Truth, all_conditions
from resiliency.statistics.intervals import wilson
from resiliency.statistics.resampling import Resampling, Units

FILMS = Units.numbered(np.array(["b", "a", "b", "c", "a", "b"]))
VALUES = np.array([1.0, 0, 1, 0, 1, 0])
# Without two of selective prediction, which are of the same resamples as its AUROC.
FAST = [case for case in CASES if not case.statistic.endswith(("aurc", "error_at_90"))]


def test_units_by_hand():
    assert FILMS.of_image.tolist() == [0, 1, 0, 2, 1, 0]
    assert (FILMS.number, FILMS.n_images, FILMS.sizes.tolist()) == (3, 6, [3, 2, 1])
    assert FILMS.of(np.array([4, 3, 1])).of_image.tolist() == [0, 1, 0]
    assert FILMS.sums(np.stack([VALUES, 1 - VALUES])).tolist() == [[2, 1, 0], [1, 1, 1]]


def test_values_have_the_mean_and_the_variance_of_clusters():
    """Cochran: the variance of a ratio of sums, with U / (U - 1)."""
    of_units, mean = FILMS.values(VALUES), VALUES.mean()
    assert of_units.mean() == pytest.approx(mean)
    left = np.array([2, 1, 0]) - mean * FILMS.sizes
    assert of_units.var(ddof=1) / 3 == pytest.approx(3 / 2 * (left**2).sum() / 6**2)
    assert FILMS.variance_of_mean(VALUES) == pytest.approx(3 / 2 * (left**2).sum() / 6**2)
    # Of a proportion.
    assert Units.single(6).variance_of_mean(VALUES) == pytest.approx(1 / 2 * 1 / 2 / 6)
    assert Units.numbered(np.zeros(6)).variance_of_mean(VALUES) == 0
    assert FILMS.effective(np.zeros(3), 0.95) == 3
    assert Units.numbered(np.arange(8) // 2).effective(
        np.array([1.0, 1, 1, 2]), 0.95
    ) == pytest.approx(
        15 * (norm.ppf(0.975) / t(3).ppf(0.975)) ** 2  # of which 8 at most count
    )
    # An image of 60 in one unit of 20.
    few = Units.numbered(np.arange(60) // 3).effective(np.eye(20)[0], 0.95)
    assert wilson(np.array(1 / 60), few, 0.9545)[1] == pytest.approx(4 / 24, rel=1e-4)
    np.testing.assert_allclose(FILMS.from_sums(FILMS.sums(VALUES)), of_units)
    assert FILMS.reach(0.95) == pytest.approx(t(2).ppf(0.975))
    assert Units.single(6).reach(0.95) == pytest.approx(norm.ppf(0.975))


def test_resamples_of_units_vary_as_their_mean_does():
    units, values = Units.numbered(np.arange(60) // 3), np.random.default_rng(0).random(60)
    counts = units.counts(40_000, 0, "images")
    drawn = counts @ values / counts.sum(axis=1)
    assert drawn.var() == pytest.approx(units.values(values).var(ddof=1) / 20, rel=0.03)
    of, films = scored(), np.arange(12)  # four units
    (drawn,) = drawn_errors(of, [np.array([0, 1])], films, Resampling(40_000, 0.95, 0))
    judged = of.units(CLEAN).of(films)
    expected = judged.variance_of_mean(of.wrong(np.array([0, 1]), films)[0])
    assert drawn.var() == pytest.approx(expected, rel=0.03)


@given(st.lists(st.integers(1, 6), min_size=6, max_size=30), st.integers(1, 5), st.integers(0, 5))
@settings(max_examples=40)
def test_halves_share_no_unit(sizes, classes, seed):
    units = Units.numbered(np.repeat(np.arange(len(sizes)), sizes))
    labels = np.repeat(np.arange(len(sizes)) % classes, sizes)
    chosen, judged = halves(labels, seed, units)
    assert sorted([*chosen, *judged]) == list(range(sum(sizes)))
    assert not set(units.of_image[chosen]) & set(units.of_image[judged])
    assert len(chosen)
    assert len(judged)


def scored() -> EnsembleErrors:
    """Three members on 40 images, each three times; its copies are one unit."""
    random, copies = np.random.default_rng(0), 3
    table = all_conditions(["fog"], [1], {CLEAN: 40 * copies}, {CLEAN: 3})
    units = Units.numbered(np.repeat(np.arange(40), copies))
    truth = {CLEAN: Truth(np.repeat(random.integers(0, 3, 40), copies), None, units)}
    logits = [np.repeat(random.normal(size=(2, 40, 3)), copies, axis=1) for _ in range(3)]
    members = [Predictions(table, {CLEAN: of}, truth) for of in logits]
    return EnsembleErrors(members, "mean_probability")


@pytest.mark.parametrize("block", [160, 2**23])
def test_copies_of_images_are_worth_one_image(monkeypatch, block):
    monkeypatch.setattr("resiliency.ensembles.pool.BLOCK_VALUES", block)
    ensembles, members, images = np.array([[0, 1], [1, 2]]), scored(), np.arange(7, 113)
    few = 39 * (norm.ppf(0.975) / t(39).ppf(0.975)) ** 2
    np.testing.assert_allclose(
        members.effective_images(ensembles, CLEAN, np.arange(120), 0.95), few, rtol=1e-6
    )
    units = members.units(CLEAN).of(images)
    each = [
        units.effective(units.sums(members.wrong_in(ensemble, images, 0)), 0.95)
        for ensemble in ensembles
    ]
    np.testing.assert_allclose(
        members.effective_images(ensembles, CLEAN, images, 0.95), each, rtol=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("case", FAST, ids=lambda case: case.statistic)
def test_intervals_of_each_statistic_cover(case):
    """At a coverage of 0.95 the bound is missed once in ten thousand times."""
    assert coverage(case, simulations=20, resamples=60)["adopted_hits"] >= binom.ppf(
        1e-4, 20, CONFIDENCE
    )


def test_the_losses_that_a_level_allows_by_hand():
    """Of units of 1 and 3 images: 4 / 2 = 2 images per unit, and a unit's loss is 3 / 2 at most."""
    ranked = Ranked.of(np.ones((2, 4)) / 2, np.ones((2, 4)), Units.numbered(np.array([0, 1, 1, 1])))
    assert ranked.most(0.6) == pytest.approx(2 * (0.6 * 3 - 3 / 2) * 2)
    assert Ranked.of(np.ones((2, 4)) / 2, np.ones((2, 4))).most(0.6) == pytest.approx(
        2 * (0.6 * 5 - 1)
    )
