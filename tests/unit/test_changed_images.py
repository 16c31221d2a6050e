"""Images that are changed, damaged, or in two splits are named, not used."""

import os
import shutil

import numpy as np
import pytest
from attacks.folders import good_folder, read, recoded

from resiliency.base.faults import Fault
from resiliency.corruptions.writing import write_pictures
from resiliency.data.card import write_data_set, write_test_set
from resiliency.data.folder import image_folder
from resiliency.data.pictures import read_conditions, read_images
from resiliency.data.reading import labelled_folder
from resiliency.data.split import draw_splits
from resiliency.storage.files import read_array, read_json
from resiliency.training.augmentation import training_reader
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


def corrupted(tmp_path, count: int = 4):
    """Pictures of a corruption, and the list of them."""
    clean = np.random.default_rng(0).integers(0, 256, (count, 72, 72, 3), dtype=np.uint8)
    items = ["ant", "bee"] * (count // 2), [str(index) for index in range(count)]
    job = clean, 72, "contrast", [1, 4], lambda images, *_, indices: images
    write_pictures(str(tmp_path / "contrast.json"), str(tmp_path / "contrast"), items, *job)
    np.save(tmp_path / "clean.npy", clean)
    return read_images(tmp_path / "contrast.json")


@pytest.mark.parametrize("other", [None, "contrast/4/ant/2.JPEG"])
def test_a_corrupted_picture_that_was_damaged_or_replaced_is_named(tmp_path, other):
    images = corrupted(tmp_path)
    file = tmp_path / "contrast/4/bee/3.JPEG"
    content = bytearray((tmp_path / (other or file)).read_bytes())
    content[-100] ^= not other
    status = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    for part in (images, read_conditions(tmp_path / "clean.npy", [tmp_path / "contrast.json"])[2]):
        with pytest.raises(Fault, match=f"^{file}: damaged, not as it was written"):
            part[np.array([len(part) - 1])]
    assert images[:7].shape == (7, 72, 72, 3)


@pytest.mark.parametrize("on_the_fly", [True, False])
def test_test_images_that_are_training_images_in_another_coding_may_be_allowed(tmp_path, on_the_fly, capsys):
    folder = good_folder(tmp_path / "photos", side=72)
    recoded(folder, "val/bee/again.webp", "train/ant/1.png")
    shutil.copy(folder / "val/ant/2.png", folder / "val/bee/twice.png")
    source = image_folder(folder, 72, 1)
    job = source, draw_splits(source, 0.2, 0.2, {}, 0), 72, on_the_fly
    write_data_set(tmp_path / "out", "image_folder", *job, allow_duplicates=True)
    assert read_json(tmp_path / "out/card.json")["duplicates"] == {"between_splits": 1, "within_splits": 1}
    assert read_array(tmp_path / "out/digests.npy").shape == (60, 16)
    output = capsys.readouterr().out
    assert "warning: 1 images are in their split twice, 1 of them in two classes, e.g. " in output
    assert (
        f"warning: dataset: 1 images are in more than one split, e.g. {folder}/val/bee/again.webp (test) = " in output
    )


@pytest.mark.parametrize("on_the_fly", [True, False])
def test_test_sets_of_training_images_are_refused(tmp_path, on_the_fly, capsys):
    folder = good_folder(tmp_path / "photos")
    source = image_folder(folder, 72, 1)
    write_data_set(tmp_path / "data", "image_folder", source, draw_splits(source, 0.2, 0.2, {}, 0), 72, on_the_fly)
    further = good_folder(tmp_path / "further", seed=1) / "val"
    recoded(folder, further / "bee/again.webp", "train/ant/1.png")
    part = labelled_folder(further, source.classes, 72, 1)
    job = tmp_path / "field", "photos", part, source.classes, 72, on_the_fly, read_array(tmp_path / "data/digests.npy")
    line = rf"^test_sets\.field: 1 images are training or validation images, e.g. {further}/bee/again\.webp; remove"
    with pytest.raises(Fault, match=line):
        write_test_set(*job, allow_duplicates=False)
    write_test_set(*job, allow_duplicates=True)
    assert "warning: test_sets.field: 1 images are training or validation images" in capsys.readouterr().out
