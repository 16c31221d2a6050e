"""Images that are alike or belong together: copies in several splits, and units of test images."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from resiliency.base.faults import Fault, excerpt, expected
from resiliency.base.names import FEWEST_UNITS
from resiliency.base.progress import Progress
from resiliency.data.pictures import FileImages, chunks, printable, read_images
from resiliency.data.source import ALL, Images, Part, Source
from resiliency.data.split import is_table, with_groups
from resiliency.statistics.resampling import Units
from resiliency.storage.files import read_array, write_array, write_json

EXAMPLES = 3
DIGEST = 16  # bytes of a digest
REMEDY = "set dataset.allow_duplicates: true"

Splits = dict[str, tuple[Part, np.ndarray]]


def check_duplicates(chosen: Splits, contents: dict[str, list[bytes]], refused: bool) -> None:
    """Print how many images are in more than one split, and how many are twice in one, and name the first few.

    Args:
        chosen: split -> part and indices in it, as from `draw_splits`.
        contents: split -> digest of each image, as from `digests`.
        refused: whether it is a fault if an image is in more than one split.

    Raises:
        Fault: an image is in more than one split, and this is refused.
    """
    owner: dict[bytes, tuple[str, str, int]] = {}
    between, within = [], []
    for split, (part, indices) in chosen.items():
        for index, content in zip(indices, contents[split], strict=True):
            place = split, image_label(part, index), int(part.labels[index])
            earlier = owner.setdefault(content, place)
            if earlier is not place:
                (within if earlier[0] == split else between).append((place, earlier))
    if within:
        count = sum(place[2] != earlier[2] for place, earlier in within)
        labels = f", {count:,} of them in two classes" if count else ""
        print(f"warning: {len(within):,} images are in their split twice{labels}, e.g. {_examples(within)}")
    if between:
        leaks = f"{len(between):,} images are in more than one split, e.g. {_examples(between)}"
        _refuse_or_warn(f"dataset: {leaks}", "remove them from one", refused)


def check_test_set(name: str, part: Part, contents: list[bytes], training_digests: np.ndarray, refused: bool) -> None:
    """Print how many images of the additional test set `name` are training or validation images, and the first few.

    Args:
        contents: digest of each image, as from `digests`.
        training_digests: uint8 N x `DIGEST`, digests of the training and validation images.
        refused: whether it is a fault if there is such an image.

    Raises:
        Fault: there is such an image, and this is refused.
    """
    training_contents = {row.tobytes() for row in training_digests}
    leaks = [image_label(part, index) for index, content in enumerate(contents) if content in training_contents]
    if leaks:
        text = f"{len(leaks):,} images are training or validation images, e.g. {excerpt(leaks, EXAMPLES)}"
        _refuse_or_warn(f"test_sets.{name}: {text}", "remove them", refused)


def image_contents(chosen: Splits, side: int) -> dict[str, list[bytes]]:
    """Split -> digest of each image.

    Args:
        chosen: split -> part and indices in it.
        side: height and width of the images in pixels.
    """
    pieces = {split: chunks(indices, side) for split, (_, indices) in chosen.items()}
    progress = Progress(sum(map(len, pieces.values())), pause=5)
    contents: dict[str, list[bytes]] = {split: [] for split in chosen}
    for split, (part, _) in chosen.items():
        for piece in pieces[split]:
            contents[split] += digests(part.images[piece])
            progress.step(f"{split}: comparing images")
    return contents


def digests(images: np.ndarray) -> list[bytes]:
    """`DIGEST` bytes of each of `images`, uint8 N x side x side x 3, which only identical ones share."""
    return [hashlib.blake2b(np.ascontiguousarray(image), digest_size=DIGEST).digest() for image in images]


def image_label(part: Part, index: int) -> str:
    """The path of an image, or its name where it is in no file of its own."""
    return printable(part.images.files[index]) if isinstance(part.images, FileImages) else f"image {part.names[index]}"


def _refuse_or_warn(message: str, remedy: str, refused: bool) -> None:
    if refused:
        raise Fault(f"{message}; {remedy}, or {REMEDY}")
    print(f"warning: {message}")


def _examples(pairs: list[tuple[tuple[str, str, int], tuple[str, str, int]]]) -> str:
    return excerpt(
        [f"{image} ({split}) = {other} ({earlier})" for (split, image, _), (earlier, other, _) in pairs], EXAMPLES
    )


SIDE = 8
ALIKE = 0.995  # correlation of two thumbnails
FLATTEST = 1  # standard deviation of a thumbnail, in grey levels, below which it shows nothing to compare
BLOCK = 500


def thumbnails(images: np.ndarray) -> np.ndarray:
    """uint8 N x `SIDE`²: grey values of `images`, uint8 N x side x side x 3, averaged over a grid of cells."""
    grey = [Image.fromarray(image).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX) for image in images]
    return np.stack([np.asarray(image).ravel() for image in grey])


def normalised(small: np.ndarray) -> np.ndarray:
    """`small` thumbnails, uint8 N x `SIDE`², as float32 of mean 0 and length 1; 0 if one is flat.

    Products of two are their correlations.
    """
    centred = small - small.mean(axis=1, dtype=np.float32, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    return np.where(length < FLATTEST * SIDE, 0, centred / np.maximum(length, 1e-6))


class Grouped(NamedTuple):
    """The units of a test set, and what to say of them.

    Attributes:
        units: units of the images.
        by: pattern, table or `near_duplicates` that defines the units; empty if each image is a unit.
        not_by: why the groups of the images that the study splits do not define them; else empty.
    """

    units: Units
    by: str = ""
    not_by: str = ""


def units_of_part(part: Part, others: Source, groups: str, key: str) -> Units:
    """The units of all images of a test set by a pattern or a table.

    Args:
        others: source of the dataset, whose images a table may name too.
        key: key of the study that names `groups`, for messages.

    Raises:
        Fault: as `with_groups`.
    """
    parts = {name: of for name, of in others.parts.items() if of is not part} | {ALL: part}
    try:
        grouped = with_groups(others._replace(parts=parts), groups, ())
    except Fault as fault:
        raise Fault(str(fault).replace("dataset.groups", key)) from fault
    numbers = grouped.parts[ALL].groups
    assert numbers is not None
    return Units.numbered(numbers)


def look_alikes(images: Images, labels: np.ndarray) -> Units:
    """Images of a class that look almost the same, or are linked by others that do, are one unit.

    Two do if their thumbnails correlate at `ALIKE` or above.

    Args:
        labels: int N, their classes.
    """
    from scipy.sparse import coo_array  # takes long to load
    from scipy.sparse.csgraph import connected_components

    side = np.asarray(images[:1]).shape[1]
    small = np.concatenate([thumbnails(images[piece]) for piece in chunks(np.arange(len(labels)), side)])
    patterns = normalised(small)
    links = [np.empty((2, 0), np.int64)]
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        for start in range(0, len(own), BLOCK):
            one, other = np.nonzero(patterns[own[start : start + BLOCK]] @ patterns[own[start:]].T >= ALIKE)
            links.append(np.stack([own[start:][one], own[start:][other]]))
    first, second = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(labels), len(labels)))
    return Units.numbered(connected_components(graph, directed=False)[1])


def by_look(images: str, labels: str, groups: str | None) -> Grouped:
    """Units of one image each; or, for the groups `near_duplicates`, units of similar images.

    Args:
        images, labels: paths of the images and of their labels.
    """
    of_class = read_array(labels)
    if groups:
        return Grouped(look_alikes(read_images(images), of_class), groups)
    return Grouped(Units.single(len(of_class)))


def check_number(test_set: str, grouped: Grouped, fewest: int = FEWEST_UNITS) -> None:
    """Check that there are enough units.

    Args:
        fewest: least number of units: of two, one can be compared with the other; others leave out groups of them.

    Raises:
        Fault: there are fewer units than `fewest`, though enough images.
    """
    units = grouped.units
    if units.number < fewest <= units.n_images:
        got = f"{units.n_images:,} images of {test_set} in {units.number} unit{'s' if units.number > 1 else ''}"
        raise Fault(
            f"{grouped.by}: {expected(f'{fewest} units or more', got)}; add images of others, or name finer ones"
        )


def write_units(folder: Path, test_set: str, grouped: Grouped, fewest: int = FEWEST_UNITS) -> None:
    """Write `units.npy` (int32 N) and `units.json` (what they are) of a test set.

    Raises:
        Fault: as `check_number`, which has the arguments.
    """
    units = grouped.units
    check_number(test_set, grouped, fewest)
    by = f", by {grouped.by}" if grouped.by else ""
    print(f"{test_set}: {units.n_images:,} images in {units.number:,} units{by}")
    if grouped.not_by:
        print(f"warning: {test_set}: each image is a unit of its own: {grouped.not_by}")
    write_array(folder / "units.npy", units.of_image.astype(np.int32))
    described = {"n_images": units.n_images, "units": units.number, "by": grouped.by, "not_by": grouped.not_by}
    write_json(folder / "units.json", described)


def units_of_data_set(
    source: Source, test: tuple[Part, np.ndarray], groups: str | None, test_groups: str | None
) -> Grouped:
    """The units of the test images of a dataset by a pattern or a table.

    Args:
        source: source of the dataset, with groups if the study splits it by them.
        test: part with the test images, and their indices in it.
        groups, test_groups: pattern or table for the images that the study splits, and for the test images. Without the
            second, a pattern that all test images of the dataset match counts for them too.

    Raises:
        Fault: as `with_groups`, of `test_groups`.
    """
    part, indices = test
    if test_groups:
        return Grouped(units_of_part(part, source, test_groups, "dataset.test_groups").of(indices), test_groups)
    if part.groups is not None:
        return Grouped(Units.numbered(part.groups[indices]), groups or "the groups of the data set")
    assert groups is not None
    if is_table(groups):
        return _single(indices, f"{groups} is a table of the images that the study splits")
    try:
        return Grouped(units_of_part(part, source, groups, "dataset.groups").of(indices), groups)
    except Fault as fault:
        return _single(indices, str(fault).partition(";")[0])


def _single(indices: np.ndarray, reason: str) -> Grouped:
    return Grouped(Units.single(len(indices)), not_by=f"{reason}; set dataset.test_groups")
