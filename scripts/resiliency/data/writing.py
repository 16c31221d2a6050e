"""Writing a dataset: its splits, the card with their counts and checksums, copies in two splits,
and units."""

import hashlib
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from resiliency.base.faults import Fault, Progress, excerpt, expected
from resiliency.base.names import FEWEST_UNITS
from resiliency.data.pictures import (
    FileImages,
    chunks,
    printable,
    read_images,
    write_items,
    write_list,
)
from resiliency.data.settings import Dataset
from resiliency.data.source import ALL, FEWEST, OWN, Images, Part, Source
from resiliency.data.split import is_table, stratified_sample, with_groups
from resiliency.statistics.resampling import Units
from resiliency.storage import appending, read_array, write_array, write_json

# Training images by which mean and standard deviation are estimated if they must be decoded for it.
MEASURED = 5_000
EXAMPLES = 3
DIGEST = 16  # bytes of a digest

# Split -> part and indices in it, as from `draw_splits`.
Splits = dict[str, tuple[Part, np.ndarray]]
Place = tuple[str, str, int]  # split, path or name, and label of an image


class WrittenSplit(NamedTuple):
    """A split: its entry in the card, and, if its images were decoded, their histogram 3x256 and
    digests."""

    entry: dict[str, object]
    histogram: np.ndarray | None = None
    contents: list[bytes] | None = None


def write_data_set(folder: Path, settings: Dataset, source: Source, chosen: Splits) -> None:
    """Write each split, and last the card, to `folder`.

    A split is `labels.npy` (int64 N), `items.csv` (class and name of each image) and `images.npy`
    (uint8 N x side x side x 3) or, where images are decoded on the fly, `images.json`, which names
    their files.

    `digests.npy` holds a digest of each training and validation image (uint8 N x `DIGEST`); N is 0
    for a published dataset that is decoded on the fly.

    The card, `card.json`, holds the name, the source, the classes, the shape of an image, mean and
    standard deviation of each channel of the training images (of values in 0..1) where there are
    any, and of each split the counts and a checksum: of pixels and labels, or of the names, sizes
    in bytes and labels of the files. Where images have groups, the number of groups is among the
    counts.

    Args:
        chosen: split -> part and indices in it, as from `draw_splits`.

    Raises:
        Fault: a split has too few images; or as `check_duplicates`.
    """
    for split, (_, indices) in chosen.items():
        if len(indices) < FEWEST:
            wanted = f"at least {FEWEST} images for {split}"
            raise Fault(f"dataset: {expected(wanted, len(indices))}; change the fractions")
    name, side, on_the_fly = settings.name, settings.side, settings.on_the_fly
    refused = name == OWN and not settings.allow_duplicates
    contents: dict[str, list[bytes]] = {}
    if on_the_fly and name == OWN:
        contents = image_contents(chosen, side)
        check_duplicates(chosen, contents, refused)
    written = {
        split: _write_split(folder / split, part, indices, source.classes, side, on_the_fly)
        for split, (part, indices) in chosen.items()
    }
    if not on_the_fly:
        contents = {split: one.contents or [] for split, one in written.items()}
        check_duplicates(chosen, contents, refused)
    learned = b"".join(chain.from_iterable(of for split, of in contents.items() if split != "test"))
    write_array(folder / "digests.npy", np.frombuffer(learned, np.uint8).reshape(-1, DIGEST))
    card: dict[str, object] = {
        "name": name,
        "source": source.description,
        "classes": source.classes,
    }
    card["image_shape"] = [side, side, 3]
    if "train" in chosen:
        card |= _mean_and_std(*chosen["train"], side, written["train"].histogram)
    write_json(
        folder / "card.json",
        card | {"splits": {split: one.entry for split, one in written.items()}},
    )


