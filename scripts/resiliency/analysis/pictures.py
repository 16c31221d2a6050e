"""Pictures of test images in tables: of one image under each corruption, and of an ensemble's
failures.

What they look like in a chart is up to `resiliency.report`, on which no stage that runs networks
depends."""

import base64
from collections.abc import Iterable
from io import BytesIO
from itertools import combinations

import numpy as np
import pandas as pd
from PIL import Image

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.data.source import Images
from resiliency.diversity.representations import applicable, cosine_similarity

# Pixels a side. They keep 95 pictures below 1 MB in the report, which holds each of them twice.
LARGEST_LOSSLESS, LARGEST = 40, 96


def gallery_table(
    clean: np.ndarray,
    corrupted: Iterable[tuple[str, int, np.ndarray]],
    index: int,
    label: str,
    table: str,
) -> pd.DataFrame:
    """The pictures of a gallery.

    Args:
        clean: uint8 HxWx3, a test image.
        corrupted: corruption, severity and corrupted image, uint8 HxWx3.
        index, label: position of the image in the test set, and name of its class.
        table: severity table, such as "cifar-10-c".

    Returns:
        A row for each picture, the clean one first, as corruption "clean" of severity 0:
        `corruption`, `severity`, `picture` (a data URL: PNG, or JPEG of at most 96 pixels a side
        where the image is larger than 40), and the same `index`, `label` and `table` in every row.
    """
    rows = [(CLEAN, 0, clean), *corrupted]
    pictures = [(corruption, severity, data_url(image)) for corruption, severity, image in rows]
    return pd.DataFrame(pictures, columns=["corruption", "severity", "picture"]).assign(
        index=index, label=label, table=table
    )


def failure_pictures(
    failures: pd.DataFrame, conditions: pd.DataFrame, images: list[Images]
) -> pd.DataFrame:
    """The table of failures with the `picture` of each, and `clean`, that of its image without a
    corruption: data URLs.

    Args:
        failures: table failures.csv, perhaps with more columns.
        images: the dataset's test images under its conditions, uint8 N x H x W x 3 each.
    """
    own = conditions[conditions.test_set == CLEAN].reset_index(drop=True)
    place = {(row.corruption, row.severity): index for index, row in own.iterrows()}

    def picture(image: int, corruption: str, severity: int) -> str:
        return data_url(np.asarray(images[place[corruption, severity]][image : image + 1])[0])

    rows = failures[["image", "corruption", "severity"]].to_numpy().tolist()
    return failures.assign(
        picture=[picture(*row) for row in rows], clean=[picture(row[0], CLEAN, 0) for row in rows]
    )


def data_url(image: np.ndarray) -> str:
    """An image uint8 HxWx3 as a data URL: PNG, or JPEG of at most 96 pixels a side where it is
    larger than 40."""
    picture, buffer = Image.fromarray(image), BytesIO()
    form = "png" if max(picture.size) <= LARGEST_LOSSLESS else "jpeg"
    picture.thumbnail((LARGEST, LARGEST))
    picture.save(buffer, form, optimize=True, quality=90)
    return f"data:image/{form};base64,{base64.b64encode(buffer.getvalue()).decode()}"


IMAGES = (CLEAN, CORRUPTED)
IMAGE = "image"
ZERO, SCALE = 128, 127  # grey level of 0, and grey levels per 1, of maps in -1..1 as uint8


def attribution_table(
    images: dict[str, np.ndarray],
    maps: dict[str, np.ndarray],
    names: list[str],
    indices: np.ndarray,
    labels: list[str],
) -> pd.DataFrame:
    """The pictures of the gallery: a row for each image and each member's map of it, clean and
    corrupted.

    Args:
        images: `clean` and `corrupted` -> uint8 NxHxWx3.
        maps: `clean` and `corrupted` -> float M x N x H x W, attribution maps; NaN for members to
            which the method does not apply, which are left out.
        names: names of the M members.
        indices: int N, positions of the images in the test set.
        labels: N, names of the classes of the images.

    Returns:
        Columns index, label, images (clean or corrupted), what (`image`, or the member) and picture
        (a data URL; of maps as from `map_url`).
    """
    rows = []
    for position, index_and_label in enumerate(zip(indices.tolist(), labels, strict=True)):
        for name in IMAGES:
            rows.append((*index_and_label, name, IMAGE, data_url(images[name][position])))
            for member, of_member, fits in zip(
                names, maps[name], applicable(maps[name]), strict=True
            ):
                if fits:
                    rows.append((*index_and_label, name, member, map_url(of_member[position])))
    return pd.DataFrame(rows, columns=["index", "label", "images", "what", "picture"])


def distance_table(maps: dict[str, np.ndarray], names: list[str]) -> pd.DataFrame:
    """1 - cosine of two members' maps, mean over images: a row per pair, clean and corrupted.

    Args:
        maps, names: as in `attribution_table`.

    Returns:
        Columns images (clean or corrupted), first, second (members), distance (0 for equal maps, at
        most 2).
    """
    rows = []
    for name in IMAGES:
        fits = np.flatnonzero(applicable(maps[name]))
        distances = 1 - cosine_similarity(maps[name][fits]) if len(fits) else np.empty((0, 0))
        rows += [
            (name, names[fits[i]], names[fits[j]], distances[i, j])
            for i, j in combinations(range(len(fits)), 2)
        ]
    return pd.DataFrame(rows, columns=["images", "first", "second", "distance"])


def map_url(attribution: np.ndarray) -> str:
    """A map float H x W in -1..1 as a data URL of a grey PNG: 0 is grey of 128, 1 white."""
    buffer = BytesIO()
    Image.fromarray(np.round(ZERO + SCALE * attribution.astype(np.float64)).astype(np.uint8)).save(
        buffer, "png"
    )
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def map_of(url: str) -> np.ndarray:
    """The map float64 H x W in -1..1 of a data URL as from `map_url`, to within 1/254."""
    picture = Image.open(BytesIO(base64.b64decode(url.partition(",")[2])))
    return (np.asarray(picture, np.float64) - ZERO) / SCALE
