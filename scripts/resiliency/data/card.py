"""Writing a data set: its splits, and the card that tells what it is made of and normalised with."""

import hashlib
from pathlib import Path

import numpy as np

from resiliency.data.images import chunks, write_items, write_list
from resiliency.data.pictures import FileImages
from resiliency.data.source import Part, Source
from resiliency.data.split import stratified
from resiliency.faults import Fault
from resiliency.progress import Progress
from resiliency.storage.files import appending, write_array, write_json

# Training images that mean and standard deviation are taken from where all would have to be decoded for it.
MEASURED = 5_000
FEWEST = 10


def write_data_set(
    folder: Path,
    metadata: dict,
    source: Source,
    chosen: dict[str, tuple[Part, np.ndarray]],
    side: int,
    on_the_fly: bool,
) -> None:
    """Write each split, and last the card, to `folder`.

    A split is `labels.npy` (int64 N), `items.csv` (class and name of each image) and `images.npy` (uint8
    N x side x side x 3) or, where images are decoded on the fly, `images.json`, which names their files.

    The card, `card.json`, holds the `metadata`, the source, the classes, the shape of an image, mean and standard
    deviation of each channel of the training images (of values in 0..1) where there are any, and of each split the
    counts and a checksum: of pixels and labels, or of the names, sizes in bytes and labels of the files.

    Args:
        metadata: name and number of `duplicates`.
        chosen: split -> part and indices in it, as from `splits`.
    """
    for split, (_, indices) in chosen.items():
        if len(indices) < FEWEST:
            raise Fault(f"dataset: {len(indices)} images for {split}, at least {FEWEST} needed; change their shares")
    card = metadata | {"source": source.description, "classes": source.classes, "image_shape": [side, side, 3]}
    described = {}
    for split, (part, indices) in chosen.items():
        described[split], histogram = _write_split(folder / split, part, indices, source.classes, side, on_the_fly)
        if split == "train":
            card |= _mean_and_std(_histogram(part, indices, side) if histogram is None else histogram)
    write_json(folder / "card.json", card | {"splits": described})


def write_test_set(folder: Path, description: str, part: Part, classes: list[str], side: int, on_the_fly: bool) -> None:
    """Write all of `part`, a further test set, to `folder`: as a split of a data set, with a card of its own.

    The card holds where it was read from, the number of images, in all and of each of the data set's `classes`, and a
    checksum as in the card of a data set.
    """
    described, _ = _write_split(folder, part, np.arange(len(part.labels)), classes, side, on_the_fly)
    write_json(folder / "card.json", {"source": description} | described)


def _write_split(
    folder: Path, part: Part, indices: np.ndarray, classes: list[str], side: int, on_the_fly: bool
) -> tuple[dict, np.ndarray | None]:
    """Write the images at `indices`; what the card says of them, and their histogram if they were all decoded."""
    labels = part.labels[indices]
    write_array(folder / "labels.npy", labels)
    names = [part.names[index] for index in indices]
    write_items(folder / "items.csv", [classes[label] for label in labels], names)
    if on_the_fly:
        checksum, histogram = _list_files(folder / "images.json", part, indices), None
    else:
        checksum, histogram = _store(folder / "images.npy", part, indices, side)
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    print(f"{folder.name}: {len(labels):,} images of {np.count_nonzero(counts)} classes")
    return {"images": len(labels), "images_per_class": counts, "sha256": checksum}, histogram


def _store(path: Path, part: Part, indices: np.ndarray, side: int) -> tuple[str, np.ndarray]:
    """Store the images at `indices` as one array; its checksum, with the labels, and histogram 3x256."""
    digest, histogram = hashlib.sha256(), np.zeros((3, 256), np.int64)
    pieces = chunks(indices, side)
    progress = Progress(len(pieces), pause=5)
    with appending(path, (len(indices), side, side, 3), np.uint8) as append:
        for piece in pieces:
            images = part.images[piece]
            append(images)
            digest.update(images.tobytes())
            histogram += _counts(images)
            progress.step(f"{path.parent.name}: storing images")
    digest.update(part.labels[indices].tobytes())
    return digest.hexdigest(), histogram


def _list_files(path: Path, part: Part, indices: np.ndarray) -> str:
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
    """Histogram 3x256 of at most MEASURED of the images at `indices`, of all classes alike."""
    count = min(MEASURED, len(indices))
    measured = indices[stratified(part.labels[indices], count, 0, "measured")]
    return sum(_counts(part.images[piece]) for piece in chunks(measured, side))


def _counts(images: np.ndarray) -> np.ndarray:
    """How often each value occurs in each channel of `images` (uint8 NxHxWx3): int64 3x256."""
    return np.stack([np.bincount(images[..., channel].ravel(), minlength=256) for channel in range(3)])


def _mean_and_std(histogram: np.ndarray) -> dict[str, list[float]]:
    values = np.arange(256) / 255
    total = histogram.sum(axis=1)
    mean = histogram @ values / total
    variance = (histogram * (values - mean[:, None]) ** 2).sum(axis=1) / total
    return {"mean": mean.round(6).tolist(), "std": np.sqrt(variance).round(6).tolist()}
