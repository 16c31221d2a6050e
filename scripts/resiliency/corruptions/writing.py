"""Test images under corruptions, made by an engine or taken from published sets."""

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from resiliency.base.faults import FILES_NAMED, Fault, Progress, excerpt, expected
from resiliency.corruptions.settings import SEVERITIES
from resiliency.data.pictures import chunks, decode, write_list
from resiliency.data.source import Images
from resiliency.storage import appending, read_array, replacing

Corrupt = Callable[..., np.ndarray]


def corruption_engine(name: str, table: str, seed: int) -> Corrupt:
    """(images uint8 NxHxWx3, corruption, severity, `indices` of the images) -> uint8 NxHxWx3.

    Args:
        name: "resiliency", or "imagecorruptions", which has only one table.
        table: severity table.
    """
    if name == "imagecorruptions":
        from resiliency.corruptions import reference

        return partial(reference.corrupt, seed=seed)
    from resiliency.corruptions import engine

    return partial(engine.corrupt, table=table, seed=seed)


STACKED_FROM = (
    "CIFAR-10-C is at zenodo.org/records/2535967, CIFAR-100-C at zenodo.org/records/3555552"
)
FILES_FROM = "ImageNet-C is at zenodo.org/records/2235448"
SUFFIXES = (".jpeg", ".jpg", ".png")
_SAMPLED = 100

# MD5 of each .npy file in the archives of the two records, as public loaders such as
# TorchUncertainty's list them.
CHECKSUMS = {
    "cifar10": {
        "brightness": "0a81ef75e0b523c3383219c330a85d48",
        "contrast": "3c8262171c51307f916c30a3308235a8",
        "defocus_blur": "7d1322666342a0702b1957e92f6254bc",
        "elastic_transform": "9421657c6cd452429cf6ce96cc412b5f",
        "fog": "7b397314b5670f825465fbcd1f6e9ccd",
        "frost": "31f6ab3bce1d9934abfb0cc13656f141",
        "gaussian_blur": "c33370155bc9b055fb4a89113d3c559d",
        "gaussian_noise": "ecaf8b9a2399ffeda7680934c33405fd",
        "glass_blur": "7361fb4019269e02dbf6925f083e8629",
        "impulse_noise": "2090e01c83519ec51427e65116af6b1a",
        "jpeg_compression": "2b9cc4c864e0193bb64db8d7728f8187",
        "labels": "c439b113295ed5254878798ffe28fd54",
        "motion_blur": "fffa5f852ff7ad299cfe8a7643f090f4",
        "pixelate": "0f14f7e2db14288304e1de10df16832f",
        "saturate": "1cfae0964219c5102abbb883e538cc56",
        "shot_noise": "3a7239bb118894f013d9bf1984be7f11",
        "snow": "bb238de8555123da9c282dea23bd6e55",
        "spatter": "8a5a3903a7f8f65b59501a6093b4311e",
        "speckle_noise": "ef00b87611792b00df09c0b0237a1e30",
        "zoom_blur": "6ea8e63f1c5cdee1517533840641641b",
    },
    "cifar100": {
        "brightness": "f22d7195aecd6abb541e27fca230c171",
        "contrast": "322bb385f1d05154ee197ca16535f71e",
        "defocus_blur": "d923e3d9c585a27f0956e2f2ad832564",
        "elastic_transform": "a0792bd6581f6810878be71acedfc65a",
        "fog": "4efc7ebd5e82b028bdbe13048e3ea564",
        "frost": "3a39c6823bdfaa0bf8b12fe7004b8117",
        "gaussian_blur": "5204ba0d557839772ef5a4196a052c3e",
        "gaussian_noise": "ecc4d366eac432bdf25c024086f5e97d",
        "glass_blur": "0bf384f38e5ccbf8dd479d9059b913e1",
        "impulse_noise": "3b3c210ddfa0b5cb918ff4537a429fef",
        "jpeg_compression": "c851b7f1324e1d2ffddeb76920576d11",
        "labels": "bb4026e9ce52996b95f439544568cdb2",
        "motion_blur": "732a7e2e54152ff97c742d4c388c5516",
        "pixelate": "96c00c60f144539e14cffb02ddbd0640",
        "saturate": "c0697e9fdd646916a61e9c312c77bf6b",
        "shot_noise": "b0a1fa6e1e465a747c1b204b1914048a",
        "snow": "0237be164583af146b7b144e73b43465",
        "spatter": "12ccf41d62564d36e1f6a6ada5022728",
        "speckle_noise": "e3f215b1a0f9fd9fd6f0d1cf94a7ce99",
        "zoom_blur": "0204613400c034a81c4830d5df81cb82",
    },
}


