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


def test_imagenet_needs_its_synsets(ilsvrc, monkeypatch):
    end = "for a subset, set dataset.name to image_folder"
    synset = ilsvrc / "val" / SYNSETS[123]
    synset.rename(synset.with_name("goldfish"))
    assert (
        refusal(ilsvrc, imagenet)
        == f"{ilsvrc}/val: expected ImageNet's 1,000 synset folders, got 999 and 1 others; {end}"
    )
    other = synset.with_name("goldfish").rename(synset.with_name("n00001234"))
    unknown = f"{ilsvrc}/val: n00001234 is not one of ImageNet's 1,000 synsets (is it {SYNSETS[123]}?); rename it"
    monkeypatch.setattr(module, "get_close_matches", lambda name, synsets, n: synsets)
    assert refusal(ilsvrc, imagenet) == unknown
    other.rename(synset)


def test_what_is_not_needed_is_not_read(tmp_path, ilsvrc, put_pictures):
    (tmp_path / "val").symlink_to(ilsvrc / "val")
    assert list(imagenet(tmp_path, 32, 1, ["test"]).parts) == ["test"]
    data = tmp_path / "data"
    put_pictures("data/test/a/1.jpg", "data/test/b/1.jpg", "data/val/a/1.jpg", "data/val/b/1.jpg")
    assert relative(image_folder(data, 32, 1, ["test"]), "test", data) == ["test/a/1.jpg", "test/b/1.jpg"]
    assert list(image_folder(data, 32, 1, ["validation", "test"]).parts) == ["validation", "test"]
    assert training_fault(data, ["validation", "test"]) == training_fault(ilsvrc, SPLITS) == ""
    assert training_fault(data, SPLITS) == f"{data}: found test/ but no train/; add train/ with the same classes"
    put_pictures("other/val/a/1.jpg", "other/val/b/1.jpg")
    assert "but no train/" in training_fault(tmp_path / "other", ["validation", "test"])
    assert training_fault(tmp_path / "other", ["test"]) == ""
    put_pictures("other/train/a/1.jpg", "other/train/b/1.jpg", "other/train/c/1.jpg")
    assert image_folder(tmp_path / "other", 32, 1, ["test"]).classes == ["a", "b"]
    assert list(image_folder(data.with_name("other") / "val", 32, 1, ["test"]).parts) == [ALL]
