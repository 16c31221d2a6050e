"""The corruption engine against the package imagecorruptions, its streams, its tables and its faults."""

import numpy as np
import pytest
from drawn_pictures import NAMES, RANDOM, pictures
from fault_messages import fault_of
from scipy.stats import norm, poisson

from resiliency.base.streams import stream
from resiliency.corruptions import engine, noise
from resiliency.corruptions.engine import corrupt
from resiliency.corruptions.filters import STEPS, Streams, normal_quantiles, normals, random_steps, uniforms
from resiliency.corruptions.registry import TABLES
from resiliency.corruptions.settings import SEVERITIES


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("corruption", NAMES)
def test_batch_shard_order_and_strides_change_nothing(corruption, table, monkeypatch):
    images = pictures(5, 64, 80)[:, ::2, ::-2]
    before = images.copy()
    whole = corrupt(images, corruption, 4, table=table, seed=3)
    np.testing.assert_array_equal(corrupt(before, corruption, 4, table=table, seed=3), whole)
    order = [3, 0, 4, 2, 1]
    shuffled = corrupt(images[order], corruption, 4, table=table, seed=3, indices=order)
    np.testing.assert_array_equal(shuffled, whole[order])
    shard = corrupt(images[2:4], corruption, 4, table=table, seed=3, indices=np.arange(2, 4))
    np.testing.assert_array_equal(shard, whole[2:4])
    monkeypatch.setattr(engine, "_CHUNK", 2 * 32 * 40)
    np.testing.assert_array_equal(corrupt(images, corruption, 4, table=table, seed=3), whole)
    np.testing.assert_array_equal(images, before)
    assert (whole.shape, whole.dtype) == (images.shape, np.uint8)


@pytest.mark.parametrize("corruption", RANDOM)
def test_images_severities_and_seeds_have_streams_of_their_own(corruption):
    twins = np.repeat(pictures(1, 32, 32), 3, axis=0)
    first, second, third = corrupt(twins, corruption, 5, table="imagenet-c", seed=0, indices=[7, 8, 7])
    assert (first != second).any()
    np.testing.assert_array_equal(first, third)
    assert (first != corrupt(twins[:1], corruption, 5, table="imagenet-c", seed=1, indices=[7])[0]).any()


def test_extreme_images_survive():
    """Black, white and fully saturated images, at every corruption, severity and table, without a warning."""
    images = np.zeros((3, 32, 33, 3), np.uint8)
    images[1], images[2, ..., 1] = 255, 255
    for table in TABLES:
        for corruption in NAMES:
            for severity in SEVERITIES:
                corrupt(images, corruption, severity, table=table, seed=0)


GOOD = {"images": np.zeros((2, 32, 32, 3), np.uint8), "corruption": "fog", "severity": 1, "table": "imagenet-c"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((2, 32, 32, 3))}, "images: expected a uint8 array, got float64"),
        ({"images": np.zeros((2, 64, 28, 3), np.uint8)}, "images: expected at least 32x32 pixels, got 64x28"),
        ({"severity": 0}, "severity: expected an integer from 1 to 5, got 0"),
        ({"indices": [0, -1]}, "indices: expected 2 integers"),
    ],
)
def test_bad_input_is_told_in_one_line(change, message):
    assert message in fault_of(corrupt, **(GOOD | change), seed=0)


def streams(count: int) -> Streams:
    return Streams(0, ("a",), range(count))


def steps_of(index: int, shape: tuple[int, ...]) -> np.ndarray:
    """The numbers of 16 bits that NumPy draws from one of the `streams`."""
    return stream(0, "a", index).integers(0, STEPS, shape, np.uint16)


@pytest.mark.parametrize("shape", [(4, 5, 3), (32, 33, 3), (7,)])
def test_random_steps_are_those_of_the_generator(shape):
    steps = random_steps(streams(3), shape)
    expected = [steps_of(index, shape) for index in range(3)]
    assert steps.dtype == np.uint16
    np.testing.assert_array_equal(steps, expected)


def test_quantiles_are_those_of_the_normal_distribution():
    quantiles = normal_quantiles()
    steps = np.arange(STEPS)
    below = norm.cdf(quantiles.astype(float))
    assert (steps / STEPS < below).all()
    assert (below < (steps + 1) / STEPS).all()
    np.testing.assert_array_equal(quantiles, -quantiles[::-1])
    assert quantiles.astype(float).std() == pytest.approx(1, abs=1e-4)
    drawn = normals(streams(1), (100, 100))
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn[0], quantiles[steps_of(0, (100, 100))])


def test_uniforms_are_the_middles_of_equal_parts():
    drawn = uniforms(streams(1), (100, 100))
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn[0], (2 * steps_of(0, (100, 100)).astype(float) + 1) / STEPS - 1)
    assert abs(drawn).max() < 1


@pytest.mark.parametrize("sigma", [0.04, 0.38])
def test_gaussian_noise_is_added_before_truncation(sigma):
    images = pictures(3, 32, 33)
    added = normals(streams(3), images.shape[1:]).astype(float) * 255 * sigma
    expected = np.clip(images + added, 0, 255).astype(int)
    noisy = noise.gaussian_noise(images, streams(3), sigma)
    assert noisy.dtype == np.uint8
    assert np.abs(noisy - expected).max() <= 1  # where a sum is just below an integer
    assert (noisy != expected).mean() < 2e-3


@pytest.mark.parametrize("photons", [3, 60, 500])
def test_levels_of_shot_noise_are_quantiles_of_poisson(photons):
    starts, levels = noise._shot_quantiles(photons)
    steps = np.arange(STEPS)
    for grey in (0, 1, 100, 255):
        drawn = levels[starts[grey * 256 + (steps >> 8)] + (steps & 255)]
        counts = np.clip(poisson.ppf((steps + 0.5) / STEPS, grey / 255 * photons), 0, photons)
        np.testing.assert_array_equal(drawn, (counts * 255 // photons).astype(np.uint8))
    assert len(levels) < STEPS * 256 / 4


def test_impulses_are_where_a_step_is_low_or_high():
    images = pictures(2, 32, 32)
    steps = np.array([steps_of(index, images.shape[1:]) for index in (0, 1)])
    noisy = noise.impulse_noise(images, streams(2), 0.25)
    expected = np.where(steps < STEPS / 8, 0, np.where(steps >= STEPS * 7 / 8, 255, images))
    np.testing.assert_array_equal(noisy, expected)
