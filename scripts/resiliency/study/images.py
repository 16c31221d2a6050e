"""What folders of images hold, as parameters of the rules that read them: Snakemake compares no folders."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from resiliency.data.folder import SUFFIXES
from resiliency.data.pictures import file_state


def image_states(*folders: Path) -> str:
    """A hash of path, size and modification time of all images in `folders`, linked folders too, hidden ones not."""
    return _digest(
        f"{folder.name}/{image} {file_state(f'{folder}/{image}')}" for folder in folders for image in _images(folder)
    )


def _images(folder: Path) -> Iterator[str]:
    """Path relative to `folder` of each image in it, in order."""
    seen: set[str] = set()
    for path, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(path)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        images = (name for name in files if name.lower().endswith(SUFFIXES) and not name.startswith("."))
        yield from (os.path.relpath(f"{path}/{name}", folder) for name in sorted(images))


def published_states(folder: Path, corruption: str, severities: Iterable[int]) -> str:
    """A hash of size and modification time of what a published set holds of a corruption: arrays, or class folders.

    A class folder changes where an image is added, removed or replaced, but not where one is written over. There are
    millions of images.
    """
    files = [folder / f"{corruption}.npy", folder / "labels.npy"]
    for place in (folder / corruption, *sorted(folder.glob(f"*/{corruption}"))):
        files += [path for severity in severities for path in sorted(place.glob(f"{severity}/*"))]
    return _digest(f"{file.relative_to(folder)} {file_state(str(file))}" for file in files)


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256(os.fsencode("\n".join(parts))).hexdigest()[:16]
