"""Writing a dataset: its splits, and the card with their counts and checksums, the classes, mean and std."""

import hashlib
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from resiliency.base.faults import Fault
from resiliency.base.progress import Progress
from resiliency.data.pictures import FileImages, chunks, write_items, write_list
from resiliency.data.source import Part, Source
from resiliency.data.split import stratified_sample
from resiliency.data.units import DIGEST, check_duplicates, check_test_set, digests, image_contents
from resiliency.storage.files import appending, write_array, write_json

# Number of training images from which mean and standard deviation are estimated if they must be decoded for it.
MEASURED = 5_000
FEWEST = 10
OWN = "image_folder"  # the dataset of a user's own images, in which shared images are refused


class WrittenSplit(NamedTuple):
    """A split: its entry in the card, and, if its images were decoded, their histogram 3x256 and digests."""

    entry: dict
    histogram: np.ndarray | None = None
    contents: list[bytes] | None = None


def write_data_set(
    folder: Path,
    name: str,
    source: Source,
    chosen: dict[str, tuple[Part, np.ndarray]],
    side: int,
    on_the_fly: bool,
    allow_duplicates: bool = False,
) -> None:
    """Write each split, and last the card, to `folder`.

    A split is `labels.npy` (int64 N), `items.csv` (class and name of each image) and `images.npy` (uint8
    N x side x side x 3) or, where images are decoded on the fly, `images.json`, which names their files.

    `digests.npy` holds a digest of each training and validation image (uint8 N x `DIGEST`); N is 0 for a
    published dataset that is decoded on the fly.

    The card, `card.json`, holds the `name`, the source, the classes, the shape of an image,
    mean and standard deviation of each channel of the training images (of values in 0..1) where there are any, and of
    each split the counts and a checksum: of pixels and labels, or of the names, sizes in bytes and labels of the files.
    Where images have groups, the number of groups is among the counts.

    Args:
        chosen: split -> part and indices in it, as from `draw_splits`.
        allow_duplicates: whether splits of the dataset `OWN` may share images; splits of others may.

    Raises:
        Fault: a split has too few images; or as `check_duplicates`.
    """
    for split, (_, indices) in chosen.items():
        if len(indices) < FEWEST:
            raise Fault(
                f"dataset: expected at least {FEWEST} images for {split}, got {len(indices)}; change the fractions"
            )
    refused = name == OWN and not allow_duplicates
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
    card: dict[str, object] = {"name": name, "source": source.description, "classes": source.classes}
    card["image_shape"] = [side, side, 3]
    if "train" in chosen:
        histogram = written["train"].histogram
        card |= _mean_and_std(_histogram(*chosen["train"], side) if histogram is None else histogram)
    write_json(folder / "card.json", card | {"splits": {split: one.entry for split, one in written.items()}})


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
    """Write all of `part`, an additional test set, to `folder`: as a split of a dataset, with a card of its own.

    The card holds where it was read from, the number of images, in all and of each of the dataset's `classes`, and a
    checksum as in the card of a dataset.

    Args:
        training_digests: uint8 N x `DIGEST`, array `digests.npy` of the dataset.
        allow_duplicates: whether its images may be among these.

    Raises:
        Fault: as `check_test_set`.
    """
    indices = np.arange(len(part.labels))
    written = _write_split(folder, part, indices, classes, side, on_the_fly)
    if len(training_digests):
        contents = written.contents or image_contents({folder.name: (part, indices)}, side)[folder.name]
        check_test_set(folder.name, part, contents, training_digests, refused=not allow_duplicates)
    write_json(folder / "card.json", {"source": description} | written.entry)


def _write_split(
    folder: Path, part: Part, indices: np.ndarray, classes: list[str], side: int, on_the_fly: bool
) -> WrittenSplit:
    labels = part.labels[indices]
    write_array(folder / "labels.npy", labels)
    names = [part.names[index] for index in indices]
    write_items(folder / "items.csv", [classes[label] for label in labels], names)
    if on_the_fly:
        checksum, histogram, contents = _write_file_list(folder / "images.json", part, indices), None, None
    else:
        checksum, histogram, contents = _store_images(folder / "images.npy", part, indices, side)
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    groups = {} if part.groups is None else {"groups": len(np.unique(part.groups[indices]))}
    grouping = f" in {groups['groups']:,} groups" if groups else ""
    print(f"{folder.name}: {len(labels):,} images of {np.count_nonzero(counts)} classes{grouping}")
    entry = {"n_images": len(labels), "images_per_class": counts, "sha256": checksum} | groups
    return WrittenSplit(entry, histogram, contents)


def _store_images(path: Path, part: Part, indices: np.ndarray, side: int) -> tuple[str, np.ndarray, list[bytes]]:
    """Store the images at `indices` as one array; its checksum, with the labels, histogram 3x256 and digests."""
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
    images = part.images
    assert isinstance(images, FileImages)
    files = [images.files[index] for index in indices]
    write_list(path, files, images.size, images.margin)
    digest = hashlib.sha256()
    for index, file in zip(indices, files, strict=True):
        digest.update(f"{part.names[index]}\0{Path(file).stat().st_size}\0{part.labels[index]}\0".encode())
    return digest.hexdigest()


def _histogram(part: Part, indices: np.ndarray, side: int) -> np.ndarray:
    """Histogram 3x256 of at most MEASURED of the images at `indices`, evenly over classes."""
    count = min(MEASURED, len(indices))
    sample = indices[stratified_sample(part.labels[indices], count, 0, "measured")]
    return np.sum([_channel_counts(part.images[piece]) for piece in chunks(sample, side)], axis=0)


def _channel_counts(images: np.ndarray) -> np.ndarray:
    """How often each value occurs in each channel of `images` (uint8 NxHxWx3): int64 3x256."""
    return np.stack([np.bincount(images[..., channel].ravel(), minlength=256) for channel in range(3)])


def _mean_and_std(histogram: np.ndarray) -> dict[str, list[float]]:
    values = np.arange(256) / 255
    total = histogram.sum(axis=1)
    mean = histogram @ values / total
    variance = (histogram * (values - mean[:, None]) ** 2).sum(axis=1) / total
    return {"mean": mean.round(6).tolist(), "std": np.sqrt(variance).round(6).tolist()}
