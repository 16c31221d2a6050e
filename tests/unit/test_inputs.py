"""Files from outside count with their content: not with their time, and in spite of it."""

import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import pytest

from resiliency.study import records as module
from resiliency.study.records import Inputs

FILE, PHOTO, PUBLISHED = "b.npy", "photos/cat/1.png", "set/fog/1/cat/1.JPEG"
HOUR = 3600 * 10**9  # nanoseconds
TICK = 0.02  # seconds after which a file system has another time


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with files, photos and a published set, whose states are settled at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "GRAIN", -1)
    for name in ("a.npy", FILE, PHOTO, "photos/cat/2.png", "photos/dog/1.png", PUBLISHED):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(f"content of {name}")
    return tmp_path


def files() -> str:
    return Inputs("kept").files("a.npy", FILE)


def photos(timed: bool = False) -> str:
    return Inputs("kept").images(timed, "photos/cat", "photos/dog")


def published() -> str:
    return Inputs("kept").image_set("set", "fog", [1, 2])


@pytest.mark.parametrize(
    ("content", "change"),
    [
        (files, lambda: os.unlink(FILE)),
        (photos, lambda: os.unlink(PHOTO)),
        (published, lambda: os.unlink(PUBLISHED)),
        (photos, lambda: shutil.copy(PHOTO, "photos/cat/3.png")),
        (photos, lambda: os.rename(PHOTO, "photos/dog/x.png")),
        (published, lambda: shutil.copytree("set/fog/1", "set/fog/2")),
        (published, lambda: shutil.copytree("set/fog", "set/weather/fog")),
    ],
)
def test_files_that_are_added_removed_or_moved_to_another_class_count(here, content, change: Callable[[], object]):
    before = content()
    change()
    assert content() != before


def moved(path: Path, content: bytes) -> None:
    path.with_name("other").write_bytes(content)
    os.replace(path.with_name("other"), path)


def linked(path: Path, content: bytes) -> None:
    (path.parent / ".other").write_bytes(content)
    path.unlink()
    path.symlink_to(".other")


ON_THE_FLY = partial(photos, timed=True)
REPLACED = [
    *product(((files, FILE), (photos, PHOTO), (ON_THE_FLY, PHOTO)), (Path.write_bytes, moved, linked), (0, HOUR))
]
# Of a published set, of millions of files, only changes of class folders, sizes and times are looked for.
REPLACED += product([(published, PUBLISHED)], (moved, linked), [HOUR])


@pytest.mark.parametrize(("of", "replace", "older"), REPLACED)
def test_content_of_the_same_size_that_is_not_newer_counts(here, of, replace, older):
    content, path = of[0], Path(of[1])
    before, status = content(), path.stat()
    time.sleep(TICK)
    replace(path, path.read_bytes().replace(b"o", b"0"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - older))
    assert content() != before


@pytest.mark.parametrize("replace", [Path.write_bytes, moved, linked, lambda path, content: path.touch()])
@pytest.mark.parametrize(("content", "path"), [(files, Path(FILE)), (photos, Path(PHOTO))])
def test_the_same_content_at_another_time_does_not_count(here, content, path, replace):
    before = content()
    time.sleep(TICK)
    replace(path, path.read_bytes())
    assert content() == before


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
    Path(PHOTO).write_text("other")
    assert photos() != first[1]
    assert read[5:] == [PHOTO]


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
