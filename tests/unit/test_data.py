"""Data sets, further test sets and published corrupted sets: their splits, what is written, and
what changed since."""

import hashlib
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from attacks.folders import good_folder, recoded
from attacks.folders import read as read_folder
from fault_messages import fault_of
from PIL import Image
from sklearn.datasets import load_digits

from resiliency.corruptions.writing import check_sizes, image_paths, stacked_images, write_pictures
from resiliency.data import pictures as images_module
from resiliency.data.folder import image_folder
from resiliency.data.pictures import (
    FileImages,
    read_conditions,
    read_images,
    read_items,
    write_items,
    write_list,
)
from resiliency.data.reading import digits, labelled_folder
from resiliency.data.source import ALL, Part, Source
from resiliency.data.split import draw_splits, listed_images, stratified_sample
from resiliency.data.writing import write_data_set, write_test_set
from resiliency.report.cautions import PRETRAINING
from resiliency.report.rules import Evidence
from resiliency.report.rules import said as said_by
from resiliency.storage import read_array, read_json, write_array
from resiliency.training.engine import training_reader
from resiliency.training.settings import Recipe


def test_digits_keep_their_pictures_and_labels():
    handwritten, small = digits(32).parts[ALL], load_digits()
    images = handwritten.images
    np.testing.assert_array_equal(handwritten.labels, small.target)
    shrunk = images[..., 0].reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4))
    correlation = [
        np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(shrunk, small.images, strict=True)
    ]
    assert min(correlation) > 0.95
    assert (images.min(), images.max()) == (0, 255)


def test_images_that_whole_shares_leave_over_go_to_the_largest_remainders():
    """The shares are 1.6, 1.7 and 1.7."""
    labels = np.repeat([0, 1, 2], [16, 17, 17])
    assert np.bincount(labels[stratified_sample(labels, 5, 0, "probe")]).tolist() == [1, 2, 2]


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
    source = Source(
        "toy", ["a", "b"], {"train": toy([4, 2]), "validation": toy([1, 3]), "test": toy([5, 5])}
    )
    chosen = draw_splits(source, 0.5, 0.5, {}, seed=0)
    assert {name: len(indices) for name, (_, indices) in chosen.items()} == {
        "train": 6,
        "validation": 4,
        "test": 10,
    }


def test_a_subset_keeps_what_it_had_when_it_grows():
    source = Source("toy", ["a", "b", "c"], {ALL: toy([60, 30, 50])})
    small, large = (
        draw_splits(source, 0.2, 0.2, {"train": most, "test": 7}, seed=0) for most in (5, 25)
    )
    part, indices = large["train"]
    assert np.bincount(part.labels[indices]).tolist() == [25, 18, 25]
    assert set(small["train"][1]) < set(indices)
    assert np.bincount(part.labels[small["train"][1]]).tolist() == [5, 5, 5]
    assert np.bincount(part.labels[small["test"][1]]).tolist() == [7, 6, 7]
    assert len(small["validation"][1]) == 28


def test_a_class_that_no_image_is_left_of_is_a_fault():
    source = Source("toy", ["a", "b"], {ALL: toy([50, 1])})
    assert "dataset: no image of class 'b' is left for " in fault_of(
        draw_splits, source, 0.2, 0.2, {}, seed=0
    )


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
    source = Source(
        "made up",
        ["a", "b"],
        {ALL: part._replace(images=FileImages(files, 32, 1)) if files else part},
    )
    chosen = draw_splits(source, 0.25, 0.25, {}, seed=0)
    settings = SimpleNamespace(name="toy", side=32, on_the_fly=on_the_fly, allow_duplicates=False)
    write_data_set(tmp_path, settings, source, chosen)
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
        np.testing.assert_array_equal(
            np.stack([images[np.arange(3)] for images in conditions]), [clean, *stack]
        )


def test_names_that_spreadsheets_calculate_are_quoted_in_tables_and_come_back(tmp_path):
    classes, names = ["=1+1", "-a", "+a", "@a", "a-b", "'b"], ["@1", "1", "=x", "''", "-", "ü"]
    write_items(tmp_path / "items.csv", classes, names)
    cells = [
        cell
        for line in (tmp_path / "items.csv").read_text().splitlines()
        for cell in line.split(",")
    ]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert read_items(tmp_path / "items.csv") == (classes, names)


