"""Published datasets of small images, most of which torchvision reads, and the folder of Imagenette."""

import csv
import gzip
import io
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZipFile

import numpy as np
from PIL import Image

from resiliency.base.faults import Fault
from resiliency.data.download import Archive, fetch, locked, published_content
from resiliency.data.pictures import ResizedImages, resized_array
from resiliency.data.source import Part, Source
from resiliency.storage.files import replacing

DESCRIPTION = "German Traffic Sign Recognition Benchmark (Stallkamp, Schlipsing, Salmen and Igel 2012)"
_NAMES = (
    "speed limit 20, speed limit 30, speed limit 50, speed limit 60, speed limit 70, speed limit 80, "
    "end of speed limit 80, speed limit 100, speed limit 120, no passing, no passing for trucks, "
    "right of way at next crossing, priority road, yield, stop, no vehicles, no trucks, no entry, "
    "general danger, curve left, curve right, double curve, bumpy road, slippery road, "
    "road narrows on the right, road work, traffic signals, pedestrians, children, bicycles, ice or snow, "
    "wild animals, end of all limits, turn right, turn left, straight on, straight on or right, "
    "straight on or left, keep right, keep left, roundabout, end of no passing, end of no passing for trucks"
)
CLASSES = tuple(_NAMES.split(", "))
_URL = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
# As torchvision's GTSRB, but with the 39,209 training images of the final benchmark, not the 26,640 of its first stage.
ARCHIVES = {
    name: Archive(f"{_URL}{name}", name, md5)
    for name, md5 in {
        "GTSRB_Final_Training_Images.zip": "f33fd80ac59bff73c82d25ab499e03a3",
        "GTSRB_Final_Test_Images.zip": "c7e4e6327067d32654124b0fe9e82185",
        "GTSRB_Final_Test_GT.zip": "fe31e9c9270bbcd7b84b7f21a9d9d9e5",
    }.items()
}
_TRAINING = re.compile(r"(?:.*/)?(\d{5})/(\d{5})_(\d{5})\.ppm")  # class, track and frame


def traffic_signs(side: int, folder: Path) -> Source:
    """All 39,209 training and 12,630 test images, `side` pixels squared, from the archives in `folder`.

    Archives that are not there are downloaded.

    Returns:
        Parts "train", its images named `<track>_<frame>` and grouped by track of a class, and "test", its images named
        by their numbers.

    Raises:
        Fault: the archives cannot be downloaded or written, or hold something else.
    """
    with locked(folder):
        training, test, truth = (fetch(archive, folder) for archive in ARCHIVES.values())
    with published_content(training):
        parts = {"train": _training(training, side)}
    with published_content(truth):
        labels = _labels(truth)
    with published_content(test):
        parts["test"] = _test(test, side, labels)
    origins = "; ".join(f"{archive.url} ({archive.checksum})" for archive in ARCHIVES.values())
    return Source(f"{DESCRIPTION}, from {origins}", list(CLASSES), parts)


def _training(archive: Path, side: int) -> Part:
    with ZipFile(archive) as opened:
        frames = sorted(
            (*match.groups(), match[0]) for name in opened.namelist() if (match := _TRAINING.fullmatch(name))
        )
    labels = _checked([int(label) for label, *_ in frames])
    names = [f"{track}_{frame}" for _, track, frame, _ in frames]
    tracks = {key: number for number, key in enumerate(dict.fromkeys(frame[:2] for frame in frames))}
    groups = np.array([tracks[frame[:2]] for frame in frames], np.int64)
    return Part(_images(archive, [member for *_, member in frames], side), labels, names, groups)


def _labels(archive: Path) -> dict[str, int]:
    """File name -> class of each test image."""
    with ZipFile(archive) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith(".csv"))
        rows = csv.DictReader(io.StringIO(opened.read(name).decode()), delimiter=";")
        return {row["Filename"]: int(row["ClassId"]) for row in rows}


def _test(archive: Path, side: int, labels: dict[str, int]) -> Part:
    with ZipFile(archive) as opened:
        members = {Path(name).name: name for name in opened.namelist() if name.endswith(".ppm")}
    files = sorted(labels)
    images = _images(archive, [members[file] for file in files], side)
    return Part(images, _checked([labels[file] for file in files]), [Path(file).stem for file in files])


