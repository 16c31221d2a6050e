"""Units of images, resamples of them, and intervals of statistics of images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm, t
from simulated_intervals import coverage
from simulated_units import CASES, CONFIDENCE

from resiliency.analysis.choices import drawn_errors, halves
from resiliency.analysis.parts import corrected_interval, least_resamples
from resiliency.base.names import CLEAN
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.metrics.classification import Ranked
from resiliency.prediction.reading import Predictions, Truth, all_conditions
from resiliency.statistics.resampling import (
    Resampling,
    Units,
    apart,
    cost_interval,
    interval_if_rare,
    percentile_interval,
    share_interval,
    wilson,
    wilson_of_means,
)

FILMS = Units.numbered(np.array(["b", "a", "b", "c", "a", "b"]))
VALUES = np.array([1.0, 0, 1, 0, 1, 0])
# Without two of selective prediction, which are of the same resamples as its AUROC.
FAST = [case for case in CASES if not case.statistic.endswith(("aurc", "error_at_80"))]


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
    assert Units.single(6).variance_of_mean(VALUES) == pytest.approx(1 / 2 * 1 / 2 / 6)  # of a proportion
    assert Units.numbered(np.zeros(6)).variance_of_mean(VALUES) == 0
    assert FILMS.effective(np.zeros(3)) == 3
    assert Units.numbered(np.arange(8) // 2).effective(np.array([1.0, 1, 1, 2])) == 8  # and not 15
    few = Units.numbered(np.arange(60) // 3).effective(np.eye(20)[0])  # an image of 60 in one unit of 20
    assert wilson(np.array(1 / 60), few, 0.9545)[1] == pytest.approx(4 / 24, rel=1e-4)
    np.testing.assert_allclose(FILMS.from_sums(FILMS.sums(VALUES)), of_units)
    assert FILMS.reach(0.95) == pytest.approx(t(2).ppf(0.975))
    assert Units.single(6).reach(0.95) == pytest.approx(norm.ppf(0.975))


def test_resamples_of_units_vary_as_students_t_does():
    units, values = Units.numbered(np.arange(60) // 3), np.random.default_rng(0).random(60)
    counts = units.counts(40_000, 0, "images")
    drawn = counts @ values / counts.sum(axis=1)
    assert drawn.var() == pytest.approx(units.values(values).var(ddof=1) / 20 * t(19).var(), rel=0.03)
    of, films = scored(), np.arange(12)  # four units
    (drawn,) = drawn_errors(of, [np.array([0, 1])], films, Resampling(40_000, 0.95, 0))
    judged = of.units(CLEAN).of(films)
    expected = judged.variance_of_mean(of.wrong(np.array([0, 1]), films)[0]) * t(judged.number - 1).var()
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
    return EnsembleErrors(members, np.ones(3), "mean_probability")


@pytest.mark.parametrize("block", [160, 2**23])
def test_copies_of_images_are_worth_one_image(monkeypatch, block):
    monkeypatch.setattr("resiliency.ensembles.pool.BLOCK_VALUES", block)
    ensembles, members, images = np.array([[0, 1], [1, 2]]), scored(), np.arange(7, 113)
    np.testing.assert_allclose(members.effective_images(ensembles, CLEAN, np.arange(120)), 39, rtol=1e-6)
    units = members.units(CLEAN).of(images)
    each = [units.effective(units.sums(members.wrong_in(ensemble, images, 0))) for ensemble in ensembles]
    np.testing.assert_allclose(members.effective_images(ensembles, CLEAN, images), each, rtol=1e-6)


def test_interval_by_hand():
    assert percentile_interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))
    values = np.arange(101.0)
    values[::2] = np.nan  # 50 values of 101 are left
    assert np.isnan(percentile_interval(values, 0.9)).all()
    values[0] = 0  # 51 are
    assert np.isfinite(percentile_interval(values, 0.9)).all()
    assert np.isnan(percentile_interval(np.full(99, 0.1) + 1e-17, 0.9)).all()  # equal draws say nothing
    for sign in (1, -1):  # a twentieth, and fewer, beyond all bounds
        draws = np.where(np.arange(101) < 6, sign * np.inf, np.arange(101.0))
        assert np.isfinite(percentile_interval(draws, 0.9)).tolist() == [sign > 0, sign < 0]
        assert np.isfinite(corrected_interval(draws, 0.9, 1)).tolist() == [sign > 0, sign < 0]


def test_a_share_of_nearly_nothing_or_all_has_an_end_of_wilsons():
    """Of 0 of 40: 3.8415 / (40 + 3.8415) = .0876."""
    drawn = np.linspace(0.009, 0.011, 101)
    assert share_interval(0.01, drawn, 40, 0.95)[1] == pytest.approx(0.0876, abs=1e-4)
    assert share_interval(0.99, 1 - drawn, 40, 0.95)[0] == pytest.approx(0.9124, abs=1e-4)
    assert share_interval(0.5, np.linspace(0, 1, 101), 40, 0.9) == pytest.approx((0.05, 0.95))
    assert cost_interval(0, np.zeros(101), 50, 40, 0.95) == pytest.approx((0, 50 * 0.0876), abs=1e-2)
    assert cost_interval(2, np.arange(101.0), 50, 40, 0.9) == pytest.approx((5, 95))


def test_what_is_alike_in_all_units_has_an_interval():
    """Wilson's of half of 40: .5 -+ .5 * sqrt(3.8415 / (40 + 3.8415)) = .5 -+ .148."""
    half = pytest.approx((0.352, 0.648), abs=1e-3)
    assert share_interval(0.5, np.full(101, 0.5) + 1e-17 * np.arange(101), 40, 0.95) == half
    assert interval_if_rare(0.5, (0.5, 0.5), 1e-34, 40, 0.95) == half
    assert cost_interval(25, np.full(101, 25.0), 50, 40, 0.95) == pytest.approx((17.6, 32.4), abs=0.05)
    low, high = wilson_of_means(np.array([0.5]), np.array([1e-34]), 40, 0.95)
    assert (low[0], high[0]) == half


