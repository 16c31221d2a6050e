"""The digits, their splits and the data card."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from resiliency.conditions import conditions
from resiliency.data.card import data_card
from resiliency.data.digits import digits
from resiliency.data.settings import DIGITS
from resiliency.data.split import SPLITS, split, stratified


@pytest.fixture(scope="module")
def loaded():
    return digits(32)


def test_digits_are_images(loaded):
    images, labels, classes = loaded
    assert images.shape == (DIGITS, 32, 32, 3)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    assert classes == list("0123456789")
    assert (images[..., :1] == images).all()


def test_digits_keep_their_pictures_and_labels(loaded):
    images, labels, _ = loaded
    small = load_digits()
    np.testing.assert_array_equal(labels, small.target)
    shrunk = images[..., 0].reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4))
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(shrunk, small.images, strict=True)]
    assert min(correlation) > 0.95
    assert images.min() == 0
    assert images.max() == 255


def test_splits_are_disjoint_and_complete(loaded):
    labels = loaded[1]
    indices = split(labels, validation=180, test=539, seed=0)
    assert set(indices) == set(SPLITS)
    assert {name: len(chosen) for name, chosen in indices.items()} == {"train": 1078, "validation": 180, "test": 539}
    np.testing.assert_array_equal(np.sort(np.concatenate(list(indices.values()))), np.arange(DIGITS))
    assert all((np.diff(chosen) > 0).all() for chosen in indices.values())


def test_splits_are_stratified(loaded):
    labels = loaded[1]
    sizes = np.bincount(labels)
    for chosen in split(labels, 180, 539, seed=3).values():
        shares = sizes * len(chosen) / DIGITS
        assert np.abs(np.bincount(labels[chosen]) - shares).max() < 1.5


def test_splits_follow_the_seed(loaded):
    labels = loaded[1]
    one, again, other = (split(labels, 180, 539, seed=seed)["test"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_the_test_split_does_not_depend_on_validation(loaded):
    labels = loaded[1]
    one, other = (split(labels, validation, 539, seed=0)["test"] for validation in (50, 180))
    np.testing.assert_array_equal(one, other)


def test_the_missing_images_go_to_the_largest_remainders():
    labels = np.repeat([0, 1, 2], [5, 3, 2])
    chosen = stratified(labels, 5, 0, "probe")  # shares 2.5, 1.5 and 1.0
    assert np.bincount(labels[chosen]).tolist() == [3, 1, 1]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.data())
@settings(deadline=None)
def test_stratified_takes_so_many_within_one_of_each_share(values, data):
    labels = np.array(values)
    count = data.draw(st.integers(0, len(labels)))
    chosen = stratified(labels, count, 0, "probe")
    assert len(set(chosen.tolist())) == len(chosen) == count
    shares = count * np.bincount(labels, minlength=5) / len(labels)
    assert np.abs(np.bincount(labels[chosen], minlength=5) - shares).max() < 1


def test_every_image_can_be_chosen():
    labels = np.zeros(6, int)
    drawn = {int(index) for seed in range(40) for index in stratified(labels, 2, seed, "probe")}
    assert drawn == set(range(6))


def test_the_card_describes_the_splits():
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (6, 4, 5, 3), dtype=np.uint8), np.array([0, 2, 2, 1, 0, 2])
    card = data_card(
        "toy", "made up", ["a", "b", "c", "d"], {"train": (images, labels), "test": (images[:2], labels[:2])}
    )
    assert card["image_shape"] == [4, 5, 3]
    assert card["splits"]["train"]["images_per_class"] == [2, 1, 3, 0]
    assert card["splits"]["test"]["images"] == 2
    for channel in range(3):
        values = [int(value) / 255 for value in images[..., channel].ravel()]
        mean = sum(values) / len(values)
        deviation = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
        assert card["mean"][channel] == pytest.approx(mean, abs=1e-6)
        assert card["std"][channel] == pytest.approx(deviation, abs=1e-6)


def test_checksums_tell_images_and_labels_apart():
    images, labels = np.zeros((2, 2, 2, 3), np.uint8), np.array([0, 1])
    others = [(images, labels), (images + 1, labels), (images, labels[::-1])]
    sums = [data_card("", "", ["a", "b"], {"train": pair})["splits"]["train"]["sha256"] for pair in others]
    assert len(set(sums)) == 3
    assert sums[0] == hashlib.sha256(bytes(24) + labels.tobytes()).hexdigest()


def test_conditions_start_clean():
    table = conditions(["fog", "snow"], [1, 3])
    assert table.values.tolist() == [[0, "clean", 0], [1, "fog", 1], [2, "fog", 3], [3, "snow", 1], [4, "snow", 3]]
