"""Predictions of members, read a condition at a time, and the true labels."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from resiliency.base.faults import Fault
from resiliency.base.names import CLEAN
from resiliency.metrics.classification import softmax
from resiliency.prediction.conditions import Condition, condition_table
from resiliency.statistics.units import Units
from resiliency.storage.files import StoredArray, read_array

ALL_IMAGES = slice(None)
VALIDATION = "validation"


@dataclass(frozen=True)
class Truth:
    """The right answers on a test set.

    Attributes:
        labels: int64 N, positions among the classes that members choose among.
        classes: int64 k, these classes as indices of the data set's, ascending; None for all that there are.
        units: of the images; None if each image is one.
    """

    labels: np.ndarray
    classes: np.ndarray | None = None
    units: Units | None = None


class Predictions:
    """What one member predicts of the images of each condition.

    On a test set that has only some of the classes, as those of ImageNet-A and ImageNet-R do, a member chooses among
    these: logits of other classes are left out, and k below is the number of those that are left.

    Of a member that is known by its decisions there are no logits and no probabilities.

    Attributes:
        has_probabilities: whether there are logits.

    Args:
        conditions: the table of conditions, C rows.
        logits: test set -> float C_t x N_t x K of its conditions, in memory or stored; or int C_t x N_t, decisions.
        truths: test set -> the right answers.
    """

    def __init__(self, conditions: pd.DataFrame, logits: dict[str, np.ndarray | StoredArray], truths: dict[str, Truth]):
        positions = conditions.groupby("test_set").cumcount()
        self.conditions = conditions
        self._logits = [(logits[name], index) for name, index in zip(conditions.test_set, positions, strict=True)]
        self._truths = [truths[name] for name in conditions.test_set]
        self.has_probabilities = all(array.ndim == 3 for array, _ in self._logits)

    def __len__(self) -> int:
        """C, the number of conditions."""
        return len(self._logits)

    def has_fewer_classes(self, condition: int) -> bool:
        """Whether the member chooses among fewer classes than on clean images, condition 0."""
        return self.classes(condition) < self.classes(0)

    def clean_on(self, condition: int) -> "Predictions":
        """The clean images of the classes of another condition, the member choosing among these, as condition 0."""
        classes, labels = self._truths[condition].classes, self._truths[0].labels
        images = np.flatnonzero(np.isin(labels, classes))
        truth = Truth(np.searchsorted(classes, labels[images]), classes, self.units(0).of(images))
        table = self.conditions.iloc[:1].assign(images=len(images), classes=len(classes))
        return Predictions(table, {CLEAN: self._stored(0, images)[None]}, {CLEAN: truth})

    def labels(self, condition: int) -> np.ndarray:
        """int64 N, positions among the k classes."""
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
        """float16 n x k of some of the images, all unless said otherwise."""
        values, classes = self._stored(condition, images), self._truths[condition].classes
        return values if classes is None or len(classes) == values.shape[-1] else values[:, classes]

    def probabilities(self, condition: int, images: slice | np.ndarray = ALL_IMAGES) -> np.ndarray:
        """float32 n x k; rows sum to 1."""
        return softmax(self.logits(condition, images))

    def decisions(self, condition: int, images: slice | np.ndarray = ALL_IMAGES) -> np.ndarray:
        """int64 n, the first of the classes with the largest logit, its position among the k classes.

        A decision for class c of the data set, where that is left out, is k + c: no label, but a vote of its own.
        """
        if self.has_probabilities:  # float16 takes eight times as long
            return self.logits(condition, images).astype(np.float32).argmax(axis=-1)
        decided, classes = self._stored(condition, images).astype(np.int64), self._truths[condition].classes
        if classes is None:
            return decided
        positions = np.searchsorted(classes, decided).clip(max=len(classes) - 1)
        return np.where(classes[positions] == decided, positions, len(classes) + decided)

    def correct(self, condition: int) -> np.ndarray:
        """Whether each image is answered rightly, bool N."""
        return self.decisions(condition) == self.labels(condition)


def _truth_of(labels: np.ndarray, classes: int, units: Units | None) -> Truth:
    present, positions = np.unique(labels, return_inverse=True)
    return Truth(positions, present, units) if classes == len(present) else Truth(np.asarray(labels), None, units)


def read_predictions(
    conditions: pd.DataFrame,
    labels: Sequence[str | Path],
    logits: Sequence[str | Path],
    members: Container[str] | None = None,
    units: Sequence[str | Path] = (),
) -> dict[str, Predictions]:
    """Member -> its predictions, in the order of the members' first files.

    Args:
        conditions: the table of conditions.
        labels: a `.npy` file of int64 N for each test set in their order, indices of the data set's classes.
        logits: the files <member>/<test set>.npy of every member and test set: float C_t x N_t x K, or
            int C_t x N_t of a member that is known by its decisions.
        members: those whose files are opened; all unless given.
        units: a `.npy` file of int N for each test set, the unit of each image; none if each image is one.

    Raises:
        Fault: a file is damaged, or of another shape than the conditions of its test set ask for.
    """
    paths = [path for path in map(Path, logits) if members is None or path.parent.name in members]
    if not paths:
        return {}
    rows, counts = conditions.drop_duplicates("test_set").itertuples(), conditions.test_set.value_counts().to_dict()
    of_sets = [Units.numbered(read_array(path)) for path in units] or [None] * len(labels)
    truths = {
        row.test_set: _truth_of(read_array(path), row.classes, of_set)
        for row, path, of_set in zip(rows, labels, of_sets, strict=True)
    }
    arrays: dict[str, dict[str, StoredArray]] = {}
    for path in paths:
        array, expected = StoredArray(path), (counts[path.stem], len(truths[path.stem].labels))
        if array.ndim not in (2, 3) or array.shape[:2] != expected:
            raise Fault(f"{path}: expected shape {expected} x classes, got {array.shape}; delete it and run again")
        arrays.setdefault(path.parent.name, {})[path.stem] = array
    return {member: Predictions(conditions, test_sets, truths) for member, test_sets in arrays.items()}


def read_validation(
    logits: Sequence[str | Path], labels: np.ndarray, members: Container[str]
) -> dict[str, Predictions]:
    """Member -> its predictions of validation images, whose `labels` are int N, as condition 0.

    Args:
        logits: files <member>.npy, float 1 x N x K each.
        members: those whose files are opened.

    Raises:
        Fault: a file is damaged, or of another shape.
    """
    predictions = {}
    for path in (path for path in map(Path, logits) if path.stem in members):
        array = StoredArray(path)
        if array.ndim != 3 or array.shape[:2] != (1, len(labels)):
            raise Fault(
                f"{path}: expected shape (1, {len(labels)}) x classes, got {array.shape}; delete it and run again"
            )
        table = condition_table([Condition(VALIDATION, CLEAN, 0, len(labels), array.shape[2])])
        predictions[path.stem] = Predictions(table, {VALIDATION: array}, {VALIDATION: Truth(np.asarray(labels))})
    return predictions
