"""Predictions of members, read a condition at a time, and the true labels."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from resiliency.base.faults import Fault
from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT_IMAGES, averaged
from resiliency.base.settings import Settings
from resiliency.metrics.classification import as_float32, softmax
from resiliency.statistics.resampling import Units
from resiliency.storage import read_array


class Prediction(Settings):
    members_per_job: int = Field(
        1,
        ge=1,
        le=100,
        description="number of loaded members that one job predicts, in the order of "
        "members.designs, so that "
        "images are decoded once for all of them; their networks must fit into memory together",
    )


class Condition(NamedTuple):
    """One condition: a row of conditions.csv without its number."""

    test_set: str
    corruption: str
    severity: int
    n_images: int
    classes: int


def condition_table(conditions: Iterable[Condition]) -> pd.DataFrame:
    """A row per condition, in this order."""
    table = pd.DataFrame(conditions, columns=Condition._fields)
    table.insert(0, "condition", range(len(table)))
    return table


def all_conditions(
    corruptions: list[str], severities: list[int], n_images: dict[str, int], classes: dict[str, int]
) -> pd.DataFrame:
    """The table of conditions, in one order: clean images, these under each corruption and
    severity, further test sets.

    Args:
        n_images: test set -> number of its images; `clean` comes first.
        classes: test set -> number of classes among which members choose.

    Raises:
        Fault: members would choose from one class only.
    """
    for test_set, count in classes.items():
        if count < 2:
            raise Fault(
                f"test_sets.{test_set}: all images are of one class; set `classes: all`, or add "
                "other images"
            )
    rows = [(CLEAN, CLEAN, 0), *((CLEAN, c, s) for c in corruptions for s in severities)]
    rows += [(test_set, CLEAN, 0) for test_set in n_images if test_set != CLEAN]
    return condition_table(Condition(*row, n_images[row[0]], classes[row[0]]) for row in rows)


def group_names(conditions: pd.DataFrame) -> np.ndarray:
    """The name of the images over which tables report, for each row; see `condition_groups` and
    `held_out`."""
    corrupted = conditions.corruption[conditions.corruption != CLEAN]
    names = np.where(corrupted.isin(averaged(corrupted.unique())), CORRUPTED, HELD_OUT_IMAGES)
    return conditions.test_set.mask(
        conditions.corruption != CLEAN, pd.Series(names, corrupted.index)
    ).to_numpy(str)


def condition_groups(conditions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Name -> int64 rows of `conditions` over which tables report a mean.

    The names are clean, corrupted (the clean images under corruptions, without those that are held
    out) and those of the additional test sets.
    """
    names = group_names(conditions)
    return {
        str(name): np.flatnonzero(names == name)
        for name in dict.fromkeys(names)
        if name != HELD_OUT_IMAGES
    }


def held_out(conditions: pd.DataFrame) -> dict[str, np.ndarray]:
    """`HELD_OUT_IMAGES` -> int64 rows of `conditions` with corruptions that nothing is chosen by;
    empty without any."""
    rows = np.flatnonzero(group_names(conditions) == HELD_OUT_IMAGES)
    return {HELD_OUT_IMAGES: rows} if len(rows) else {}


def additional_test_sets(conditions: pd.DataFrame) -> list[str]:
    """Names of the test sets other than the dataset's own."""
    return [str(name) for name in conditions.test_set.unique() if name != CLEAN]