def write_test_set(
    folder: Path,
    description: str,
    part: Part,
    classes: list[str],
    side: int,
    on_the_fly: bool,
    training_digests: np.ndarray,
    allow_duplicates: bool,
) -> None:
    """Write all of `part`, an additional test set, to `folder`: as a split of a dataset, with a
    card of its own.

    The card holds where it was read from, the number of images, in all and of each of the dataset's
    `classes`, and a checksum as in the card of a dataset.

    Args:
        training_digests: uint8 N x `DIGEST`, array `digests.npy` of the dataset, of training and
            validation images.
        allow_duplicates: whether its images may be among these; they are counted, and the first few
            are named.

    Raises:
        Fault: one is, and may not be.
    """
    indices = np.arange(len(part.labels))
    written = _write_split(folder, part, indices, classes, side, on_the_fly)
    if len(training_digests):
        contents = (
            written.contents or image_contents({folder.name: (part, indices)}, side)[folder.name]
        )
        learned = {row.tobytes() for row in training_digests}
        if leaks := [
            image_label(part, index) for index, content in enumerate(contents) if content in learned
        ]:
            text = (
                f"{len(leaks):,} images are training or validation images, e.g. "
                f"{excerpt(leaks, EXAMPLES)}"
            )
            _refuse_or_warn(f"test_sets.{folder.name}: {text}", "remove them", not allow_duplicates)
    write_json(folder / "card.json", {"source": description} | written.entry)


def _write_split(
    folder: Path, part: Part, indices: np.ndarray, classes: list[str], side: int, on_the_fly: bool
) -> WrittenSplit:
    labels = part.labels[indices]
    write_array(folder / "labels.npy", labels)
    names = [part.names[index] for index in indices]
    write_items(folder / "items.csv", [classes[label] for label in labels], names)
    if on_the_fly:
        checksum, histogram, contents = (
            _write_file_list(folder / "images.json", part, indices),
            None,
            None,
        )
    else:
        checksum, histogram, contents = _store_images(folder / "images.npy", part, indices, side)
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    groups = {} if part.groups is None else {"groups": len(np.unique(part.groups[indices]))}
    grouping = f" in {groups['groups']:,} groups" if groups else ""
    print(f"{folder.name}: {len(labels):,} images of {np.count_nonzero(counts)} classes{grouping}")
    entry = {"n_images": len(labels), "images_per_class": counts, "sha256": checksum} | groups
    return WrittenSplit(entry, histogram, contents)


def _store_images(
    path: Path, part: Part, indices: np.ndarray, side: int
) -> tuple[str, np.ndarray, list[bytes]]:
    """Store the images at `indices` as one array; its checksum, with the labels, histogram 3x256
    and digests."""
    digest, histogram = hashlib.sha256(), np.zeros((3, 256), np.int64)
    contents: list[bytes] = []
    pieces = chunks(indices, side)
    progress = Progress(len(pieces), pause=5)
    with appending(path, (len(indices), side, side, 3), np.uint8) as append:
        for piece in pieces:
            images = part.images[piece]
            append(images)
            digest.update(images.tobytes())
            histogram += _channel_counts(images)
            contents += digests(images)
            progress.step(f"{path.parent.name}: storing images")
    digest.update(part.labels[indices].tobytes())
    return digest.hexdigest(), histogram, contents


def _write_file_list(path: Path, part: Part, indices: np.ndarray) -> str:
    """List the files at `indices`; the checksum of their names, sizes and labels."""
    assert isinstance(part.images, FileImages)
    images, digest = part.images.at(indices), hashlib.sha256()
    write_list(path, images.files, images.size, images.margin)
    for index, file in zip(indices, images.files, strict=True):
        digest.update(
            f"{part.names[index]}\0{Path(file).stat().st_size}\0{part.labels[index]}\0".encode()
        )
    return digest.hexdigest()


def _channel_counts(images: np.ndarray) -> np.ndarray:
    """How often each value occurs in each channel of `images` (uint8 NxHxWx3): int64 3x256."""
    return np.stack(
        [np.bincount(images[..., channel].ravel(), minlength=256) for channel in range(3)]
    )


