"""Image files: decoding, and fitting to one size."""

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from resiliency.base.faults import Fault, expected
from resiliency.data.source import Images
from resiliency.storage import read_array, read_json, write_csv, write_json

FORMATS = ("JPEG", "PNG", "WEBP")
SMALLEST = 32
MOST_STRETCHED = 100  # what is longer becomes gigabytes where its shorter side is enlarged
INTERPOLATIONS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


class View(NamedTuple):
    """How a network sees an image: the arguments of `fitted`."""

    size: int
    margin: float
    interpolation: str = "bilinear"
    squash: bool = False


@dataclass(frozen=True)
class FileImages:
    """Images in files, decoded and fitted where they are indexed.

    Attributes:
        files: N paths.
        size, margin: arguments of `fitted`.
        states: `file_state` of each file when it was listed; a file with another one is refused.
        cropped: whether the files hold images that are already resized and cropped, as corrupted
            images are.
    """

    files: list[str]
    size: int
    margin: float
    states: list[str] | None = None
    cropped: bool = False

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        """uint8 Bx`size`x`size`x3: the images of a slice, or those at an int array of indices;
        faults as `decoded`."""
        return self.in_views(chosen, [None])[0]

    def in_views(self, chosen: slice | np.ndarray, views: list[View | None]) -> list[np.ndarray]:
        """The images at `chosen`, each `decoded` once, in each of `views`: uint8 B x `size` x
        `size` x 3.

        A view of None is that with `size` and `margin`. Images that are `cropped` are not cropped
        again.
        """
        indices = range(len(self.files))[chosen] if isinstance(chosen, slice) else chosen
        seen = [view or View(self.size, self.margin) for view in views]
        seen = [view._replace(margin=1) if self.cropped else view for view in seen]
        images = [np.empty((len(indices), view.size, view.size, 3), np.uint8) for view in seen]
        for position, index in enumerate(indices):
            image = self.decoded(index)
            for pixels, view in zip(images, seen, strict=True):
                pixels[position] = fitted(image, *view)
        return images

    def decoded(self, index: int) -> Image.Image:
        """The image at `index`, decoded, if its file is the recorded one.

        Raises:
            Fault: the file has changed; or see `decode`.
        """
        file = self.files[index]
        if self.states and file_state(file) not in ("", self.states[index]):
            raise Fault(
                f"{printable(file)}: changed since the study listed it; run again, or with "
                "--forcerun and the rule "
                "that lists it (dataset, test_set_<name>, precomputed), so that all stages see the "
                "same image"
            )
        return decode(file)

    def at(self, indices: Iterable[int]) -> "FileImages":
        """The images at `indices`, in their order."""
        chosen = list(indices)
        states = self.states and [self.states[index] for index in chosen]
        return FileImages(
            [self.files[index] for index in chosen], self.size, self.margin, states, self.cropped
        )


def files_of(images: Images) -> list[str]:
    """The files of images that stay in files."""
    assert isinstance(images, FileImages)
    return images.files


class ResizedImages:
    """`count` images, read by `read` and resized to `side` pixels squared where they are indexed.

    Bilinear, with antialiasing where it shrinks; the ratio of the sides is not kept.
    """

    def __init__(self, count: int, read: Callable[[int], Image.Image], side: int):
        self.count, self.read, self.side = count, read, side

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        positions = np.arange(self.count)[chosen]
        images = np.empty((len(positions), self.side, self.side, 3), np.uint8)
        for image, position in zip(images, positions.tolist(), strict=True):
            image[...] = np.asarray(
                self.read(position).resize((self.side, self.side), Image.Resampling.BILINEAR)
            )
        return images


def resized_array(images: np.ndarray, side: int) -> Images:
    """`images`, uint8 NxHxHx3, resized where they are indexed if `side` is not H."""
    if images.shape[1] == side:
        return images
    return ResizedImages(len(images), lambda position: Image.fromarray(images[position]), side)


