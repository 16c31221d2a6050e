"""Folders of ImageNet are told by its synsets, and what is not needed of a folder is not read."""

import os
from pathlib import Path

import numpy as np
import pytest
from image_folders import refusal, relative
from timm.data import ImageNetInfo

from resiliency.data import folder as module
from resiliency.data.folder import image_folder, imagenet, training_fault
from resiliency.data.source import ALL, SPLITS

SYNSETS = module._imagenet_synsets()


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
    assert source.classes == SYNSETS == ImageNetInfo().label_names()
    assert list(source.parts) == ["train", "test"]
    np.testing.assert_array_equal(source.parts["test"].labels, np.arange(1000))
    assert source.parts["train"].names[3] == "n00000003_7"
    assert source.parts["test"].names[999] == "ILSVRC2012_val_00000999"
    assert source.parts["test"].images.files[999] == f"{ilsvrc}/val/{SYNSETS[999]}/ILSVRC2012_val_00000999.JPEG"


def test_imagenet_needs_its_synsets(ilsvrc):
    synset = ilsvrc / "val" / SYNSETS[123]
    near = next(name for digit in range(10) if (name := f"{SYNSETS[123][:-1]}{digit}") not in SYNSETS)
    other = synset.rename(synset.with_name(near))
    message = f"{ilsvrc}/val: {near} is not one of ImageNet's 1,000 synsets; did you mean {SYNSETS[123]}?"
    assert refusal(ilsvrc, imagenet).startswith(message)
    far = "n" + next(digit for digit in "0123456789" if digit not in SYNSETS[123]) * 8
    other = other.rename(synset.with_name(far))
    assert refusal(ilsvrc, imagenet).startswith(f"{ilsvrc}/val: {far} is not one of ImageNet's 1,000 synsets; rename")
    other = other.rename(synset.with_name("goldfish"))
    assert "expected ImageNet's 1,000 synset folders, got 999 and 1 others" in refusal(ilsvrc, imagenet)
    other.rename(synset)


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
    assert (source.classes, relative(source, "test", data)) == (["a", "b"], ["val/a/1.jpg", "val/b/1.jpg"])
    assert list(image_folder(data / "val", 32, 1, ["test"]).parts) == [ALL]
