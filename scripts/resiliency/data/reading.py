"""Reading each dataset from its source."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from resiliency.base.faults import FILES_NAMED, Fault, excerpt, hint
from resiliency.data.folder import class_folders, folder_part, image_folder, imagenet
from resiliency.data.pictures import printable, resized_array
from resiliency.data.published import imagenette_folder, published_source
from resiliency.data.source import ALL, Part, Source, cache_folder
from resiliency.storage.files import read_array

DIGITS = (
    "Optical Recognition of Handwritten Digits, test part (Alpaydin and Kaynak, UCI 1998), as shipped by scikit-learn"
)


def digits(image_size: int) -> Source:
    """All 1,797 digits enlarged from 8x8 to `image_size` squared (bicubic, three equal channels), in one part."""
    from sklearn.datasets import load_digits

    small, labels = load_digits(return_X_y=True)
    small = np.round(small.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    size = (image_size, image_size)
    grey = np.stack([np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in small])
    images = np.repeat(grey[..., None], 3, axis=3)
    names = [str(position) for position in range(len(labels))]
    return Source(DIGITS, [str(digit) for digit in range(10)], {ALL: Part(images, labels.astype(np.int64), names)})


def read_source(name: str, folder: str | None, side: int, margin: float, needed: Sequence[str]) -> Source:
    """The dataset `name`, its images `side` pixels squared.

    Args:
        folder: folder of the images, for image_folder and imagenet.
        margin: side of the centre crop divided by that of the resized image, for images in files.
        needed: splits of the study; other splits need no folder.

    Raises:
        Fault: the dataset cannot be downloaded, or its folder holds something else.
    """
    if name == "digits":
        return digits(side)
    if folder and name == "image_folder":
        return image_folder(Path(folder), side, margin, needed)
    if folder and name == "imagenet":
        return imagenet(Path(folder), side, margin, needed)
    if name == "imagenette":
        return image_folder(imagenette_folder(cache_folder()), side, margin)
    return published_source(name, side, cache_folder())


def labelled_folder(folder: Path, classes: list[str], size: int, margin: float) -> Part:
    """The images in `folder`/<class>, for some or all of the `classes` of the dataset.

    Folders are named as the classes are, or all by the positions of the classes, as in ImageNet-V2 (Recht et al. 2019),
    unless a class has a number for a name.

    Args:
        size, margin: arguments of `pictures.fitted`.

    Raises:
        Fault: a folder is not of a class, or is empty, or the header of an image shows that it is unusable.
    """
    names, positions = class_folders(folder), {name: position for position, name in enumerate(classes)}
    unknown = [name for name in names if name not in positions]
    numbers = all(name.isascii() and name.isdecimal() and int(name) < len(classes) for name in names)
    distinct = numbers and len(set(map(int, names))) == len(names)
    if unknown and distinct and not any(name.isdecimal() for name in classes):
        positions = {name: int(name) for name in names}
    elif unknown:
        spellings = f"; folders must be named as its classes: {excerpt(classes, FILES_NAMED)}"
        near = hint(unknown[0], classes) or spellings
        raise Fault(f"{printable(folder)}: the dataset has no class {unknown[0]!r}{near}")
    part = folder_part(folder, names, size, margin)
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
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (pixels.shape[1], pixels.shape[1], 3):
        raise Fault(f"{printable(images)}: expected uint8 N x side x side x 3, got {pixels.dtype} {pixels.shape}")
    if not np.issubdtype(numbers.dtype, np.integer) or numbers.shape != pixels.shape[:1]:
        raise Fault(
            f"{printable(labels)}: expected {len(pixels)} integers, one per image, got {numbers.dtype} {numbers.shape}"
        )
    wrong = np.flatnonzero((numbers < 0) | (numbers >= len(classes)))
    if len(wrong):
        label = numbers[wrong[0]]
        raise Fault(
            f"{printable(labels)}: image {wrong[0]}: expected a label from 0 to {len(classes) - 1}, got {label}"
        )
    sized = pixels if pixels.shape[1] == size else resized_array(pixels, size)
    return Part(sized, numbers.astype(np.int64), [str(position) for position in range(len(numbers))])
