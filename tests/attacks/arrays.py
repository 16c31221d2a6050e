"""Arrays from elsewhere: logits, probabilities, labels and images of other types, shapes and
values."""

import io
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from attacks.cases import ACCEPTED, EITHER, Area, Wrong
from attacks.tables import CLASSES, CONDITIONS, IMAGES, judge, read, write_arrays
from PIL import Image

from resiliency.data.reading import labelled_arrays, labelled_folder
from resiliency.storage import read_array

Change = Callable[[np.ndarray], object]


def _with(value: float) -> Change:
    def change(values: np.ndarray) -> np.ndarray:
        values[IMAGES // 2, 1] = value
        return values

    return change


PREDICTIONS: dict[str, tuple[Change, object]] = {
    "float16": (lambda values: values.astype(np.float16), ACCEPTED),
    "of the other byte order": (lambda values: values.astype(">f8"), ACCEPTED),
    "NaN": (_with(np.nan), f"column 1, row {IMAGES // 2 + 1}: expected a finite number, got nan"),
    "beyond float32": (_with(1e300), "expected a finite number, got inf"),
    "whole numbers": (
        lambda values: values.astype(int),
        f"expected floats of shape images x classes, got int64 of shape ({IMAGES}, {CLASSES})",
    ),
    "one dimension": (
        lambda values: values[:, 0],
        "expected floats of shape images x classes, got float64 of",
    ),
    "an image too few": (
        lambda values: values[:-1],
        f"expected {IMAGES} rows, one per label of test set",
    ),
    "one class": (
        lambda values: values[:, :1],
        f"expected a column per class, at least {CLASSES}, got 1",
    ),
    "a class too many": (lambda values: np.concatenate([values, values[:, :1]], axis=1), ""),
    "a pickle": (lambda values: b"\x80\x04K\x01.", "truncated or corrupt .npy array"),
}
IMPROBABLE: dict[str, Change] = {
    "negative": _with(-0.2),
    "a sum of 1.1": lambda values: values * 1.1,
}
WRONG_LABELS: dict[str, Change] = {
    "from 1": lambda labels: labels + 1,
    **{
        f"of {value}": lambda labels, value=value: labels + value
        for value in (10**8, 2**63 - 3, -(2**63))
    },
    "of uint64": lambda labels: labels.astype(np.uint64) + np.uint64(2**63),
    "that are floats": lambda labels: labels.astype(float),
    "of an image too few": lambda labels: labels[:-1],
}


def _put(path: Path, values: object) -> None:
    """Write an array, or the bytes that are in its place."""
    path.write_bytes(values) if isinstance(values, bytes) else np.save(path, values)


def _changed(folder: Path, what: tuple[str, str, str, Change]) -> None:
    kind, owner, condition, change = what
    write_arrays(folder / "own", kind)
    path = folder / "own" / owner / f"{condition}.npy"
    _put(path, change(np.load(path)))
    judge(read({kind: "own"}))


def _predictions() -> dict[str, tuple[tuple, object]]:
    table = {
        "labels in another order": (("logits", "labels", "clean", lambda labels: labels[::-1]), "")
    }
    for kind, condition in product(("logits", "probabilities"), (CONDITIONS[0], CONDITIONS[-1])):
        table |= {
            f"{kind}, {condition}: {n}": ((kind, "two", condition, c), e)
            for n, (c, e) in PREDICTIONS.items()
        }
    for name, change in IMPROBABLE.items():
        table[f"probabilities: {name}"] = (
            ("probabilities", "two", "clean", change),
            "expected probabilities, which sum",
        )
    table |= {
        f"labels {name}": (("logits", "labels", "clean", c), "") for name, c in WRONG_LABELS.items()
    }
    return table


def _folder(folder: Path, change: Callable[[Path], object]) -> None:
    write_arrays(folder / "own", "logits")
    change(folder / "own")
    judge(read({"logits": "own"}))


FOLDERS: dict[str, Callable[[Path], object]] = {
    "a member without files": lambda folder: (folder / "three").mkdir(),
    "no labels": lambda folder: [path.unlink() for path in (folder / "labels").iterdir()],
    "a test set without labels": lambda folder: (folder / "labels/photos.npy").unlink(),
    "a member without a test set": lambda folder: (folder / "two/photos.npy").unlink(),
}


def _headed(descr: str = "'<f4'", shape: str = "(3,)") -> bytes:
    """An array of three numbers, and what its header says of it."""
    header = (
        f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode().ljust(117)
        + b"\n"
    )
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(12)


np.savez(ARCHIVE := io.BytesIO(), values=np.zeros((20, 3)))
TYPELESS = ("[]", "'V0'")
# Of each kind of error of NumPy's one.
NO_ARRAYS = {
    "nothing": b"",
    "its end lost": _headed()[:-1],
    **{f"type {descr}": _headed(descr) for descr in ("'|O'", "('<f4',)", *TYPELESS)},
    **{f"shape {shape}": _headed(shape=shape) for shape in ("(True,)", f"({10**20},)")},
    "an archive": ARCHIVE.getvalue(),
    "random bytes after a header": _headed()[:20] + np.random.default_rng(0).bytes(500),
}


def _bytes_of_array(folder: Path, what: tuple[str, bytes]) -> None:
    place, content = what
    write_arrays(folder / "own", "logits")
    path = Path(
        {"logits": "own/two/clean.npy", "labels": "own/labels/clean.npy"}.get(place, "images.npy")
    )
    path.write_bytes(content)
    if place == "images":
        np.save("labels.npy", np.arange(3))
        labelled_arrays(path, Path("labels.npy"), list(NAMES), SIDE)
    elif place == "results":
        read_array(path)
    else:
        read({"logits": "own"})


BYTES = {
    f"{place}: {name}": (
        (place, content),
        EITHER if place == "results" and name[5:] in TYPELESS else "",
    )
    for place, (name, content) in product(
        ("logits", "labels", "images", "results"), NO_ARRAYS.items()
    )
}
SIDE, NAMES = 32, ("ant", "bee", "cat")
LEVEL = 60  # grey levels between classes: the image of a class shows which it is


def _judge_images(images: object, labels: np.ndarray) -> None:
    levels = np.asarray(images[np.arange(len(labels))]).reshape(len(labels), -1).mean(axis=1)
    if not np.allclose(levels, labels * LEVEL, atol=2):
        raise Wrong(f"labels {labels.tolist()} of images of levels {levels.tolist()}")


def _test_set(folder: Path, change: tuple[str, Change]) -> None:
    labels = np.arange(6) % len(NAMES)
    arrays = {
        "images": np.full((6, SIDE, SIDE, 3), 1, np.uint8)
        * (LEVEL * labels[:, None, None, None]).astype(np.uint8)
    }
    arrays["labels"] = labels
    for name, values in arrays.items():
        _put(folder / f"{name}.npy", change[1](values) if name == change[0] else values)
    part = labelled_arrays(folder / "images.npy", folder / "labels.npy", list(NAMES), SIDE)
    _judge_images(part.images, part.labels)


def _classes(folder: Path, names: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    """Classes, and folders in the order of the classes that their images are of."""
    classes, folders = names
    for level, name in enumerate(folders):
        (folder / "set" / name).mkdir(parents=True)
        Image.new("RGB", (SIDE, SIDE), (level * LEVEL,) * 3).save(folder / "set" / name / "0.png")
    part = labelled_folder(folder / "set", list(classes), SIDE, 1)
    _judge_images(part.images, part.labels)


TEST_SET: dict[str, tuple[Change, object]] = {
    "as written": (lambda images: images, ACCEPTED),
    "of another side": (lambda images: np.kron(images, np.ones((1, 2, 2, 1), np.uint8)), ACCEPTED),
    "of 0 to 1": (lambda images: images / 255, ""),
    "that are not square": (lambda images: images[:, ::2], ""),
    "too few": (lambda images: images[:-1], ""),
}
TEST_SETS = {
    f"images {name}": (("images", change), expected)
    for name, (change, expected) in TEST_SET.items()
}
TEST_SETS |= {f"labels {name}": (("labels", change), "") for name, change in WRONG_LABELS.items()}
NUMBERS = ("0", "1", "2")
CLASS_FOLDERS = {
    "the classes": ((NAMES, NAMES), ACCEPTED),
    "their numbers": ((NAMES, NUMBERS), ACCEPTED),
    "classes that are numbers from 1": ((("1", "2", "3"), ("1", "2", "3")), ACCEPTED),
    "numbers that are other classes": ((("1", "2", "3"), NUMBERS), ""),
    "numbers from 1": ((NAMES, ("1", "2", "3")), ""),
    "a number twice": ((NAMES, ("0", "00", "1")), ""),
}
AREAS = (
    Area("logits and probabilities", _changed, _predictions()),
    Area(
        "folders of arrays", _folder, {name: (change, EITHER) for name, change in FOLDERS.items()}
    ),
    Area("bytes that are no array", _bytes_of_array, BYTES),
    Area("arrays of test sets", _test_set, TEST_SETS),
    Area("class folders of test sets", _classes, CLASS_FOLDERS),
)
