"""Images as stages hand them on: stored as one array, or left in files that a list names."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from resiliency.data.pictures import FileImages, View, file_state, fitted
from resiliency.data.source import Images
from resiliency.storage.checksums import verified
from resiliency.storage.files import read_array, read_json, write_csv, write_json

CHUNK = 2**22
FORMULA = ("=", "+", "-", "@", "'")


def read_images(path: str | Path) -> Images:
    """The images of a `.npy` array, memory-mapped, or those that a list written by `write_list` names.

    Raises:
        Fault: the file is missing, cut short or neither.
    """
    if Path(path).suffix == ".npy":
        return read_array(path)
    return FileImages(**read_json(path))


def write_list(
    path: str | Path,
    files: list[str],
    size: int,
    margin: float,
    checksums: list[str] | None = None,
    cropped: bool = False,
) -> None:
    """Name `files`, which `read_images` decodes to `size` pixels a side, and record what they are; see `FileImages`.

    Args:
        checksums: of files that the study wrote; of others size and modification time are recorded.
    """
    content = {"size": size, "margin": margin, "cropped": cropped, "files": files}
    recorded = {"checksums": checksums} if checksums else {"states": [file_state(file) for file in files]}
    write_json(path, content | recorded)


def images_at(images: Images, indices: np.ndarray) -> Images:
    """Those at `indices` (int n) of images that `read_images` read; an array is read, files stay in their places."""
    return images.at(indices.tolist()) if isinstance(images, FileImages) else images[indices]


def read_conditions(clean: str, corrupted: list[str]) -> list[Images]:
    """The test images in the order of the conditions: clean, then each corruption at each severity.

    Args:
        clean: path of N images.
        corrupted: a path for each corruption: an array SxNxHxWx3, or a list of S x N files, severity by severity.
    """
    images = read_images(clean)
    conditions = [images]
    for path in corrupted:
        stack = read_images(path)
        if isinstance(stack, FileImages):
            count = len(images)
            stack = [stack.at(range(start, start + count)) for start in range(0, len(stack), count)]
        conditions += list(stack)
    return conditions


def images_in_views(images: Images, indices: slice | np.ndarray, views: list[View | None]) -> list[np.ndarray]:
    """The images at `indices` in each of `views`, each read or decoded once: uint8 B x size x size x 3.

    Args:
        images: of an array nothing is cut off, for it holds what was resized and cropped already.
        views: None is the view that the study has, which `images[indices]` gives.

    Raises:
        Fault: see `pictures.decode`.
    """
    if isinstance(images, FileImages):
        return images.in_views(indices, views)
    common = np.asarray(images[indices])
    return [common if view is None or view.size == common.shape[1] else _resized(common, view) for view in views]


def _resized(images: np.ndarray, view: View) -> np.ndarray:
    uncropped = view._replace(margin=1)
    return np.stack([fitted(Image.fromarray(image), *uncropped) for image in images])


def write_items(path: str | Path, classes: list[str], names: list[str]) -> None:
    """Write class and name of each image of a split, as `read_items` reads them.

    What spreadsheets would calculate, and what begins with "'", gets a "'" before it, which they do not show.
    """
    quoted = [[f"'{text}" if text.startswith(FORMULA) else text for text in texts] for texts in (classes, names)]
    write_csv(path, [{"class": label, "name": name} for label, name in zip(*quoted, strict=True)])


def read_items(path: str | Path) -> tuple[list[str], list[str]]:
    """Class and name of each image of a split, from its `items.csv`."""
    with verified(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row["class"].removeprefix("'") for row in rows], [row["name"].removeprefix("'") for row in rows]


def chunks(indices: np.ndarray, side: int) -> list[np.ndarray]:
    """`indices` in consecutive pieces whose images of `side` pixels squared take some megabytes at most."""
    size = max(1, CHUNK // (3 * side * side))
    return [indices[start : start + size] for start in range(0, len(indices), size)]
