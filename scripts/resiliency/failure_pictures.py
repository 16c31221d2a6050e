"""The pictures of the failures of an ensemble."""

import numpy as np
import pandas as pd

from resiliency.data.source import Images
from resiliency.galleries import data_url
from resiliency.names import CLEAN


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
