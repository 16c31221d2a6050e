"""Members known by their decisions: the class that each answers, in tables."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from resiliency.external.names import check_members
from resiliency.external.tables import fault_at, read_foreign, whole_numbers
from resiliency.faults import Fault

KEYS = ["test_set", "image", "label"]


@dataclass(frozen=True)
class Decisions:
    """What is in one file of decisions.

    Attributes:
        images: test set -> N names or indices of images, ascending, the order of all that follows.
        labels: test set -> int64 N.
        answers: member -> test set -> int64 N, indices of classes.
    """

    images: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    answers: dict[str, dict[str, np.ndarray]]


def read_decisions(file: str, classes: int | None = None, test_sets: Sequence[str] | None = None) -> Decisions:
    """The decisions in a CSV or Parquet file: columns test_set, image, label and one for each member.

    Args:
        classes: their number K, where it is known: labels and answers are then below it.
        test_sets: those that are read; all unless given.

    Raises:
        Fault: something is wrong with the file; the line names column and row.
    """
    table = read_foreign(file, KEYS)
    members = [name for name in table if name not in KEYS]
    if not members:
        raise Fault(f"{file}: no column of a member beside {', '.join(KEYS)}")
    check_members(file, members)
    for column in ("test_set", "image"):
        if table[column].isna().any():
            raise fault_at(file, column, table[column].isna().to_numpy(), table[column], "the name of one")
    twice = table.duplicated(["test_set", "image"]).to_numpy()
    if twice.any():
        name = table["test_set"].iloc[twice.argmax()]
        raise fault_at(file, "image", twice, table["image"], f"each image of test set {name!r} once")
    columns = {"label": whole_numbers(file, table, "label", classes, "a class")}
    columns |= {name: whole_numbers(file, table, name, classes, "a class") for name in members}
    rows = _rows(file, table, test_sets)
    return Decisions(
        images={name: table["image"].to_numpy()[chosen] for name, chosen in rows.items()},
        labels={name: columns["label"][chosen] for name, chosen in rows.items()},
        answers={member: {name: columns[member][chosen] for name, chosen in rows.items()} for member in members},
    )


def _rows(file: str, table: pd.DataFrame, test_sets: Sequence[str] | None) -> dict[str, np.ndarray]:
    """Test set -> its rows, ordered by image."""
    names = table["test_set"].astype(str)
    present = list(dict.fromkeys(names))
    for name in test_sets or ():
        if name not in present:
            raise Fault(f"{file}: test set {name!r} is missing; there are {', '.join(present[:10])}")
    by_test_set = {}
    for name in test_sets or present:
        rows = np.flatnonzero(names == name)
        by_test_set[name] = rows[table["image"].iloc[rows].argsort(kind="stable")]
    return by_test_set
