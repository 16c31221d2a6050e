"""Further test sets: read from folders and arrays, of some or all of the classes."""

import json

import numpy as np
import pytest
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
