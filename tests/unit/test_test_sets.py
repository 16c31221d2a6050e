"""Further test sets: read from folders and arrays, of some or all of the classes."""

import json

import numpy as np
import pytest
from fault_messages import fault_of
from PIL import Image

from resiliency.data.card import write_test_set
from resiliency.data.pictures import read_images, read_items
from resiliency.data.reading import labelled_arrays, labelled_folder

CLASSES = ["ant", "bee", "cat", "dog"]


def folder_of(path, pictures: dict[str, int]):
    """Plain pictures, as many of each class as asked for, each of a colour of its own."""
    for name, count in pictures.items():
        (path / name).mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", (48, 40), (10 * index, 0, ord(name[0]))).save(path / name / f"{index}.png")
    return path


def test_a_folder_with_some_of_the_classes(tmp_path):
    part = labelled_folder(folder_of(tmp_path / "photos", {"dog": 2, "bee": 1}), CLASSES, 32, 1)
    assert part.labels.tolist() == [1, 3, 3]
    assert part.names == ["0", "0", "1"]
    assert part.images[:].shape == (3, 32, 32, 3)
    assert part.images[:][:, 0, 0, 0].tolist() == [0, 0, 10]


@pytest.mark.parametrize("folders", [{"0": 1, "1": 1}, {"0": 1}, {"01": 1}])
def test_numbers_are_no_positions_where_classes_have_numbers_for_names(tmp_path, folders):
    """Of classes 1 to 4, folder 1 is the class of this name, not the one at position 1."""
    message = fault_of(labelled_folder, folder_of(tmp_path, folders), ["1", "2", "3", "4"], 32, 1)
    assert f"the dataset has no class '{next(iter(folders))}'" in message


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ({"bee": 1, "dgo": 1}, "the dataset has no class 'dgo'; did you mean 'dog'?"),
        ({"val": 1}, "the dataset has no class 'val'; folders must be named as its classes: ant, bee, cat, dog"),
        ({"0": 1, "4": 1}, "the dataset has no class '0'; folders must be named as its classes: ant, bee, cat, dog"),
        ({"0": 1, "00": 1}, "the dataset has no class '0'; folders must be named as its classes: ant, bee, cat, dog"),
        ({"bee": 0}, "no .jpg .jpeg .png .webp file in this class folder; add images or remove it"),
        ({}, "expected a folder per class, got none; sort the images into class folders"),
    ],
)
def test_folders_that_are_no_test_set(tmp_path, folders, message):
    (tmp_path / "photos").mkdir()
    fault = fault_of(labelled_folder, folder_of(tmp_path / "photos", folders), CLASSES, 32, 1)
    assert message in fault
    assert "photos" in fault


def saved(path, images, labels):
    np.save(path / "images.npy", images)
    np.save(path / "labels.npy", labels)
    return path / "images.npy", path / "labels.npy"


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
LABELS = np.array([3, 0, 1, 1, 2], np.int32)


def test_arrays_as_cifar_10_1_is_published(tmp_path):
    part = labelled_arrays(*saved(tmp_path, IMAGES, LABELS), CLASSES, 32)
    np.testing.assert_array_equal(part.images[np.array([4, 1])], IMAGES[[4, 1]])
    assert (part.labels.dtype, part.labels.tolist()) == (np.int64, LABELS.tolist())
    assert part.names == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[:0], LABELS[:0], "images.npy: expected at least one image, got none"),
        (IMAGES / 255, LABELS, "images.npy: expected uint8 N x side x side x 3, got float64 (5, 32, 32, 3)"),
        (IMAGES[:, 1:], LABELS, "images.npy: expected uint8 N x side x side x 3, got uint8 (5, 31, 32, 3)"),
        (IMAGES, LABELS[1:], "labels.npy: expected 5 integers, one per image, got int32 (4,)"),
        (IMAGES, LABELS.astype(float), "labels.npy: expected 5 integers, one per image, got float64 (5,)"),
        (IMAGES, LABELS + 1, "labels.npy: image 0: expected a label from 0 to 3, got 4"),
    ],
)
def test_arrays_that_are_no_test_set(tmp_path, images, labels, message):
    assert message in fault_of(labelled_arrays, *saved(tmp_path, images, labels), CLASSES, 32)


@pytest.mark.parametrize("on_the_fly", [False, True])
def test_a_test_set_is_written_as_a_split_with_a_card(tmp_path, on_the_fly):
    part = labelled_folder(folder_of(tmp_path / "photos", {"dog": 2, "bee": 1}), CLASSES, 32, 1)
    write_test_set(tmp_path / "out", "photos", part, CLASSES, 32, on_the_fly, np.empty((0, 16), np.uint8), False)
    images = read_images(tmp_path / f"out/images.{'json' if on_the_fly else 'npy'}")
    np.testing.assert_array_equal(images[np.arange(3)], part.images[:])
    assert np.load(tmp_path / "out/labels.npy").tolist() == [1, 3, 3]
    assert read_items(tmp_path / "out/items.csv") == (["bee", "dog", "dog"], ["0", "0", "1"])
    card = json.loads((tmp_path / "out/card.json").read_text())
    assert card["source"] == "photos"
    assert (card["images"], card["images_per_class"]) == (3, [0, 1, 0, 2])
    assert len(card["sha256"]) == 64
