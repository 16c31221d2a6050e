"""Folders of images that cannot be a data set, and odd ones that can."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from attacks.cases import ACCEPTED, Area, Wrong
from PIL import Image

from resiliency.base.faults import Fault
from resiliency.data.folder import image_folder
from resiliency.data.settings import Dataset
from resiliency.data.source import Source
from resiliency.data.split import draw_splits
from resiliency.data.writing import write_data_set

CLASSES = ("ant", "bee")


def good_folder(folder: Path, n_images: int = 30, seed: int = 0) -> Path:
    """Two classes of noise, all images different, in train and val."""
    random = np.random.default_rng(seed)
    for split in ("train", "val"):
        for name in CLASSES:
            (folder / split / name).mkdir(parents=True)
            for index in range(n_images):
                noise = random.integers(0, 256, (40, 40, 3), dtype=np.uint8)
                Image.fromarray(noise).save(folder / split / name / f"{index}.png")
    return folder


def read(folder: Path, target: Path) -> tuple[Source, dict]:
    """What the stage that reads a data set does."""
    source = image_folder(folder, 72, 1)
    chosen = draw_splits(source, 0.2, 0.2, {}, 0)
    write_data_set(
        target, Dataset(name="image_folder", folder=str(folder), image_size=72), source, chosen
    )
    return source, chosen


def _copied(folder: Path) -> None:
    for index in range(5):
        shutil.copy(folder / f"train/bee/{index}.png", folder / f"val/bee/again{index}.png")


def recoded(folder: Path, target: str | Path, name: str) -> None:
    """Save the pixels of `name` as `target`, in another coding."""
    with Image.open(folder / name) as image:
        (image if Path(target).suffix == ".webp" else image.convert("RGBA")).save(
            folder / target, lossless=True
        )


def _class_called_test(folder: Path) -> None:
    for name in CLASSES:
        shutil.move(folder / "train" / name, folder / name)
    shutil.rmtree(folder / "train")
    shutil.move(folder / "val", folder / "test")


def _long_names(folder: Path) -> None:
    deep = folder / "train/ant" / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    shutil.move(folder / "train/ant/0.png", deep / f"{'f' * 120}.png")
    shutil.move(folder / "train/ant/1.png", folder / "train/ant" / f"{'ü' * 123}1.png")
    shutil.move(folder / "train/ant/2.png", folder / "train/ant" / f"{'ü' * 123}2.png")


def _stretched(length: int) -> Callable[[Path], None]:
    """A picture of 32 x `length` grey pixels, of a few kilobytes."""
    return lambda folder: Image.new("1", (32, length)).save(folder / "train/ant/long.png")


FOLDERS: dict[str, tuple[Callable[[Path], object], object]] = {
    "a pipe": (
        lambda folder: os.mkfifo(folder / "train/ant/pipe.jpg"),
        "pipe.jpg: not a regular file",
    ),
    "a broken link": (
        lambda folder: (folder / "val/ant/x.png").symlink_to("nowhere"),
        "x.png: cannot be decoded",
    ),
    "a class called test": (_class_called_test, "if 'test' is a class beside 2 others, rename it"),
    "test images that train": (_copied, "5 images are in more than one split"),
    "a picture of 32 x 3,201": (
        _stretched(3_201),
        "expected a side at most 100 times the other, got 32x3201",
    ),
    "a picture of 32 x 3,200": (_stretched(3_200), ACCEPTED),
    "names longer than file systems allow": (_long_names, ACCEPTED),
}


def _data_set(folder: Path, spoil: Callable[[Path], object]) -> None:
    spoil(good_folder(folder / "photos", n_images=32))
    try:
        _, chosen = read(folder / "photos", folder / "out")
    except Fault:
        if (folder / "out").exists():
            raise Wrong("something was written") from None
        raise
    for part, _ in chosen.values():
        names = list(zip(part.labels, part.names, strict=True))
        if (
            len(set(names)) < len(names)
            or max(len(f"{name}.JPEG".encode()) for name in part.names) > 255
        ):
            raise Wrong("two pictures of one name, or a name that is too long")


AREAS = (Area("folders of images", _data_set, FOLDERS),)
