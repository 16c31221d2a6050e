"""The corruption engine against the package imagecorruptions, exactly or in distribution; the package, mended."""

from contextlib import nullcontext
from functools import cache, partial

import numpy as np
import pytest
from drawn_pictures import DETERMINISTIC, NAMES, RANDOM, pictures

from resiliency.corruptions import reference, weather
from resiliency.corruptions.engine import corrupt
from resiliency.corruptions.settings import SEVERITIES


@pytest.mark.parametrize("size", [(32, 32), (48, 64), (224, 224)])
@pytest.mark.parametrize("corruption", DETERMINISTIC)
def test_what_draws_nothing_equals_the_reference_within_a_grey_level(corruption, size):
    images = pictures(1 if size[0] > 64 else 4, *size)
    for severity in SEVERITIES:
        ours = corrupt(images, corruption, severity, table="imagenet-c", seed=0).astype(int)
        theirs = reference.corrupt(images, corruption, severity, seed=0)
        assert np.abs(ours - theirs).max() <= 1
        assert (ours != theirs).mean() < 0.25


def features(residuals: np.ndarray) -> np.ndarray:
    """NxF: mean, standard deviation and the logarithms of four bands of the radial spectrum of each residual."""
    height, width = residuals.shape[1:3]
    power = np.abs(np.fft.fft2(residuals.mean(axis=-1), axes=(1, 2))) ** 2 / (height * width)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    bands = [(radius > low) & (radius <= high) for low, high in ((0, 0.1), (0.1, 0.2), (0.2, 0.35), (0.35, 0.5))]
    spectrum = np.stack([np.log(power[:, band].mean(axis=-1) + 1e-3) for band in bands], axis=1)
    return np.column_stack([residuals.mean(axis=(1, 2, 3)), residuals.std(axis=(1, 2, 3)), spectrum])


@cache
def reference_features(corruption: str, severity: int, size: tuple[int, int], count: int) -> np.ndarray:
    images = np.repeat(pictures(1, *size), count, axis=0)
    with np.errstate(invalid="ignore"):
        corrupted = reference.corrupt(images, corruption, severity, seed=1)
    corrupted = corrupted[corrupted.any(axis=(1, 2, 3))]  # without the black images of its spatter
    return features(corrupted.astype(float) - images[0])


def our_features(corruption: str, severity: int, size: tuple[int, int], count: int) -> np.ndarray:
    images = np.repeat(pictures(1, *size), count, axis=0)
    residuals = corrupt(images, corruption, severity, table="imagenet-c", seed=0).astype(float) - images
    return features(residuals[residuals.any(axis=(1, 2, 3))])


def distances(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """F: differences of the features' means, beyond what rounding may cost, in standard errors.

    Rounding: 0.05 grey levels of the mean, 0.05 of the standard deviation, 2 % of a band's power.
    """
    error = np.sqrt(ours.var(axis=0, ddof=1) / len(ours) + theirs.var(axis=0, ddof=1) / len(theirs))
    slack = np.array([0.05, 0.05, 0.02, 0.02, 0.02, 0.02])
    return np.maximum(np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) - slack, 0) / error


# Five standard errors: with about 400 comparisons, a difference by chance is expected in 2 of 10,000 choices of seeds.
LIMIT = 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("severity", "size", "ours", "theirs"),
    [*((severity, (32, 32), 300, 60) for severity in SEVERITIES), (4, (48, 80), 120, 30)],
)
@pytest.mark.parametrize("corruption", RANDOM)
def test_what_draws_agrees_with_the_reference_in_distribution(monkeypatch, corruption, severity, size, ours, theirs):
    monkeypatch.setattr(weather, "PICTURES", weather.PICTURES[:5])  # those that the reference picks from
    found = our_features(corruption, severity, size, ours)
    assert distances(found, reference_features(corruption, severity, size, theirs)).max() < LIMIT


@pytest.mark.parametrize("corruption", RANDOM)
def test_the_comparison_of_distributions_tells_severities_apart(corruption):
    ours, theirs = our_features(corruption, 1, (32, 32), 300), reference_features(corruption, 2, (32, 32), 60)
    assert distances(ours, theirs).max() > LIMIT


@pytest.mark.parametrize(("height", "outcome"), [(32, nullcontext()), (8, pytest.raises(AttributeError))])
def test_the_global_generator_is_left_alone_by_a_failure_too(height, outcome):
    np.random.seed(42)
    with outcome:
        reference.corrupt(pictures(1, 32, 32)[:, :height], "gaussian_noise", 1, seed=0)
    after = np.random.random(5)
    np.random.seed(42)
    np.testing.assert_array_equal(after, np.random.random(5))


@pytest.mark.parametrize("corrupted", [partial(corrupt, table="imagenet-c"), reference.corrupt], ids=["ours", "theirs"])
@pytest.mark.parametrize("corruption", NAMES)
def test_the_stream_of_an_image_is_its_seed_and_index(corruption, corrupted):
    twins = np.repeat(pictures(1, 32, 32), 3, axis=0)
    image = twins[0].copy()
    first, second, third = corrupted(twins, corruption, 4, seed=0, indices=[7, 8, 7])
    np.testing.assert_array_equal(twins[0], image)
    np.testing.assert_array_equal(first, third)
    assert (first != image).any()
    assert (first != second).any() == (corruption in RANDOM)
    (other,) = corrupted(twins[:1], corruption, 4, seed=1, indices=[7])
    assert (first != other).any() == (corruption in RANDOM)
