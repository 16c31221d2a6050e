"""The German Traffic Sign Recognition Benchmark, read from its archives without unpacking them."""

import csv
import io
import re
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from PIL import Image

from resiliency.data.download import Archive, fetch, locked, published_content
from resiliency.data.pictures import ResizedImages
from resiliency.data.source import Part, Source

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
        Fault: they cannot be downloaded or written, or do not hold such a data set.
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
