"""Files from outside count with their content: not with their time, and in spite of it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from resiliency.study import records as module
from resiliency.study.records import Inputs


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with files, photos and a published set, whose states are settled at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "GRAIN", -1)
    for name in ("a.npy", "b.npy", "photos/cat/1.png", "photos/cat/2.png", "photos/dog/1.png", "set/fog/1/cat/1.JPEG"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(f"content of {name}")
    return tmp_path


def files() -> str:
    return Inputs("kept").files("a.npy", "b.npy")


def photos(timed: bool = False) -> str:
    return Inputs("kept").images(timed, "photos/cat", "photos/dog")


def published() -> str:
    return Inputs("kept").image_set("set", "fog", [1, 2])


@pytest.mark.parametrize(
    ("content", "change"),
    [
        (photos, lambda: shutil.copy("photos/cat/1.png", "photos/cat/3.png")),
        (photos, lambda: os.rename("photos/cat/1.png", "photos/dog/x.png")),
        (published, lambda: shutil.copytree("set/fog/1", "set/fog/2")),
        (published, lambda: shutil.copytree("set/fog", "set/weather/fog")),
    ],
)
def test_files_that_are_added_or_moved_to_another_class_count(here, content, change: Callable[[], object]):
    before = content()
    change()
    assert content() != before


def test_hidden_and_other_files_other_corruptions_and_circles_do_not_count(here):
    before = photos(), published()
    Path("photos/cat/.hidden.png").touch()
    Path("photos/cat/notes.txt").touch()
    Path("photos/dog/circle").symlink_to(here / "photos/dog")
    shutil.copytree("set/fog", "set/snow")
    assert (photos(), published()) == before


def test_the_same_content_in_another_place_is_the_same(here):
    before = files(), photos(timed=True), published()
    shutil.copytree(here, here.parent / "elsewhere", ignore=shutil.ignore_patterns("kept"))
    os.chdir(here.parent / "elsewhere")
    assert (files(), photos(timed=True), published()) == before


def test_a_file_is_read_once_as_long_as_it_stays(here, monkeypatch):
    read, hash_file = [], module._hash
    monkeypatch.setattr(module, "_hash", lambda path: read.append(path) or hash_file(path))
    first = files(), photos()
    assert (files(), photos()) == first
    assert len(read) == 5
    Path("photos/cat/1.png").write_text("other")
    assert photos() != first[1]
    assert read[5:] == ["photos/cat/1.png"]


def test_nothing_is_kept_of_a_file_that_may_change_again_at_the_same_time(here, monkeypatch):
    monkeypatch.setattr(module, "GRAIN", 10**12)
    first = files(), photos(), published()
    assert (files(), photos(), published()) == first
    assert not Path("kept").exists()


def test_what_cannot_be_read_has_no_content(here):
    Path("a.npy").unlink()
    missing = files()
    Path("a.npy").mkdir()
    assert files() == missing
    Path("a.npy").rmdir()
    os.mkfifo("a.npy")  # which would be waited for
    assert files() == missing
    os.mkfifo("photos/cat/pipe.png")
    photos()
    assert Inputs("kept").images(False, "nowhere") == Inputs("kept").images(False, "away/nowhere")