def _images(archive: Path, names: list[str], side: int) -> ResizedImages:
    """The images of these names in a zip archive; indexing raises a Fault if one cannot be read or decoded."""
    opened = ZipFile(archive)

    def read(position: int) -> Image.Image:
        with published_content(archive), io.BytesIO(opened.read(names[position])) as file:
            return Image.open(file, formats=("PPM",)).convert("RGB")

    return ResizedImages(len(names), read, side)


def _checked(labels: list[int]) -> np.ndarray:
    if not labels or not 0 <= min(labels) <= max(labels) < len(CLASSES):
        raise ValueError(f"labels of {len(labels)} images, expected some within 0 to {len(CLASSES) - 1}")
    return np.array(labels, np.int64)


if TYPE_CHECKING:
    from torchvision.datasets import VisionDataset


class _Kind(NamedTuple):
    """How a dataset is read.

    Attributes:
        description: name of the dataset, and its authors.
        reader: name of the class of torchvision.datasets.
        parts: part -> arguments of the reader.
        size: height and width of the images in pixels.
        arrays: function of the reader's result: images NxHxWx3, labels and class names.
    """

    description: str
    reader: str
    parts: Mapping[str, Mapping[str, object]]
    size: int
    arrays: Callable[["VisionDataset"], tuple[np.ndarray, np.ndarray, list[str]]]


def _rows(read: "VisionDataset") -> tuple[np.ndarray, np.ndarray, list[str]]:
    return read.data, np.asarray(read.targets), read.classes


def _grey(read: "VisionDataset") -> tuple[np.ndarray, np.ndarray, list[str]]:
    grey = read.data.numpy()
    return np.broadcast_to(grey[..., None], (*grey.shape, 3)), read.targets.numpy(), read.classes


