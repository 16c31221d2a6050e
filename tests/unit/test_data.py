"""Data sets and further test sets: their splits, what is written of them, and the data card."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from fault_messages import fault_of
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits

from resiliency.data import pictures as images_module
from resiliency.data.card import write_data_set, write_test_set
from resiliency.data.pictures import FileImages, read_conditions, read_images, read_items, write_items, write_list
from resiliency.data.reading import digits, labelled_arrays, labelled_folder
from resiliency.data.source import ALL, Part, Source
from resiliency.data.split import draw_splits, split_indices, stratified_sample
from resiliency.storage.files import read_array, read_json, write_array

DIGITS = 1797


@pytest.fixture(scope="module")
def loaded():
    source = digits(32)
    return source.parts[ALL].images, source.parts[ALL].labels, source.classes


def test_digits_keep_their_pictures_and_labels(loaded):
    images, labels, _ = loaded
    small = load_digits()
    np.testing.assert_array_equal(labels, small.target)
    shrunk = images[..., 0].reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4))
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(shrunk, small.images, strict=True)]
    assert min(correlation) > 0.95
    assert images.min() == 0
    assert images.max() == 255


def test_splits_are_disjoint_and_complete_and_test_follows_the_seed_alone(loaded):
    labels = loaded[1]
    indices = split_indices(labels, validation=180, test=539, seed=0)
    assert {name: len(chosen) for name, chosen in indices.items()} == {"train": 1078, "validation": 180, "test": 539}
    np.testing.assert_array_equal(np.sort(np.concatenate(list(indices.values()))), np.arange(DIGITS))
    assert all((np.diff(chosen) > 0).all() for chosen in indices.values())
    np.testing.assert_array_equal(indices["test"], split_indices(labels, 50, 539, seed=0)["test"])
    assert not np.array_equal(indices["test"], split_indices(labels, 180, 539, seed=1)["test"])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.data())
@settings(deadline=None)
def test_stratified_takes_so_many_within_one_of_each_share(values, data):
    labels = np.array(values)
    count = data.draw(st.integers(0, len(labels)))
    chosen = stratified_sample(labels, count, 0, "probe")
    assert len(set(chosen.tolist())) == len(chosen) == count
    shares = count * np.bincount(labels, minlength=5) / len(labels)
    assert np.abs(np.bincount(labels[chosen], minlength=5) - shares).max() < 1


def toy(counts: list[int], side: int = 32) -> Part:
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.random.default_rng(0).integers(0, 256, (len(labels), side, side, 3), dtype=np.uint8)
    return Part(images, labels, [str(position) for position in range(len(labels))])


def test_parts_that_are_published_stay_apart():
    source = Source("toy", ["a", "b"], {"train": toy([40, 20]), "test": toy([10, 12])})
    chosen = draw_splits(source, 0.1, 0.5, {}, seed=0)
    assert list(chosen) == ["train", "validation", "test"]
    assert chosen["test"][0] is source.parts["test"]
    np.testing.assert_array_equal(chosen["test"][1], np.arange(22))
    assert np.bincount(chosen["validation"][0].labels[chosen["validation"][1]]).tolist() == [4, 2]
    together = np.sort(np.concatenate([chosen["train"][1], chosen["validation"][1]]))
    np.testing.assert_array_equal(together, np.arange(60))
    source = Source("toy", ["a", "b"], {"train": toy([4, 2]), "validation": toy([1, 3]), "test": toy([5, 5])})
    chosen = draw_splits(source, 0.5, 0.5, {}, seed=0)
    assert {name: len(indices) for name, (_, indices) in chosen.items()} == {"train": 6, "validation": 4, "test": 10}


def test_a_subset_keeps_what_it_had_when_it_grows():
    source = Source("toy", ["a", "b", "c"], {ALL: toy([60, 30, 50])})
    small, large = (draw_splits(source, 0.2, 0.2, {"train": most, "test": 7}, seed=0) for most in (5, 25))
    part, indices = large["train"]
    assert np.bincount(part.labels[indices]).tolist() == [25, 18, 25]
    assert set(small["train"][1]) < set(indices)
    assert np.bincount(part.labels[small["train"][1]]).tolist() == [5, 5, 5]
    assert np.bincount(part.labels[small["test"][1]]).tolist() == [7, 6, 7]
    assert len(small["validation"][1]) == 28


def test_a_class_that_no_image_is_left_of_is_a_fault():
    source = Source("toy", ["a", "b"], {ALL: toy([50, 1])})
    assert "dataset: no image of class 'b' is left for " in fault_of(draw_splits, source, 0.2, 0.2, {}, seed=0)


def in_files(folder, images) -> list[str]:
    files = [str(folder / f"{index}.png") for index in range(len(images))]
    for file, image in zip(files, images, strict=True):
        Image.fromarray(image).save(file)
    return files


@pytest.mark.parametrize("on_the_fly", [False, True])
def test_the_card_describes_what_is_written(tmp_path, monkeypatch, on_the_fly):
    """Arrays, or the list of files, of which nothing is copied."""
    monkeypatch.setattr(images_module, "CHUNK", 3 * 32 * 32 * 5)
    part = toy([40, 24])
    files = in_files(tmp_path, part.images) if on_the_fly else []
    source = Source("made up", ["a", "b"], {ALL: part._replace(images=FileImages(files, 32, 1)) if files else part})
    chosen = draw_splits(source, 0.25, 0.25, {}, seed=0)
    write_data_set(tmp_path, "toy", source, chosen, 32, on_the_fly)
    card = read_json(tmp_path / "card.json")
    assert (card["name"], card["source"], card["classes"]) == ("toy", "made up", ["a", "b"])
    assert card["image_shape"] == [32, 32, 3]
    for name, (_, indices) in chosen.items():
        images, labels = part.images[indices], part.labels[indices]
        stored = read_images(tmp_path / name / f"images.{'json' if on_the_fly else 'npy'}")
        np.testing.assert_array_equal(stored[np.arange(len(indices))], images)
        np.testing.assert_array_equal(read_array(tmp_path / name / "labels.npy"), labels)
        listed = ["ab"[label] for label in labels], [str(index) for index in indices]
        assert read_items(tmp_path / name / "items.csv") == listed
        assert card["splits"][name]["images_per_class"] == np.bincount(labels).tolist()
        content = images.tobytes() + labels.tobytes()
        if files:
            sizes = [f"{i}\0{Path(files[i]).stat().st_size}\0{part.labels[i]}\0" for i in indices]
            content = "".join(sizes).encode()
        assert card["splits"][name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert (tmp_path / name / "images.npy").exists() != on_the_fly
    pixels = part.images[chosen["train"][1]].reshape(-1, 3) / 255
    np.testing.assert_allclose(card["mean"], pixels.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(card["std"], pixels.std(axis=0), atol=1e-6)


def test_conditions_are_read_in_one_order(tmp_path):
    clean, stack = toy([3]).images, np.stack([toy([3]).images + severity for severity in (1, 2)])
    write_array(tmp_path / "clean.npy", clean)
    write_array(tmp_path / "fog.npy", stack)
    write_list(tmp_path / "fog.json", in_files(tmp_path, stack.reshape(-1, 32, 32, 3)), 32, 1)
    for name in ("fog.npy", "fog.json"):
        conditions = read_conditions(tmp_path / "clean.npy", [tmp_path / name])
        np.testing.assert_array_equal(np.stack([images[np.arange(3)] for images in conditions]), [clean, *stack])


def test_names_that_spreadsheets_calculate_are_quoted_in_tables_and_come_back(tmp_path):
    classes, names = ["=1+1", "-a", "+a", "@a", "a-b", "'b"], ["@1", "1", "=x", "''", "-", "ü"]
    write_items(tmp_path / "items.csv", classes, names)
    cells = [cell for line in (tmp_path / "items.csv").read_text().splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert read_items(tmp_path / "items.csv") == (classes, names)


CLASSES = ["ant", "bee", "cat", "dog"]


def folder_of(path, pictures: dict[str, int]):
    """Plain pictures, as many of each class as asked for, each of a colour of its own."""
    for name, count in pictures.items():
        (path / name).mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", (48, 40), (10 * index, 0, ord(name[0]))).save(path / name / f"{index}.png")
    return path


def test_arrays_as_cifar_10_1_is_published(tmp_path):
    images, labels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8), [3, 0, 1, 1, 2]
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "labels.npy", np.array(labels, np.int32))
    part = labelled_arrays(tmp_path / "images.npy", tmp_path / "labels.npy", CLASSES, 32)
    np.testing.assert_array_equal(part.images[np.array([4, 1])], images[[4, 1]])
    assert (part.labels.dtype, part.labels.tolist()) == (np.int64, labels)
    assert part.names == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("on_the_fly", [False, True])
def test_a_test_set_is_written_as_a_split_with_a_card(tmp_path, on_the_fly):
    part = labelled_folder(folder_of(tmp_path / "photos", {"dog": 2, "bee": 1}), CLASSES, 32, 1)
    assert part.images[:].shape == (3, 32, 32, 3)
    assert part.images[:][:, 0, 0, 0].tolist() == [0, 0, 10]
    write_test_set(tmp_path / "out", "photos", part, CLASSES, 32, on_the_fly, np.empty((0, 16), np.uint8), False)
    images = read_images(tmp_path / f"out/images.{'json' if on_the_fly else 'npy'}")
    np.testing.assert_array_equal(images[np.arange(3)], part.images[:])
    assert np.load(tmp_path / "out/labels.npy").tolist() == [1, 3, 3]
    assert read_items(tmp_path / "out/items.csv") == (["bee", "dog", "dog"], ["0", "0", "1"])
    card = json.loads((tmp_path / "out/card.json").read_text())
    assert card["source"] == "photos"
    assert (card["images"], card["images_per_class"]) == (3, [0, 1, 0, 2])
    assert len(card["sha256"]) == 64
