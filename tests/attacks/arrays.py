"""Folders of logits or probabilities from elsewhere: of other types, shapes, kinds and values, and damaged."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
from attacks.cases import Case, allowed
from attacks.elsewhere import CLASSES, CONDITIONS, IMAGES, judge, read, write_arrays

KINDS = ("logits", "probabilities")
FLIPS = 20

Change = Callable[[np.ndarray], object]


def arrays() -> Iterator[Case]:
    """Both kinds of array, or its labels, changed under each condition."""
    for kind in KINDS:
        other = KINDS[1 - KINDS.index(kind)]
        yield Case(f"{other} as {kind}", partial(_read, written=other, kind=kind), None if kind == "logits" else "")
        for name, change in OTHER_FOLDERS.items():
            yield Case(f"{kind}: {name}", partial(_changed_folder, kind=kind, change=change), None)
        for condition in CONDITIONS:
            changed = partial(_changed, kind=kind, condition=condition)
            for name, change in SAME.items():
                yield Case(f"{kind}, {condition}: {name}", allowed(partial(changed, owner="two", change=change)), None)
            for name, change in (WRONG | (UNLIKELY if kind == "probabilities" else {})).items():
                yield Case(f"{kind}, {condition}: {name}", partial(changed, owner="two", change=change), "")
            for name, change in WRONG_LABELS.items():
                if condition == "photos" and name == "of another order":
                    continue  # nothing else says what is on these images
                yield Case(f"{kind}, {condition}: labels {name}", partial(changed, owner="labels", change=change), "")
            for seed in range(FLIPS):
                for owner in ("two", "labels"):
                    damaged = partial(_damaged, kind=kind, condition=condition, owner=owner, seed=seed)
                    yield Case(f"{kind}, {condition}, {owner}: damaged {seed}", damaged, None)


def _read(folder: Path, written: str, kind: str) -> None:
    write_arrays(folder / "own", written)
    judge(read({kind: "own"}))


def _changed(folder: Path, kind: str, condition: str, owner: str, change: Change) -> None:
    write_arrays(folder / "own", kind)
    path = folder / "own" / owner / f"{condition}.npy"
    put(path, change(np.load(path)))
    judge(read({kind: "own"}))


def _changed_folder(folder: Path, kind: str, change: Callable[[Path], object]) -> None:
    write_arrays(folder / "own", kind)
    change(folder / "own")
    judge(read({kind: "own"}))


def _damaged(folder: Path, kind: str, condition: str, owner: str, seed: int) -> None:
    write_arrays(folder / "own", kind)
    damage(folder / "own" / owner / f"{condition}.npy", seed)
    read({kind: "own"})


def put(path: Path, values: object) -> None:
    """Write an array, or the bytes that are in its place."""
    if isinstance(values, bytes):
        path.write_bytes(values)
    else:
        np.save(path, values)


def damage(path: Path, seed: int) -> None:
    """Flip a bit of the head, or cut the end: what is left may be another number, but no traceback."""
    content, random = bytearray(path.read_bytes()), Random(f"{path.parent.name} {path.name} {seed}")
    if seed % 4:
        content[random.randrange(128)] ^= 1 << random.randrange(8)
    else:
        del content[random.randrange(len(content)) :]
    path.write_bytes(content)


def _with(value: float) -> Change:
    def change(values: np.ndarray) -> np.ndarray:
        values[IMAGES // 2, 1] = value
        return values

    return change


def _noise(values: np.ndarray) -> np.ndarray:
    return np.random.default_rng(9).normal(size=values.shape)


# The same values in another form.
SAME: dict[str, Change] = {
    "as written": lambda values: values,
    "float32": lambda values: values.astype(np.float32),
    "float16": lambda values: values.astype(np.float16),
    "of the other byte order": lambda values: values.astype(">f8"),
    "columns first": np.asfortranarray,
    "extended precision": lambda values: values.astype(np.longdouble),
}
WRONG: dict[str, Change] = {
    "NaN": _with(np.nan),
    "infinity": _with(np.inf),
    "minus infinity": _with(-np.inf),
    "beyond float32": _with(1e300),
    "whole numbers": lambda values: values.astype(int),
    "true and false": lambda values: values > 0,
    "complex numbers": lambda values: values + 0j,
    "text": lambda values: values.astype(str),
    "objects": lambda values: values.astype(object),
    "dates": lambda values: values.astype("datetime64[s]"),
    "a structure": lambda values: np.zeros(IMAGES, [("a", float), ("b", float)]),
    "one dimension": lambda values: values[:, 0],
    "three dimensions": lambda values: values[..., None],
    "a number": lambda values: np.float64(1),
    "transposed": lambda values: np.ascontiguousarray(values.T),
    "no images": lambda values: values[:0],
    "an image too few": lambda values: values[:-1],
    "an image too many": lambda values: np.concatenate([values, values[:1]]),
    "one class": lambda values: values[:, :1],
    "no class": lambda values: values[:, :0],
    "a class too few": lambda values: values[:, :-1],
    "a class too many": lambda values: np.concatenate([values, values[:, :1]], axis=1),
    "nothing": lambda values: b"",
    "text in the file": lambda values: b"clean",
    "a pickle": lambda values: b"\x80\x04K\x01.",
    "half of it": lambda values: values.tobytes()[: values.nbytes // 2],
    "a head that claims much": lambda values: (
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999, 999999), }".ljust(117)
        + b"\n"
    ),
}
UNLIKELY: dict[str, Change] = {
    "negative": _with(-0.2),
    "more than 1": _with(1.2),
    "a sum of 1.1": lambda values: values * 1.1,
    "a sum of 100": lambda values: values * 100,
    "zeros": lambda values: values * 0,
    "logits": _noise,
}
WRONG_LABELS: dict[str, Change] = {
    "of another order": lambda labels: labels[::-1],
    "from 1": lambda labels: labels + 1,
    "negative": lambda labels: labels - 1,
    "beyond all classes": lambda labels: labels * 2**40,
    "of uint64": lambda labels: labels.astype(np.uint64) + np.uint64(2**63),
    "that are floats": lambda labels: labels.astype(float),
    "that are NaN": lambda labels: labels * np.nan,
    "that are text": lambda labels: labels.astype(str),
    "true and false": lambda labels: labels > 0,
    "one-hot": lambda labels: np.eye(CLASSES, dtype=int)[labels],
    "of an image too few": lambda labels: labels[:-1],
    "of no image": lambda labels: labels[:0],
    "that are a number": lambda labels: np.int64(1),
    "of nothing": lambda labels: b"",
}


def _instead(make: Callable[[Path, np.ndarray], object]) -> Callable[[Path], None]:
    """Make something else in the place of an array, given the path and the values of that."""

    def change(folder: Path) -> None:
        path = folder / "two/clean.npy"
        values = np.load(path)
        path.unlink()
        make(path, values)

    return change


OTHER_FOLDERS: dict[str, Callable[[Path], object]] = {
    "two arrays in one file": _instead(lambda path, values: np.savez(path.with_suffix(".npz"), a=values, b=values)),
    "an archive of one array": _instead(lambda path, values: np.savez(path.with_suffix(".npz"), values=values)),
    "a file and an archive": lambda folder: np.savez(
        folder / "two/clean.npz", values=np.load(folder / "two/clean.npy")
    ),
    "a link to itself": _instead(lambda path, values: path.symlink_to(path.name)),
    "a folder for a file": _instead(lambda path, values: path.mkdir()),
    "a member without files": lambda folder: (folder / "three").mkdir(),
    "a file beside the members": lambda folder: (folder / "readme.txt").write_text("hello"),
    "a hidden folder": lambda folder: (folder / ".cache").mkdir(),
    "no labels": lambda folder: [path.unlink() for path in (folder / "labels").iterdir()],
    "labels of more test sets": lambda folder: np.save(folder / "labels/other.npy", np.arange(IMAGES) % CLASSES),
    "a test set without labels": lambda folder: (folder / "labels/photos.npy").unlink(),
    "a member without a test set": lambda folder: (folder / "two/photos.npy").unlink(),
    "an empty archive": lambda folder: (folder / "two/photos.npy").rename(folder / "two/photos.npz"),
}
