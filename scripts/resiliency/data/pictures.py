"""Image files: decoding, and fitting to one size."""

import io
import os
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from resiliency.base.faults import Fault

FORMATS = ("JPEG", "PNG", "WEBP")
SMALLEST = 32
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
        size, margin: of `fitted`.
        states: `file_state` of each file when it was listed; a file that is in another one is refused.
        checksums: `checksum` of each file when it was written; a file with another one is refused.
        cropped: whether the files hold what was resized and cropped already, as corrupted images are.
    """

    files: list[str]
    size: int
    margin: float
    states: list[str] | None = None
    checksums: list[str] | None = None
    cropped: bool = False

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        """uint8 Bx`size`x`size`x3: the images of a slice, or those at an int array of indices, in its order.

        Raises:
            Fault: see `decode`.
        """
        return self.in_views(chosen, [None])[0]

    def in_views(self, chosen: slice | np.ndarray, views: list[View | None]) -> list[np.ndarray]:
        """The images at `chosen`, each decoded once, in each of `views`: uint8 B x `size` x `size` x 3.

        Args:
            views: None is the view of `size` and `margin`. Nothing is cut off images that are `cropped` already.

        Raises:
            Fault: see `decode`.
        """
        indices = range(len(self.files))[chosen] if isinstance(chosen, slice) else chosen
        views = [view or View(self.size, self.margin) for view in views]
        views = [view._replace(margin=1) if self.cropped else view for view in views]
        images = [np.empty((len(indices), view.size, view.size, 3), np.uint8) for view in views]
        for position, index in enumerate(indices):
            image = self.decoded(index)
            for pixels, view in zip(images, views, strict=True):
                pixels[position] = fitted(image, *view)
        return images

    def decoded(self, index: int) -> Image.Image:
        """The image at `index` as its file holds it, if the file is as it was recorded.

        Raises:
            Fault: it is not; or see `decode`.
        """
        file = self.files[index]
        if self.states and file_state(file) not in ("", self.states[index]):
            raise Fault(
                f"{printable(file)}: changed since the study listed it; run again, or with --forcerun and the rule "
                "that lists it (dataset, test_set_<name>, precomputed), so that all stages see the same image"
            )
        if not self.checksums:
            return decode(file)
        try:
            with open(file, "rb", buffering=0) as opened:
                content = opened.read()
        except OSError as error:
            raise _broken(file, error) from error
        if checksum(content) != self.checksums[index]:
            raise Fault(
                f"{printable(file)}: damaged, not as it was written; delete {Path(file).parents[2]} and run again"
            )
        return decode(file, content)

    def at(self, indices: Iterable[int]) -> "FileImages":
        """The images at `indices`, in their order."""
        chosen = list(indices)
        lists = (values and [values[index] for index in chosen] for values in (self.files, self.states, self.checksums))
        files, states, checksums = lists
        return FileImages(files, self.size, self.margin, states, checksums, self.cropped)


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
            image[...] = self.read(position).resize((self.side, self.side), Image.Resampling.BILINEAR)
        return images


def resized_array(images: np.ndarray, side: int) -> ResizedImages:
    """`images`, uint8 NxHxWx3, resized where they are indexed."""
    return ResizedImages(len(images), lambda position: Image.fromarray(images[position]), side)


def file_state(file: str) -> str:
    """Size in bytes and modification time, in nanoseconds since 1970, of a file; empty if it is not there.

    By it a stage sees that an image was changed since the study listed it.
    """
    try:
        status = os.stat(file)
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def checksum(content: bytes) -> str:
    """CRC-32, which finds every damage of 32 bits in a row or less and all but one in four billion of the others."""
    return f"{zlib.crc32(content):08x}"


def decode(path: str | Path, content: bytes | None = None) -> Image.Image:
    """The JPEG, PNG or WebP file at `path` as an RGB image, upright as its EXIF data say, its first frame if animated.

    What is transparent is shown on white; of 16 bits the upper eight are kept. Colour profiles are not applied.

    Args:
        content: of the file, where it was read before.

    Raises:
        Fault: missing, broken or cut short, no such image, or a side below `SMALLEST` pixels.
    """
    with _opened(path, content) as image:
        try:
            image.load()
            # Broken EXIF data say nothing about the pixels; where only other tags are broken, the image is turned.
            with suppress(Exception):
                ImageOps.exif_transpose(image, in_place=True)
            return _rgb(image)
        except Exception as error:
            raise _broken(path, error) from error


def fitted(
    image: Image.Image, size: int, margin: float, interpolation: str = "bilinear", squash: bool = False
) -> np.ndarray:
    """The centre of `image`, as networks are usually evaluated on it: resized, then cropped to `size` x `size` pixels.

    The shorter side becomes `size` / `margin` pixels long, rounded down; antialiased. The pixels are those of
    torchvision's `Resize` and `CenterCrop`, and so of `timm.data.create_transform`. An image of `size` x `size` pixels
    stays as it is where `margin` is 1.

    Args:
        image: RGB.
        margin: share of the shorter side that is kept, in (0, 1]; 0.875 is usual for ImageNet.
        interpolation: bilinear or bicubic.
        squash: whether both sides become that long, in place of the shorter one alone.

    Returns:
        uint8 `size`x`size`x3.
    """
    short = int(size / margin)
    width, height = (short if squash else int(short * side / min(image.size)) for side in image.size)
    left, top = round((width - size) / 2), round((height - size) / 2)
    resized = image.resize((width, height), INTERPOLATIONS[interpolation])
    return np.array(resized.crop((left, top, left + size, top + size)))


def header_fault(path: str | Path) -> str | None:
    """What `decode` would find wrong with the file at `path`, so far as its header tells; None if nothing."""
    try:
        _opened(path).close()
    except Fault as fault:
        return str(fault)
    return None


def decoding_fault(path: str | Path) -> str | None:
    """What `decode` would find wrong with the file at `path`; None if nothing. JPEG files are decoded at an eighth."""
    try:
        with _opened(path) as image:
            try:
                image.draft("RGB", (image.width // 8, image.height // 8))
                image.load()
            except Exception as error:
                raise _broken(path, error) from error
    except Fault as fault:
        return str(fault)
    return None


def printable(path: str | Path) -> str:
    """`path` on one line: quoted, with escapes, where it holds newlines and the like."""
    return str(path) if str(path).isprintable() else repr(str(path))


def _opened(path: str | Path, content: bytes | None = None) -> Image.Image:
    """The image in the file at `path`, of which only the header is read."""
    if content is None and os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise Fault(f"{printable(path)}: not a regular file; replace or remove it")
    try:
        image = Image.open(path if content is None else io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        raise Fault(f"{printable(path)}: not a JPEG, PNG or WebP image; replace or remove it") from None
    except Exception as error:  # broken headers raise a dozen types
        raise _broken(path, error) from error
    if min(image.size) < SMALLEST:
        image.close()
        size = "{}x{}".format(*image.size)
        raise Fault(
            f"{printable(path)}: expected at least {SMALLEST}x{SMALLEST} pixels, got {size}; replace or remove it"
        )
    return image


def _broken(path: str | Path, error: Exception) -> Fault:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Fault(f"{printable(path)}: cannot be decoded ({' '.join(reason.split())}); replace or remove it")


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits; PIL would clip them
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB")
