"""Folders of images are read in one order on any file system; what cannot be a data set is named in
one line.

Those of ImageNet are told by its synsets.
"""

import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fault_messages import fault_of
from PIL import Image
from timm.data import ImageNetInfo
from torchvision.datasets import ImageFolder

from resiliency.data.folder import folders_read, image_folder, imagenet, training_fault
from resiliency.data.source import ALL, SPLITS, names_for_classes

REPOSITORY = Path(__file__).parents[2]


def read(folder: Path):
    return image_folder(folder, 32, 1)


def refusal(folder: Path, reader=image_folder) -> str:
    """What is said of a folder that cannot be read."""
    return fault_of(reader, folder, 32, 1)


class Rows(list):
    """Rows of a split as the library `datasets` has them."""

    @property
    def features(self) -> dict:
        return {"label": SimpleNamespace(int2str=["zebra", "ant"].__getitem__)}


def test_the_lines_of_the_guide_write_a_folder_that_is_read(tmp_path, monkeypatch):
    rows = [{"image": Image.new("L", (40, 40), shade), "label": shade % 2} for shade in range(4)]
    library = SimpleNamespace(
        load_dataset=lambda name: {"train": Rows(rows), "validation": Rows(rows[:2])}
    )
    monkeypatch.setitem(sys.modules, "datasets", library)
    monkeypatch.chdir(tmp_path)
    guide = (REPOSITORY / "docs/data.md").read_text(encoding="utf-8")
    exec(re.search(r"```python\n(.*?)```", guide, re.DOTALL)[1], {})
    source = read(tmp_path / "data/photos")
    assert (source.classes, list(source.parts)) == (["ant", "zebra"], ["train", "test"])
    assert (source.parts["train"].labels.tolist(), source.parts["train"].names) == (
        [0, 0, 1, 1],
        ["1", "3", "0", "2"],
    )


def test_order_is_that_of_torchvision(tmp_path, put_pictures):
    put_pictures("é/1.jpg", "Z/b.JPG", "Z/a.png", "Z/B.jpg", "a b/10.jpeg", "a b/9.webp")
    put_pictures("_/x.jpg", "10/x.jpg", "9/x.jpg")
    other = ImageFolder(tmp_path)
    source = read(tmp_path)
    assert source.classes == other.classes
    assert list(source.parts) == [ALL]
    part = source.parts[ALL]
    assert part.images.files == [path for path, _ in other.samples]
    assert part.names == ["x", "x", "B", "a", "b", "x", "10", "9", "1"]
    assert (part.labels.dtype, part.labels.tolist()) == (np.int64, other.targets)


def test_hidden_and_other_files_are_left_out_and_counted(tmp_path, put_pictures, capsys):
    put_pictures("a/1.jpg", "a/2.JPEG", "a/3.Png", "a/4.webp", "b/1.jpg")
    put_pictures(
        "a/.5.jpg",
        "a/.cache/6.jpg",
        "a/notes.txt",
        "b/x/2.gif",
        "b/jpg",
        ".hidden/1.jpg",
        "loose.jpg",
    )
    assert read(tmp_path).parts[ALL].names == ["1", "2", "3", "4", "1"]
    why = "(hidden, in no class folder, or none of .jpg .jpeg .png .webp)"
    ignored = f"7 files ignored: .5.jpg, .cache, notes.txt, jpg, 2.gif, ... {why}"
    assert capsys.readouterr().out.splitlines()[0] == f"{tmp_path}: {ignored}"


def test_links_in_a_circle_end(tmp_path, put_pictures):
    put_pictures("a/x/1.jpg", "a/y/1.jpg", "b/1.jpg")
    for place, target in (
        ("a/x/up", ".."),
        ("a/root", tmp_path),
        ("a/x/y", "../y"),
        ("a/y/x", "../x"),
        ("b/me", "me"),
    ):
        (tmp_path / place).symlink_to(target)
    found = sorted(os.path.realpath(file) for file in read(tmp_path).parts[ALL].images.files)
    assert found == [str(tmp_path / path) for path in ("a/x/1.jpg", "a/y/1.jpg", "b/1.jpg")]


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        ([], ": expected a folder per class, got none; sort the images into class folders"),
        (
            ["train/a/1.jpg", "val/a/1.jpg"],
            "/train: expected two or more class folders, got only 'a'",
        ),
        (None, ": cannot be listed (No such file or directory); name a folder that is there"),
        (
            ["a/1.jpg", "b/1.gif"],
            "/b: no .jpg .jpeg .png .webp file in this class folder; add images or remove it",
        ),
        (
            ["train/a/1.jpg", "other/a/1.jpg"],
            ": found train/ but neither val/ nor test/; add one of them",
        ),
        (
            ["valid/a/1.jpg", "valid/b/1.jpg"],
            ": found valid/ but no train/; add train/ with the same classes",
        ),
        (
            ["train/a/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"],
            ": val/ and valid/ mean the same; keep one",
        ),
        (
            ["train/cat/1.jpg", "train/dog/1.jpg", "test/cat/1.jpg", "test/dogs/1.jpg"],
            "/train: no class folder 'dogs', which test/ has; did you mean dog?; all splits must "
            "have the same classes",
        ),
    ],
)
def test_folders_in_other_layouts_are_named(tmp_path, put_pictures, pictures, message):
    folder = tmp_path / "none" if pictures is None else tmp_path
    put_pictures(*pictures or ())
    assert refusal(folder) == f"{folder}{message}"


