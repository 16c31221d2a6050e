"""Members with logits or probabilities in a folder of arrays, or with decisions in a table."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype as is_bool
from pandas.api.types import is_float_dtype as is_float
from pandas.api.types import is_numeric_dtype as is_numeric

from resiliency.base.faults import Fault, available, expected, hint, path_fault, short
from resiliency.external.tables import check_members, read_foreign, refuse_wrong, whole_numbers
from resiliency.storage.files import NO_ARRAY

LABELS, UNITS = "labels", "units"
SUFFIXES = (".npy", ".npz")
TOLERANCE = 1e-2  # tolerance of a sum of probabilities, which may be float16
LEAST = 1e-12
LARGEST = 64.0  # up to here float32 is exact to 4e-6
CHUNK_VALUES = 2**24
HEAD = 1000  # rows that show whether an array holds logits or probabilities


def members_of(folder: str) -> list[str]:
    """Names of the members in `folder`: its folders but `labels` and `units`, sorted.

    Raises:
        Fault: the folder is missing, holds no member, or a name is not allowed.
    """
    root = Path(folder)
    if not root.is_dir():
        raise Fault(f"{folder}: there is no such folder")
    names = sorted(path.name for path in root.iterdir() if path.is_dir() and path.name not in (LABELS, UNITS))
    if not names:
        raise Fault(f"{folder}: expected a folder per member with <test set>.npy (N x K), got none")
    check_members(folder, names)
    return names


def test_sets_of(folder: str) -> list[str]:
    """Names of the test sets in `folder`: the files in `labels`, sorted."""
    root = Path(folder) / LABELS
    names = sorted({path.stem for path in root.glob("*.np[yz]")}) if root.is_dir() else []
    if not names:
        raise Fault(f"{root}: expected <test set>.npy with the labels of each test set, got none")
    if odd := [name for name in names if path_fault(name)]:
        raise Fault(f"{root}: test set {short(odd[0])}: {path_fault(odd[0])}")
    return names


def read_labels(folder: str, test_set: str, classes: int | None = None) -> np.ndarray:
    """int64 N, the labels of a test set.

    Raises:
        Fault: there are no labels, or one is not a class.
    """
    path = array_file(Path(folder) / LABELS, test_set)
    labels = _array(path)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise _fault(path, "integers, one per image", f"{labels.dtype} of shape {labels.shape}")
    if not len(labels):
        raise _fault(path, "a label per image", "none")
    most = classes or np.iinfo(np.int64).max
    wrong = (labels < 0) | (labels >= most)
    if wrong.any():
        row = int(wrong.argmax())
        limit = f"integer from 0 to {classes - 1}" if classes else "integer ≥ 0"
        raise _fault(f"{path}: row {row + 1}", f"a class index ({limit})", labels[row])
    return labels.astype(np.int64)


def read_units(folder: str, test_set: str, images: int) -> np.ndarray | None:
    """Integers N, equal for images of a test set that belong together; None if there is no folder `units`.

    Raises:
        Fault: there are no units of this test set, or not one per image.
    """
    if not (Path(folder) / UNITS).is_dir():
        return None
    path = array_file(Path(folder) / UNITS, test_set)
    units = _array(path)
    if units.shape != (images,) or not np.issubdtype(units.dtype, np.integer):
        raise _fault(path, f"{images:,} integers, one per image", f"{units.dtype} of shape {units.shape}")
    return units


def array_file(folder: Path, name: str) -> Path:
    """The `.npy` or `.npz` file `name` in `folder`."""
    paths = [folder / f"{name}{suffix}" for suffix in SUFFIXES]
    files = [path for path in paths if path.is_file()]
    if not files:
        raise Fault(f"{paths[0]}: there is no such file")
    if len(files) > 1:
        raise Fault(f"{files[1]}: {files[0].name} exists too; keep one")
    return files[0]


def array_files(folder: str, members: list[str], layout: dict[str, list[str]]) -> list[str]:
    """All files of a folder of arrays for `members` and the conditions in `layout`."""
    names = [name for of_set in layout.values() for name in of_set]
    files = [str(array_file(Path(folder) / owner, name)) for owner in (*members, LABELS) for name in names]
    if (Path(folder) / UNITS).is_dir():
        files += [str(array_file(Path(folder) / UNITS, of_set[0])) for of_set in layout.values()]
    return files


def read_logits(folder: str, member: str, test_set: str, labels: np.ndarray, kind: str) -> np.ndarray:
    """Logits float32 N x K of a member on a test set; of probabilities, their logarithms.

    Those in float64 whose largest is beyond `LARGEST` come less that, image by image.

    Args:
        labels: int64 N, labels of the test set.
        kind: content of the arrays, `logits` or `probabilities`.

    Raises:
        Fault: see `open_scores`; or values are not finite, or rows of probabilities do not sum to 1.
    """
    path, values = open_scores(folder, member, test_set, labels, kind)
    logits = np.empty(values.shape, np.float32)
    step = max(1, CHUNK_VALUES // values.shape[1])
    for start in range(0, len(values), step):
        with np.errstate(over="ignore"):  # infinity is refused
            part = _single(values[start : start + step])
        _check(path, part, start, kind)
        logits[start : start + step] = np.log(np.maximum(part, LEAST)) if kind == "probabilities" else part
    return logits


def _single(values: np.ndarray) -> np.ndarray:
    """Values n x K as float32; less the largest of an image where float32 would round differences of float64 away."""
    if values.dtype == np.float64:
        largest = values.max(axis=1, keepdims=True)
        beyond = np.abs(values).max(axis=1, keepdims=True) > np.finfo(np.float32).max
        values = values - np.where((np.abs(largest) > LARGEST) & ~beyond, largest, 0)
    return values.astype(np.float32)


def open_scores(folder: str, member: str, test_set: str, labels: np.ndarray, kind: str) -> tuple[Path, np.ndarray]:
    """The file of a member on a test set, and its array N x K, of which only the first rows are checked.

    Raises:
        Fault: the file is missing, of another type or shape, or holds probabilities in place of logits.
    """
    path = array_file(Path(folder) / member, test_set)
    values = _array(path)
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.floating):
        raise _fault(path, "floats of shape images x classes", f"{values.dtype} of shape {values.shape}")
    if len(values) != len(labels):
        raise _fault(path, f"{len(labels):,} rows, one per label of test set {test_set!r}", f"{len(values):,}")
    if values.shape[1] <= labels.max():
        raise _fault(path, f"a column per class, at least {labels.max() + 1}", values.shape[1])
    if kind == "logits" and _are_probabilities(values[:HEAD]):
        raise Fault(
            f"{path}: rows sum to 1; expected logits, got probabilities; name {folder} in external.probabilities"
        )
    return path, values


def kind_of(folder: str) -> str:
    """The content of a folder of arrays: `probabilities` if the first rows of its first array sum to 1, else `logits`.

    Raises:
        Fault: the folder is missing, or holds no member or test set.
    """
    first = Path(folder) / members_of(folder)[0]
    values = _array(array_file(first, test_sets_of(folder)[0]))
    return "probabilities" if values.ndim == 2 and _are_probabilities(values[:HEAD]) else "logits"


def _are_probabilities(values: np.ndarray) -> bool:
    sums = values.sum(axis=1, dtype=np.float64)
    return bool(len(values) and (values >= 0).all() and (np.abs(sums - 1) <= TOLERANCE).all())


def _check(path: Path, values: np.ndarray, start: int, kind: str) -> None:
    wrong = ~np.isfinite(values).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        column = int((~np.isfinite(values[row])).argmax())
        raise _fault(f"{path}: column {column}, row {start + row + 1}", "a finite number", values[row, column])
    if kind == "probabilities":
        wrong = (values < 0).any(axis=1) | (np.abs(values.sum(axis=1) - 1) > TOLERANCE)
        if wrong.any():
            row = int(wrong.argmax())
            summary = f"from {values[row].min():.4g} up, with sum {values[row].sum():.4g}"
            raise _fault(f"{path}: row {start + row + 1}", "probabilities, which sum to 1", f"values {summary}")


def _array(path: Path) -> np.ndarray:
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    except NO_ARRAY as error:
        raise Fault(f"{path}: cannot be read as an array ({error})") from error
    if isinstance(loaded, np.ndarray):
        return loaded
    if len(loaded.files) != 1:
        raise _fault(path, "one array", f"{len(loaded.files)} arrays")
    return loaded[loaded.files[0]]


def _fault(place: Path | str, needed: str, got: object) -> Fault:
    return Fault(f"{place}: {expected(needed, got)}")


IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
NUMBER = re.compile(r"\s*(\d+)(?:\.0*)?\s*")
LIKE_NUMBER = re.compile(r"\s*[-+]?[\d.,_]+(?:e[-+]?\d+)?\s*", re.IGNORECASE)


def order_of(file: str, test_set: str, images: np.ndarray, wanted: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Positions int64 N in `images` of the N images on which members are evaluated.

    Names are compared with those wanted, with the class as a folder before them, and without folders above it or a
    suffix; numbers by their values, however they are written. Numbers that are no names of those wanted count the
    images, as do names where numbers are wanted.

    Args:
        images: numbers or names of N images, in the order of the file.
        wanted, classes: name and class of each image on which members are evaluated.

    Raises:
        Fault: the images are not the same.
    """
    if len(images) != len(wanted):
        raise Fault(
            f"{file}: test set {test_set!r}: expected {len(wanted):,} images, as for other members, got {len(images):,}"
        )
    names = list(map(str, images))
    paths = [f"{folder}/{name}" for folder, name in zip(classes, wanted, strict=True)]
    for shorten in (str, _stem, _class_and_stem):
        for reference in (wanted, paths):
            if (order := _order(names, reference, shorten)) is not None:
                return order
    if (order := _order_by_count(names, wanted)) is not None:
        return order
    there = set(map(_stem, [*wanted, *paths]))
    other = next((name for name in names if _stem(name) not in there), names[0])
    raise Fault(
        f"{file}: test set {test_set!r}: expected images that other members are tested on, e.g. "
        f"{wanted[0]!r}, got {other!r}; name images alike, or number them from 0 in the same order"
    )


