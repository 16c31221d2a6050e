"""What is in folders of images, and the names that images are given."""

import hashlib
import os
from collections import Counter
from pathlib import Path

from resiliency.base.faults import Fault
from resiliency.data.pictures import printable

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
LONGEST = 230  # bytes of a name, which file systems allow 255 of, suffixes included


def images_in(folder: str) -> tuple[list[str], int]:
    """Sorted paths, relative to the class folder `folder`, of the images in it, and how much else is in it.

    Raises:
        Fault: there are none, or a folder cannot be listed.
    """
    images, left_out = [], 0
    pending, visited = [folder], _lineage(os.path.dirname(folder)) | _lineage(os.path.dirname(os.path.realpath(folder)))
    while pending:
        path = pending.pop()
        real = os.path.realpath(path)
        entries = [] if real in visited else entries_in(path)
        visited.add(real)
        for entry in entries:
            if entry.name.startswith("."):
                left_out += 1
            elif _is_folder(entry):
                pending.append(entry.path)
            elif entry.name.lower().endswith(SUFFIXES):
                images.append(entry.path.removeprefix(folder + os.sep))
            else:
                left_out += 1
    if not images:
        raise Fault(f"{printable(folder)}: no {' '.join(SUFFIXES)} file in this class folder; add images or remove it")
    return sorted(images), left_out


def _lineage(folder: str) -> set[str]:
    """Real paths of `folder` and of all folders above it."""
    real = Path(os.path.realpath(folder))
    return {str(real), *map(str, real.parents)}


def names_of(images: list[str]) -> list[str]:
    """One name for each path in `images`, no two alike: the path without suffix, "_" for separators.

    Where several would be alike, their suffixes are appended, as in `cat_png`; then "_" until no two are. Of names of
    more than `LONGEST` bytes the end becomes a hash of all.
    """
    split = [os.path.splitext(image.replace(os.sep, "_")) for image in images]
    stems, suffixes = [_shortened(stem) for stem, _ in split], [suffix for _, suffix in split]
    counts = Counter(stems)
    names = {}
    for stem, suffix in zip(stems, suffixes, strict=True):
        name = stem if counts[stem] == 1 else f"{stem}_{suffix[1:]}"
        while name in names:
            name += "_"
        names[name] = None
    return list(names)


def _shortened(name: str) -> str:
    encoded = name.encode()
    if len(encoded) <= LONGEST:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    return f"{encoded[: LONGEST - 17].decode(errors='ignore')}-{digest}"


def folders_in(folder: Path) -> list[str]:
    """Sorted names of the folders in `folder`, linked ones too, without hidden ones."""
    return [entry.name for entry in entries_in(folder) if _is_folder(entry) and not entry.name.startswith(".")]


def entries_in(folder: str | Path) -> list[os.DirEntry]:
    """What is in `folder`, sorted by name.

    Raises:
        Fault: it cannot be listed, or a name is not in UTF-8.
    """
    try:
        with os.scandir(folder) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
        for entry in entries:
            entry.name.encode()
    except OSError as error:
        raise Fault(f"{printable(folder)}: cannot be listed ({error.strerror}); make it readable") from error
    except UnicodeEncodeError as error:
        raise Fault(f"{printable(folder)}: {error.object!r} in it is not named in UTF-8; rename it") from error
    return entries


def _is_folder(entry: os.DirEntry) -> bool:
    return entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and os.path.isdir(entry.path))
