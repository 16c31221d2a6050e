"""Units of test images: which of them belong together, by file names, by a table or by what they look like."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from resiliency.base.faults import Fault
from resiliency.data.duplicates import ALIKE, BLOCK, MOST_DECODED, normalised, thumbnails
from resiliency.data.pictures import chunks, read_images
from resiliency.data.source import ALL, Images, Part, Source
from resiliency.data.split import is_table, with_groups
from resiliency.statistics.resampling import Units
from resiliency.storage.files import read_array, write_array, write_json

FEWEST = 2


class Grouped(NamedTuple):
    """The units of a test set, and what to say of them.

    Attributes:
        units: of its images.
        by: pattern, table or `near_duplicates` that they are made by; empty if each image is one.
        not_by: why they are not made by the groups of the images that the study splits; else empty.
        alike: numbers of sets of images that look alike, and of images in these, if each image is a unit of its own.
    """

    units: Units
    by: str = ""
    not_by: str = ""
    alike: tuple[int, int] = (0, 0)


def units_of_part(part: Part, others: Source, groups: str, key: str) -> Units:
    """The units of all images of a test set by a pattern or a table.

    Args:
        others: the data set, whose images rows of a table may name too.
        key: of the study that names `groups`.

    Raises:
        Fault: as `with_groups`.
    """
    parts = {name: of for name, of in others.parts.items() if of is not part} | {ALL: part}
    try:
        grouped = with_groups(others._replace(parts=parts), groups, ())
    except Fault as fault:
        raise Fault(str(fault).replace("dataset.groups", key)) from fault
    return Units.numbered(grouped.parts[ALL].groups)


def look_alikes(images: Images, labels: np.ndarray) -> Units:
    """Images of a class that look almost the same, or are linked by others that do, are one unit.

    Two do if their thumbnails correlate at `ALIKE` or above.

    Args:
        images: N of them.
        labels: int N.
    """
    side = np.asarray(images[:1]).shape[1]
    small = np.concatenate([thumbnails(images[piece]) for piece in chunks(np.arange(len(labels)), side)])
    patterns = normalised(small)
    links = [pairs for label in np.unique(labels) for pairs in _links(patterns, np.flatnonzero(labels == label))]
    first, second = np.concatenate([np.empty((2, 0), np.int64), *links], axis=1)
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(labels), len(labels)))
    return Units.numbered(connected_components(graph, directed=False)[1])


def _links(patterns: np.ndarray, own: np.ndarray) -> Iterator[np.ndarray]:
    """Pairs of `own`, rows of `patterns`, that look alike: int 2 x P."""
    for start in range(0, len(own), BLOCK):
        block = own[start : start + BLOCK]
        first, second = np.nonzero(patterns[block] @ patterns[own[start:]].T >= ALIKE)
        yield np.stack([block[first], own[start:][second]])


def by_look(images: str, labels: str, groups: str | None, looked_at: bool) -> Grouped:
    """Each image as a unit of its own; or those that look alike as one, if there are groups: `near_duplicates`.

    Args:
        images, labels: files of these.
        looked_at: whether images are compared if each is a unit of its own; more than `MOST_DECODED` files are not.
    """
    of_class, stored = read_array(labels), read_images(images)
    looked_at &= isinstance(stored, np.ndarray) or len(of_class) <= MOST_DECODED
    similar = look_alikes(stored, of_class) if looked_at or groups else Units.single(len(of_class))
    if groups:
        return Grouped(similar, groups)
    return Grouped(Units.single(len(of_class)), alike=alike(similar))


def alike(units: Units) -> tuple[int, int]:
    """Numbers of units of several images, and of images in these."""
    several = units.sizes[units.sizes > 1]
    return len(several), int(several.sum())


def write_units(folder: Path, test_set: str, grouped: Grouped) -> None:
    """Write `units.npy` (int32 N) and `units.json` (what they are) of a test set.

    Raises:
        Fault: all images are one unit, of which no other can be told.
    """
    units = grouped.units
    if units.number < FEWEST <= units.images:
        raise Fault(f"{grouped.by}: all {units.images:,} images of {test_set} are one unit; name {FEWEST} or more")
    by = f", by {grouped.by}" if grouped.by else ""
    print(f"{test_set}: {units.images:,} images in {units.number:,} units{by}")
    if grouped.not_by:
        print(f"warning: {test_set}: each image is a unit of its own: {grouped.not_by}")
    write_array(folder / "units.npy", units.of_image.astype(np.int32))
    described = {"images": units.images, "units": units.number, "by": grouped.by, "not_by": grouped.not_by}
    write_json(folder / "units.json", described | dict(zip(("alike_sets", "alike_images"), grouped.alike, strict=True)))


def units_of_data_set(
    source: Source, test: tuple[Part, np.ndarray], groups: str | None, test_groups: str | None
) -> Grouped:
    """The units of the test images of a data set by a pattern or a table.

    Args:
        source: the data set; with groups if the study splits them off.
        test: its part and the indices of the test images in it.
        groups, test_groups: pattern or table of the images that the study splits, and of the test images. Without the
            second, a pattern counts for test images of the data set's own too if all of them match it.

    Raises:
        Fault: as `with_groups`, of `test_groups`.
    """
    part, indices = test
    if test_groups:
        return Grouped(units_of_part(part, source, test_groups, "dataset.test_groups").of(indices), test_groups)
    if part.groups is not None:
        return Grouped(Units.numbered(part.groups[indices]), groups or "the groups of the data set")
    if is_table(groups):
        return _single(indices, f"{groups} is a table of the images that the study splits")
    try:
        return Grouped(units_of_part(part, source, groups, "dataset.groups").of(indices), groups)
    except Fault as fault:
        return _single(indices, str(fault).partition(";")[0])


def _single(indices: np.ndarray, reason: str) -> Grouped:
    return Grouped(Units.single(len(indices)), not_by=f"{reason}; set dataset.test_groups")