def test_folders_of_some_classes_are_a_test_set(tmp_path, put_pictures):
    put_pictures("dog/1.jpg", "bee/2.jpg")
    part = labelled_folder(tmp_path, ["ant", "bee", "cat", "dog"], 32, 1)
    assert (part.names, part.labels.tolist()) == (["2", "1"], [1, 3])


FILES = ["data/val/a/1.png", "data/val/a/2.png", "data/val/b/1.png", "data/val/b/deep/3.png"]
PART = Part(FileImages(FILES, 32, 1), np.array([0, 0, 1, 1]), ["1", "2", "1", "deep_3"])


@pytest.fixture
def listed(tmp_path):
    """Writes a list, and gives the indices of the images that it names."""

    def write(text: str) -> list[int]:
        (tmp_path / "list.txt").write_text(text, encoding="utf-8")
        return listed_images(
            tmp_path / "list.txt", Source("toy", ["a", "b"], {"test": PART})
        ).tolist()

    return write


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("2.png\n", [1]),
        ("3.png\r\na/1.png\n\n", [0, 3]),
        ("val/b/1.png\ndata/val/b/deep/3.png\n./a/2.png", [1, 2, 3]),
    ],
)
def test_a_line_is_the_end_of_a_path(listed, text, indices):
    assert listed(text) == indices


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2.png\n4.png\n5.png\n", "line 2: 4.png: there is no such test image; did you mean "),
        ("1.png\n", "line 1: 1.png: there are 2 such test images, e.g. a/1.png and b/1.png"),
        ("2.png\n\na/2.png\n", "line 3: a/2.png: named in line 1 already; remove one"),
        ("\n", "list.txt: expected one file name per line, got none"),
    ],
)
def test_a_line_that_names_no_image_of_its_own_is_a_fault(listed, text, words):
    assert words in fault_of(listed, text)


def test_a_study_may_need_the_test_images_alone(listed, tmp_path):
    listed("a/1.png\n2.png\n")
    source = Source("toy", ["a", "b"], {"test": PART})
    chosen = draw_splits(source, 0.2, 0.2, {"train": 3}, 0, ["test"], str(tmp_path / "list.txt"))
    assert {name: indices.tolist() for name, (_, indices) in chosen.items()} == {"test": [0, 1]}
    job = Source("toy", ["a", "b"], {ALL: PART}), 0.2, 0.2, {}, 0, ["test"], "list.txt"
    assert "dataset.images: list.txt lists test images; put them in a folder " in fault_of(
        draw_splits, *job
    )


NUMBER = 7
SIZE = (4, 6)
LABELS = np.array([3, 1, 4, 1, 5, 9, 2])
OTHER = np.where(np.arange(5 * NUMBER) == 20, 3, np.tile(LABELS, 5))  # another label at severity 3
POSITIONS = np.array([5, 0, 6, 2])


@pytest.fixture
def folder(tmp_path):
    """Fog in which an image's values are its row, 10 times the severity plus the position."""
    rows = np.add.outer(10 * np.arange(1, 6), np.arange(NUMBER)).astype(np.uint8).ravel()
    np.save(
        tmp_path / "fog.npy", np.broadcast_to(rows[:, None, None, None], (5 * NUMBER, *SIZE, 3))
    )
    np.save(tmp_path / "labels.npy", np.tile(LABELS, 5))
    return tmp_path


def read(folder, severities=(1, 2, 3, 4, 5), checksums=None):
    return stacked_images(
        folder, "fog", severities, POSITIONS, LABELS[POSITIONS], SIZE, checksums or {}
    )


def test_stacked_images_come_severity_by_severity_in_the_order_of_the_positions(
    folder, monkeypatch
):
    monkeypatch.setattr(images_module, "CHUNK", 9 * max(SIZE) ** 2)
    chunks = list(read(folder, severities=(2, 5)))
    assert [chunk.shape for chunk in chunks] == [(3, *SIZE, 3), (1, *SIZE, 3)] * 2
    assert np.concatenate(chunks)[:, 0, 0, 0].tolist() == [25, 20, 26, 22, 55, 50, 56, 52]


PART_OF_SET = {"fog": np.zeros((5 * 3, *SIZE, 3), np.uint8), "labels": np.tile(LABELS[:3], 5)}


