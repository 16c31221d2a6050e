"""Units of images, resamples of them, and intervals of statistics of images."""

from functools import cache

import numpy as np
import pytest
from default_study import changed, faults_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from simulated_intervals import coverage
from simulated_units import CASES, CONFIDENCE, GROUPED, IMAGES, MANY, confidences, study

from resiliency.analysis.choices import halves
from resiliency.analysis.contenders import under_corruptions
from resiliency.analysis.parts import corrected_interval, least_resamples
from resiliency.base.names import CLEAN
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.metrics.classification import Ranked, graded, limiting_threshold
from resiliency.prediction.reading import Predictions, Truth, all_conditions
from resiliency.statistics.resampling import Units, percentile_interval, resampled_counts
from resiliency.study.files import load

FILMS = Units.numbered(np.array(["b", "a", "b", "c", "a", "b"]))
VALUES = np.array([1.0, 0, 1, 0, 1, 0])


def test_units_are_numbered_as_they_come():
    assert FILMS.of_image.tolist() == [0, 1, 0, 2, 1, 0]
    assert (FILMS.number, FILMS.images, FILMS.sizes.tolist()) == (3, 6, [3, 2, 1])
    assert FILMS.of(np.array([4, 3, 1])).of_image.tolist() == [0, 1, 0]
    assert FILMS.of(FILMS.of_image == 1).of_image.tolist() == [0, 0]


def test_sums_by_hand():
    assert FILMS.sums(np.stack([VALUES, 1 - VALUES])).tolist() == [[2, 1, 0], [1, 1, 1]]


def test_values_have_the_mean_and_the_variance_of_clusters():
    """Cochran: the variance of a ratio of sums, with U / (U - 1)."""
    of_units, mean = FILMS.values(VALUES), VALUES.mean()
    assert of_units.mean() == pytest.approx(mean)
    left = np.array([2, 1, 0]) - mean * FILMS.sizes
    assert of_units.var(ddof=1) / 3 == pytest.approx(3 / 2 * (left**2).sum() / 6**2)
    assert FILMS.effective(np.zeros(3)) == 3
    np.testing.assert_allclose(FILMS.from_sums(FILMS.sums(VALUES)), of_units)


def test_units_are_drawn_whole():
    counts = FILMS.counts(50, 1, "images")
    assert (counts[:, 0] == counts[:, 2]).all()
    assert (counts[:, [0, 1, 3]].sum(axis=1) == 2).all()


