"""Images that a data set holds more than once, byte for byte or pixel for pixel."""

import hashlib
import zlib
from collections import Counter
from collections.abc import Hashable
from pathlib import Path

import numpy as np

from resiliency.data.images import chunks
from resiliency.data.pictures import FileImages, printable
from resiliency.data.source import Part
from resiliency.faults import Fault

EXAMPLES = 3
TAIL = 4096


def check_duplicates(chosen: dict[str, tuple[Part, np.ndarray]], side: int, refused: bool) -> dict[str, int]:
    """Print how many images are in more than one split, and how many are twice in one, and name the first few.

    An image is the same as another if their files are, byte for byte, or, where images are stored as an array, if all
    pixels are.

    Args:
        chosen: split -> part and indices in it, as from `splits`.
        refused: whether an image in more than one split is a fault.

    Returns:
        `between_splits`: images that an earlier split has too; `within_splits`: images that their own split has before.

    Raises:
        Fault: an image is in more than one split, and that is refused.
    """
    owner: dict[Hashable, tuple[str, str]] = {}
    between, within = [], []
    for split, contents in _contents(chosen, side).items():
        part, indices = chosen[split]
        for index, content in zip(indices, contents, strict=True):
            place = split, _place(part, index)
            first = owner.setdefault(content, place)
            if first is not place:
                (within if first[0] == split else between).append((place, first))
    if within:
        print(f"warning: {len(within):,} images are in their split twice, as {_first(within)}")
    if between:
        message = f"dataset: {len(between):,} images are in more than one split, as {_first(between)}"
        if refused:
            raise Fault(f"{message}; remove them from one, or set dataset.allow_duplicates: true")
        print(f"warning: {message}")
    return {"between_splits": len(between), "within_splits": len(within)}


def _place(part: Part, index: int) -> str:
    return printable(part.images.files[index]) if isinstance(part.images, FileImages) else f"image {part.names[index]}"


def _first(pairs: list[tuple[tuple[str, str], tuple[str, str]]]) -> str:
    some = [f"{name} ({split}) = {other} ({of})" for (split, name), (of, other) in pairs[:EXAMPLES]]
    return ", ".join(some) + (", ..." if len(pairs) > EXAMPLES else "")


def _contents(chosen: dict[str, tuple[Part, np.ndarray]], side: int) -> dict[str, list[Hashable]]:
    """Split -> for each image what only the same image has too."""
    if not all(isinstance(part.images, FileImages) for part, _ in chosen.values()):
        return {
            split: [_digest(image) for piece in chunks(indices, side) for image in part.images[piece]]
            for split, (part, indices) in chosen.items()
        }
    files = {split: [part.images.files[index] for index in indices] for split, (part, indices) in chosen.items()}
    ends = {split: [_length_and_end(file) for file in listed] for split, listed in files.items()}
    counts = Counter(end for of_split in ends.values() for end in of_split)
    return {
        split: [
            _digest(Path(file).read_bytes()) if counts[end] > 1 else end
            for file, end in zip(listed, ends[split], strict=True)
        ]
        for split, listed in files.items()
    }


def _length_and_end(file: str) -> tuple[int, int]:
    """Length of a file, and CRC-32 of its end: what tells nearly all files apart without reading them whole."""
    path = Path(file)
    length = path.stat().st_size
    with path.open("rb") as opened:
        opened.seek(max(0, length - TAIL))
        return length, zlib.crc32(opened.read())


def _digest(content: bytes | np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(content) if isinstance(content, np.ndarray) else content).digest()