def _mean_and_std(
    part: Part, indices: np.ndarray, side: int, histogram: np.ndarray | None
) -> dict[str, list[float]]:
    """Of each channel, from the histogram 3x256, or else from at most MEASURED of the images,
    evenly over classes."""
    if histogram is None:
        count = min(MEASURED, len(indices))
        sample = indices[stratified_sample(part.labels[indices], count, 0, "measured")]
        histogram = np.sum(
            [_channel_counts(part.images[piece]) for piece in chunks(sample, side)], axis=0
        )
    values = np.arange(256) / 255
    total = histogram.sum(axis=1)
    mean = histogram @ values / total
    variance = (histogram * (values - mean[:, None]) ** 2).sum(axis=1) / total
    return {"mean": mean.round(6).tolist(), "std": np.sqrt(variance).round(6).tolist()}


def check_duplicates(chosen: Splits, contents: dict[str, list[bytes]], refused: bool) -> None:
    """Print how many images are in more than one split, and how many are twice in one, and name the
    first few.

    Args:
        contents: split -> digest of each image, as from `digests`.
        refused: whether it is a fault if an image is in more than one split.

    Raises:
        Fault: an image is in more than one split, and this is refused.
    """
    owner: dict[bytes, Place] = {}
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
        print(
            f"warning: {len(within):,} images are in their split twice{labels}, e.g. "
            f"{_examples(within)}"
        )
    if between:
        leaks = f"{len(between):,} images are in more than one split, e.g. {_examples(between)}"
        _refuse_or_warn(f"dataset: {leaks}", "remove them from one", refused)


def image_contents(chosen: Splits, side: int) -> dict[str, list[bytes]]:
    """Split -> digest of each image, which is `side` pixels a side."""
    pieces = {split: chunks(indices, side) for split, (_, indices) in chosen.items()}
    progress = Progress(sum(map(len, pieces.values())), pause=5)
    contents: dict[str, list[bytes]] = {split: [] for split in chosen}
    for split, (part, _) in chosen.items():
        for piece in pieces[split]:
            contents[split] += digests(part.images[piece])
            progress.step(f"{split}: comparing images")
    return contents


def digests(images: np.ndarray) -> list[bytes]:
    """`DIGEST` bytes of each of `images`, uint8 N x side x side x 3, which only identical ones
    share."""
    return [
        hashlib.blake2b(np.ascontiguousarray(image), digest_size=DIGEST).digest()
        for image in images
    ]


def image_label(part: Part, index: int) -> str:
    """The path of an image, or its name where it is in no file of its own."""
    return (
        printable(part.images.files[index])
        if isinstance(part.images, FileImages)
        else f"image {part.names[index]}"
    )


def _refuse_or_warn(message: str, remedy: str, refused: bool) -> None:
    if refused:
        raise Fault(f"{message}; {remedy}, or set dataset.allow_duplicates: true")
    print(f"warning: {message}")


def _examples(pairs: list[tuple[Place, Place]]) -> str:
    alike = [
        f"{image} ({split}) = {other} ({earlier})"
        for (split, image, _), (earlier, other, _) in pairs
    ]
    return excerpt(alike, EXAMPLES)


SIDE = 8  # of a thumbnail, in cells
ALIKE = 0.995  # correlation of two thumbnails
# Standard deviation of a thumbnail, in grey levels, below which it shows nothing to compare.
FLATTEST = 1
BLOCK = 500


class Grouped(NamedTuple):
    """The units of a test set, and what to say of them.

    Attributes:
        units: units of the images.
        by: pattern, table or `near_duplicates` that defines the units; empty if each image is a
            unit.
        not_by: why the groups of the images that the study splits do not define them; else empty.
    """

    units: Units
    by: str = ""
    not_by: str = ""


def units_of_part(part: Part, others: Source, groups: str, key: str) -> Units:
    """The units of all images of a test set by a pattern or a table; faults are those of
    `with_groups`.

    Args:
        others: source of the dataset, whose images a table may name too.
        key: key of the study that names `groups`, for messages.
    """
    parts = {name: of for name, of in others.parts.items() if of is not part} | {ALL: part}
    try:
        grouped = with_groups(others._replace(parts=parts), groups, ())
    except Fault as fault:
        raise Fault(str(fault).replace("dataset.groups", key)) from fault
    return Units.numbered(np.asarray(grouped.parts[ALL].groups))


