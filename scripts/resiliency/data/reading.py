"""Reading each dataset from its source: folders, arrays, and published ones, most of which
torchvision reads."""

import csv
import io
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np
from PIL import Image

from resiliency.base.faults import FILES_NAMED, Fault, excerpt, expected, hint
from resiliency.data.folder import class_folders, image_folder, imagenet, read_parts
from resiliency.data.pictures import ResizedImages, printable, resized_array
from resiliency.data.settings import Dataset
from resiliency.data.source import ALL, Part, Source, cache_folder, downloading
from resiliency.data.split import draw_splits, with_groups
from resiliency.storage import read_array, sha256


def read_source(settings: Dataset, needed: Sequence[str]) -> Source:
    """A dataset, its images `settings.side` pixels squared.

    Args:
        needed: splits of the study; other splits need no folder.

    Raises:
        Fault: the dataset cannot be downloaded, or its folder holds something else.
    """
    name, side, margin = settings.name, settings.side, settings.margin
    if name == "digits":
        return digits(side)
    if name == "image_folder":
        return image_folder(settings.place, side, margin, needed)
    if name == "imagenet":
        return imagenet(settings.place, side, margin, needed)
    if name == "imagenette":
        return image_folder(imagenette_folder(cache_folder() / name), side, margin)
    return published_source(name, side, cache_folder() / name)


def read_splits(
    settings: Dataset, seed: int, needed: Sequence[str], source: Source | None = None
) -> tuple[Source, dict[str, tuple[Part, np.ndarray]]]:
    """A dataset with the groups that a study gives it, and its splits, as from `draw_splits`.

    Args:
        needed: splits of the study.
        source: the dataset, if it was read before.

    Raises:
        Fault: as from `read_source`, `with_groups` and `draw_splits`.
    """
    source = with_groups(source or read_source(settings, needed), settings.groups, needed)
    fractions = settings.validation_fraction, settings.test_fraction
    return source, draw_splits(
        source, *fractions, settings.images_per_class, seed, needed, settings.images
    )


def labelled_folder(folder: Path, classes: list[str], size: int, margin: float) -> Part:
    """The images in `folder`/<class>, for some or all of the `classes` of the dataset.

    Folders are named as the classes are, or all by the positions of the classes, as in ImageNet-V2
    (Recht et al. 2019), unless a class has a number for a name.

    Args:
        size, margin: arguments of `pictures.fitted`.

    Raises:
        Fault: a folder is not of a class, or is empty, or the header of an image shows that it is
            unusable.
    """
    names, positions = (
        class_folders(folder),
        {name: position for position, name in enumerate(classes)},
    )
    unknown = [name for name in names if name not in positions]
    numbers = all(
        name.isascii() and name.isdecimal() and int(name) < len(classes) for name in names
    )
    distinct = numbers and len(set(map(int, names))) == len(names)
    if unknown and distinct and not any(name.isdecimal() for name in classes):
        positions = {name: int(name) for name in names}
    elif unknown:
        near = (
            hint(unknown[0], classes)
            or f"; folders must be named as its classes: {excerpt(classes, FILES_NAMED)}"
        )
        raise Fault(f"{printable(folder)}: the dataset has no class {unknown[0]!r}{near}")
    part = read_parts({ALL: folder}, names, size, margin)[ALL]
    return part._replace(labels=np.array([positions[name] for name in names])[part.labels])


def labelled_arrays(images: Path, labels: Path, classes: list[str], size: int) -> Part:
    """Images and labels in two `.npy` arrays, as CIFAR-10.1 is published (Recht et al. 2018).

    Args:
        images: file of uint8 N x side x side x 3; images are resized if `side` is not `size`.
        labels: file of N integers, positions in `classes`.

    Raises:
        Fault: types, shapes or labels are wrong.
    """
    pixels, numbers = (read_array(path, "replace it") for path in (images, labels))
    if not pixels.size:
        raise Fault(f"{printable(images)}: expected at least one image, got none")
    if (
        pixels.dtype != np.uint8
        or pixels.ndim != 4
        or pixels.shape[1:] != (pixels.shape[1], pixels.shape[1], 3)
    ):
        raise Fault(
            f"{printable(images)}: expected uint8 N x side x side x 3, got {pixels.dtype} "
            f"{pixels.shape}"
        )
    place, got = printable(labels), f"{numbers.dtype} {numbers.shape}"
    if not np.issubdtype(numbers.dtype, np.integer) or numbers.shape != pixels.shape[:1]:
        raise Fault(f"{place}: {expected(f'{len(pixels)} integers, one per image', got)}")
    if len(wrong := np.flatnonzero((numbers < 0) | (numbers >= len(classes)))):
        needed = f"a label from 0 to {len(classes) - 1}"
        raise Fault(f"{place}: image {wrong[0]}: {expected(needed, numbers[wrong[0]])}")
    return Part(
        resized_array(pixels, size), numbers.astype(np.int64), list(map(str, range(len(numbers))))
    )