def number_of(name: str) -> int | None:
    """The number that is the name of an image, such as 7 for 7, 007, 7.0 and 007.png; None if it has another name."""
    match = NUMBER.fullmatch(_stem(name))
    return int(match[1]) if match else None


def are_numbers(names: Sequence[str] | np.ndarray) -> bool:
    """Whether images have numbers for names, each another one."""
    return _numbers(names) is not None


def _numbers(names: Sequence[str] | np.ndarray) -> list[int] | None:
    """The numbers that images have for names; None if some have none, or two the same."""
    numbers = list(map(number_of, names))
    return None if None in numbers or len(set(numbers)) < len(numbers) else numbers


def _order_by_count(names: Sequence[str], wanted: Sequence[str]) -> np.ndarray | None:
    """Positions in `names` of the `wanted`, identified by numbers; None if numbers do not identify them."""
    numbers, of_wanted = _numbers(names), _numbers(wanted)
    if numbers is None:
        is_counted = of_wanted is not None and not any(map(_is_like_a_number, names))
        return np.arange(len(names)) if is_counted else None
    by_number = np.array(sorted(range(len(numbers)), key=numbers.__getitem__))
    if of_wanted is not None and (set(numbers) == set(of_wanted) or _count(of_wanted)):
        return by_number[_ranks(of_wanted)]
    return by_number if _count(numbers) else None


