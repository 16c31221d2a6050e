"""The corruption engine against the package imagecorruptions, exactly or in distribution; the
package, mended."""

from functools import partial

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
    """NxF: mean, standard deviation and the logarithms of four bands of the radial spectrum of each
    residual."""
    height, width = residuals.shape[1:3]
    power = np.abs(np.fft.fft2(residuals.mean(axis=-1), axes=(1, 2))) ** 2 / (height * width)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    bands = [
        (radius > low) & (radius <= high)
        for low, high in ((0, 0.1), (0.1, 0.2), (0.2, 0.35), (0.35, 0.5))
    ]
    spectrum = np.stack([np.log(power[:, band].mean(axis=-1) + 1e-3) for band in bands], axis=1)
    return np.column_stack(
        [residuals.mean(axis=(1, 2, 3)), residuals.std(axis=(1, 2, 3)), spectrum]
    )


def both_features(
    corruption: str, severity: int, size: tuple[int, int], ours: int, theirs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Features of so many draws of the engine and of the reference, without those that change
    nothing, or are black."""
    images = np.repeat(pictures(1, *size), ours, axis=0)
    found = corrupt(images, corruption, severity, table="imagenet-c", seed=0).astype(float) - images
    with np.errstate(invalid="ignore"):
        expected = reference.corrupt(images[:theirs], corruption, severity, seed=1)
    # Some of its spatter are black.
    expected = expected[expected.any(axis=(1, 2, 3))].astype(float) - images[0]
    return features(found[found.any(axis=(1, 2, 3))]), features(expected)


def distances(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """F: differences of the features' means, beyond what rounding may cost, in standard errors.

    Rounding: 0.05 grey levels of the mean, 0.05 of the standard deviation, 2 % of a band's power.
    """
    error = np.sqrt(ours.var(axis=0, ddof=1) / len(ours) + theirs.var(axis=0, ddof=1) / len(theirs))
    slack = np.array([0.05, 0.05, 0.02, 0.02, 0.02, 0.02])
    return np.maximum(np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) - slack, 0) / error


# Five standard errors: with about 400 comparisons, a difference by chance is expected in 2 of
# 10,000 choices of seeds.
LIMIT = 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("severity", "size", "ours", "theirs"),
    [*((severity, (32, 32), 300, 60) for severity in SEVERITIES), (4, (48, 80), 120, 30)],
)
@pytest.mark.parametrize("corruption", RANDOM)
def test_what_draws_agrees_with_the_reference_in_distribution(
    monkeypatch, corruption, severity, size, ours, theirs
):
    # Those that the reference picks from.
    monkeypatch.setattr(weather, "PICTURES", weather.PICTURES[:5])
    assert distances(*both_features(corruption, severity, size, ours, theirs)).max() < LIMIT


@pytest.mark.parametrize(
    "corrupted", [partial(corrupt, table="imagenet-c"), reference.corrupt], ids=["ours", "theirs"]
)
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