def corruption_conditions(conditions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Corruption -> int64 rows of `conditions`, in order of severity; without clean images."""
    names = conditions.corruption.to_numpy(str)
    return {
        str(name): np.flatnonzero(names == name) for name in dict.fromkeys(names) if name != CLEAN
    }


ALL_IMAGES = slice(None)
VALIDATION = "validation"


@dataclass(frozen=True)
class Truth:
    """The right answers on a test set.

    Attributes:
        labels: int64 N, positions of the true classes among those that members choose from.
        classes: int64 k, positions of these classes in the dataset, ascending; None for all
            classes.
        units: units of the images; None if each image is a unit.
    """

    labels: np.ndarray
    classes: np.ndarray | None = None
    units: Units | None = None


class Predictions:
    """Predictions of one member for the images of each condition.

    On a test set that has only some of the classes, as those of ImageNet-A and ImageNet-R do, a
    member chooses among these: logits of other classes are left out, and k below is the number of
    those that are left.

    Of a member that is known by its decisions there are no logits and no probabilities.

    Attributes:
        has_probabilities: whether logits are available.

    Args:
        conditions: the table of conditions, C rows.
        logits: test set -> float C_t x N_t x K for its conditions, in memory or stored; or int C_t
            x N_t, decisions.
        truths: test set -> true classes.
    """

    def __init__(
        self, conditions: pd.DataFrame, logits: dict[str, np.ndarray], truths: dict[str, Truth]
    ):
        positions = conditions.groupby("test_set").cumcount()
        self.conditions = conditions
        self._logits = [
            (logits[name], index)
            for name, index in zip(conditions.test_set, positions, strict=True)
        ]
        self._truths = [truths[name] for name in conditions.test_set]
        self.has_probabilities = all(array.ndim == 3 for array, _ in self._logits)

    def __len__(self) -> int:
        """C, the number of conditions."""
        return len(self._logits)

    def has_fewer_classes(self, condition: int) -> bool:
        """Whether the member chooses among fewer classes than on clean images, condition 0."""
        return self.classes(condition) < self.classes(0)

    def clean_on(self, condition: int) -> "Predictions":
        """The clean images of the classes of another condition, the member choosing among these, as
        condition 0."""
        classes, labels = self._truths[condition].classes, self._truths[0].labels
        classes = np.arange(self.classes(condition)) if classes is None else classes
        images = np.flatnonzero(np.isin(labels, classes))
        truth = Truth(np.searchsorted(classes, labels[images]), classes, self.units(0).of(images))
        table = self.conditions.iloc[:1].assign(n_images=len(images), classes=len(classes))
        return Predictions(table, {CLEAN: self._stored(0, images)[None]}, {CLEAN: truth})

    def labels(self, condition: int) -> np.ndarray:
        """Positions of the true classes among the k classes, int64 N."""
        return self._truths[condition].labels

    def units(self, condition: int) -> Units:
        """The units of the N images."""
        return self._truths[condition].units or Units.single(len(self.labels(condition)))

    def units_of_test_sets(self) -> dict[str, Units]:
        """Test set -> the units of its images."""
        first = {name: row for row, name in reversed(list(enumerate(self.conditions.test_set)))}
        return {name: self.units(row) for name, row in first.items()}

    def classes(self, condition: int) -> int:
        """k, the number of classes that the member chooses among."""
        classes = self._truths[condition].classes
        if classes is not None:
            return len(classes)
        if self.has_probabilities:
            return self._logits[condition][0].shape[-1]
        return self.conditions.classes.iloc[condition]

    def _stored(self, condition: int, images: slice | np.ndarray) -> np.ndarray:
        array, index = self._logits[condition]
        return np.asarray(array[index])[images]  # an index of a memmap takes ten times as long

    def logits(self, condition: int, images: slice | np.ndarray = ALL_IMAGES) -> np.ndarray:
        """Logits of some of the images, by default all; float16 n x k."""
        values, classes = self._stored(condition, images), self._truths[condition].classes
        return values if classes is None or len(classes) == values.shape[-1] else values[:, classes]

    def probabilities(self, condition: int, images: slice | np.ndarray = ALL_IMAGES) -> np.ndarray:
        """float32 n x k; rows sum to 1."""
        return softmax(self.logits(condition, images))

    def decisions(self, condition: int, images: slice | np.ndarray = ALL_IMAGES) -> np.ndarray:
        """int64 n, the first of the classes with the largest logit, its position among the k
        classes.

        A decision for class c of the dataset, where that is left out, is k + c: no label, but a
        vote of its own.
        """
        if self.has_probabilities:  # float16 takes eight times as long
            return as_float32(self.logits(condition, images)).argmax(axis=-1)
        decided, classes = (
            self._stored(condition, images).astype(np.int64),
            self._truths[condition].classes,
        )
        if classes is None:
            return decided
        positions = np.searchsorted(classes, decided).clip(max=len(classes) - 1)
        return np.where(classes[positions] == decided, positions, len(classes) + decided)

    def correct(self, condition: int) -> np.ndarray:
        """Whether each image is answered rightly, bool N."""
        return self.decisions(condition) == self.labels(condition)


def read_predictions(
    conditions: pd.DataFrame,
    labels: Sequence[str | Path],
    logits: Sequence[str | Path],
    members: Container[str] | None = None,
    units: Sequence[str | Path] = (),
) -> dict[str, Predictions]:
    """Member -> its predictions, in the order of the members' first files.

    Args:
        labels: a `.npy` file of int64 N for each test set, in their order: positions of the
            dataset's classes.
        logits: files <member>/<test set>.npy of every member and test set: logits float C_t x N_t x
            K, or decisions int C_t x N_t.
        members: members whose files are opened; by default all.
        units: a `.npy` file of int N for each test set, the unit of each image; empty if each image
            is a unit.

    Raises:
        Fault: a file is damaged, or its shape does not match the conditions of its test set.
    """
    paths = [path for path in map(Path, logits) if members is None or path.parent.name in members]
    if not paths:
        return {}
    rows, counts = (
        conditions.drop_duplicates("test_set").itertuples(),
        conditions.test_set.value_counts().to_dict(),
    )
    of_sets: list[Units | None] = [Units.numbered(read_array(path)) for path in units]
    of_sets = of_sets or [None] * len(labels)
    truths = {}
    for row, path, of_set in zip(rows, labels, of_sets, strict=True):
        truth = Truth(np.asarray(read_array(path)), None, of_set)
        present, positions = np.unique(truth.labels, return_inverse=True)
        truths[row.test_set] = (
            Truth(positions, present, of_set) if row.classes == len(present) else truth
        )
    arrays: dict[str, dict[str, np.ndarray]] = {}
    for path in paths:
        array, expected = read_array(path), (counts[path.stem], len(truths[path.stem].labels))
        if array.ndim not in (2, 3) or array.shape[:2] != expected:
            raise Fault(
                f"{path}: expected shape {expected} x classes, got {array.shape}; delete it and "
                "run again"
            )
        arrays.setdefault(path.parent.name, {})[path.stem] = array
    return {
        member: Predictions(conditions, test_sets, truths) for member, test_sets in arrays.items()
    }


def read_validation(
    logits: Sequence[str | Path], labels: np.ndarray, members: Container[str]
) -> dict[str, Predictions]:
    """Member -> its predictions of validation images, whose `labels` are int N, as condition 0.

    Args:
        logits: files <member>.npy, float 1 x N x K each.
        members: members whose files are opened.

    Raises:
        Fault: a file is damaged, or of another shape.
    """
    predictions = {}
    for path in (path for path in map(Path, logits) if path.stem in members):
        array = read_array(path)
        if array.ndim != 3 or array.shape[:2] != (1, len(labels)):
            raise Fault(
                f"{path}: expected shape (1, {len(labels)}) x classes, got {array.shape}; delete "
                "it and run again"
            )
        table = condition_table([Condition(VALIDATION, CLEAN, 0, len(labels), array.shape[2])])
        predictions[path.stem] = Predictions(
            table, {VALIDATION: array}, {VALIDATION: Truth(np.asarray(labels))}
        )
    return predictions