def _channels_first(read: "VisionDataset") -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Classes without names are digits."""
    return read.data.transpose(0, 2, 3, 1), read.labels, getattr(read, "classes", list(map(str, range(10))))


_FLAGS = {"train": {"train": True}, "test": {"train": False}}
_SPLITS = {"train": {"split": "train"}, "test": {"split": "test"}}
_KINDS = {
    "cifar10": _Kind("CIFAR-10 (Krizhevsky 2009)", "CIFAR10", _FLAGS, 32, _rows),
    "cifar100": _Kind("CIFAR-100 (Krizhevsky 2009)", "CIFAR100", _FLAGS, 32, _rows),
    "svhn": _Kind("SVHN, cropped digits (Netzer et al. 2011)", "SVHN", _SPLITS, 32, _channels_first),
    "fashion_mnist": _Kind("Fashion-MNIST (Xiao, Rasul and Vollgraf 2017)", "FashionMNIST", _FLAGS, 28, _grey),
    "stl10": _Kind("STL-10 (Coates, Ng and Lee 2011)", "STL10", _SPLITS, 96, _channels_first),
}


# Address of an archive -> its SHA-256: those of CIFAR as Keras 3.15 publishes them, the others as TensorFlow Datasets
# 4.9 does. torchvision has their md5 alone, as it has those of gtsrb.
SHA256 = {
    "https://www.cs.toronto.edu/~kriz/": {
        "cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9347329d7fe0b5c001ce",
        "cifar-100-python.tar.gz": "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    },
    "http://ufldl.stanford.edu/housenumbers/": {
        "train_32x32.mat": "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
        "test_32x32.mat": "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
    },
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/": {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
    "http://ai.stanford.edu/~acoates/stl10/": {
        "stl10_binary.tar.gz": "f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866",
    },
    "https://s3.amazonaws.com/fast-ai-imageclas/": {
        "imagenette2.tgz": "6cbfac238434d89fe99e651496f0812ebc7a10fa62bd42d6874042bf01de4efd",
    },
}


def _archive(url: str, name: str, md5: str) -> Archive:
    """An archive that torchvision knows, with its SHA-256 if one was published."""
    return Archive(url, name, md5, SHA256.get(url.removesuffix(name), {}).get(name, ""))


def published_source(name: str, image_size: int, cache: Path) -> Source:
    """The dataset `name` in the folder `cache`/`name`, where it is downloaded to unless it is there.

    Args:
        name: cifar10, cifar100, svhn (not its part "extra"), fashion_mnist, stl10 (not its unlabelled images) or gtsrb.
        image_size: height and width of the images in pixels; images of another size are resized when indexed.

    Returns:
        Parts "train" and "test": images uint8 N x image_size x image_size x 3, grey ones with three equal channels.

    Raises:
        Fault: the dataset cannot be downloaded or written, or the folder holds something else.
    """
    folder = cache / name
    if name == "gtsrb":
        return traffic_signs(image_size, folder)
    from torchvision import datasets

    kind = _KINDS[name]
    reader = getattr(datasets, kind.reader)
    archives = _archives(reader)
    parts, classes = {}, []
    for part, read in _read(kind, reader, archives, folder).items():
        with published_content(folder):
            images, labels, classes = kind.arrays(read)
        _check(f"{folder}: {part}", images, labels, kind.size, len(classes))
        sized = images if image_size == kind.size else resized_array(images, image_size)
        parts[part] = Part(sized, labels.astype(np.int64), [str(position) for position in range(len(labels))])
    origins = "; ".join(f"{archive.url} ({archive.checksum})" for archive in archives)
    return Source(f"{kind.description}, from {origins}", list(classes), parts)


def _archives(reader: type["VisionDataset"]) -> list[Archive]:
    if hasattr(reader, "split_list"):
        return [_archive(*reader.split_list[part]) for part in ("train", "test")]
    if hasattr(reader, "resources"):
        return [_archive(reader.mirrors[0] + name, name, md5) for name, md5 in reader.resources]
    return [_archive(reader.url, reader.filename, reader.tgz_md5)]


def _read(
    kind: _Kind, reader: type["VisionDataset"], archives: list[Archive], folder: Path
) -> dict[str, "VisionDataset"]:
    """Each part as torchvision reads it; downloaded and extracted first where torchvision finds it absent or broken."""

    def read(download: bool) -> dict[str, "VisionDataset"]:
        return {part: reader(folder, download=download, **chosen) for part, chosen in kind.parts.items()}

    try:
        return read(download=False)
    except Exception:
        print(f"{folder}: does not hold the whole data set yet")
    with locked(folder):
        files = [fetch(archive, folder) for archive in archives]
        with published_content(folder):
            for file in files:
                if file.suffixes == [".gz"]:
                    _gunzip(file, folder / reader.__name__ / "raw" / file.stem)
            # Every archive is there and verified, so that torchvision only extracts.
            return read(download=True)


def _gunzip(file: Path, path: Path) -> None:
    """Decompress `file` to `path`, whole or not at all: torchvision would take a part for the whole."""
    with replacing(path) as temporary, gzip.open(file) as packed, temporary.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)


def _check(place: str, images: np.ndarray, labels: np.ndarray, size: int, classes: int) -> None:
    expected = (len(labels), size, size, 3)
    if images.dtype != np.uint8 or images.shape != expected or not len(labels):
        raise Fault(
            f"{place}: expected images uint8 {expected}, got {images.dtype} {images.shape}; delete it and run again"
        )
    if labels.min() < 0 or labels.max() >= classes:
        span = f"{labels.min()} to {labels.max()}"
        raise Fault(f"{place}: expected labels from 0 to {classes - 1}, got {span}; delete it and run again")


def imagenette_folder(cache: Path) -> Path:
    """The folder that holds train/<synset>/ and val/<synset>/ of Imagenette at full size, within `cache`/imagenette.

    Raises:
        Fault: the archive cannot be downloaded, written or extracted.
    """
    from torchvision.datasets import Imagenette

    url, md5 = Imagenette._ARCHIVES["full"]
    name = Path(url).name
    folder = cache / "imagenette"
    path = folder / Path(name).stem
    if not path.exists():
        with locked(folder):
            if not path.exists():
                file = fetch(_archive(url, name, md5), folder)
                print(f"{file}: extracting")
                with published_content(folder):
                    _untar(file, path)
    return path


def _untar(file: Path, path: Path) -> None:
    """Extract `file`, which holds one folder with the name of `path`, to `path`, whole or not at all."""
    scratch = path.with_name(".extracting")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        with tarfile.open(file) as packed:
            packed.extractall(scratch, filter="data")
        os.replace(scratch / path.name, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