def file_state(file: str) -> str:
    """Size in bytes and modification time, in nanoseconds since 1970, of a file; empty if it is not
    there.

    By it a stage sees that an image was changed since the study listed it.
    """
    try:
        status = os.stat(file)
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def decode(path: str | Path) -> Image.Image:
    """The JPEG, PNG or WebP file at `path` as an RGB image, upright as its EXIF data say, its first
    frame if animated.

    What is transparent is shown on white; of 16 bits the upper eight are kept. Colour profiles are
    not applied.

    Raises:
        Fault: the file is missing, broken, cut short or not such an image, or a side is below
            `SMALLEST` pixels or `MOST_STRETCHED` times the other.
    """
    with _opened(path) as image:
        image.load()
        # Broken EXIF data say nothing about the pixels; where only other tags are broken, the image
        # is turned.
        with suppress(Exception):
            ImageOps.exif_transpose(image, in_place=True)
        if image.mode.startswith("I"):  # 16 bits; PIL would clip them
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        if image.has_transparency_data:
            image = Image.alpha_composite(
                Image.new("RGBA", image.size, "white"), image.convert("RGBA")
            )
        return image.convert("RGB")


def fitted(
    image: Image.Image,
    size: int,
    margin: float,
    interpolation: str = "bilinear",
    squash: bool = False,
) -> np.ndarray:
    """The centre of `image`, as networks are usually evaluated on it: resized, then cropped to
    `size` x `size` pixels.

    The shorter side becomes `size` / `margin` pixels long, rounded down; antialiased. The pixels
    are those of torchvision's `Resize` and `CenterCrop`, and so of `timm.data.create_transform`. An
    image of `size` x `size` pixels stays as it is where `margin` is 1.

    Args:
        image: RGB image.
        margin: share of the shorter side that is kept, in (0, 1]; 0.875 is usual for ImageNet.
        interpolation: bilinear or bicubic.
        squash: whether both sides, instead of the shorter one, become that long.

    Returns:
        uint8 `size`x`size`x3.
    """
    short = int(size / margin)
    width, height = (
        short if squash else int(short * side / min(image.size)) for side in image.size
    )
    left, top = round((width - size) / 2), round((height - size) / 2)
    resized = image.resize((width, height), INTERPOLATIONS[interpolation])
    return np.array(resized.crop((left, top, left + size, top + size)))


