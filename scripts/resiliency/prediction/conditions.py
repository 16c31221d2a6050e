"""Conditions that members are tested under: each test set, and the data set's own under corruptions.

The test set `clean` is the test split of the data set, and alone has corruptions. Further test sets have images and
labels of their own.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.base.corruption_names import averaged
from resiliency.base.faults import Fault
from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT_IMAGES


class Condition(NamedTuple):
    """One condition; rows of the table of conditions have these columns, after `condition`, their number from 0.

    Attributes:
        test_set: its name.
        corruption, severity: of its images; `clean` and 0 without corruption.
        images: their number.
        classes: number of the classes that members choose among.
    """

    test_set: str
    corruption: str
    severity: int
    images: int
    classes: int


def condition_table(conditions: Iterable[Condition]) -> pd.DataFrame:
    """A row per condition, in this order."""
    table = pd.DataFrame(conditions, columns=Condition._fields)
    table.insert(0, "condition", range(len(table)))
    return table


def all_conditions(
    corruptions: list[str], severities: list[int], images: dict[str, int], classes: dict[str, int]
) -> pd.DataFrame:
    """The one order of conditions: clean images, these under each corruption at each severity, further test sets.

    Args:
        images: test set -> number of its images; `clean` is the first.
        classes: test set -> number of the classes that members choose among.

    Returns:
        The rows of `condition_table`.

    Raises:
        Fault: members would choose among one class.
    """
    for test_set, count in classes.items():
        if count < 2:
            raise Fault(f"test_sets.{test_set}: all images are of one class; set `classes: all`, or add other images")
    rows = [(CLEAN, CLEAN, 0), *((CLEAN, c, s) for c in corruptions for s in severities)]
    rows += [(test_set, CLEAN, 0) for test_set in images if test_set != CLEAN]
    return condition_table(Condition(*row, images[row[0]], classes[row[0]]) for row in rows)


def group_names(conditions: pd.DataFrame) -> np.ndarray:
    """The name of the images over which tables report, for each row; see `condition_groups` and `held_out`."""
    corrupted = conditions.corruption[conditions.corruption != CLEAN]
    names = np.where(corrupted.isin(averaged(corrupted.unique())), CORRUPTED, HELD_OUT_IMAGES)
    return conditions.test_set.mask(conditions.corruption != CLEAN, pd.Series(names, corrupted.index)).to_numpy(str)


def condition_groups(conditions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Name -> int64 rows of `conditions` over which tables report a mean.

    The names are clean, corrupted (the clean images under corruptions, without those that are held out) and those of
    the further test sets.
    """
    names = group_names(conditions)
    return {str(name): np.flatnonzero(names == name) for name in dict.fromkeys(names) if name != HELD_OUT_IMAGES}


def held_out(conditions: pd.DataFrame) -> dict[str, np.ndarray]:
    """`HELD_OUT_IMAGES` -> int64 rows of `conditions` with corruptions that nothing is chosen by; empty without any."""
    rows = np.flatnonzero(group_names(conditions) == HELD_OUT_IMAGES)
    return {HELD_OUT_IMAGES: rows} if len(rows) else {}


def additional_test_sets(conditions: pd.DataFrame) -> list[str]:
    """Names of the test sets other than the data set's own."""
    return [str(name) for name in conditions.test_set.unique() if name != CLEAN]


def corruption_conditions(conditions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Corruption -> int64 rows of `conditions`, in order of severity; without clean images."""
    names = conditions.corruption.to_numpy(str)
    return {str(name): np.flatnonzero(names == name) for name in dict.fromkeys(names) if name != CLEAN}
