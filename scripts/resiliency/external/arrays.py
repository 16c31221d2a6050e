"""Members known by their logits or probabilities: a folder of arrays."""

from pathlib import Path

import numpy as np

from resiliency.base.faults import Fault, expected, short
from resiliency.base.paths import path_fault
from resiliency.external.names import check_members
from resiliency.storage.files import NO_ARRAY

LABELS, UNITS = "labels", "units"
SUFFIXES = (".npy", ".npz")
TOLERANCE = 1e-2  # of a sum of probabilities, which may come as float16
LEAST = 1e-12
CHUNK_VALUES = 2**24
HEAD = 1000  # rows that show whether an array holds logits or probabilities


def members_of(folder: str) -> list[str]:
    """Names of the members in `folder`: its folders but `labels` and `units`, sorted.

    Raises:
        Fault: there is no such folder, it holds no member, or a name is not allowed.
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
        Fault: there are none, or one is not a class.
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
        Fault: there are none of this test set, or as many as it has no images.
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
    """All files of a folder of arrays that belong to `members` and the conditions in `layout`."""
    names = [name for of_set in layout.values() for name in of_set]
    files = [str(array_file(Path(folder) / owner, name)) for owner in (*members, LABELS) for name in names]
    if (Path(folder) / UNITS).is_dir():
        files += [str(array_file(Path(folder) / UNITS, of_set[0])) for of_set in layout.values()]
    return files


def read_logits(folder: str, member: str, test_set: str, labels: np.ndarray, kind: str) -> np.ndarray:
    """Logits float32 N x K of a member on a test set; of probabilities, their logarithms.

    Args:
        labels: int64 N, of the test set.
        kind: what the arrays hold, `logits` or `probabilities`.

    Raises:
        Fault: see `open_scores`; or values are not finite, or rows of probabilities do not sum to 1.
    """
    path, values = open_scores(folder, member, test_set, labels, kind)
    logits = np.empty(values.shape, np.float32)
    step = max(1, CHUNK_VALUES // values.shape[1])
    for start in range(0, len(values), step):
        with np.errstate(over="ignore"):  # infinity is refused
            part = values[start : start + step].astype(np.float32)
        _check(path, part, start, kind)
        logits[start : start + step] = np.log(np.maximum(part, LEAST)) if kind == "probabilities" else part
    return logits


def open_scores(folder: str, member: str, test_set: str, labels: np.ndarray, kind: str) -> tuple[Path, np.ndarray]:
    """The file of a member on a test set, and its array N x K, of which only the first rows were looked at.

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
    """What the arrays of a folder hold, `probabilities` if the first rows of its first array sum to 1, else `logits`.

    Raises:
        Fault: there is no such folder, or it holds no member or test set.
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
