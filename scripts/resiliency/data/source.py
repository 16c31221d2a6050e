"""The contents of a dataset, before the study splits it or takes a subset, and the folder for its
downloads."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, get_args

import numpy as np

from resiliency.base.faults import Fault, brief, expected

ALL = "all"
Split = Literal["train", "validation", "test"]
SPLITS = get_args(Split)
FEWEST = 10  # least number of images of a split
OWN = "image_folder"  # the dataset of a user's own images, in which shared images are refused


class Images(Protocol):
    """Images of one size that are read, or decoded, where they are indexed.

    A uint8 array NxHxWx3 is one, memory-mapped or not; `FileImages` decodes files.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        """uint8 BxHxWx3: the images of a slice, or those at an array of indices, in its order."""


class Part(NamedTuple):
    """Images that a dataset publishes together.

    Attributes:
        labels: int64 N, positions of classes.
        names: N names; no two images of a class share one. Published arrays are named by their
            position.
        groups: int64 N, group of each image; no group is split. None if there are no groups.
    """

    images: Images
    labels: np.ndarray
    names: list[str]
    groups: np.ndarray | None = None


class Source(NamedTuple):
    """A dataset as it is published.

    Attributes:
        description: name, authors and place of the dataset.
        classes: names of the classes, in the order of the labels.
        parts: "train" and "test", perhaps "validation" too; or ALL alone, which the study splits.
    """

    description: str
    classes: list[str]
    parts: dict[str, Part]


def lines_of(path: str | Path, what: str) -> list[str]:
    """The lines of a text file, one `what` each, without spaces and blank lines at ends; a Fault if
    it is no text."""
    try:
        return [
            line.strip()
            for line in Path(path).read_text(encoding="utf-8-sig").rstrip().splitlines()
        ]
    except (OSError, UnicodeDecodeError) as error:
        raise Fault(
            f"{path}: cannot be read ({error}); expected a text file with one {what} per line"
        ) from error


def read_class_names(path: str | Path) -> list[str]:
    """The names in a text file, one per line, without blank lines at its end.

    Raises:
        Fault: the file cannot be read, is empty, or has a blank line between names.
    """
    names = lines_of(path, "class name")
    if not all(names) or not names:
        raise Fault(
            f"{path}: line {names.index('') + 1 if names else 1} is empty; expected one class name "
            "per line"
        )
    return names


def names_for_classes(classes: list[str], path: str | Path) -> list[str]:
    """The names that the file at `path` gives to `classes`, in their order.

    Raises:
        Fault: as `read_class_names`; or there is not one name per class, a name comes twice, or one
            cannot be that of a folder.
    """
    names = read_class_names(path)
    if len(names) != len(classes):
        raise Fault(
            f"{path}: {expected(f'{len(classes)} names, one per class folder', len(names))}"
        )
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise Fault(
            f"{path}: {repeated!r} names {names.count(repeated)} classes; give each a name of its "
            "own"
        )
    if bad := next((name for name in names if "/" in name or name in (".", "..")), None):
        raise Fault(
            f"{path}: {bad!r} cannot name a folder, as images under corruptions need it to; rename "
            "it"
        )
    return names


TIMEOUT = 60  # seconds for which a server may be silent; torchvision would wait for ever


def cache_folder() -> Path:
    """The folder of downloads: the environment variable RESILIENCY_CACHE, else ~/.cache/resiliency.

    Not a setting of the study, because where data lie changes no result.
    """
    return Path(os.environ.get("RESILIENCY_CACHE") or "~/.cache/resiliency").expanduser().absolute()


@contextmanager
def downloading(folder: Path, files: str) -> Iterator[None]:
    """Make `folder` and hold it for this process while the block downloads `files` into it, or
    reads them there.

    Raises:
        Fault: anything goes wrong; readers of published files raise almost anything.
    """
    socket.setdefaulttimeout(TIMEOUT)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except Exception as error:
        remedy = "run again, or put there by hand what is missing, and delete what is damaged"
        raise Fault(
            f"{folder}: cannot download or read {files} ({brief(error)}); {remedy}"
        ) from error
