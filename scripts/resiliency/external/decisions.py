"""Members known by their decisions: the class that each answers, in tables."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype as is_bool
from pandas.api.types import is_float_dtype as is_float
from pandas.api.types import is_numeric_dtype as is_numeric

from resiliency.base.faults import Fault, available, expected, hint
from resiliency.external.images import number_of
from resiliency.external.names import check_members
from resiliency.external.tables import read_foreign, refuse_wrong, whole_numbers

KEYS = ["test_set", "image", "label"]
UNIT = "unit"
MOST_CLASSES = 1_000_000
FAR = 10  # times the other classes, beyond which a class is a mistake or a word for "none"


@dataclass(frozen=True)
class Decisions:
    """What is in one file of decisions.

    Attributes:
        images: test set -> N names of images, by their numbers if all are numbers, else in the order in which the file
            first has them: the order of all that follows.
        labels: test set -> int64 N.
        units: test set -> N numbers or names, those of images that belong together alike; empty if the file has none.
        answers: member -> test set -> int64 N, indices of classes.
    """

    images: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    units: dict[str, np.ndarray]
    answers: dict[str, dict[str, np.ndarray]]


def test_sets_in(file: str) -> list[str]:
    """Names of the test sets in a CSV or Parquet file of decisions.

    Raises:
        Fault: as from `tables.read_foreign`.
    """
    return list(dict.fromkeys(read_foreign(file, KEYS)["test_set"].dropna().astype(str)))


def read_decisions(
    file: str, classes: int | Sequence[str] | None = None, test_sets: Sequence[str] | None = None
) -> Decisions:
    """The decisions in a CSV or Parquet file: columns test_set, image, label, perhaps unit, and one for each member.

    Args:
        classes: their number K, where it is known: labels and answers are then below it; or their names, which labels
            and answers may then be too.
        test_sets: those that are read; all unless given.

    Raises:
        Fault: something is wrong with the file; the line names column and row.
    """
    table = read_foreign(file, KEYS)
    members = [name for name in table if name not in (*KEYS, UNIT)]
    if not members:
        raise Fault(f"{file}: expected {', '.join(KEYS)} and a column per member, got no member")
    check_members(file, members)
    for column, kind in (("test_set", "a test set"), ("image", "an image"), (UNIT, "a unit of images")):
        if column in table:
            refuse_wrong(file, table[column], table[column].isna().to_numpy(), f"the name of {kind}")
    twice = table.duplicated(["test_set", "image"]).to_numpy()
    name = table["test_set"].iloc[twice.argmax()]
    refuse_wrong(file, table["image"], twice, f"each image of test set {name!r} once")
    columns = {name: _class_numbers(file, table, name, classes) for name in ("label", *members)}
    if classes is None:
        _check_largest(file, columns)
    images, units = _names(table["image"]), _stripped(table.get(UNIT, table["image"]))
    rows = _rows(file, table["test_set"].astype(str).to_numpy(str), images, test_sets)
    return Decisions(
        images={name: images[chosen] for name, chosen in rows.items()},
        labels={name: columns["label"][chosen] for name, chosen in rows.items()},
        units={name: units[chosen] for name, chosen in rows.items()} if UNIT in table else {},
        answers={member: {name: columns[member][chosen] for name, chosen in rows.items()} for member in members},
    )


def _class_numbers(file: str, table: pd.DataFrame, column: str, classes: int | Sequence[str] | None) -> np.ndarray:
    """A column of classes as int64, each below their number; names are replaced by their positions in `classes`."""
    if classes is None or isinstance(classes, int):
        return whole_numbers(file, table, column, classes or MOST_CLASSES, "a class")
    values = table[column]
    if is_bool(values):  # pandas takes the names true and false for booleans
        spelled = {name.lower(): name for name in classes}
        values = values.map({value: spelled.get(str(value).lower()) for value in (True, False)})
    elif is_numeric(values):
        return whole_numbers(file, table, column, len(classes), "a class")
    positions = values.map({name: position for position, name in enumerate(classes)})
    wrong = positions.isna().to_numpy()
    if wrong.any():
        near = (
            hint(table[column].iloc[wrong.argmax()], list(classes)) or f"; available classes: {', '.join(classes[:10])}"
        )
        refuse_wrong(file, table[column], wrong, "a class of external.classes", near)
    return positions.to_numpy(np.int64)


def _check_largest(file: str, columns: dict[str, np.ndarray]) -> None:
    """Raise a Fault if one class is far beyond all others, and would set the number of classes alone."""
    named = np.unique(np.concatenate([np.unique(values) for values in columns.values()]))
    if len(named) > 1 and named[-1] > FAR * (named[-2] + FAR):
        column = next(name for name, values in columns.items() if values.max() == named[-1])
        row = columns[column].argmax() + 1
        raise Fault(
            f"{file}: column {column!r}, row {row}: "
            f"{expected(f'a class near {named[-2]}, the next largest', named[-1])}; correct it, or set external.classes"
        )


def _stripped(column: pd.Series) -> np.ndarray:
    return column.map(lambda cell: cell.strip() if isinstance(cell, str) else cell).to_numpy()


def _names(images: pd.Series) -> np.ndarray:
    """The names of images as text; whole numbers without a point."""
    if is_float(images) and (images == np.floor(images)).all():
        images = images.astype(np.int64)
    return images.astype(str).to_numpy(str)


def _rows(file: str, names: np.ndarray, images: np.ndarray, test_sets: Sequence[str] | None) -> dict[str, np.ndarray]:
    """Test set -> its rows: by the numbers of its images, or in the order in which their names first occur."""
    present = list(dict.fromkeys(names.tolist()))
    for name in test_sets or ():
        if name not in present:
            raise Fault(f"{file}: {available('test set', name, present)}")
    first, unique = pd.factorize(images)
    numbers = list(map(number_of, unique))
    ranks = {number: rank for rank, number in enumerate(sorted(set(numbers) - {None}))}
    by_number = np.array([ranks.get(number, -1) for number in numbers])[first]
    by_test_set = {}
    for name in test_sets or present:
        rows = np.flatnonzero(names == name)
        order = by_number[rows]
        is_numbered = order.min() >= 0 and len(np.unique(order)) == len(order)
        by_test_set[name] = rows[np.argsort(order if is_numbered else first[rows], kind="stable")]
    return by_test_set
