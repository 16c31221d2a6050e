"""Pictures of test images in tables: of one image under each corruption, and of an ensemble's failures.

What they look like in a chart is up to `resiliency.report`, on which no stage that runs networks depends.
"""

import base64
from collections.abc import Iterable
from io import BytesIO

import numpy as np
import pandas as pd
from PIL import Image

from resiliency.base.names import CLEAN
from resiliency.data.source import Images

# Pixels a side. They keep 95 pictures below 1 MB in the report, which holds each of them twice.
LARGEST_LOSSLESS, LARGEST = 40, 96


def gallery_table(
    clean: np.ndarray, corrupted: Iterable[tuple[str, int, np.ndarray]], index: int, label: str, table: str
) -> pd.DataFrame:
    """The pictures of a gallery.

    Args:
        clean: uint8 HxWx3, a test image.
        corrupted: corruption, severity and uint8 HxWx3, the image under them.
        index, label: of the image: its position in the test set and the name of its class.
        table: what the severities are those of, such as "cifar-10-c".

    Returns:
        A row for each picture, the clean one first, as corruption "clean" of severity 0: `corruption`, `severity`,
        `picture` (a data URL: PNG, or JPEG of at most 96 pixels a side where the image is larger than 40), and the
        same `index`, `label` and `table` in every row.
    """
    rows = [(CLEAN, 0, clean), *corrupted]
    pictures = [(corruption, severity, data_url(image)) for corruption, severity, image in rows]
    return pd.DataFrame(pictures, columns=["corruption", "severity", "picture"]).assign(
        index=index, label=label, table=table
    )


def failure_pictures(failures: pd.DataFrame, conditions: pd.DataFrame, images: list[Images]) -> pd.DataFrame:
    """The table of failures with the picture of each, a data URL.

    Args:
        failures: failures.csv.
        conditions: the table of conditions.
        images: the data set's test images under its conditions, uint8 N x H x W x 3 each.
    """
    own = conditions[conditions.test_set == CLEAN].reset_index(drop=True)
    place = {(row.corruption, row.severity): index for index, row in own.iterrows()}
    pictures = [
        data_url(np.asarray(images[place[row.corruption, row.severity]][row.image : row.image + 1])[0])
        for row in failures.itertuples()
    ]
    return failures.assign(picture=pictures)


def data_url(image: np.ndarray) -> str:
    """An image uint8 HxWx3 as a data URL: PNG, or JPEG of at most 96 pixels a side where it is larger than 40."""
    picture, buffer = Image.fromarray(image), BytesIO()
    form = "png" if max(picture.size) <= LARGEST_LOSSLESS else "jpeg"
    picture.thumbnail((LARGEST, LARGEST))
    picture.save(buffer, form, optimize=True, quality=90)
    return f"data:image/{form};base64,{base64.b64encode(buffer.getvalue()).decode()}"
