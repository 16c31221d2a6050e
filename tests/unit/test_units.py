"""Units of images: drawn, counted and split as wholes; and what they are where each image is one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resiliency.analysis.choices import halves
from resiliency.base.names import CLEAN
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.metrics.classification import wilson
from resiliency.prediction.reading import Predictions, Truth, all_conditions
from resiliency.statistics.units import Units

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
    np.testing.assert_allclose(FILMS.from_sums(FILMS.sums(VALUES)), of_units)


def test_images_that_are_copies_count_once():
    shares = np.random.default_rng(0).random(40) < 0.3
    copied = Units.numbered(np.repeat(np.arange(40), 5))
    of_copies = copied.effective(copied.sums(np.repeat(shares, 5).astype(float)))
    assert of_copies == pytest.approx(39)  # the variance is unbiased
    assert copied.effective(np.zeros(40)) == 40
    ends = [np.ptp(wilson(shares.mean(), images, 0.95)) for images in (40, of_copies, 200)]
    assert ends[0] < ends[1] < ends[2] * 2.4


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
