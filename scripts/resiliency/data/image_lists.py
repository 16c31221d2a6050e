"""A list of the test images that a study uses, such as the 5,000 by which robustness leaderboards compare models."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from resiliency.base.faults import Fault, hint
from resiliency.data.pictures import printable
from resiliency.data.source import ALL, Source


def listed_images(path: str | Path, source: Source) -> np.ndarray:
    """Sorted int64 indices, in the test part of `source`, of the images that the file at `path` names, a line each.

    A line is the end of an image's path, as long as tells it from others: `ILSVRC2012_val_00000293.JPEG`, or with the
    folders above, `n01440764/ILSVRC2012_val_00000293.JPEG`.

    Raises:
        Fault: the file cannot be read, names no image, one that is not there, one of several, or one twice; or the
            data set has no test part.
    """
    if ALL in source.parts:
        raise Fault(f"dataset.images: {path} lists test images; put them in a folder test/ or val/")
    files = [PurePosixPath(Path(file).as_posix()).parts for file in source.parts["test"].images.files]
    return np.array(sorted(named_files(path, _lines(path), files, "test image")), np.int64)


def named_files(
    path: str | Path,
    lines: Iterable[tuple[int, str]],
    files: list[tuple[str, ...]],
    kind: str,
    others: Sequence[tuple[str, ...]] = (),
) -> dict[int, int]:
    """Position among `files` -> number of the line in the file at `path` that names it.

    Args:
        lines: number and text of each line, the end of the path of a file, as long as tells it from others.
        files: the components of each path.
        kind: what each file is.
        others: further files, whose lines are passed over.

    Raises:
        Fault: a line names no file or several, or one that an earlier line names.
    """
    find, find_other = _finder(files), _finder(others)
    numbers: dict[int, int] = {}
    for number, end in lines:
        matches = find(end)
        if not matches and find_other(end):
            continue
        if len(matches) != 1:
            raise Fault(f"{path}, line {number}: {_mismatch(end, matches, files, kind)}")
        earlier = numbers.setdefault(matches[0], number)
        if earlier != number:
            raise Fault(f"{path}, line {number}: {printable(end)}: named in line {earlier} already; remove one")
    return numbers


def _finder(files: Sequence[tuple[str, ...]]) -> Callable[[str], list[int]]:
    """A function: the end of a path -> positions of those of `files`, given by their components, that end so."""
    by_name: dict[str, list[int]] = {}
    for index, parts in enumerate(files):
        by_name.setdefault(parts[-1], []).append(index)

    def find(end: str) -> list[int]:
        parts = PurePosixPath(end).parts
        candidates = by_name.get(parts[-1], []) if parts else []
        return [index for index in candidates if files[index][-len(parts) :] == parts]

    return find


def _mismatch(end: str, matches: list[int], files: list[tuple[str, ...]], kind: str) -> str:
    """What is wrong with the end of a path that has none or several `matches` among `files`, each a `kind`."""
    if matches:
        first, second = ("/".join(files[index][-2:]) for index in matches[:2])
        reason = f"there are {len(matches)} such {kind}s, e.g. {first} and {second}; write the class folder too"
    else:
        reason = f"there is no such {kind}" + hint(PurePosixPath(end).name, list({parts[-1] for parts in files}))
    return f"{printable(end)}: {reason}"


def _lines(path: str | Path) -> list[tuple[int, str]]:
    """Number and text of each line that is not empty."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Fault(f"{path}: cannot be read ({error}); expected a text file with one file name per line") from error
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise Fault(f"{path}: expected one file name per line, got none")
    return lines
