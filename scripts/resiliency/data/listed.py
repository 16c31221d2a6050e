"""A list of the test images that a study uses, such as the 5,000 by which robustness leaderboards compare models."""

from difflib import get_close_matches
from pathlib import Path, PurePosixPath

import numpy as np

from resiliency.data.pictures import printable
from resiliency.data.source import ALL, Source
from resiliency.faults import Fault


def listed_images(path: str | Path, source: Source) -> np.ndarray:
    """Sorted int64 indices, in the test part of `source`, of the images that the file at `path` names, a line each.

    A line is the end of an image's path, as long as tells it from others: `ILSVRC2012_val_00000293.JPEG`, or with the
    folders above, `n01440764/ILSVRC2012_val_00000293.JPEG`.

    Raises:
        Fault: the file cannot be read, names no image, one that is not there, one of several, or one twice; or the
            data set has no test part.
    """
    if ALL in source.parts:
        raise Fault(f"dataset.images: {path} names test images; the data set needs them in a folder test/ or val/")
    files = [PurePosixPath(Path(file).as_posix()).parts for file in source.parts["test"].images.files]
    by_name: dict[str, list[int]] = {}
    for index, parts in enumerate(files):
        by_name.setdefault(parts[-1], []).append(index)
    chosen: dict[int, int] = {}
    for number, line in _lines(path):
        parts = PurePosixPath(line).parts
        matches = [index for index in by_name.get(parts[-1], []) if files[index][-len(parts) :] == parts]
        if len(matches) != 1:
            raise Fault(f"{path}, line {number}: {printable(line)}: {_reason(parts, matches, files, list(by_name))}")
        if matches[0] in chosen:
            first = chosen[matches[0]]
            raise Fault(f"{path}, line {number}: {printable(line)}: named in line {first} already; remove one")
        chosen[matches[0]] = number
    return np.array(sorted(chosen), np.int64)


def _lines(path: str | Path) -> list[tuple[int, str]]:
    """Number and text of each line that is not empty."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Fault(f"{path}: cannot be read ({error}); a text file with a file name a line is needed") from error
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise Fault(f"{path}: names no image; a file name a line is needed")
    return lines


def _reason(parts: tuple[str, ...], matches: list[int], files: list[tuple[str, ...]], names: list[str]) -> str:
    if matches:
        first, second = ("/".join(files[index][-2:]) for index in matches[:2])
        return f"there are {len(matches)} such test images, as {first} and {second}; write the class folder too"
    near = get_close_matches(parts[-1], names, n=1)
    return "there is no such test image" + (f"; did you mean {near[0]}?" if near else "")
