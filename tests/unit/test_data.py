"""The digits, their splits and the data card."""

import hashlib
import os

import numpy as np
import pytest
from fault_messages import fault_of
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits

from resiliency.data import pictures as images_module
from resiliency.data.card import write_data_set
from resiliency.data.pictures import FileImages, read_conditions, read_images, read_items, write_items, write_list
from resiliency.data.reading import digits
from resiliency.data.source import ALL, Part, Source
from resiliency.data.split import SPLITS, draw_splits, split_indices, stratified_sample
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


def test_splits_are_disjoint_and_complete(loaded):
    labels = loaded[1]
    indices = split_indices(labels, validation=180, test=539, seed=0)
    assert set(indices) == set(SPLITS)
    assert {name: len(chosen) for name, chosen in indices.items()} == {"train": 1078, "validation": 180, "test": 539}
    np.testing.assert_array_equal(np.sort(np.concatenate(list(indices.values()))), np.arange(DIGITS))
    assert all((np.diff(chosen) > 0).all() for chosen in indices.values())


def test_the_test_split_follows_the_seed_and_not_validation(loaded):
    one, again, other = (
        split_indices(loaded[1], validation, 539, seed=seed)["test"]
        for validation, seed in ((50, 0), (180, 0), (180, 1))
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


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


def test_validation_images_of_the_data_set_are_used():
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


def written(folder, source, on_the_fly=False, **fractions):
    chosen = draw_splits(source, 0.25, 0.25, {}, seed=0)
    write_data_set(folder, "toy", source, chosen, 32, on_the_fly)
    return chosen, read_json(folder / "card.json")


def test_the_card_describes_what_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(images_module, "CHUNK", 3 * 32 * 32 * 5)
    source = Source("made up", ["a", "b"], {ALL: toy([40, 24])})
    chosen, card = written(tmp_path, source)
    assert (card["name"], card["source"], card["classes"]) == ("toy", "made up", ["a", "b"])
    assert card["image_shape"] == [32, 32, 3]
    for name, (part, indices) in chosen.items():
        images, labels = read_array(tmp_path / name / "images.npy"), read_array(tmp_path / name / "labels.npy")
        np.testing.assert_array_equal(images, part.images[indices])
        np.testing.assert_array_equal(labels, part.labels[indices])
        listed = ["ab"[label] for label in labels], [str(index) for index in indices]
        assert read_items(tmp_path / name / "items.csv") == listed
        entry = card["splits"][name]
        assert entry["images_per_class"] == np.bincount(labels).tolist()
        assert entry["sha256"] == hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    pixels = source.parts[ALL].images[chosen["train"][1]].reshape(-1, 3) / 255
    np.testing.assert_allclose(card["mean"], pixels.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(card["std"], pixels.std(axis=0), atol=1e-6)


def test_images_in_files_are_listed_and_stay_there(tmp_path):
    stored = toy([30, 30])
    files = []
    for name, image in zip(stored.names, stored.images, strict=True):
        files.append(str(tmp_path / f"{name}.png"))
        Image.fromarray(image).save(files[-1])
    source = Source("made up", ["a", "b"], {ALL: stored._replace(images=FileImages(files, 32, 1))})
    chosen, card = written(tmp_path / "data", source, on_the_fly=True)
    images = read_images(tmp_path / "data/test/images.json")
    np.testing.assert_array_equal(images[:], stored.images[chosen["test"][1]])
    assert not (tmp_path / "data/test/images.npy").exists()
    pixels = stored.images[chosen["train"][1]].reshape(-1, 3) / 255
    np.testing.assert_allclose(card["mean"], pixels.mean(axis=0), atol=1e-6)
    os.truncate(files[chosen["test"][1][0]], 50)
    _, other = written(tmp_path / "again", source, on_the_fly=True)
    assert other["splits"]["test"]["sha256"] != card["splits"]["test"]["sha256"]
    assert other["splits"]["train"]["sha256"] == card["splits"]["train"]["sha256"]


def test_conditions_are_read_in_one_order(tmp_path):
    clean, stack = toy([3]).images, np.stack([toy([3]).images + severity for severity in (1, 2)])
    write_array(tmp_path / "clean.npy", clean)
    write_array(tmp_path / "fog.npy", stack)
    files = []
    for index, image in enumerate(stack.reshape(-1, 32, 32, 3)):
        files.append(str(tmp_path / f"{index}.png"))
        Image.fromarray(image).save(files[-1])
    write_list(tmp_path / "fog.json", files, 32, 1)
    for name in ("fog.npy", "fog.json"):
        conditions = read_conditions(tmp_path / "clean.npy", [tmp_path / name])
        np.testing.assert_array_equal(np.stack([images[np.arange(3)] for images in conditions]), [clean, *stack])


def test_names_that_spreadsheets_calculate_are_quoted_in_tables_and_come_back(tmp_path):
    classes, names = ["=1+1", "-a", "+a", "@a", "a-b", "'b"], ["@1", "1", "=x", "''", "-", "ü"]
    write_items(tmp_path / "items.csv", classes, names)
    cells = [cell for line in (tmp_path / "items.csv").read_text().splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert read_items(tmp_path / "items.csv") == (classes, names)
