"""The corruption engine against the package imagecorruptions, its streams, its tables and its faults."""

import numpy as np
import pytest
from drawn_pictures import NAMES, RANDOM, pictures
from fault_messages import fault_of

from resiliency.corruptions import engine
from resiliency.corruptions.engine import corrupt
from resiliency.corruptions.registry import TABLES
from resiliency.corruptions.settings import SEVERITIES


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("corruption", NAMES)
def test_batch_shard_and_order_change_nothing(corruption, table, monkeypatch):
    images = pictures(5, 32, 40)
    before = images.copy()
    whole = corrupt(images, corruption, 4, table=table, seed=3)
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


def test_strided_images_are_fine():
    images = pictures(4, 64, 64)
    for corruption in NAMES:
        strided = corrupt(images[:, ::2, ::-2], corruption, 2, table="cifar-10-c", seed=0)
        copied = corrupt(images[:, ::2, ::-2].copy(), corruption, 2, table="cifar-10-c", seed=0)
        np.testing.assert_array_equal(strided, copied)


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
        ({"corruption": "gausian_noise"}, "corruption: corruption 'gausian_noise' not found; did you mean gaussian_"),
        ({"severity": 0}, "severity: expected an integer from 1 to 5, got 0"),
        ({"indices": [0, -1]}, "indices: expected 2 integers"),
    ],
)
def test_bad_input_is_told_in_one_line(change, message):
    assert message in fault_of(corrupt, **(GOOD | change), seed=0)