DIGITS = (
    "Optical Recognition of Handwritten Digits, test part (Alpaydin and Kaynak, UCI 1998), "
    "as shipped by scikit-learn"
)


def digits(image_size: int) -> Source:
    """All 1,797 digits enlarged from 8x8 to `image_size` squared (bicubic, three equal channels),
    in one part."""
    from sklearn.datasets import load_digits

    small, labels = load_digits(return_X_y=True)
    small = np.round(small.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    size = (image_size, image_size)
    grey = np.stack(
        [
            np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
            for image in small
        ]
    )
    images = np.repeat(grey[..., None], 3, axis=3)
    part = Part(images, labels.astype(np.int64), list(map(str, range(len(labels)))))
    return Source(DIGITS, list(map(str, range(10))), {ALL: part})


class _Kind(NamedTuple):
    """A dataset, its class in torchvision.datasets, part -> arguments of that, and what it
    downloads."""

    description: str
    reader: str
    parts: Mapping[str, Mapping[str, object]]
    files: str


_FLAGS = {"train": {"train": True}, "test": {"train": False}}
_SPLITS = {"train": {"split": "train"}, "test": {"split": "test"}}
_KINDS = {
    "cifar10": _Kind("CIFAR-10 (Krizhevsky 2009)", "CIFAR10", _FLAGS, "cifar-10-python.tar.gz"),
    "cifar100": _Kind("CIFAR-100 (Krizhevsky 2009)", "CIFAR100", _FLAGS, "cifar-100-python.tar.gz"),
    "svhn": _Kind(
        "SVHN, cropped digits (Netzer et al. 2011)",
        "SVHN",
        _SPLITS,
        "train_32x32.mat, test_32x32.mat",
    ),
    "fashion_mnist": _Kind(
        "Fashion-MNIST (Xiao, Rasul and Vollgraf 2017)",
        "FashionMNIST",
        _FLAGS,
        "FashionMNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz",
    ),
    "stl10": _Kind("STL-10 (Coates, Ng and Lee 2011)", "STL10", _SPLITS, "stl10_binary.tar.gz"),
}


def published_source(name: str, image_size: int, folder: Path) -> Source:
    """The dataset `name` in `folder`, where it is downloaded to unless it is there.

    Args:
        name: cifar10, cifar100, svhn (not its part "extra"), fashion_mnist, stl10 (not its
            unlabelled images) or gtsrb.
        image_size: height and width of the images in pixels; images of another size are resized
            when indexed.

    Returns:
        Parts "train" and "test": images uint8 N x image_size x image_size x 3, grey ones with three
        equal channels.

    Raises:
        Fault: the dataset cannot be downloaded or written, or the folder holds something else.
    """
    if name == "gtsrb":
        return traffic_signs(image_size, folder)
    from torchvision import datasets

    # SVHN has no names for its digits.
    kind, parts, classes = _KINDS[name], {}, list(map(str, range(10)))
    for part, chosen in kind.parts.items():
        with downloading(folder, kind.files):
            read = getattr(datasets, kind.reader)(folder, download=True, **chosen)
            pictures, labels = zip(*(read[position] for position in range(len(read))), strict=True)
        classes = list(getattr(read, "classes", classes))
        images = resized_array(
            np.stack([np.asarray(picture.convert("RGB")) for picture in pictures]), image_size
        )
        parts[part] = Part(images, np.array(labels, np.int64), list(map(str, range(len(labels)))))
    return Source(f"{kind.description}, as torchvision.datasets.{kind.reader}", classes, parts)


def imagenette_folder(folder: Path) -> Path:
    """The folder that holds train/<synset>/ and val/<synset>/ of Imagenette at full size, within
    `folder`.

    Raises:
        Fault: the archive cannot be downloaded, written or extracted.
    """
    from torchvision.datasets import Imagenette
    from torchvision.datasets.utils import download_and_extract_archive

    url, md5 = Imagenette._ARCHIVES["full"]
    path, scratch = folder / Path(url).stem, folder / ".extracting"
    if not path.exists():
        with downloading(folder, Path(url).name):
            if not path.exists():
                shutil.rmtree(scratch, ignore_errors=True)
                download_and_extract_archive(url, folder, scratch, md5=md5)
                os.replace(scratch / path.name, path)
    return path


DESCRIPTION = (
    "German Traffic Sign Recognition Benchmark (Stallkamp, Schlipsing, Salmen and Igel 2012)"
)
_NAMES = (
    "speed limit 20, speed limit 30, speed limit 50, speed limit 60, speed limit 70, speed limit "
    "80, "
    "end of speed limit 80, speed limit 100, speed limit 120, no passing, no passing for trucks, "
    "right of way at next crossing, priority road, yield, stop, no vehicles, no trucks, no entry, "
    "general danger, curve left, curve right, double curve, bumpy road, slippery road, "
    "road narrows on the right, road work, traffic signals, pedestrians, children, bicycles, ice "
    "or snow, "
    "wild animals, end of all limits, turn right, turn left, straight on, straight on or right, "
    "straight on or left, keep right, keep left, roundabout, end of no passing, end of no passing "
    "for trucks"
)
CLASSES = tuple(_NAMES.split(", "))
_URL = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
# As torchvision's GTSRB, but with the 39,209 training images of the final benchmark, not the 26,640
# of its first stage.
ARCHIVES = {  # name -> SHA-256
    "GTSRB_Final_Training_Images.zip": "d32ac4b5fa9a1cbd1994768413902e8193599d9434cf0a8eb9cfd00a6d3a290c",  # noqa: E501
    "GTSRB_Final_Test_Images.zip": "48ba6fab7e877eb64eaf8de99035b0aaecfbc279bee23e35deca4ac1d0a837fa",  # noqa: E501
    "GTSRB_Final_Test_GT.zip": "f94e5a7614d75845c74c04ddb26b8796b9e483f43541dd95dd5b726504e16d6d",
}
_TRAINING = re.compile(r"(?:.*/)?(\d{5})/(\d{5})_(\d{5})\.ppm")  # class, track and frame


def traffic_signs(side: int, folder: Path) -> Source:
    """All 39,209 training and 12,630 test images, `side` pixels squared, from the archives in
    `folder`.

    Archives that are not there are downloaded.

    Returns:
        Parts "train", its images named `<track>_<frame>` and grouped by track of a class, and
        "test", its images named by their numbers.

    Raises:
        Fault: the archives cannot be downloaded or written, or hold something else.
    """
    from torchvision.datasets.utils import download_url

    with downloading(folder, ", ".join(ARCHIVES)):
        for name, digest in ARCHIVES.items():
            if (folder / name).exists() and sha256(folder / name) != digest:  # it was cut off
                (folder / name).unlink()
            download_url(f"{_URL}{name}", folder, name)
            if (got := sha256(folder / name)) != digest:
                raise ValueError(f"{name}: {expected(f'SHA-256 {digest}', got)}")
        training, test, truth = (folder / name for name in ARCHIVES)
        parts = {"train": _training(training, side), "test": _test(test, side, truth)}
    return Source(f"{DESCRIPTION}, from {_URL}", list(CLASSES), parts)


def _training(archive: Path, side: int) -> Part:
    with ZipFile(archive) as opened:
        matches = filter(None, map(_TRAINING.fullmatch, opened.namelist()))
        frames = sorted((*match.groups(), match[0]) for match in matches)
    labels = np.array([int(label) for label, *_ in frames])
    names = [f"{track}_{frame}" for _, track, frame, _ in frames]
    tracks = {
        key: number for number, key in enumerate(dict.fromkeys(frame[:2] for frame in frames))
    }
    groups = np.array([tracks[frame[:2]] for frame in frames], np.int64)
    return Part(_images(archive, [member for *_, member in frames], side), labels, names, groups)


def _test(archive: Path, side: int, truth: Path) -> Part:
    with ZipFile(truth) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith(".csv"))
        rows = csv.DictReader(io.StringIO(opened.read(name).decode()), delimiter=";")
        labels = {row["Filename"]: int(row["ClassId"]) for row in rows}
    with ZipFile(archive) as opened:
        members = {Path(name).name: name for name in opened.namelist() if name.endswith(".ppm")}
    files = sorted(labels)
    images = _images(archive, [members[file] for file in files], side)
    return Part(
        images, np.array([labels[file] for file in files]), [Path(file).stem for file in files]
    )


def _images(archive: Path, names: list[str], side: int) -> ResizedImages:
    """The images of these names in a zip archive, decoded where they are indexed."""
    opened = ZipFile(archive)

    def read(position: int) -> Image.Image:
        with io.BytesIO(opened.read(names[position])) as file:
            return Image.open(file, formats=("PPM",)).convert("RGB")

    return ResizedImages(len(names), read, side)
