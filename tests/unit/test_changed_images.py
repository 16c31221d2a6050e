"""Images that are changed, damaged or in two splits are named, not used."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
from attacks.folders import good_folder, read, recoded

from resiliency.base.faults import Fault
from resiliency.corruptions.writing import write_pictures
from resiliency.data.folder import image_folder
from resiliency.data.pictures import read_conditions, read_images
from resiliency.data.reading import labelled_folder
from resiliency.data.split import draw_splits
from resiliency.data.writing import write_data_set, write_test_set
from resiliency.report.overview import pretraining_cautions
from resiliency.storage import read_array
from resiliency.training.engine import training_reader
from resiliency.training.settings import Recipe


def test_an_image_that_was_changed_after_it_was_listed_is_named(tmp_path):
    folder = good_folder(tmp_path / "photos")
    read(folder, tmp_path / "out")
    images = read_images(tmp_path / "out/test/images.json")
    assert images[:].shape == (60, 72, 72, 3)
    changed = images.files[3]
    shutil.copy(images.files[4], changed)
    for use in (images.__getitem__, training_reader(images, Recipe(smallest_crop=0.5), 0, 0)):
        with pytest.raises(Fault, match=f"^{changed}: changed since the study listed it; run again"):
            use(np.array([2, 3]))
    os.unlink(changed)
    with pytest.raises(Fault, match=rf"{changed}: cannot be decoded \(No such file"):
        images[3:4]


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
        with pytest.raises(Fault, match=f"^{file}: cannot be decoded"):
            part[np.array([len(part) - 1])]
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
    settings = {"name": "image_folder", "side": 72, "on_the_fly": on_the_fly, "allow_duplicates": True}
    write_data_set(tmp_path / "data", settings, source, split)
    output = capsys.readouterr().out
    assert "warning: 1 images are in their split twice, 1 of them in two classes, e.g. " in output
    assert f"more than one split, e.g. {folder}/val/bee/again.webp (test) = " in output
    further = good_folder(tmp_path / "further", seed=1) / "val"
    recoded(folder, further / "bee/again.webp", "train/ant/1.png")
    part = labelled_folder(further, source.classes, 72, 1)
    job = tmp_path / "field", "photos", part, source.classes, 72, on_the_fly, read_array(tmp_path / "data/digests.npy")
    line = rf"^test_sets\.field: 1 images are training or validation images, e.g. {further}/bee/again\.webp; remove"
    with pytest.raises(Fault, match=line):
        write_test_set(*job, allow_duplicates=False)
    write_test_set(*job, allow_duplicates=True)
    assert "warning: test_sets.field: 1 images are training or validation images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("card", "source", "said"),
    [
        ({"name": "imagenette"}, "fine-tuned here from pretrained timm/a@1; mean", "at least 87% are"),
        ({"name": "imagenet"}, "pretrained timm/a@1", ""),
        ({"name": "imagenette", "classes": ["a", "b"]}, "pretrained timm/a@1", ""),
        ({"name": "imagenette"}, "a.pt (sha256 1)", ""),
    ],
)
def test_pretrained_weights_on_classes_of_imagenet_need_caution(card, source, said):
    members = pd.DataFrame({"member": ["a-s0", "b-s0"], "weights_source": [source, "trained"]})
    cautions = pretraining_cautions({"classes": ["n01440764", "n02102040"]} | card, members)
    assert [said in caution and "(a-s0)" in caution for caution in cautions] == [True] * bool(said)