def header_fault(path: str | Path, decoded: bool = False) -> str | None:
    """The fault that `decode` would find in the file at `path`, as far as its header shows; None if
    none.

    Args:
        decoded: whether the image is decoded too, at an eighth of its size if it is a JPEG.
    """
    try:
        with _opened(path) as image:
            if decoded:
                image.draft("RGB", (image.width // 8, image.height // 8))
                image.load()
    except Fault as fault:
        return str(fault)
    return None


def printable(path: str | Path) -> str:
    """`path` on one line: quoted, with escapes, where it holds newlines and the like."""
    return str(path) if str(path).isprintable() else repr(str(path))


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    """The image in the file at `path`, of which only the header is read; what fails in the block is
    its fault."""
    fault = ""
    try:
        if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
            raise Fault("not a regular file")
        with Image.open(path, formats=FORMATS) as image:
            size = "{}x{}".format(*image.size)
            if min(image.size) < SMALLEST:
                raise Fault(expected(f"at least {SMALLEST}x{SMALLEST} pixels", size))
            if max(image.size) > MOST_STRETCHED * min(image.size):
                raise Fault(expected(f"a side at most {MOST_STRETCHED} times the other", size))
            yield image
    except Fault as known:
        fault = str(known)
    except UnidentifiedImageError:
        fault = "not a JPEG, PNG or WebP image"
    except Exception as error:  # broken files raise a dozen types
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        fault = f"cannot be decoded ({' '.join(reason.split())})"
    if fault:
        raise Fault(f"{printable(path)}: {fault}; replace or remove it")


CHUNK = 2**22
FORMULA = ("=", "+", "-", "@", "'")


def read_images(path: str | Path) -> Images:
    """The images of a `.npy` array, memory-mapped, or those that a list written by `write_list`
    names.

    Raises:
        Fault: the file is missing, cut short, or neither an array nor a list.
    """
    if Path(path).suffix == ".npy":
        return read_array(path)
    return FileImages(**read_json(path))


def write_list(
    path: str | Path,
    files: list[str],
    size: int,
    margin: float,
    cropped: bool = False,
    own: bool = False,
) -> None:
    """Name `files`, which `read_images` decodes to `size` pixels a side; see `FileImages`.

    Args:
        own: whether the study wrote the files; of other files, size and modification time are
            recorded.
    """
    states = None if own else [file_state(file) for file in files]
    write_json(
        path, {"size": size, "margin": margin, "cropped": cropped, "files": files, "states": states}
    )


def images_at(images: Images, indices: np.ndarray) -> Images:
    """The images at `indices` (int n) among those from `read_images`; an array is read, files stay
    in place."""
    return images.at(indices.tolist()) if isinstance(images, FileImages) else images[indices]


def read_conditions(clean: str, corrupted: list[str]) -> list[Images]:
    """The test images in the order of the conditions: clean, then each corruption at each severity.

    Args:
        clean: path of N images.
        corrupted: a path for each corruption: an array SxNxHxWx3, or a list of S x N files,
            severity by severity.
    """
    images = read_images(clean)
    conditions = [images]
    for path in corrupted:
        stack: Any = read_images(path)
        if isinstance(stack, FileImages):
            count = len(images)
            conditions += [
                stack.at(range(start, start + count)) for start in range(0, len(stack), count)
            ]
        else:
            conditions += list(stack)
    return conditions


def images_in_views(
    images: Images, indices: slice | np.ndarray, views: list[View | None]
) -> list[np.ndarray]:
    """The images at `indices` in each of `views`, each read or decoded once: uint8 B x size x size
    x 3.

    A view of None is that of the study, as from `images[indices]`. Images of an array are already
    resized and cropped and are not cropped again. Faults are those of `FileImages.decoded`.
    """
    if isinstance(images, FileImages):
        return images.in_views(indices, views)
    common, seen = np.asarray(images[indices]), []
    for view in views:
        if view is None or view.size == common.shape[1]:
            seen.append(common)
        else:
            seen.append(
                np.stack(
                    [fitted(Image.fromarray(image), *view._replace(margin=1)) for image in common]
                )
            )
    return seen


def write_items(path: str | Path, classes: list[str], names: list[str]) -> None:
    """Write class and name of each image of a split, as `read_items` reads them.

    What spreadsheets would calculate, and what begins with "'", gets a "'" before it, which they do
    not show.
    """
    quoted = [
        [f"'{text}" if text.startswith(FORMULA) else text for text in texts]
        for texts in (classes, names)
    ]
    write_csv(path, [{"class": label, "name": name} for label, name in zip(*quoted, strict=True)])


def read_items(path: str | Path) -> tuple[list[str], list[str]]:
    """Class and name of each image of a split, from its `items.csv`.

    Raises:
        Fault: the file is missing or no such table.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if not rows:
            raise ValueError("it is empty")
        return [row["class"].removeprefix("'") for row in rows], [
            row["name"].removeprefix("'") for row in rows
        ]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise Fault(
            f"{path}: truncated or corrupt table ({error}); delete it and run again"
        ) from error


def chunks(indices: np.ndarray, side: int) -> list[np.ndarray]:
    """`indices` in consecutive pieces whose images of `side` pixels squared take some megabytes at
    most."""
    size = max(1, CHUNK // (3 * side * side))
    return [indices[start : start + size] for start in range(0, len(indices), size)]
