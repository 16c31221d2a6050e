"""Published corrupted sets, made small: what is read belongs to the test images, and what does not is refused."""

import hashlib

import numpy as np
import pytest
from fault_messages import fault_of
from PIL import Image

from resiliency.corruptions import writing
from resiliency.corruptions.writing import check_sizes, image_paths, stacked_images

NUMBER = 7
SIZE = (4, 6)
LABELS = np.array([3, 1, 4, 1, 5, 9, 2])
OTHER = np.where(np.arange(5 * NUMBER) == 20, 3, np.tile(LABELS, 5))  # another label at severity 3
POSITIONS = np.array([5, 0, 6, 2])


@pytest.fixture
def folder(tmp_path):
    """Fog in which an image's values are its row, 10 times the severity plus the position."""
    rows = np.add.outer(10 * np.arange(1, 6), np.arange(NUMBER)).astype(np.uint8).ravel()
    np.save(tmp_path / "fog.npy", np.broadcast_to(rows[:, None, None, None], (5 * NUMBER, *SIZE, 3)))
    np.save(tmp_path / "labels.npy", np.tile(LABELS, 5))
    return tmp_path


def read(folder, severities=(1, 2, 3, 4, 5), checksums=None):
    return stacked_images(folder, "fog", severities, POSITIONS, LABELS[POSITIONS], SIZE, checksums or {})


def test_stacked_images_come_severity_by_severity_in_the_order_of_the_positions(folder, monkeypatch):
    monkeypatch.setattr(writing, "_CHUNK", 3)
    chunks = list(read(folder, severities=(2, 5)))
    assert [chunk.shape for chunk in chunks] == [(3, *SIZE, 3), (1, *SIZE, 3)] * 2
    assert np.concatenate(chunks)[:, 0, 0, 0].tolist() == [25, 20, 26, 22, 55, 50, 56, 52]


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("labels", OTHER, "in the order of the clean test set, got 3 for 2 at position 6"),
        ("fog", np.zeros((35, 6, 4, 3), np.uint8), "got uint8 of shape (35, 6, 4, 3)"),
        ("fog", np.zeros((35, 4, 6, 3), np.float32), "got float32 of shape (35, 4, 6, 3)"),
        ("fog", None, "there is no such file"),
    ],
)
def test_what_is_not_the_published_set_is_refused(folder, name, array, message):
    (folder / f"{name}.npy").unlink()
    if array is not None:
        np.save(folder / f"{name}.npy", array)
    fault = fault_of(read, folder)
    assert fault.startswith(f"{folder / name}.npy: ")
    assert message in fault


def test_a_part_of_the_published_set_is_refused(folder):
    np.save(folder / "fog.npy", np.zeros((5 * 3, *SIZE, 3), np.uint8))
    np.save(folder / "labels.npy", np.tile(LABELS[:3], 5))
    assert "expected an image at position 6, got 3 test images" in fault_of(read, folder)


def test_published_checksums_are_held_against_the_files(folder):
    sums = {name: hashlib.md5((folder / f"{name}.npy").read_bytes()).hexdigest() for name in ("fog", "labels")}
    assert (next(read(folder, checksums=sums)) == next(read(folder))).all()
    for name in sums:
        assert f"{name}.npy: expected MD5 0a" in fault_of(read, folder, (1,), sums | {name: "0a"})


CLASSES = ["tench", "crane", "tench", "crane"]
NAMES = ["b.JPEG", "b.JPEG", "a.v2", "0.png"]


def touch(*paths) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def make_set(folder, corruptions=("fog",), severities=(1, 3)) -> None:
    """Empty files: only their paths count. Each class has an image that the study lacks, and there is a third class."""
    for top in (folder / corruption / str(severity) for corruption in corruptions for severity in severities):
        touch(*(top / "tench" / name for name in ("b.JPEG", "a.v2.JPEG", "z.JPEG", "notes.txt")))
        touch(*(top / "crane" / name for name in ("b.JPEG", "0.JPEG", "1.JPEG")), top / "ant" / "b.JPEG")


def test_files_are_found_by_class_and_name_severity_by_severity(tmp_path):
    make_set(tmp_path)
    images = ["tench/b.JPEG", "crane/b.JPEG", "tench/a.v2.JPEG", "crane/0.JPEG"]
    expected = [f"{tmp_path}/fog/{severity}/{image}" for severity in (3, 1) for image in images]
    assert image_paths(tmp_path, "fog", (3, 1), CLASSES, NAMES) == expected


def test_pictures_that_were_not_cropped_or_would_be_enlarged_are_refused(tmp_path):
    for size in ((48, 48), (64, 64), (40, 40), (64, 48)):
        Image.new("RGB", size).save(tmp_path / "{}x{}.png".format(*size))
    check_sizes([f"{tmp_path}/48x48.png", f"{tmp_path}/64x64.png"], 48)
    for name in ("40x40", "64x48"):
        path = f"{tmp_path}/{name}.png"
        assert fault_of(check_sizes, [path], 48).startswith(f"{path}: {name} pixels; expected squares of 48 pixels")


def test_corruptions_side_by_side_are_told_apart_and_one_that_is_there_twice_is_refused(tmp_path):
    make_set(tmp_path / "weather", ("fog", "frost"))
    make_set(tmp_path / "extra", ("spatter", "fog"))
    paths = image_paths(tmp_path, "frost", (1,), CLASSES, NAMES)
    assert all(path.startswith(str(tmp_path / "weather/frost/1")) for path in paths)
    message = fault_of(image_paths, tmp_path, "fog", (1,), CLASSES, NAMES)
    assert f"fog is in {tmp_path}/extra/fog and in {tmp_path}/weather/fog" in message


def test_missing_folders_and_images_are_named_with_what_is_there(tmp_path):
    make_set(tmp_path, ("fog",))
    assert "frost: there is no such folder" in fault_of(image_paths, tmp_path, "frost", (1,), CLASSES, NAMES)
    for name in ("b", "0"):
        (tmp_path / f"fog/3/crane/{name}.JPEG").unlink()
    message = fault_of(image_paths, tmp_path, "fog", (1, 3), CLASSES, NAMES)
    assert message.startswith(f"{tmp_path}/fog/3/crane/b.JPEG: there is no such image; 2 of 8 images are")
