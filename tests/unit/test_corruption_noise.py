"""Noise from tables of quantiles against the formulas that the tables stand for."""

import numpy as np
import pytest
from drawn_pictures import pictures
from scipy.stats import norm, poisson

from resiliency.corruptions import noise
from resiliency.corruptions.filters import STEPS, looked_up, normal_quantiles, normals, random_steps, uniforms


@pytest.mark.parametrize("shape", [(4, 5, 3), (32, 33, 3), (7,)])
def test_random_steps_are_those_of_the_generator(shape):
    steps = random_steps([np.random.default_rng(index) for index in range(3)], shape)
    expected = [np.random.default_rng(index).integers(0, STEPS, shape, np.uint16) for index in range(3)]
    assert steps.dtype == np.uint16
    np.testing.assert_array_equal(steps, expected)


def test_tables_are_looked_up_at_both_ends():
    steps = np.uint16([[[0, 1], [STEPS - 1, 300]]])
    for dtype in (np.int16, np.int32, np.float32):
        table = np.arange(STEPS).astype(dtype)
        np.testing.assert_array_equal(looked_up(steps, table), table[steps])


def test_quantiles_are_those_of_the_normal_distribution():
    quantiles = normal_quantiles()
    steps = np.arange(STEPS)
    below = norm.cdf(quantiles.astype(float))
    assert (steps / STEPS < below).all()
    assert (below < (steps + 1) / STEPS).all()
    np.testing.assert_array_equal(quantiles, -quantiles[::-1])
    assert quantiles.astype(float).std() == pytest.approx(1, abs=1e-4)
    drawn = normals([np.random.default_rng(0)], (100, 100))
    assert drawn.dtype == np.float32
    steps = np.random.default_rng(0).integers(0, STEPS, (100, 100), np.uint16)
    np.testing.assert_array_equal(drawn[0], quantiles[steps])


def test_uniforms_are_the_middles_of_equal_parts():
    drawn = uniforms([np.random.default_rng(0)], (100, 100))
    steps = np.random.default_rng(0).integers(0, STEPS, (100, 100), np.uint16)
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn[0], (2 * steps.astype(float) + 1) / STEPS - 1)
    assert abs(drawn).max() < 1


@pytest.mark.parametrize("sigma", [0.04, 0.38])
def test_gaussian_noise_is_added_before_truncation(sigma):
    images = pictures(3, 32, 33)
    streams = [np.random.default_rng(index) for index in range(3)]
    added = normals([np.random.default_rng(index) for index in range(3)], images.shape[1:]).astype(float) * 255 * sigma
    expected = np.clip(images + added, 0, 255).astype(int)
    noisy = noise.gaussian_noise(images, streams, sigma)
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
    steps = np.array([np.random.default_rng(index).integers(0, STEPS, images.shape[1:], np.uint16) for index in (0, 1)])
    noisy = noise.impulse_noise(images, [np.random.default_rng(0), np.random.default_rng(1)], 0.25)
    expected = np.where(steps < STEPS / 8, 0, np.where(steps >= STEPS * 7 / 8, 255, images))
    np.testing.assert_array_equal(noisy, expected)
