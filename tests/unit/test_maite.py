"""Models, data sets and augmentations of MAITE: valid by its own checks, and the same numbers as of arrays."""

import re

import numpy as np
import pytest
import torch

from resiliency.api import MaiteAugmentation, evaluate
from resiliency.base.faults import Fault
from resiliency.corruptions import engine

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), np.uint8)
LABELS = np.random.default_rng(1).integers(0, 3, 24)
OPTIONS = {"corruptions": ["fog", "gaussian_noise"], "severities": [3], "progress": False, "batch_size": 5}


class DataSet:
    """Images 3 x H x W as `given` makes them of uint8, with targets and metadata, as a data set of MAITE."""

    def __init__(self, given, images=IMAGES, labels=LABELS):
        self.metadata = {"id": "colours", "index2label": {0: "red", 1: "green", 2: "blue"}}
        self.images, self.targets = [given(image.transpose(2, 0, 1)) for image in images], np.eye(3)[labels]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.targets[index], {"id": index}


class Model:
    """Names the brightest channel, of images as the data set has them, and is not sure of it."""

    def __init__(self, scale=1.0):
        self.metadata, self.scale = {"id": "brightest"}, scale

    def __call__(self, batch):
        return [8 * self.scale * np.asarray(image, np.float64).mean(axis=(1, 2)) / 255 for image in batch]


KINDS = {
    "uint8": (lambda image: image, 1),
    "float32": (lambda image: image.astype(np.float32) / 255, 255),
    "torch": (lambda image: torch.from_numpy(image.copy()), 1),
    "torch float16": (lambda image: torch.from_numpy(image / 255).half(), 255),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_report_is_that_of_the_same_images_as_arrays(kind):
    given, scale = KINDS[kind]
    evaluation = evaluate(Model(scale), DataSet(given), **OPTIONS)
    other = evaluate(lambda images: 8 * images.mean(axis=(1, 2)) / 255, IMAGES, LABELS, **OPTIONS)
    assert evaluation.seen == other.seen
    assert evaluation.errors.error.tolist() == other.errors.error.tolist()
    np.testing.assert_allclose(evaluation.errors.nll, other.errors.nll, rtol=2e-3 if "16" in kind else 1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_an_augmentation_gives_each_image_as_it_came_whatever_its_batch(kind):
    given, scale = KINDS[kind]
    data_set, augmentation = DataSet(given), MaiteAugmentation("gaussian_noise", 3, table="cifar-10-c", seed=4)
    images, targets, metadata = augmentation([list(of) for of in zip(*(data_set[i] for i in (7, 2)), strict=True)])
    noisy = engine.corrupt(IMAGES, "gaussian_noise", 3, table="cifar-10-c", seed=4)
    for image, index in zip(images, (7, 2), strict=True):
        assert (type(image), image.dtype) == (type(data_set.images[0]), data_set.images[0].dtype)
        pixels = np.rint(scale * np.asarray(image, np.float64)).transpose(1, 2, 0)
        np.testing.assert_array_equal(pixels, noisy[index])
    np.testing.assert_array_equal(targets, data_set.targets[[7, 2]])
    assert metadata == [{"id": 7}, {"id": 2}]


def test_maite_finds_them_valid():
    maite = pytest.importorskip("maite.protocols.image_classification")
    assert isinstance(MaiteAugmentation("fog", 3, table="cifar-10-c"), maite.Augmentation)
    assert isinstance(DataSet(KINDS["uint8"][0]), maite.Dataset)
    assert isinstance(Model(), maite.Model)


def changed(part: str, index: int, value: np.ndarray) -> DataSet:
    data_set = DataSet(KINDS["float32"][0])
    getattr(data_set, part)[index] = value
    return data_set


HALF = np.full((3, 32, 32), 0.5)


@pytest.mark.parametrize(
    ("data_set", "message"),
    [
        (IMAGES, "labels: expected labels, or a data set of (image, target, metadata), got ndarray; give labels"),
        (changed("images", 0, HALF.transpose(1, 2, 0)), "image 0: expected shape 3 x height x width, got (32, 32, 3)"),
        (changed("images", 3, HALF * 4 - 2.1), "image 3: expected uint8, or floats from 0 to 1, got float64 from -0.1"),
        (changed("images", 3, HALF[:, :, :20]), "image 3: expected 32x32 pixels as image 0, got 32x20"),
        (changed("targets", 2, np.ones(3)), "target 2: expected numbers for each class, the largest for its own"),
    ],
)
def test_what_is_no_data_set_of_maite_is_named(data_set, message):
    with pytest.raises(Fault, match=re.escape(message)):
        evaluate(Model(), data_set, **OPTIONS)


def test_models_that_number_classes_otherwise_are_refused():
    model, data_set = Model(), DataSet(KINDS["uint8"][0])
    model.metadata = {"id": "other", "index2label": {0: "green", 1: "red", 2: "blue"}}
    with pytest.raises(Fault, match="data set: index2label: expected class 'red' as 1, as in the model, got 0"):
        evaluate(model, data_set, **OPTIONS)