def stacked_images(
    folder: str | Path,
    corruption: str,
    severities: Sequence[int],
    positions: np.ndarray,
    labels: np.ndarray,
    size: tuple[int, int],
    checksums: Mapping[str, str],
) -> Iterator[np.ndarray]:
    """Images of a set in the layout of CIFAR-10-C, severity by severity, a chunk at a time.

    `folder` holds `<corruption>.npy`, uint8 5Mx`size`x3, the M images of a test set at severities 1
    to 5, one severity after the other, and `labels.npy`, their 5M labels. Everything is checked
    before the first image is read.

    Args:
        positions: int64 N, positions of the wanted images in the published test set, in any order.
        labels: int64 N, their labels in the clean test set.
        size: height and width of the images, pixels.
        checksums: stem of a file -> its MD5, where they are published: an entry of CHECKSUMS, or
            empty.

    Returns:
        uint8 BxHxWx3: the images at `positions`, in their order, for each of `severities` in turn.

    Raises:
        Fault: a file is missing, cut short, of another shape, type or checksum, or the labels are
            in another order.
    """
    images, all_labels = (_array(Path(folder) / f"{name}.npy") for name in (corruption, "labels"))
    shape = (images.size // math.prod((*size, 3)), *size, 3)
    if images.shape != shape or images.dtype != np.uint8 or shape[0] % len(SEVERITIES):
        needed = f"uint8 of shape (5 x test images, {size[0]}, {size[1]}, 3)"
        raise Fault(
            f"{images.filename}: {expected(needed, f'{images.dtype} of shape {images.shape}')}"
        )
    if all_labels.shape != shape[:1] or all_labels.dtype.kind not in "iu":
        needed = f"{shape[0]:,} integers, one per image"
        raise Fault(
            f"{all_labels.filename}: "
            f"{expected(needed, f'{all_labels.dtype} of shape {all_labels.shape}')}"
        )
    _check_labels(all_labels, positions, labels)
    for array in (images, all_labels):
        _check_md5(Path(array.filename), checksums)
    starts, pieces = (
        (np.array(severities) - 1) * (shape[0] // len(SEVERITIES)),
        chunks(positions, max(size)),
    )
    return (np.asarray(images[start + piece]) for start, piece in product(starts, pieces))


def _array(path: Path) -> np.memmap:
    if not path.is_file():
        raise Fault(f"{path}: there is no such file; {STACKED_FROM}")
    return read_array(path, f"fetch it again: {STACKED_FROM}")


def _check_labels(all_labels: np.memmap, positions: np.ndarray, labels: np.ndarray) -> None:
    by_severity = all_labels.reshape(len(SEVERITIES), -1)
    if len(positions) and positions.max() >= by_severity.shape[1]:
        images = f"{by_severity.shape[1]:,} test images"
        raise Fault(
            f"{all_labels.filename}: expected an image at position {positions.max()}, got "
            f"{images}; fetch it again"
        )
    wrong = np.argwhere(by_severity[:, positions] != labels)
    if len(wrong):
        severity, image = wrong[0]
        mismatch = (
            f"{by_severity[severity, positions[image]]} for {labels[image]} at position "
            f"{positions[image]}"
        )
        raise Fault(
            f"{all_labels.filename}: expected labels in the order of the clean test set, got "
            f"{mismatch}; fetch it again"
        )


def _check_md5(path: Path, checksums: Mapping[str, str]) -> None:
    if path.stem not in checksums:
        return
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    if md5 != checksums[path.stem]:
        raise Fault(
            f"{path}: expected MD5 {checksums[path.stem]}, as published, got {md5}; fetch it "
            f"again: {STACKED_FROM}"
        )


def image_paths(
    folder: str | Path,
    corruption: str,
    severities: Iterable[int],
    classes: Sequence[str],
    names: Sequence[str],
) -> list[str]:
    """Paths of the images of a set in the layout of ImageNet-C,
    `<folder>/<corruption>/<severity>/<class>/<name>.JPEG`.

    The corruption may also lie one folder further down, as where the distributed archives are
    unpacked side by side. Another suffix of SUFFIXES, in any case, stands in for .JPEG. Other
    classes and images in `folder` are left alone.

    Args:
        classes, names: class and name, with or without suffix, of each of the N test images.

    Returns:
        The N paths for each of `severities` in turn, in the order of `names`.

    Raises:
        Fault: a folder or an image is missing, or there are two folders of the corruption.
    """
    top = _corruption_folder(Path(folder), corruption)
    stems = [_stem(name) for name in names]
    paths, missing = [], []
    for severity in severities:
        severity_folder = _subfolder(top, str(severity))
        listings = {name: _listing(f"{severity_folder}/{name}") for name in set(classes)}
        for name, stem in zip(classes, stems, strict=True):
            file = listings[name].get(stem)
            place = f"{name}/{file or stem + '.JPEG'}"
            paths.append(f"{severity_folder}/{place}") if file else missing.append(
                f"{severity}/{place}"
            )
    if missing:
        total = f"{len(missing):,} of {len(missing) + len(paths):,} images are missing"
        raise Fault(f"{top}: {total}: {excerpt(missing, FILES_NAMED)}; {FILES_FROM}")
    return paths


def check_sizes(paths: Sequence[str], side: int) -> None:
    """Raise a Fault unless a sample of `paths` holds squares of at least `side` pixels.

    Pictures of published sets were cropped before they were corrupted. Others would show more than
    the clean images do, or be enlarged.
    """
    for path in paths[:: max(1, len(paths) // _SAMPLED)]:
        width, height = decode(path).size
        if width != height or width < side:
            raise Fault(
                f"{path}: {width}x{height} pixels; expected squares of {side} pixels or more, "
                "cropped as clean images "
                "are; crop them, or set dataset.image_size to their side"
            )


def _corruption_folder(folder: Path, corruption: str) -> Path:
    folders = [
        path
        for path in (folder / corruption, *sorted(folder.glob(f"*/{corruption}")))
        if path.is_dir()
    ]
    if len(folders) > 1:
        raise Fault(f"{folder}: {corruption} is in {folders[0]} and in {folders[1]}; keep one")
    return folders[0] if folders else _subfolder(folder, corruption, deeper=folder.glob("*/*"))


def _subfolder(folder: Path, name: str, deeper: Iterable[Path] = ()) -> Path:
    """The folder `name` in `folder`; a Fault that hints at the contents, or at `deeper` folders, if
    it is missing."""
    if (folder / name).is_dir():
        return folder / name
    entries = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    close = get_close_matches(name, [*entries, *(path.name for path in deeper)], n=1)
    hint = (
        f"did you mean {close[0]!r}?"
        if close
        else f"{folder} holds {', '.join(entries[:6]) or 'nothing'}"
    )
    raise Fault(f"{folder / name}: there is no such folder; {hint}; {FILES_FROM}")


def _stem(name: str) -> str:
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in SUFFIXES else name


def _listing(folder: str) -> dict[str, str]:
    """Stem -> file name of the images in `folder`, .JPEG before others; empty if there is no such
    folder."""
    entries = os.listdir(folder) if os.path.isdir(folder) else []
    images = [name for name in entries if name.lower().endswith(SUFFIXES)]
    return {
        _stem(name): name
        for name in sorted(images, key=lambda name: (name.endswith(".JPEG"), name))
    }


# As ImageNet-C was saved (Hendrycks and Dietterich, 2019).
QUALITY = 85


def write_stack(
    path: str, images: Images, side: int, corruption: str, severities: list[int], corrupt: Corrupt
) -> None:
    """Write the array uint8 SxNx`side`x`side`x3 of N `images` under `corruption` at all severities,
    piece by piece."""
    count = len(images)
    progress = Progress(len(severities))
    with appending(path, (len(severities), count, side, side, 3), np.uint8) as append:
        for severity in severities:
            for indices in chunks(np.arange(count), side):
                append(corrupt(images[indices], corruption, severity, indices=indices))
            progress.step(f"severity {severity}: {count:,} images")


def write_pictures(
    path: str,
    folder: str,
    items: tuple[list[str], list[str]],
    images: Images,
    side: int,
    corruption: str,
    severities: list[int],
    corrupt: Corrupt,
) -> None:
    """Write `folder`/<severity>/<class>/<name>.JPEG of every image, as ImageNet-C is laid out, or
    nothing at all.

    Args:
        path: path of the list of these files, severity by severity, in the order of `images`.
        items: class and name of each image.
    """
    places = [f"{name_of_class}/{name}.JPEG" for name_of_class, name in zip(*items, strict=True)]
    pieces = chunks(np.arange(len(images)), side)
    progress = Progress(len(pieces), pause=10)
    with replacing(folder) as temporary:
        for severity in severities:
            for name in set(items[0]):
                (temporary / str(severity) / name).mkdir(parents=True)
        for indices in pieces:
            clean = images[indices]
            for severity in severities:
                pictures = corrupt(clean, corruption, severity, indices=indices)
                for index, picture in zip(indices, pictures, strict=True):
                    file = temporary / str(severity) / places[index]
                    Image.fromarray(picture).save(file, "JPEG", quality=QUALITY, optimize=True)
            progress.step(f"{indices[-1] + 1:,} images at {len(severities)} severities")
    files = [f"{folder}/{severity}/{place}" for severity in severities for place in places]
    write_list(path, files, side, 1, cropped=True, own=True)
