"""Predictions of imported members: logits or probabilities in a folder of arrays, or decisions in a
table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from resiliency.base.faults import Fault, available, difference, expected, path_fault, short
from resiliency.base.names import check_written_alike
from resiliency.external.tables import (
    MOST_CLASSES,
    check_members,
    class_count,
    class_numbers,
    read_foreign,
    refuse_wrong,
)
from resiliency.metrics.classification import may_be_probabilities
from resiliency.statistics.resampling import Units
from resiliency.storage import read_array

LABELS, UNITS = "labels", "units"
SAVE = "write it by numpy.save"
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
    names = sorted(
        path.name for path in root.iterdir() if path.is_dir() and path.name not in (LABELS, UNITS)
    )
    if not names:
        raise Fault(f"{folder}: expected a folder per member with <test set>.npy (N x K), got none")
    check_members(folder, names)
    return names


def test_sets_of(folder: str) -> list[str]:
    """Names of the test sets in `folder`: the files in `labels`, sorted."""
    root = Path(folder) / LABELS
    names = sorted(path.stem for path in root.glob("*.npy")) if root.is_dir() else []
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
    labels = read_array(path, SAVE)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise _fault(path, "integers, one per image", f"{labels.dtype} of shape {labels.shape}")
    if not len(labels):
        raise _fault(path, "a label per image", "none")
    most = classes or MOST_CLASSES
    if len(wrong := np.flatnonzero((labels < 0) | (labels >= most))):
        place, needed = (
            f"{path}: row {wrong[0] + 1}",
            f"a class index (integer from 0 to {most - 1})",
        )
        raise _fault(place, needed, labels[wrong[0]])
    return labels.astype(np.int64)


def array_file(folder: Path, name: str) -> Path:
    """The file of the array `name` in `folder`."""
    path = folder / f"{name}.npy"
    if not path.is_file():
        raise Fault(f"{path}: there is no such file")
    return path


def array_files(folder: str, members: list[str], layout: dict[str, list[str]]) -> list[str]:
    """All files of a folder of arrays for `members` and the conditions in `layout`."""
    names = [name for of_set in layout.values() for name in of_set]
    files = [
        str(array_file(Path(folder) / owner, name))
        for owner in (*members, LABELS)
        for name in names
    ]
    if (Path(folder) / UNITS).is_dir():
        files += [str(array_file(Path(folder) / UNITS, of_set[0])) for of_set in layout.values()]
    return files


def read_logits(
    folder: str, member: str, test_set: str, labels: np.ndarray, kind: str
) -> np.ndarray:
    """Logits float32 N x K of a member on a test set; of probabilities, their logarithms.

    Those in float64 whose largest is beyond `LARGEST` come less that, image by image.

    Args:
        labels: int64 N, labels of the test set.
        kind: content of the arrays, `logits` or `probabilities`.

    Raises:
        Fault: see `open_scores`; or values are not finite, or rows of probabilities do not sum to
            1.
    """
    path, values = open_scores(folder, member, test_set, labels, kind)
    logits = np.empty(values.shape, np.float32)
    step = max(1, CHUNK_VALUES // values.shape[1])
    for start in range(0, len(values), step):
        part = values[start : start + step]
        if part.dtype == np.float64:  # float32 would round differences between large logits away
            most = part.max(axis=1, keepdims=True)
            beyond = np.abs(part).max(axis=1, keepdims=True) > np.finfo(np.float32).max
            part = part - np.where((np.abs(most) > LARGEST) & ~beyond, most, 0)
        with np.errstate(over="ignore"):  # infinity is refused
            part = part.astype(np.float32)
        _check(path, part, start, kind)
        logits[start : start + step] = (
            np.log(np.maximum(part, LEAST)) if kind == "probabilities" else part
        )
    return logits


def open_scores(
    folder: str, member: str, test_set: str, labels: np.ndarray, kind: str
) -> tuple[Path, np.ndarray]:
    """The file of a member on a test set, and its array N x K, of which only the first rows are
    checked.

    Raises:
        Fault: the file is missing, of another type or shape, or holds probabilities in place of
            logits.
    """
    path = array_file(Path(folder) / member, test_set)
    values = read_array(path, SAVE)
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.floating):
        raise _fault(
            path, "floats of shape images x classes", f"{values.dtype} of shape {values.shape}"
        )
    if len(values) != len(labels):
        raise _fault(
            path,
            f"{len(labels):,} rows, one per label of test set {test_set!r}",
            f"{len(values):,}",
        )
    if values.shape[1] <= labels.max():
        raise _fault(path, f"a column per class, at least {labels.max() + 1}", values.shape[1])
    if kind == "logits" and may_be_probabilities(values[:HEAD]):
        odd = (
            f"{path}: no value is negative, and rows sum to "
            f"{values[:HEAD].sum(axis=1).max():.4g} at most"
        )
        remedy = f"name {folder} in external.probabilities, or write their logarithms"
        raise Fault(f"{odd}; {expected('logits', 'probabilities')}; {remedy}")
    return path, values


def _check(path: Path, values: np.ndarray, start: int, kind: str) -> None:
    if len(wrong := np.argwhere(~np.isfinite(values))):
        row, column = wrong[0]
        raise _fault(
            f"{path}: column {column}, row {start + row + 1}",
            "a finite number",
            values[row, column],
        )
    if kind == "probabilities":
        odd = np.flatnonzero(
            (values < 0).any(axis=1) | (np.abs(values.sum(axis=1) - 1) > TOLERANCE)
        )
        for row in odd[:1]:
            summary = f"values from {values[row].min():.4g} up, with sum {values[row].sum():.4g}"
            raise _fault(f"{path}: row {start + row + 1}", "probabilities, which sum to 1", summary)


def _fault(place: Path | str, needed: str, got: object) -> Fault:
    return Fault(f"{place}: {expected(needed, got)}")


KEYS = ["test_set", "image", "label"]
UNIT = "unit"
MANY = 10  # images whose answers are not all different
FAR = 10  # multiple of the other classes beyond which a class is a mistake or means "none"


@dataclass(frozen=True)
class Content:
    """Content of one file of decisions, or of one folder of logits or probabilities but for these.

    Attributes:
        images: test set -> N names of images, in numerical order if all are whole numbers, else in
            the order of their first rows; numbers from 0 in a folder. All other arrays have this
            order.
        labels: test set -> int64 N, labels.
        units: test set -> N numbers or names, equal for images that belong together; of no test set
            if there are none.
        answers: member -> test set -> int64 N, positions of classes; empty for a folder.
        rows: test set -> int64 N, rows of the file, from 1.
    """

    images: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    units: dict[str, np.ndarray]
    answers: dict[str, dict[str, np.ndarray]]
    rows: dict[str, np.ndarray]


def read_arrays(folder: str, layout: Mapping[str, list[str]], classes: int | None) -> Content:
    """Labels of the test sets in a folder, and units of the clean images of each if it has a folder
    `units`.

    Raises:
        Fault: as from `read_labels`; or there are no units of a test set, or not one per image.
    """
    labels = {
        name: read_labels(folder, name, classes) for names in layout.values() for name in names
    }
    images = {name: np.arange(len(of_set)) for name, of_set in labels.items()}
    units: dict[str, np.ndarray] = {}
    for name, *_ in layout.values() if (Path(folder) / UNITS).is_dir() else ():
        path = array_file(Path(folder) / UNITS, name)
        units[name] = of_set = read_array(path, SAVE)
        if of_set.shape != images[name].shape or not np.issubdtype(of_set.dtype, np.integer):
            needed = f"{len(images[name]):,} integers, one per image"
            raise _fault(path, needed, f"{of_set.dtype} of shape {of_set.shape}")
    return Content(images, labels, units, {}, {name: of_set + 1 for name, of_set in images.items()})


def read_decisions(
    file: str, classes: int | Sequence[str] | None = None, test_sets: Sequence[str] | None = None
) -> Content:
    """The decisions in a CSV or Parquet file: columns test_set, image, label, perhaps unit, and one
    for each member.

    Args:
        classes: number K of classes, if known, which labels and answers must not reach; or their
            names, which labels and answers may use.
        test_sets: test sets that are read; by default all.

    Raises:
        Fault: something is wrong with the file; the line names column and row.
    """
    table = read_foreign(file, KEYS)
    members = [name for name in table if name not in (*KEYS, UNIT)]
    if not members:
        raise Fault(f"{file}: expected {', '.join(KEYS)} and a column per member, got no member")
    check_members(file, members)
    for column, kind in (
        ("test_set", "a test set"),
        ("image", "an image"),
        (UNIT, "a unit of images"),
    ):
        if column in table:
            refuse_wrong(
                file, table[column], table[column].isna().to_numpy(), f"the name of {kind}"
            )
    check_written_alike(
        f"{file}: column {UNIT!r}", map(str, table[UNIT].unique()) if UNIT in table else ()
    )
    twice = table.duplicated(["test_set", "image"]).to_numpy()
    name = table["test_set"].iloc[twice.argmax()]
    refuse_wrong(file, table["image"], twice, f"each image of test set {name!r} once")
    columns = {name: class_numbers(file, table, name, classes) for name in ("label", *members)}
    if classes is None:
        _check_largest(file, columns)
    _refuse_row_numbers(file, table["test_set"], columns)
    images = table["image"].astype(str).to_numpy(str)
    rows = _rows(file, table["test_set"].astype(str).to_numpy(str), images, test_sets)
    return Content(
        images={name: images[chosen] for name, chosen in rows.items()},
        labels={name: columns["label"][chosen] for name, chosen in rows.items()},
        units={name: table[UNIT].to_numpy()[chosen] for name, chosen in rows.items()}
        if UNIT in table
        else {},
        answers={
            member: {name: columns[member][chosen] for name, chosen in rows.items()}
            for member in members
        },
        rows={name: chosen + 1 for name, chosen in rows.items()},
    )


def _check_largest(file: str, columns: dict[str, np.ndarray]) -> None:
    """Raise a Fault if one class is far beyond all others, and would set the number of classes
    alone."""
    named = np.unique(np.concatenate([np.unique(values) for values in columns.values()]))
    if len(named) > 1 and named[-1] > FAR * (named[-2] + FAR):
        column = next(name for name, values in columns.items() if values.max() == named[-1])
        place, needed = (
            f"{file}: column {column!r}, row {columns[column].argmax() + 1}",
            f"a class near {named[-2]}",
        )
        got = f"{named[-1]}; correct it, or set external.classes"
        raise _fault(place, f"{needed}, the next largest", got)


def _refuse_row_numbers(file: str, test_sets: pd.Series, columns: dict[str, np.ndarray]) -> None:
    """Raise a Fault if a member has another answer for each of many images of a test set, whose
    labels come again."""
    sizes = test_sets.value_counts()
    largest = (test_sets == sizes.index[0]).to_numpy()
    labels, images = columns["label"][largest], sizes.iloc[0]
    if images < MANY or len(np.unique(labels)) > images / 2:
        return
    for name, values in columns.items():
        if values.max() >= images - 1 and len(np.unique(values[largest])) == images:
            raise _fault(
                f"{file}: column {name!r}",
                "answers of a member",
                "another value in each row; remove it",
            )


def _rows(
    file: str, names: np.ndarray, images: np.ndarray, test_sets: Sequence[str] | None
) -> dict[str, np.ndarray]:
    """Test set -> its rows: by the numbers of its images, or in the order in which their names
    first occur."""
    present = list(dict.fromkeys(names.tolist()))
    for name in test_sets or ():
        if name not in present:
            raise Fault(f"{file}: {available('test set', name, present)}")
    first, unique = pd.factorize(images)
    ranks = {name: rank for rank, name in enumerate(sorted(filter(str.isdecimal, unique), key=int))}
    by_number = np.array([ranks.get(name, -1) for name in unique])[first]
    by_test_set = {}
    for name in test_sets or present:
        rows = np.flatnonzero(names == name)
        order = by_number[rows]
        by_test_set[name] = rows[
            np.argsort(order if order.min() >= 0 else first[rows], kind="stable")
        ]
    return by_test_set


@dataclass
class Reader:
    """Reads one file of decisions, or folder of logits or probabilities.

    Attributes:
        kind: content of the file: decisions, logits or probabilities.
        layout: test set -> names of its conditions in the file.
        known_classes: number or names of the classes, if known.
        given: content of the file, if it was read before.
        orders: test set -> order of its images, once they are compared with others.
    """

    kind: str
    file: str
    layout: dict[str, list[str]]
    known_classes: int | Sequence[str] | None
    given: Content | None = None
    orders: dict[str, np.ndarray] = field(default_factory=dict)

    @cached_property
    def content(self) -> Content:
        """The content of the file; faults are those of `read_decisions` or `read_arrays`."""
        if self.given or self.kind != "decisions":
            return self.given or read_arrays(
                self.file, self.layout, class_count(self.known_classes)
            )
        return read_decisions(
            self.file,
            self.known_classes,
            [name for names in self.layout.values() for name in names],
        )

    def labels(self) -> dict[str, np.ndarray]:
        """Test set -> labels, int64 N.

        Raises:
            Fault: corrupted images are not those of the test set, or have other labels.
        """
        labels, images = self.content.labels, self.content.images
        for first, *others in self.layout.values():
            for name in others:
                if not np.array_equal(images[name], images[first]):
                    named = difference(images[name], images[first])
                    raise Fault(
                        f"{self.file}: images of {name!r} differ from those of {first!r}{named}; "
                        "use the same"
                    )
                if len(wrong := np.flatnonzero(labels[name] != labels[first])):
                    label = labels[first][wrong[0]]
                    raise self._label_fault(
                        name, wrong[0], label, f"in {first!r}", "use the same images"
                    )
        return {test_set: labels[names[0]] for test_set, names in self.layout.items()}

    def images(self) -> dict[str, list[str]]:
        """Test set -> the names of its N images; numbers from 0 if the file has none."""
        return {
            test_set: list(map(str, self.content.images[names[0]]))
            for test_set, names in self.layout.items()
        }

    def units(self) -> dict[str, Units]:
        """Test set -> units of its images; each image is a unit if the file has none.

        Raises:
            Fault: a corrupted image is in another unit than the image itself.
        """
        units = {}
        for test_set, (first, *others) in self.layout.items():
            keys = self.content.units.get(first)
            units[test_set] = (
                Units.single(len(self.content.labels[first]))
                if keys is None
                else Units.numbered(keys)
            )
            for name in others if self.kind == "decisions" and keys is not None else ():
                if not np.array_equal(
                    Units.numbered(self.content.units[name]).of_image, units[test_set].of_image
                ):
                    raise Fault(
                        f"{self.file}: units of {name!r} differ from those of {first!r}; use the "
                        "same units"
                    )
        return units

    def classes(self, members: list[str]) -> int:
        """Number of classes: as given, else the number of columns, else the largest label or answer
        plus 1."""
        if self.known_classes is not None:
            return class_count(self.known_classes) or 0
        if self.kind == "decisions":
            answers = [
                of_set
                for of_member in self.content.answers.values()
                for of_set in of_member.values()
            ]
            return 1 + max(
                int(values.max()) for values in (*self.content.labels.values(), *answers)
            )
        name = next(iter(self.layout.values()))[0]
        return open_scores(self.file, members[0], name, self.content.labels[name], self.kind)[
            1
        ].shape[1]

    def read(self, member: str, classes: int) -> Iterator[tuple[str, np.ndarray]]:
        """Test set, and decisions int16 C x N of its C conditions, or logits float32 C x N x K.

        Images are in the order of those that were given to `check`, else in that of the file.

        Args:
            classes: number of classes of the study, K.

        Raises:
            Fault: the member answers a class outside the study's, or has another number of columns.
        """
        for test_set, names in self.layout.items():
            order, values = self.orders.get(test_set, slice(None)), []
            for name in names:
                if self.kind == "decisions":
                    under = self.content.answers[member][name]
                    wrong = f"class {under.max()}" if under.max() >= classes else ""
                else:
                    under = read_logits(
                        self.file, member, name, self.content.labels[name], self.kind
                    )
                    wrong = f"{under.shape[1]:,} columns" if under.shape[1] != classes else ""
                if wrong:
                    needed = f"classes 0 to {classes - 1} of the study"
                    got = f"{wrong}; without a dataset, set external.classes"
                    raise _fault(f"{self.file}: member {member!r}, test set {name!r}", needed, got)
                values.append(under[order])
            stacked = np.stack(values)
            if self.kind == "decisions":
                stacked = stacked.astype(np.int32 if stacked.max() > 32_000 else np.int16)
            yield test_set, stacked

    def check(
        self, truths: Mapping[str, np.ndarray], items: Mapping[str, tuple[list[str], list[str]]]
    ) -> None:
        """Put images into the order of those on which all members of the study are evaluated.

        Args:
            truths: test set -> labels of these images.
            items: test set -> classes and names of these images.

        Raises:
            Fault: the file has other images, or other labels for them.
        """
        for test_set, labels in self.labels().items():
            (classes, names), first = items[test_set], self.layout[test_set][0]
            order = order_of(self.file, test_set, self.content.images[first], names, classes)
            self.orders[test_set] = order
            if len(wrong := np.flatnonzero(labels[order] != truths[test_set])):
                image, label = order[wrong[0]], truths[test_set][wrong[0]]
                raise self._label_fault(
                    first, image, label, "for other members", "put the images in the same order"
                )

    def _label_fault(self, name: str, place: int, label: int, where: str, remedy: str) -> Fault:
        row, image, got = (
            of[name][place] for of in (self.content.rows, self.content.images, self.content.labels)
        )
        of_image = f"{self.file}: test set {name!r}, row {row}, image {image}"
        return _fault(of_image, f"label {label}, as {where}", f"{got}; {remedy}")


def order_of(
    file: str, test_set: str, images: np.ndarray, wanted: Sequence[str], classes: Sequence[str]
) -> np.ndarray:
    """Positions int64 N in `images` of the N images on which members are evaluated.

    Args:
        images: names of N images, in the order of the file: those wanted, or these with the class
            as a folder before them; or numbers, which count the images from 0.
        wanted, classes: name and class of each image on which members are evaluated.

    Raises:
        Fault: the images are not the same.
    """
    names, place = list(map(str, images)), f"{file}: test set {test_set!r}"
    positions = {name: position for position, name in enumerate(names)}
    paths = [f"{folder}/{name}" for folder, name in zip(classes, wanted, strict=True)]
    if len(images) != len(wanted):
        got = (
            f"{len(images):,}"
            f"{difference(names, paths if positions.keys() & set(paths) else wanted)}"
        )
        raise _fault(place, f"{len(wanted):,} images, as for other members", got)
    for reference in (wanted, paths):
        if positions.keys() == set(reference) and len(positions) == len(names):
            return np.array([positions[name] for name in reference])
    if are_numbers(names) and sorted(map(int, names)) == list(range(len(names))):
        return np.argsort(list(map(int, names)))
    other = next((name for name in names if name not in {*wanted, *paths}), names[0])
    got = f"{other!r}; name images alike, or number them from 0 in the same order"
    raise _fault(place, f"images that other members are tested on, e.g. {wanted[0]!r}", got)


def are_numbers(names: Sequence[str] | np.ndarray) -> bool:
    """Whether images have whole numbers for names."""
    return all(map(str.isdecimal, names))
