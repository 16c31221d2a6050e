"""Images that are changed, damaged, or in two splits are named, not used."""

import os
import shutil

import numpy as np
import pytest
from attacks.folders import good_folder, read, recoded
from fault_messages import fault_of

from resiliency.base.faults import Fault
from resiliency.corruptions.writing import write_pictures
from resiliency.data.card import write_data_set, write_test_set
from resiliency.data.folder import image_folder
from resiliency.data.pictures import read_conditions, read_images
from resiliency.data.reading import labelled_folder
from resiliency.data.settings import Dataset
from resiliency.data.source import Source
from resiliency.data.split import draw_splits
from resiliency.data.units import check_duplicates, image_contents
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


@pytest.mark.parametrize("damage", ["a byte", "another picture", "its end"])
def test_a_corrupted_picture_that_was_damaged_or_replaced_is_named(tmp_path, damage):
    images = corrupted(tmp_path)
    file = tmp_path / "contrast/4/bee/3.JPEG"
    content = bytearray(file.read_bytes())
    if damage == "a byte":
        content[-100] ^= 1
    elif damage == "another picture":
        content = (tmp_path / "contrast/4/ant/2.JPEG").read_bytes()
    else:
        content = content[:-30]
    status = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    for part in (images, read_conditions(tmp_path / "clean.npy", [tmp_path / "contrast.json"])[2]):
        with pytest.raises(Fault, match=f"^{file}: damaged, not as it was written; delete {tmp_path}/contrast and run"):
            part[np.array([len(part) - 1])]
    assert images[:7].shape == (7, 72, 72, 3)


def whole(source: Source) -> dict:
    return {split: (part, np.arange(len(part.labels))) for split, part in source.parts.items()}


def compared(chosen: dict, side: int, refused: bool, decoded: bool = True) -> dict[str, int]:
    return check_duplicates(chosen, image_contents(chosen, side, decoded), ["ant", "bee"], refused)


def test_duplicates_between_splits_are_named_and_may_be_allowed(tmp_path, capsys):
    folder = good_folder(tmp_path / "photos")
    for index in range(5):
        shutil.copy(folder / f"train/ant/{index}.png", folder / f"val/bee/x{index}.png")
    chosen = whole(image_folder(folder, 72, 1))
    expected = (
        f"dataset: 5 images are in more than one split, e.g. {folder}/val/bee/x0.png (test) = "
        f"{folder}/train/ant/0.png (train), "
    )
    message = fault_of(compared, chosen, 72, refused=True)
    assert message.startswith(expected)
    assert message.endswith(", ...; remove them from one, or set dataset.allow_duplicates: true")
    assert compared(chosen, 72, refused=False)["between_splits"] == 5
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"warning: {expected}")
    assert Dataset(name="image_folder", folder="x", allow_duplicates=True).resolved()["allow_duplicates"]


@pytest.mark.parametrize("on_the_fly", [True, False])
@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_test_images_that_are_training_images_in_another_coding_are_refused(tmp_path, on_the_fly, suffix):
    folder = good_folder(tmp_path / "photos", side=72)
    recoded(folder, f"val/bee/again{suffix}", "train/ant/1.png")
    source = image_folder(folder, 72, 1)
    chosen = draw_splits(source, 0.2, 0.2, {}, 0)
    job = source, chosen, 72, on_the_fly
    place = rf"^dataset: 1 images are in more than one split, e.g. {folder}/val/bee/again{suffix} \(test\) = {folder}/"
    with pytest.raises(Fault, match=place + r".*; remove them from one, or set dataset\.allow_duplicates: true$"):
        write_data_set(tmp_path / "out", "image_folder", *job)
    write_data_set(tmp_path / "out", "image_folder", *job, allow_duplicates=True)
    assert read_json(tmp_path / "out/card.json")["duplicates"] == {"between_splits": 1, "within_splits": 0}
    assert read_array(tmp_path / "out/digests.npy").shape == (60, 16)


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
