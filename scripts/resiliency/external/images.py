"""Images of files from elsewhere, brought into the order in which members are judged: by name, else by number."""

import os
from collections.abc import Callable, Sequence

import numpy as np

from resiliency.base.faults import Fault

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def order_of(file: str, test_set: str, images: np.ndarray, wanted: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Positions int64 N in `images` of the N images that members are judged on.

    Names are compared with those wanted, with the class as a folder before them, and without folders above it or a
    suffix. Numbers that are no names of those wanted count the images, as do names where numbers are wanted.

    Args:
        images: N numbers or names, in their order in the file.
        wanted, classes: name and class of each image that members are judged on.

    Raises:
        Fault: there are more or fewer images, or others.
    """
    if len(images) != len(wanted):
        raise Fault(
            f"{file}: test set {test_set!r}: expected {len(wanted):,} images, as for other members, got {len(images):,}"
        )
    names = list(map(str, images))
    paths = [f"{folder}/{name}" for folder, name in zip(classes, wanted, strict=True)]
    for shorten in (str, _stem, _class_and_stem):
        for reference in (wanted, paths):
            if (order := _order(names, reference, shorten)) is not None:
                return order
    if are_numbers(names) != are_numbers(wanted) or _counts(names) or _counts(wanted):
        return np.arange(len(names))
    there = set(map(_stem, [*wanted, *paths]))
    other = next((name for name in names if _stem(name) not in there), names[0])
    raise Fault(
        f"{file}: test set {test_set!r}: expected images that other members are tested on, e.g. "
        f"{wanted[0]!r}, got {other!r}; name images alike, or number them from 0 in the same order"
    )


def are_numbers(names: Sequence[str]) -> bool:
    """Whether images have numbers for names, each another one."""
    return all(map(str.isdecimal, names)) and len(set(names)) == len(names)


def _counts(names: Sequence[str]) -> bool:
    """Whether names count the images, from 0 or 1."""
    numbers = sorted(map(int, names)) if are_numbers(names) else []
    return numbers in (list(range(len(names))), list(range(1, len(names) + 1)))


def _order(names: Sequence[str], wanted: Sequence[str], shorten: Callable[[str], str]) -> np.ndarray | None:
    """Positions in `names` of the `wanted`, if both hold the same distinct names once they are shortened."""
    positions = {shorten(name): position for position, name in enumerate(names)}
    reference = list(map(shorten, wanted))
    if len(positions) < len(names) or positions.keys() != set(reference):
        return None
    return np.array([positions[name] for name in reference])


def _stem(name: str) -> str:
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in SUFFIXES else name


def _class_and_stem(name: str) -> str:
    return "/".join(_stem(name).split("/")[-2:])