@pytest.mark.parametrize(
    ("arrays", "name", "message"),
    [
        (
            {"labels": OTHER},
            "labels",
            "in the order of the clean test set, got 3 for 2 at position 6",
        ),
        ({"fog": np.zeros((35, 6, 4, 3), np.uint8)}, "fog", "got uint8 of shape (35, 6, 4, 3)"),
        ({"fog": np.zeros((35, 4, 6, 3), np.float32)}, "fog", "got float32 of shape (35, 4, 6, 3)"),
        (PART_OF_SET, "labels", "expected an image at position 6, got 3 test images"),
    ],
)
def test_what_is_not_the_published_set_is_refused(folder, arrays, name, message):
    for changed, array in arrays.items():
        np.save(folder / f"{changed}.npy", array)
    fault = fault_of(read, folder)
    assert fault.startswith(f"{folder / name}.npy: ")
    assert message in fault


def test_published_checksums_are_held_against_the_files(folder):
    sums = {
        name: hashlib.md5((folder / f"{name}.npy").read_bytes()).hexdigest()
        for name in ("fog", "labels")
    }
    assert (next(read(folder, checksums=sums)) == next(read(folder))).all()
    for name in sums:
        assert f"{name}.npy: expected MD5 0a" in fault_of(read, folder, (1,), sums | {name: "0a"})
    (folder / "fog.npy").unlink()
    assert fault_of(read, folder).startswith(f"{folder}/fog.npy: there is no such file")


CLASSES = ["tench", "crane", "tench", "crane"]
NAMES = ["b.JPEG", "b.JPEG", "a.v2", "0.png"]


def files_of(*corruptions: str) -> list[str]:
    """Each class has an image that the study lacks, and there is a third class."""
    files = [f"tench/{name}" for name in ("b.JPEG", "a.v2.JPEG", "z.JPEG", "notes.txt")]
    files += ["crane/b.JPEG", "crane/0.JPEG", "crane/1.JPEG", "ant/b.JPEG"]
    return [
        f"{corruption}/{severity}/{file}"
        for corruption in corruptions
        for severity in (1, 3)
        for file in files
    ]


def test_files_are_found_by_class_and_name_severity_by_severity(tmp_path, put_pictures):
    put_pictures(*files_of("fog"))
    images = ["tench/b.JPEG", "crane/b.JPEG", "tench/a.v2.JPEG", "crane/0.JPEG"]
    expected = [f"{tmp_path}/fog/{severity}/{image}" for severity in (3, 1) for image in images]
    assert image_paths(tmp_path, "fog", (3, 1), CLASSES, NAMES) == expected


def test_pictures_that_were_not_cropped_or_would_be_enlarged_are_refused(tmp_path):
    for size in ((48, 48), (64, 64), (40, 40), (64, 48)):
        Image.new("RGB", size).save(tmp_path / "{}x{}.png".format(*size))
    check_sizes([f"{tmp_path}/48x48.png", f"{tmp_path}/64x64.png"], 48)
    for name in ("40x40", "64x48"):
        path = f"{tmp_path}/{name}.png"
        assert fault_of(check_sizes, [path], 48).startswith(
            f"{path}: {name} pixels; expected squares of 48 pixels"
        )


def test_corruptions_side_by_side_are_told_apart_and_one_that_is_there_twice_is_refused(
    tmp_path, put_pictures
):
    put_pictures(*files_of("weather/fog", "weather/frost", "extra/spatter", "extra/fog"))
    paths = image_paths(tmp_path, "frost", (1,), CLASSES, NAMES)
    assert all(path.startswith(str(tmp_path / "weather/frost/1")) for path in paths)
    message = fault_of(image_paths, tmp_path, "fog", (1,), CLASSES, NAMES)
    assert f"fog is in {tmp_path}/extra/fog and in {tmp_path}/weather/fog" in message


def test_missing_folders_and_images_are_named_with_what_is_there(tmp_path, put_pictures):
    put_pictures(*files_of("fog"))
    assert "frost: there is no such folder" in fault_of(
        image_paths, tmp_path, "frost", (1,), CLASSES, NAMES
    )
    for name in ("b", "0"):
        (tmp_path / f"fog/3/crane/{name}.JPEG").unlink()
    message = fault_of(image_paths, tmp_path, "fog", (1, 3), CLASSES, NAMES)
    assert message.startswith(
        f"{tmp_path}/fog: 2 of 8 images are missing: 3/crane/b.JPEG, 3/crane/0.JPEG; "
    )


