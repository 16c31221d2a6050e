"""Folders of images that cannot be a data set, each with the words that say so, and odd ones that can."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from resiliency.data.card import write_data_set
from resiliency.data.folder import image_folder
from resiliency.data.source import Source
from resiliency.data.split import draw_splits

CLASSES = ("ant", "bee")


def good_folder(folder: Path, images: int = 30, side: int = 40, seed: int = 0) -> Path:
    """Two classes of noise, all images different, in train and val."""
    random = np.random.default_rng(seed)
    for split in ("train", "val"):
        for name in CLASSES:
            (folder / split / name).mkdir(parents=True)
            for index in range(images):
                noise = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
                Image.fromarray(noise).save(folder / split / name / f"{index}.png")
    return folder


def read(folder: Path, target: Path, side: int = 72) -> tuple[Source, dict]:
    """What the stage that reads a data set does."""
    source = image_folder(folder, side, 1)
    chosen = draw_splits(source, 0.2, 0.2, {}, 0)
    write_data_set(target, "image_folder", source, chosen, side, on_the_fly=True)
    return source, chosen


def _socket(folder: Path) -> None:
    before = os.getcwd()
    os.chdir(folder / "train/ant")  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket.jpg")
    finally:
        os.chdir(before)


def _copied(folder: Path) -> None:
    for index in range(5):
        shutil.copy(folder / f"train/bee/{index}.png", folder / f"val/bee/again{index}.png")


def recoded(folder: Path, target: str | Path, name: str) -> None:
    """Save the pixels of `name` as `target`, in another coding."""
    with Image.open(folder / name) as image:
        (image if Path(target).suffix == ".webp" else image.convert("RGBA")).save(folder / target, lossless=True)


def _copied_class(folder: Path) -> None:
    for path in sorted((folder / "val/ant").iterdir()):
        (folder / "val/bee" / path.name).unlink()
        recoded(folder, f"val/bee/{path.stem}.webp", f"val/ant/{path.name}")


def _linked(folder: Path) -> None:
    shutil.rmtree(folder / "val")
    (folder / "val").symlink_to("train")


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


# What is wrong: what spoils a `good_folder`, and part of the line that refuses it; None where it can still be read.
FOLDERS: dict[str, tuple[Callable[[Path], object], str | None]] = {
    "no folder": (lambda folder: shutil.rmtree(folder), "cannot be listed (No such file or directory)"),
    "an empty class": (lambda folder: [f.unlink() for f in folder.glob("train/ant/*")], "no .jpg .jpeg .png"),
    "one class": (lambda folder: [shutil.rmtree(folder / s / "bee") for s in ("train", "val")], "got only 'ant'"),
    "a class in one split": (
        lambda folder: shutil.copytree(folder / "val/bee", folder / "val/cat"),
        "no class folder 'cat'",
    ),
    "no training images": (lambda folder: shutil.rmtree(folder / "train"), "found val/ but no train/"),
    "two spellings": (lambda folder: (folder / "Val").mkdir(), "mean the same; keep one"),
    "an empty image": (lambda folder: (folder / "val/ant/3.png").write_bytes(b""), "not a JPEG, PNG or WebP image"),
    "text as image": (lambda folder: (folder / "val/ant/3.png").write_bytes(b"text"), "not a JPEG, PNG or WebP image"),
    "a pipe": (lambda folder: os.mkfifo(folder / "train/ant/pipe.jpg"), "pipe.jpg: not a regular file"),
    "a socket": (_socket, "socket.jpg: not a regular file"),
    "a broken link": (lambda folder: (folder / "val/ant/x.png").symlink_to("nowhere"), "x.png: cannot be decoded"),
    "a tiny image": (lambda folder: Image.new("RGB", (8, 8)).save(folder / "val/ant/3.png"), "pixels, got 8x8"),
    "a class called test": (_class_called_test, "if 'test' is a class beside 2 others, rename it"),
    "test images that train": (_copied, "5 images are in more than one split"),
    "test images that train, in another coding": (
        lambda folder: recoded(folder, "val/bee/again.webp", "train/bee/1.png"),
        "1 images are in more than one split",
    ),
    "a class that is a copy of another": (_copied_class, "of class 'ant' (test) are images of other classes too"),
    "test images linked to those that train": (_linked, "images are in more than one split"),
    "names longer than file systems allow": (_long_names, None),
    "a class with braces": (
        lambda folder: [(folder / s / "bee").rename(folder / s / "{x}") for s in ("train", "val")],
        None,
    ),
}
