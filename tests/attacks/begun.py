"""Folders of photos of which `resiliency.begin` writes a study: odd names, broken pictures, few images."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
from attacks.cases import Case, Wrong, allowed
from PIL import Image

from resiliency.base.faults import Fault
from resiliency.base.names import FEWEST_IMAGES
from resiliency.begin import REPOSITORY, begin
from resiliency.cli import main
from resiliency.data.folder import image_folder
from resiliency.data.pictures import decode
from resiliency.data.split import draw_splits
from resiliency.study.files import load, read_merged

SIDE, CLASSES = 40, ("cat", "größe b")
NAMES = ["2024", "null", "photos, new", "a: b", "it's [x]", 'a "b" #c', "größe", "{x}", "{", "-dash", "--study", "-h"]
NAMES += ["a\nb: c", "a\n\nstudy: b", "a\u2028b", "a\x85b", "a\rb", "\ttab", "\x07", "back\\slash", "%s", "~", "~user"]
NAMES += [
    "!tag",
    "&a",
    "*",
    "`",
    "@",
    "|",
    ">",
    "? a",
    "- a",
    "a #b",
    "'",
    '"',
    "''",
    "\\",
    "$HOME",
    "`id`",
    "a;b",
    " ",
]
NAMES += [
    " ",
    "\N{GRINNING FACE}",
    "e\u0301",
    "\u202e",
    "\ufeff",
    "con",
    ".hidden",
    "a.yaml",
    "...",
    "x" * 200,
    "ß" * 100,
]
NO_NAMES = [os.fsdecode(name) for name in (b"\xff", b"a\xfe\n", b"\xc3", b"\xed\xa0\x80")]
BREAK = {
    "cut short": lambda content: content[: len(content) // 2],
    "without its end": lambda content: content[:-40],
    "a header alone": lambda content: content[:200],
    "empty": lambda content: b"",
    "text": lambda content: b"not a picture",
    "a page": lambda content: b"<html>Sign in</html>" * 50,
}


def begun() -> Iterator[Case]:
    """What `begin` makes of a folder: a study of it, or a line and nothing."""
    for name in NAMES:
        yield Case(f"a folder called {name!r:.60}", allowed(partial(_named, name=name)), None)
    for name in NO_NAMES:
        yield Case(f"a folder called {name!r}", partial(_named, name=name), "is not named in UTF-8; rename it")
    for kind in BREAK:
        for count in (1, 2, 20, 21, 30):
            yield Case(f"{count} pictures {kind}", partial(_broken, kind=kind, count=count), "replace or remove it")
    for images in (1, 4, 5, 9, 10, 14, 15, 16, 17, 20, 33, 34, 50, 59):
        for split in (False, True):
            few = images < (FEWEST_IMAGES if split else 3 * FEWEST_IMAGES // 2)
            name = f"{images} images of a class{' and split' * split}"
            act = partial(_counted, images=images, split=split)
            yield Case(name, act, "images or more per split" if few else None)


@contextmanager
def _quick() -> Iterator[None]:
    """Neither time the networks nor ask the hub."""
    with patch("resiliency.begin.estimate", lambda study, images: (1.0, 1.0)), _cache():
        yield


def _cache():
    return patch.dict(os.environ, {"RESILIENCY_CACHE": str(Path.cwd() / "cache")})


def _photos(folder: Path, images: int, first: int = 0) -> None:
    random = np.random.default_rng(first)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for index in range(images):
            pixels = random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"foto {index}.jpg")


def _studies() -> list[Path]:
    return [path for path in Path().rglob("*.yaml*") if path.is_file()]


def _named(_: Path, name: str) -> None:
    _photos(Path(name), 20)
    with _quick():
        try:
            main(["begin", name])
        except SystemExit as ended:
            if _studies():
                raise Wrong("a study is left") from ended
            raise Fault(str(ended.code)) from ended
    (file,) = _studies()
    study = load(read_merged([REPOSITORY / "config.yaml", file]))
    if os.path.abspath(study.dataset.folder) != os.path.abspath(name):
        raise Wrong(f"the study reads {study.dataset.folder!r}")


def _broken(_: Path, kind: str, count: int) -> None:
    _photos(Path("photos"), 30)
    for path in sorted(Path("photos").rglob("*.jpg"))[:count]:
        path.write_bytes(BREAK[kind](path.read_bytes()))
    expected = _undecodable()
    try:
        with _quick():
            begin("photos", Path("studies/photos.yaml"))
    except Fault as fault:
        lines = str(fault).splitlines()
        named = sum(line.startswith("photos/") for line in lines)
        more = int(lines[-1].split()[0]) if named < len(lines) else 0
        if named + more != expected or named > 20 or _studies():
            raise Wrong(f"{named} named and {more} more of {expected}; left {_studies()}") from fault
        raise


def _undecodable() -> int:
    """How many pictures the stages could not decode."""
    count = 0
    for path in Path("photos").rglob("*.jpg"):
        try:
            decode(path)
        except Fault:
            count += 1
    return count


def _counted(_: Path, images: int, split: bool) -> None:
    """A study that is written has enough images in each split that the stage draws."""
    parts = ("train", "val") if split else ("",)
    for first, part in enumerate(parts):
        _photos(Path("photos", part), images, first)
    with _quick():
        begin("photos", Path("studies/photos.yaml"))
    data = load(read_merged([REPOSITORY / "config.yaml", Path("studies/photos.yaml")])).data
    chosen = draw_splits(image_folder(Path("photos"), 64, 1), data.validation_fraction, data.test_fraction, {}, 0)
    counts = {name: len(indices) for name, (_, indices) in chosen.items()}
    if min(counts.values()) < FEWEST_IMAGES:
        raise Wrong(f"too few images of a split: {counts}")