def test_an_image_that_was_changed_after_it_was_listed_is_named(tmp_path):
    read_folder(good_folder(tmp_path / "photos"), tmp_path / "out")
    images = read_images(tmp_path / "out/test/images.json")
    assert images[:].shape == (60, 72, 72, 3)
    changed = images.files[3]
    shutil.copy(images.files[4], changed)
    for use in (images.__getitem__, training_reader(images, Recipe(smallest_crop=0.5), 0, 0)):
        said = fault_of(use, np.array([2, 3]))
        assert said.startswith(f"{changed}: changed since the study listed it; run again")
    os.unlink(changed)
    assert f"{changed}: cannot be decoded (No such file" in fault_of(
        images.__getitem__, slice(3, 4)
    )


def test_a_corrupted_picture_that_was_cut_short_is_named(tmp_path):
    clean = np.random.default_rng(0).integers(0, 256, (4, 72, 72, 3), dtype=np.uint8)
    items = ["ant", "bee"] * 2, list("0123")
    job = clean, 72, "contrast", [1, 4], lambda images, *_, indices: images
    write_pictures(str(tmp_path / "contrast.json"), str(tmp_path / "contrast"), items, *job)
    np.save(tmp_path / "clean.npy", clean)
    images = read_images(tmp_path / "contrast.json")
    file = tmp_path / "contrast/4/bee/3.JPEG"
    file.write_bytes(file.read_bytes()[:-100])
    for part in (images, read_conditions(tmp_path / "clean.npy", [tmp_path / "contrast.json"])[2]):
        assert fault_of(part.__getitem__, np.array([len(part) - 1])).startswith(
            f"{file}: cannot be decoded"
        )
    assert images[:7].shape == (7, 72, 72, 3)


@pytest.mark.parametrize("on_the_fly", [True, False])
def test_images_in_two_splits_are_counted_if_allowed_and_test_sets_of_training_images_refused(
    tmp_path, on_the_fly, capsys
):
    folder = good_folder(tmp_path / "photos")
    recoded(folder, "val/bee/again.webp", "train/ant/1.png")
    shutil.copy(folder / "val/ant/2.png", folder / "val/bee/twice.png")
    source = image_folder(folder, 72, 1)
    split = draw_splits(source, 0.2, 0.2, {}, 0)
    settings = SimpleNamespace(
        name="image_folder", side=72, on_the_fly=on_the_fly, allow_duplicates=True
    )
    write_data_set(tmp_path / "data", settings, source, split)
    output = capsys.readouterr().out
    assert "warning: 1 images are in their split twice, 1 of them in two classes, e.g. " in output
    assert f"more than one split, e.g. {folder}/val/bee/again.webp (test) = " in output
    further = good_folder(tmp_path / "further", seed=1) / "val"
    recoded(folder, further / "bee/again.webp", "train/ant/1.png")
    part = labelled_folder(further, source.classes, 72, 1)
    job = (
        tmp_path / "field",
        "photos",
        part,
        source.classes,
        72,
        on_the_fly,
        read_array(tmp_path / "data/digests.npy"),
    )
    duplicate = "test_sets.field: 1 images are training or validation images"
    said = fault_of(write_test_set, *job, allow_duplicates=False)
    assert said.startswith(f"{duplicate}, e.g. {further}/bee/again.webp; remove")
    write_test_set(*job, allow_duplicates=True)
    assert f"warning: {duplicate}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("card", "source", "said"),
    [
        (
            {"name": "imagenette"},
            "fine-tuned here from pretrained timm/a@1; mean",
            "at least 87% are",
        ),
        ({"name": "imagenet"}, "pretrained timm/a@1", ""),
        ({"name": "imagenette", "classes": ["a", "b"]}, "pretrained timm/a@1", ""),
        ({"name": "imagenette"}, "a.pt (sha256 1)", ""),
    ],
)
def test_pretrained_weights_on_classes_of_imagenet_need_caution(card, source, said):
    members = pd.DataFrame({"member": ["a-s0", "b-s0"], "weights_source": [source, "trained"]})
    card = {"classes": ["n01440764", "n02102040"]} | card
    lines = said_by([PRETRAINING], Evidence({"members": members}, card, {}))
    assert [said in line.sentence and "(a-s0)" in line.sentence for line in lines] == [True] * bool(
        said
    )