def look_alikes(images: Images, labels: np.ndarray) -> Units:
    """Images of a class that look almost the same, or are linked by others that do, are one unit.

    Two do if their thumbnails, grey values averaged over a grid of cells, correlate at `ALIKE` or
    above.

    Args:
        labels: int N, their classes.
    """
    from scipy.sparse import coo_array  # takes long to load
    from scipy.sparse.csgraph import connected_components

    pieces = (
        images[piece] for piece in chunks(np.arange(len(labels)), np.asarray(images[:1]).shape[1])
    )
    thumbnails = [
        np.asarray(
            Image.fromarray(image).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
        ).ravel()
        for image in chain.from_iterable(pieces)
    ]
    small = np.stack(thumbnails)
    centred = small - small.mean(axis=1, dtype=np.float32, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    # Products are correlations.
    patterns = np.where(length < FLATTEST * SIDE, 0, centred / np.maximum(length, 1e-6))
    links = [np.empty((2, 0), np.int64)]
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        for start in range(0, len(own), BLOCK):
            one, other = np.nonzero(
                patterns[own[start : start + BLOCK]] @ patterns[own[start:]].T >= ALIKE
            )
            links.append(np.stack([own[start:][one], own[start:][other]]))
    first, second = np.concatenate(links, axis=1)
    graph = coo_array(
        (np.ones(len(first), bool), (first, second)), shape=(len(labels), len(labels))
    )
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
    """Check that there are enough units: of two, one can be compared with the other; others leave
    out groups of them.

    Raises:
        Fault: there are fewer units than `fewest`, though enough images.
    """
    units = grouped.units
    if units.number < fewest <= units.n_images:
        got = (
            f"{units.n_images:,} images of {test_set} in {units.number} "
            f"unit{'s' if units.number > 1 else ''}"
        )
        wanted = expected(f"{fewest} units or more", got)
        raise Fault(f"{grouped.by}: {wanted}; add images of others, or name finer ones")


def write_units(folder: Path, test_set: str, grouped: Grouped, fewest: int = FEWEST_UNITS) -> None:
    """Write `units.npy` (int32 N) and `units.json` (what they are) of a test set, after
    `check_number`."""
    units = grouped.units
    check_number(test_set, grouped, fewest)
    by = f", by {grouped.by}" if grouped.by else ""
    print(f"{test_set}: {units.n_images:,} images in {units.number:,} units{by}")
    if grouped.not_by:
        print(f"warning: {test_set}: each image is a unit of its own: {grouped.not_by}")
    write_array(folder / "units.npy", units.of_image.astype(np.int32))
    described = {
        "n_images": units.n_images,
        "units": units.number,
        "by": grouped.by,
        "not_by": grouped.not_by,
    }
    write_json(folder / "units.json", described)


def units_of_data_set(
    source: Source, test: tuple[Part, np.ndarray], groups: str | None, test_groups: str | None
) -> Grouped:
    """The units of the test images of a dataset by a pattern or a table; faults are those of
    `with_groups`.

    Args:
        source: source of the dataset, with groups if the study splits it by them.
        test: part with the test images, and their indices in it.
        groups, test_groups: pattern or table for the images that the study splits, and for the test
            images. Without the second, a pattern that all test images of the dataset match counts
            for them too.
    """
    part, indices = test
    if test_groups:
        return Grouped(
            units_of_part(part, source, test_groups, "dataset.test_groups").of(indices), test_groups
        )
    if part.groups is not None:
        return Grouped(Units.numbered(part.groups[indices]), groups or "the groups of the data set")
    assert groups is not None
    try:
        if is_table(groups):
            raise Fault(f"{groups} is a table of the images that the study splits")
        return Grouped(units_of_part(part, source, groups, "dataset.groups").of(indices), groups)
    except Fault as fault:
        reason = f"{str(fault).partition(';')[0]}; set dataset.test_groups"
        return Grouped(Units.single(len(indices)), not_by=reason)