def test_resamples_of_units_vary_as_samples_do():
    units, values = Units.numbered(np.arange(60) // 3), np.random.default_rng(0).random(60)
    counts = units.counts(40_000, 0, "images")
    drawn = counts @ values / counts.sum(axis=1)
    assert drawn.var() == pytest.approx(units.values(values).var(ddof=1) / 20, rel=0.03)


@given(st.lists(st.integers(1, 6), min_size=6, max_size=30), st.integers(1, 5), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_halves_share_no_unit(sizes, classes, seed):
    units = Units.numbered(np.repeat(np.arange(len(sizes)), sizes))
    labels = np.repeat(np.arange(len(sizes)) % classes, sizes)
    chosen, judged = halves(labels, seed, units)
    assert sorted([*chosen, *judged]) == list(range(sum(sizes)))
    assert not set(units.of_image[chosen]) & set(units.of_image[judged])
    assert len(chosen)
    assert len(judged)


def scored(copies: int) -> EnsembleErrors:
    """Three members on 40 images, each so often; its copies are one unit."""
    random = np.random.default_rng(0)
    table = all_conditions(["fog"], [1], {CLEAN: 40 * copies}, {CLEAN: 3})
    units = Units.numbered(np.repeat(np.arange(40), copies))
    truth = {CLEAN: Truth(np.repeat(random.integers(0, 3, 40), copies), None, units)}
    logits = [np.repeat(random.normal(size=(2, 40, 3)), copies, axis=1) for _ in range(3)]
    members = [Predictions(table, {CLEAN: of}, truth) for of in logits]
    return EnsembleErrors(members, np.ones(3), "mean_probability")


@pytest.mark.parametrize("block", [160, 2**23])
def test_copies_of_images_are_worth_one_image(monkeypatch, block):
    monkeypatch.setattr("resiliency.ensembles.pool.BLOCK_VALUES", block)
    ensembles = np.array([[0, 1], [1, 2]])
    of_copies = scored(4).effective_images(ensembles, CLEAN, np.arange(160))
    np.testing.assert_allclose(of_copies, 39, rtol=1e-6)
    assert scored(1).effective_images(ensembles, CLEAN, np.arange(40)) == 40


def test_a_block_of_ensembles_is_worth_as_many_images_as_each_by_itself():
    members, images = scored(3), np.arange(7, 113)
    units, pairs = members.units(CLEAN).of(images), np.array([[0, 1], [0, 2], [1, 2]])
    expected = [units.effective(units.sums(members.wrong_in(pair, images, 0))) for pair in pairs]
    np.testing.assert_allclose(members.effective_images(pairs, CLEAN, images), expected, rtol=1e-6)


def test_counts_are_resamples():
    counts = resampled_counts(7, 500, 0, "members")
    assert counts.shape == (500, 7)
    assert (counts.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(counts, resampled_counts(7, 500, 0, "members"))
    assert (counts != resampled_counts(7, 500, 0, "images")).any()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.15)
    np.testing.assert_allclose(counts.var(axis=0), 6 / 7, atol=0.2)


def test_interval_by_hand():
    assert percentile_interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))
    values = np.arange(101.0)
    values[::2] = np.nan  # 50 values of 101 are left
    assert np.isnan(percentile_interval(values, 0.9)).all()
    values[0] = 0  # 51 are
    assert np.isfinite(percentile_interval(values, 0.9)).all()
    assert np.isnan(percentile_interval(np.full(10, np.nan), 0.9)).all()


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
def test_no_corruption_differs_where_none_does():
    """Two classifiers that err equally often on 200 images under 15 corruptions; 400 studies."""
    units = Units.single(200)
    names, studies, random = [f"c{number}" for number in range(15)], 400, np.random.default_rng(3)
    false = 0
    for one in range(studies):
        errors = {role: (random.random((15, 200)) < 0.3).astype(np.float32) for role in ("one", "other")}
        counts = units.counts(least_resamples(15, 0.95), one, "images").astype(np.float64)
        table = under_corruptions(errors, names, counts, units.number, 0.95)
        rows = table[(table.role == "other") & table.corruption.isin(names)]
        false += ((rows.difference_low > 0) | (rows.difference_high < 0)).any()
    assert false / studies < 0.05 + 2.5 * np.sqrt(0.05 / studies)


def test_too_few_resamples_are_refused_by_number_of_corruptions_and_confidence():
    few = "statistics.resamples: expected at least 599 for 15 comparisons at confidence 0.95, got 598; set it to more"
    assert faults_of(changed("statistics.resamples", 598)) == [few]
    load(changed("statistics.resamples", 599))
    assert "expected at least 2999 " in str(faults_of(changed("statistics.confidence", 0.99)))
    fog = changed("corruptions.names", ["fog"])
    assert "least 199 for 5 comparisons" in str(faults_of(fog | {"statistics": {"resamples": 198}}))
    load(fog | {"statistics": {"resamples": 199}})


SIMULATIONS, RESAMPLES = 20, 60


@cache
def row(place: int) -> dict:
    return coverage(CASES[place], SIMULATIONS, RESAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("place", range(len(CASES)), ids=[case.statistic for case in CASES])
def test_intervals_of_each_statistic_cover(place):
    """At a coverage of 0.95 the bound is missed once in ten thousand times."""
    assert row(place)["adopted_hits"] >= binom.ppf(1e-4, SIMULATIONS, CONFIDENCE)


@pytest.mark.slow
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
