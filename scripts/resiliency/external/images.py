"""Images of files from elsewhere, brought into the order in which members are judged: by name, else by number."""

import os
import re
from collections.abc import Callable, Sequence

import numpy as np

from resiliency.base.faults import Fault

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
NUMBER = re.compile(r"\s*(\d+)(?:\.0*)?\s*")
LIKE_NUMBER = re.compile(r"\s*[-+]?[\d.,_]+(?:e[-+]?\d+)?\s*", re.IGNORECASE)


def order_of(file: str, test_set: str, images: np.ndarray, wanted: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Positions int64 N in `images` of the N images that members are judged on.

    Names are compared with those wanted, with the class as a folder before them, and without folders above it or a
    suffix; numbers by their values, however they are written. Numbers that are no names of those wanted count the
    images, as do names where numbers are wanted.

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
    if (order := _order_by_count(names, wanted)) is not None:
        return order
    there = set(map(_stem, [*wanted, *paths]))
    other = next((name for name in names if _stem(name) not in there), names[0])
    raise Fault(
        f"{file}: test set {test_set!r}: expected images that other members are tested on, e.g. "
        f"{wanted[0]!r}, got {other!r}; name images alike, or number them from 0 in the same order"
    )


def number_of(name: str) -> int | None:
    """The number that an image has for a name, such as 7 of 7, 007, 7.0 and 007.png; None if it has another name."""
    match = NUMBER.fullmatch(_stem(name))
    return int(match[1]) if match else None


def are_numbers(names: Sequence[str]) -> bool:
    """Whether images have numbers for names, each another one."""
    return _numbers(names) is not None


def _numbers(names: Sequence[str]) -> list[int] | None:
    """The numbers that images have for names; None if some have none, or two the same."""
    numbers = list(map(number_of, names))
    return None if None in numbers or len(set(numbers)) < len(numbers) else numbers


def _order_by_count(names: Sequence[str], wanted: Sequence[str]) -> np.ndarray | None:
    """Positions in `names` of the `wanted`, told by numbers; None where these do not tell."""
    numbers, of_wanted = _numbers(names), _numbers(wanted)
    if numbers is None:
        is_counted = of_wanted is not None and not any(map(_is_like_a_number, names))
        return np.arange(len(names)) if is_counted else None
    by_number = np.array(sorted(range(len(numbers)), key=numbers.__getitem__))
    if of_wanted is not None and (set(numbers) == set(of_wanted) or _count(of_wanted)):
        return by_number[_ranks(of_wanted)]
    return by_number if _count(numbers) else None


def _ranks(numbers: list[int]) -> np.ndarray:
    return np.argsort(sorted(range(len(numbers)), key=numbers.__getitem__))


def _count(numbers: list[int]) -> bool:
    """Whether numbers count the images, from 0 or 1."""
    return sorted(numbers) in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))


def _is_like_a_number(name: str) -> bool:
    return LIKE_NUMBER.fullmatch(_stem(name)) is not None


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
