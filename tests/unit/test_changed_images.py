"""Images that are changed, damaged, or in two splits are named, not used."""

import os
import shutil

import numpy as np
import pytest
from attacks.folders import FOLDERS, good_folder, read
from PIL import Image

from resiliency.corruptions.writing import write_pictures
from resiliency.data.duplicates import check_duplicates
from resiliency.data.folder import image_folder
from resiliency.data.images import read_conditions, read_images
from resiliency.data.settings import Dataset
from resiliency.data.source import ALL, Part, Source
from resiliency.data.state import folder_state
from resiliency.faults import Fault
from resiliency.training.augmentation import reader
from resiliency.training.settings import Recipe


@pytest.mark.parametrize("attack", FOLDERS, ids=lambda attack: attack.name)
def test_folders_that_cannot_be_a_data_set(tmp_path, attack):
    folder = good_folder(tmp_path / "photos", images=32)
    attack.make(folder)
    if attack.message:
        with pytest.raises(Fault) as caught:
            read(folder, tmp_path / "out")
        assert attack.message in str(caught.value)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()
    else:
        _, chosen = read(folder, tmp_path / "out")
        for part, _ in chosen.values():
            assert max(len(f"{name}.JPEG".encode()) for name in part.names) <= 255
            for label in set(part.labels):
                names = [name for name, of in zip(part.names, part.labels, strict=True) if of == label]
                assert len(set(names)) == len(names)


def test_an_image_that_was_changed_after_it_was_listed_is_named(tmp_path):
    folder = good_folder(tmp_path / "photos")
    read(folder, tmp_path / "out")
    images = read_images(tmp_path / "out/test/images.json")
    assert images[:].shape == (60, 72, 72, 3)
    changed = images.files[3]
    shutil.copy(images.files[4], changed)
    for use in (images.__getitem__, reader(images, Recipe(smallest_crop=0.5), 0, 0)):
        with pytest.raises(Fault, match=f"^{changed}: changed since the study listed it; run again"):
            use(np.array([2, 3]))
    os.unlink(changed)
    with pytest.raises(Fault, match=rf"{changed}: cannot be decoded \(No such file"):
        images[3:4]


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "train/ant/1.png").unlink(),
        lambda folder: shutil.copy(folder / "train/ant/1.png", folder / "train/ant/x.png"),
        lambda folder: (folder / "train/ant/1.png").rename(folder / "train/bee/x.png"),
        lambda folder: Image.new("RGB", (40, 40)).save(folder / "train/ant/1.png"),
    ],
)
def test_the_state_of_a_folder_tells_of_any_change(tmp_path, change):
    folder = good_folder(tmp_path / "photos", images=3)
    shutil.copytree(folder, tmp_path / "other")
    before = folder_state(str(folder))
    assert folder_state(str(folder)) == folder_state(str(tmp_path / "other")) == before
    (folder / "train/bee/circle").symlink_to(folder)
    assert folder_state(str(folder)) == before
    (folder / ".hidden").touch()
    assert folder_state(str(folder)) == before
    change(folder)
    assert folder_state(str(folder)) != before
    assert folder_state(str(tmp_path / "absent")) == folder_state(str(tmp_path / "nowhere"))


def corrupted(tmp_path, count: int = 4):
    """Pictures of a corruption, and the list of them."""
    clean = np.random.default_rng(0).integers(0, 256, (count, 72, 72, 3), dtype=np.uint8)
    items = ["ant", "bee"] * (count // 2), [str(index) for index in range(count)]
    job = clean, 72, "contrast", [1, 4], lambda images, *_: images
    write_pictures(str(tmp_path / "contrast.json"), str(tmp_path / "contrast"), items, *job)
    np.save(tmp_path / "clean.npy", clean)
    return read_images(tmp_path / "contrast.json")


def test_corrupted_pictures_are_read_as_they_were_written(tmp_path):
    images = corrupted(tmp_path)
    assert images[:].shape == (8, 72, 72, 3)
    _, first, second = read_conditions(tmp_path / "clean.npy", [tmp_path / "contrast.json"])
    np.testing.assert_array_equal(second[:], images[4:])
    assert first.checksums == images.checksums[:4]


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


def test_duplicates_within_a_split_are_a_warning(tmp_path, capsys):
    folder = good_folder(tmp_path / "photos")
    shutil.copy(folder / "train/ant/1.png", folder / "train/ant/x.png")
    source = image_folder(folder, 72, 1)
    chosen = {split: (part, np.arange(len(part.labels))) for split, part in source.parts.items()}
    assert check_duplicates(chosen, 72, refused=True) == {"between_splits": 0, "within_splits": 1}
    warning = capsys.readouterr().out.splitlines()[-1]
    assert warning.startswith("warning: 1 images are in their split twice, as ")
    assert "train/ant/x.png (train) = " in warning


def test_duplicates_between_splits_are_named_and_may_be_allowed(tmp_path, capsys):
    folder = good_folder(tmp_path / "photos")
    for index in range(5):
        shutil.copy(folder / f"train/ant/{index}.png", folder / f"val/bee/x{index}.png")
    source = image_folder(folder, 72, 1)
    chosen = {split: (part, np.arange(len(part.labels))) for split, part in source.parts.items()}
    expected = (
        f"dataset: 5 images are in more than one split, as {folder}/val/bee/x0.png (test) = "
        f"{folder}/train/ant/0.png (train), "
    )
    with pytest.raises(Fault) as caught:
        check_duplicates(chosen, 72, refused=True)
    assert str(caught.value).startswith(expected)
    assert str(caught.value).endswith(", ...; remove them from one, or set dataset.allow_duplicates: true")
    assert check_duplicates(chosen, 72, refused=False)["between_splits"] == 5
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"warning: {expected}")
    assert Dataset(name="image_folder", folder="x", allow_duplicates=True).resolved()["allow_duplicates"]


def test_duplicates_of_stored_images_are_found_by_their_pixels():
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    images[4] = images[1]
    part = Part(images, np.array([0, 1] * 3), [str(index) for index in range(6)])
    assert list(Source("", ["a", "b"], {ALL: part}).parts) == [ALL]
    chosen = {"train": (part, np.arange(3)), "test": (part, np.arange(3, 6))}
    with pytest.raises(Fault, match=r"1 images are in more than one split, as image 4 \(test\) = image 1 \(train\);"):
        check_duplicates(chosen, 8, refused=True)


def test_files_of_one_length_and_end_are_told_apart(tmp_path):
    folder = good_folder(tmp_path / "photos", images=2)
    for index, name in enumerate(("train/ant/0.png", "val/ant/0.png")):
        Image.fromarray(np.full((300, 300, 3), 7 + index, np.uint8)).save(folder / name, compress_level=0)
    source = image_folder(folder, 72, 1)
    chosen = {split: (part, np.arange(len(part.labels))) for split, part in source.parts.items()}
    assert check_duplicates(chosen, 72, refused=True)["between_splits"] == 0