def test_bad_headers_are_named_and_counted(tmp_path, put_pictures):
    put_pictures("a/1.jpg", "a/3.jpg", "b/1.jpg")
    (tmp_path / "a/2.jpg").write_text("no image")
    Image.new("RGB", (40, 31)).save(tmp_path / "b/0.png")
    assert (
        refusal(tmp_path)
        == f"{tmp_path}/a/2.jpg: not a JPEG, PNG or WebP image; replace or remove it (and 1 more)"
    )
    (tmp_path / "a/2.jpg").unlink()
    assert (
        refusal(tmp_path)
        == f"{tmp_path}/b/0.png: expected at least 32x32 pixels, got 40x31; replace or remove it"
    )


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
    assert sorted(folders_read(name, tmp_path, needed)) == [
        tmp_path / folder for folder in expected
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("\ufeffstop \nspeed limit 30\n\n".encode(), ""),
        (b"a\xff\n", "cannot be read"),
        (b"a\n", "expected 2 names, one per class folder, got 1"),
        (b"a\na\n", "'a' names 2 classes"),
        (b"a\na/b\n", "'a/b' cannot name a folder"),
    ],
)
def test_names_of_classes_are_lines_in_the_order_of_the_folders(tmp_path, content, fault):
    job = ["00014", "00015"], tmp_path / "names.txt"
    job[1].write_bytes(content)
    if fault:
        assert fault in fault_of(names_for_classes, *job)
    else:
        assert names_for_classes(*job) == ["stop", "speed limit 30"]


SYNSETS = ImageNetInfo().label_names()


@pytest.fixture(scope="session")
def ilsvrc(tmp_path_factory, grey_picture) -> Path:
    """The 1,000 synsets, an image each in train/ and val/; as usual, in no order on disk."""
    root = tmp_path_factory.mktemp("ilsvrc")
    for number in np.random.default_rng(5).permutation(1000):
        for split, name in (("train", f"n{number:08}_7"), ("val", f"ILSVRC2012_val_{number:08}")):
            folder = root / split / SYNSETS[number]
            folder.mkdir(parents=True)
            os.link(grey_picture, folder / f"{name}.JPEG")
    return root


def test_imagenet(ilsvrc):
    source = imagenet(ilsvrc, 32, 1)
    title = "ImageNet, ILSVRC2012 (Russakovsky et al. 2015)"
    assert source.description == f"{title} in {ilsvrc}: train from train/, test from val/"
    assert source.classes == SYNSETS
    assert list(source.parts) == ["train", "test"]
    np.testing.assert_array_equal(source.parts["test"].labels, np.arange(1000))
    assert source.parts["train"].names[3] == "n00000003_7"
    assert source.parts["test"].names[999] == "ILSVRC2012_val_00000999"
    assert (
        source.parts["test"].images.files[999]
        == f"{ilsvrc}/val/{SYNSETS[999]}/ILSVRC2012_val_00000999.JPEG"
    )


def test_imagenet_needs_its_synsets(ilsvrc):
    synset = folder = ilsvrc / "val/n01443537"
    for name, said in (
        ("n01443538", "n01443538 is not one of ImageNet's 1,000 synsets; did you mean n01443537?"),
        ("n99999999", "n99999999 is not one of ImageNet's 1,000 synsets; rename"),
        ("goldfish", "expected ImageNet's 1,000 synset folders, got 999 and 1 others"),
    ):
        folder = folder.rename(synset.with_name(name))
        assert refusal(ilsvrc, imagenet).startswith(f"{ilsvrc}/val: {said}")
    folder.rename(synset)


def test_what_is_not_needed_is_not_read(tmp_path, ilsvrc, put_pictures):
    (tmp_path / "val").symlink_to(ilsvrc / "val")
    assert list(imagenet(tmp_path, 32, 1, ["test"]).parts) == ["test"]
    put_pictures("data/test/a/1.jpg", "data/test/b/1.jpg", "data/val/a/1.jpg", "data/val/b/1.jpg")
    data = tmp_path / "data"
    assert list(image_folder(data, 32, 1, ["validation", "test"]).parts) == ["validation", "test"]
    assert training_fault(data, ["validation", "test"]) == training_fault(ilsvrc, SPLITS) == ""
    assert training_fault(data, SPLITS).startswith(f"{data}: found test/ but no train/")
    (data / "test").rename(tmp_path / "other")
    assert training_fault(data, ["test"]) == ""
    put_pictures("data/train/a/1.jpg", "data/train/b/1.jpg", "data/train/c/1.jpg")
    source = image_folder(data, 32, 1, ["test"])
    assert source.classes == ["a", "b"]
    assert source.parts["test"].images.files == [f"{data}/val/{name}/1.jpg" for name in ("a", "b")]
    assert list(image_folder(data / "val", 32, 1, ["test"]).parts) == [ALL]