def _ranks(numbers: list[int]) -> np.ndarray:
    return np.argsort(sorted(range(len(numbers)), key=numbers.__getitem__))


def _count(numbers: list[int]) -> bool:
    """Whether numbers count the images, from 0 or 1."""
    return sorted(numbers) in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))


def _is_like_a_number(name: str) -> bool:
    return LIKE_NUMBER.fullmatch(_stem(name)) is not None


def _order(names: Sequence[str], wanted: Sequence[str], shorten: Callable[[str], str]) -> np.ndarray | None:
    """Positions in `names` of the `wanted`, if both hold the same distinct names once they are shortened."""
    positions = {shorten(name): position for position, name in enumerate(names)}
    reference = list(map(shorten, wanted))
    if len(positions) < len(names) or positions.keys() != set(reference):
        return None
    return np.array([positions[name] for name in reference])


def _stem(name: str) -> str:
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in IMAGE_SUFFIXES else name


def _class_and_stem(name: str) -> str:
    return "/".join(_stem(name).split("/")[-2:])


KEYS = ["test_set", "image", "label"]
UNIT = "unit"
MOST_CLASSES = 1_000_000
FAR = 10  # multiple of the other classes beyond which a class is a mistake or means "none"


@dataclass(frozen=True)
class Decisions:
    """Content of one file of decisions.

    Attributes:
        images: test set -> N names of images, in numerical order if all are numbers, else in the order of their first
            rows; all other arrays have this order.
        labels: test set -> int64 N, labels.
        units: test set -> N numbers or names, equal for images that belong together; empty if the file has none.
        answers: member -> test set -> int64 N, positions of classes.
        rows: test set -> int64 N, rows of the file, from 1.
    """

    images: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    units: dict[str, np.ndarray]
    answers: dict[str, dict[str, np.ndarray]]
    rows: dict[str, np.ndarray]


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
        classes: number K of classes, if known, which labels and answers must not reach; or their names, which labels
            and answers may use.
        test_sets: test sets that are read; by default all.

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
        rows={name: chosen + 1 for name, chosen in rows.items()},
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
