"""The reference corruptions: repeatable, and without a trace in the modules that they mend."""

import sys
from contextlib import nullcontext

import numpy as np
import pytest
import skimage

from resiliency.base.corruption_names import CATEGORIES, HELD_OUT, MAIN
from resiliency.corruptions.reference import _package, corrupt
from resiliency.data.reading import digits
from resiliency.data.source import ALL

RANDOM = set(MAIN + HELD_OUT) - {
    "defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression", "gaussian_blur", "saturate"
}  # fmt: skip


@pytest.fixture(scope="module")
def images():
    """Three pictures in colour: each channel is a digit of its own."""
    return np.moveaxis(digits(32).parts[ALL].images[:9, ..., 0].reshape(3, 3, 32, 32), 1, -1).copy()


def test_names_are_those_of_the_package():
    assert list(MAIN) == _package.get_corruption_names("common")
    assert sorted(HELD_OUT) == sorted(_package.get_corruption_names("validation"))
    assert [len(names) for names in CATEGORIES.values()] == [3, 4, 4, 4]


@pytest.mark.parametrize(("height", "outcome"), [(32, nullcontext()), (8, pytest.raises(AttributeError))])
def test_the_global_generator_is_left_alone_by_a_failure_too(images, height, outcome):
    np.random.seed(42)
    with outcome:
        corrupt(images[:, :height], "gaussian_noise", 1, seed=0)
    after = np.random.random(5)
    np.random.seed(42)
    np.testing.assert_array_equal(after, np.random.random(5))


def test_modules_are_not_patched():
    assert not hasattr(np, "float_")
    assert getattr(sys.modules.get("pkg_resources"), "resource_filename", None) is None
    assert skimage.filters.gaussian.__module__.startswith("skimage")
    assert skimage.util.random_noise.__module__.startswith("skimage")


@pytest.mark.parametrize("corruption", MAIN + HELD_OUT)
def test_the_stream_of_an_image_is_its_seed_severity_and_index(images, corruption):
    twins = np.stack([images[0], images[0]])
    first, second = corrupt(twins, corruption, 4, seed=0)
    np.testing.assert_array_equal(twins[0], images[0])
    np.testing.assert_array_equal(corrupt(twins[:1], corruption, 4, seed=0)[0], first)
    assert (first != images[0]).any()
    assert (first != second).any() == (corruption in RANDOM)
    assert (first != corrupt(twins[:1], corruption, 4, seed=1)[0]).any() == (corruption in RANDOM)
