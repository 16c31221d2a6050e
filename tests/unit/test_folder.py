"""Folders of images are read in one order on any file system; what cannot be a data set is named in one line."""

import os

import numpy as np
import pytest
from image_folders import read, refusal, relative
from PIL import Image
from torchvision.datasets import ImageFolder

from resiliency.data.folder import folders_read
from resiliency.data.source import ALL, SPLITS


def test_classes_alone_are_one_part(tmp_path, put_pictures):
    put_pictures("dog/b.jpg", "dog/a.jpg", "cat/z.jpg", "Zebra/1.jpg", "Zebra/10.jpg", "Zebra/2.jpg")
    source = read(tmp_path)
    assert source.classes == ["Zebra", "cat", "dog"]
    assert list(source.parts) == [ALL]
    part = source.parts[ALL]
    order = ["Zebra/1.jpg", "Zebra/10.jpg", "Zebra/2.jpg", "cat/z.jpg", "dog/a.jpg", "dog/b.jpg"]
    assert relative(source, ALL, tmp_path) == order
    assert part.names == ["1", "10", "2", "z", "a", "b"]
    assert part.labels.dtype == np.int64
    assert part.labels.tolist() == [0, 0, 0, 1, 2, 2]


@pytest.mark.parametrize(("train", "other"), [("train", "val"), ("Training", "Testing")])
def test_two_splits_train_and_test(tmp_path, put_pictures, train, other):
    """Further folders beside them are not read."""
    put_pictures(*(f"{split}/{name}/1.jpg" for split in (train, other, "extra") for name in ("a", "b")))
    source = read(tmp_path)
    assert list(source.parts) == ["train", "test"]
    assert relative(source, "test", tmp_path) == [f"{other}/a/1.jpg", f"{other}/b/1.jpg"]


def test_order_is_that_of_torchvision(tmp_path, put_pictures):
    put_pictures(
        "é/1.jpg", "Z/b.JPG", "Z/a.png", "a b/10.jpeg", "a b/9.webp", "_/x.jpg", "10/x.jpg", "9/x.jpg", "Z/B.jpg"
    )
    other = ImageFolder(tmp_path)
    source = read(tmp_path)
    assert source.classes == other.classes
    assert source.parts[ALL].images.files == [path for path, _ in other.samples]
    assert source.parts[ALL].labels.tolist() == other.targets


def test_hidden_and_other_files_are_left_out_and_counted(tmp_path, put_pictures, capsys):
    put_pictures("a/1.jpg", "a/2.JPEG", "a/3.Png", "a/4.webp", "b/1.jpg")
    put_pictures("a/.5.jpg", "a/.cache/6.jpg", "a/notes.txt", "b/x/2.gif", "b/jpg", ".hidden/1.jpg", "loose.jpg")
    source = read(tmp_path)
    assert source.parts[ALL].names == ["1", "2", "3", "4", "1"]
    left_out = "7 left out: hidden, in no class folder, or none of .jpg .jpeg .png .webp"
    assert capsys.readouterr().out.splitlines()[0] == f"{tmp_path}: {left_out}"


def test_links_in_a_circle_end(tmp_path, put_pictures):
    put_pictures("a/x/1.jpg", "a/y/1.jpg", "b/1.jpg")
    for place, target in (("a/x/up", ".."), ("a/root", tmp_path), ("a/x/y", "../y"), ("a/y/x", "../x"), ("b/me", "me")):
        (tmp_path / place).symlink_to(target)
    source = read(tmp_path)
    assert sorted(os.path.realpath(file) for file in source.parts[ALL].images.files) == [
        str(tmp_path / path) for path in ("a/x/1.jpg", "a/y/1.jpg", "b/1.jpg")
    ]


SORT = "expected a folder per class, got none; sort the images into class folders"
ONE = "expected two or more class folders, got only"
TRAIN = "but no train/; add train/ with the same classes"


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        ([], f": {SORT}"),
        (["train/a/1.jpg", "val/a/1.jpg"], f"/train: {ONE} 'a'"),
        (["a/1.jpg", "b/1.gif"], "/b: no .jpg .jpeg .png .webp file in this class folder; add images or remove it"),
        (["train/a/1.jpg", "other/a/1.jpg"], ": found train/ but neither val/ nor test/; add one of them"),
        (["valid/a/1.jpg", "valid/b/1.jpg"], f": found valid/ {TRAIN}"),
        (["train/a/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"], ": val/ and valid/ mean the same; keep one"),
        (
            ["train/cat/1.jpg", "train/dog/1.jpg", "test/cat/1.jpg", "test/dogs/1.jpg"],
            "/train: no class folder 'dogs', which test/ has; did you mean dog?; all splits must have the same classes",
        ),
    ],
)
def test_folders_in_other_layouts_are_named(tmp_path, put_pictures, pictures, message):
    put_pictures(*pictures)
    assert refusal(tmp_path) == f"{tmp_path}{message}"


def test_bad_headers_are_named_and_counted(tmp_path, put_pictures):
    put_pictures("a/1.jpg", "a/3.jpg", "b/1.jpg")
    (tmp_path / "a" / "2.jpg").write_text("no image")
    expected = f"{tmp_path}/a/2.jpg: not a JPEG, PNG or WebP image; replace or remove it"
    assert refusal(tmp_path) == expected
    Image.new("RGB", (40, 31)).save(tmp_path / "b" / "0.png")
    (tmp_path / "b" / "gone.jpg").symlink_to("nowhere")
    assert refusal(tmp_path) == expected + " (and 2 more)"
    (tmp_path / "a" / "2.jpg").unlink()
    small = f"{tmp_path}/b/0.png: expected at least 32x32 pixels, got 40x31; replace or remove it (and 1 more)"
    assert refusal(tmp_path) == small


@pytest.mark.parametrize(
    ("name", "present", "needed", "expected"),
    [
        ("imagenet", ["train", "val"], SPLITS, ["train", "val"]),
        ("imagenet", ["train", "val"], ["test"], ["val"]),
        ("image_folder", ["Train", "val", "other"], SPLITS, ["Train", "val"]),
        ("image_folder", ["train", "val", "test"], ["test"], ["test"]),
        ("image_folder", ["cat", "dog"], ["test"], [""]),
        ("image_folder", ["train"], SPLITS, [""]),
    ],
)
def test_only_folders_that_a_study_reads_count(tmp_path, name, present, needed, expected):
    for folder in present:
        (tmp_path / folder).mkdir()
    assert sorted(folders_read(name, tmp_path, needed)) == [tmp_path / folder for folder in expected]
