"""A folder of images counts with path, size and modification time of each image in it."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from resiliency.data.folder import image_states, published_states

PHOTO, PUBLISHED = Path("photos/cat/1.png"), Path("set/fog/1/cat/1.JPEG")
STACK = Path("set/fog.npy")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with photos and a published set in both layouts."""
    monkeypatch.chdir(tmp_path)
    for path in (PHOTO, Path("photos/cat/2.png"), Path("photos/dog/1.png"), PUBLISHED, STACK):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {path}")
    return tmp_path


def photos() -> str:
    return image_states(Path("photos/cat"), Path("photos/dog"))


def published() -> str:
    return published_states(Path("set"), "fog", [1, 2])


def replaced(path: Path) -> None:
    """Give a file other content of the same size, by another file, as their folder shows."""
    time.sleep(0.02)  # after which a file system has another time
    path.with_name("other").write_bytes(path.read_bytes().replace(b"o", b"0"))
    os.replace(path.with_name("other"), path)


@pytest.mark.parametrize(
    ("states", "change"),
    [
        (photos, lambda: os.unlink(PHOTO)),
        (photos, lambda: shutil.copy(PHOTO, "photos/cat/3.png")),
        (photos, lambda: os.rename(PHOTO, "photos/dog/x.png")),
        (photos, lambda: replaced(PHOTO)),
        (published, lambda: os.unlink(PUBLISHED)),
        (published, lambda: shutil.copytree("set/fog/1", "set/fog/2")),
        (published, lambda: shutil.copytree("set/fog", "set/weather/fog")),
        (published, lambda: replaced(PUBLISHED)),
        (published, lambda: replaced(STACK)),
    ],
)
def test_images_that_are_added_removed_moved_or_replaced_count(
    here, states, change: Callable[[], object]
):
    before = states()
    change()
    assert states() != before


def test_hidden_and_other_files_other_corruptions_and_circles_do_not_count(here):
    before = photos(), published()
    Path("photos/cat/.hidden.png").touch()
    Path("photos/cat/notes.txt").touch()
    Path("photos/dog/circle").symlink_to(here / "photos/dog")
    shutil.copytree("set/fog", "set/snow")
    assert (photos(), published()) == before


def test_the_same_files_in_another_place_are_the_same(here):
    before = photos(), published()
    shutil.copytree(here, here.parent / "elsewhere")
    os.chdir(here.parent / "elsewhere")
    assert (photos(), published()) == before
    assert image_states(Path("nowhere")) == image_states(Path("away/nowhere"))