def test_what_does_not_differ_may_differ_as_much_as_a_share_of_0_may_be():
    assert apart(0, 40, 0.95) == pytest.approx((-0.0876, 0.0876), abs=1e-4)
    assert apart(1, 40, 0.95) == pytest.approx((0.9124, 1), abs=1e-4)


@pytest.mark.parametrize(
    ("comparisons", "confidence", "least"),
    [(15, 0.95, 599), (19, 0.95, 759), (5, 0.95, 199), (15, 0.99, 2999), (1, 0.5, 3)],
)
def test_least_resamples(comparisons, confidence, least):
    assert least_resamples(comparisons, confidence) == least
    values = np.arange(float(least))
    assert corrected_interval(values, confidence, comparisons) == pytest.approx((0, least - 1))
    assert np.isnan(corrected_interval(values[1:], confidence, comparisons)).all()


@pytest.mark.slow
@pytest.mark.parametrize("case", FAST, ids=lambda case: case.statistic)
def test_intervals_of_each_statistic_cover(case):
    """At a coverage of 0.95 the bound is missed once in ten thousand times."""
    assert coverage(case, simulations=20, resamples=60)["adopted_hits"] >= binom.ppf(1e-4, 20, CONFIDENCE)


def test_the_losses_that_a_level_allows_by_hand():
    """Of units of 1 and 3 images: 4 / 2 = 2 images per unit, and a unit's loss is 3 / 2 at most."""
    ranked = Ranked.of(np.ones((2, 4)) / 2, np.ones((2, 4)), Units.numbered(np.array([0, 1, 1, 1])))
    assert ranked.most(0.6) == pytest.approx(2 * (0.6 * 3 - 3 / 2) * 2)
    assert Ranked.of(np.ones((2, 4)) / 2, np.ones((2, 4))).most(0.6) == pytest.approx(2 * (0.6 * 5 - 1))
