"""Further test sets: arrays of other types and shapes, and folders whose names could be classes or their numbers."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from attacks.arrays import WRONG_LABELS, damage, put
from attacks.cases import Case, Wrong, allowed
from PIL import Image

from resiliency.data.reading import labelled_arrays, labelled_folder

IMAGES, SIDE, CLASSES, FLIPS = 6, 32, ("ant", "bee", "cat"), 40
LEVEL = 60  # grey levels between classes: the image of a class shows which it is

Change = Callable[[np.ndarray], object]


def test_sets() -> Iterator[Case]:
    """Images or labels changed, and folders named in other ways."""
    for name, change in SAME_IMAGES.items():
        yield Case(f"images {name}", allowed(partial(_arrays, images=change)), None)
    for name, change in WRONG_IMAGES.items():
        yield Case(f"images {name}", partial(_arrays, images=change), "")
    for name, change in WRONG_LABELS.items():
        if name != "of another order":  # nothing else says what is on the images
            yield Case(f"labels {name}", partial(_arrays, labels=change), "")
    for seed in range(FLIPS):
        for of in ("images", "labels"):
            yield Case(f"{of} damaged {seed}", partial(_damaged, of=of, seed=seed), None)
    for classes, folders, refused in FOLDERS:
        act = partial(_folders, classes=classes, folders=folders)
        yield Case(f"folders {folders} of classes {classes}", act if refused else allowed(act), "" if refused else None)


def _written(folder: Path) -> dict[str, np.ndarray]:
    labels = np.arange(IMAGES) % len(CLASSES)
    images = np.full((IMAGES, SIDE, SIDE, 3), LEVEL, np.uint8) * labels[:, None, None, None].astype(np.uint8)
    return {"images": images, "labels": labels}


def _judge(images: object, labels: np.ndarray) -> None:
    levels = np.asarray(images[np.arange(len(labels))]).reshape(len(labels), -1).mean(axis=1)
    if not np.allclose(levels, labels * LEVEL, atol=2):
        raise Wrong(f"labels {labels.tolist()} of images of levels {levels.tolist()}")


def _arrays(folder: Path, images: Change = lambda values: values, labels: Change = lambda values: values) -> None:
    paths = {}
    for (name, values), change in zip(_written(folder).items(), (images, labels), strict=True):
        paths[name] = folder / f"{name}.npy"
        put(paths[name], change(values))
    part = labelled_arrays(paths["images"], paths["labels"], list(CLASSES), SIDE)
    _judge(part.images, part.labels)


def _damaged(folder: Path, of: str, seed: int) -> None:
    for name, values in _written(folder).items():
        np.save(folder / f"{name}.npy", values)
    damage(folder / f"{of}.npy", seed)
    labelled_arrays(folder / "images.npy", folder / "labels.npy", list(CLASSES), SIDE)


def _folders(folder: Path, classes: tuple[str, ...], folders: tuple[str, ...]) -> None:
    """Folders in the order of the classes that their images are of."""
    for level, name in enumerate(folders):
        (folder / "set" / name).mkdir(parents=True)
        for index in range(2):
            Image.new("RGB", (SIDE, SIDE), (level * LEVEL,) * 3).save(folder / "set" / name / f"{index}.png")
    part = labelled_folder(folder / "set", list(classes), SIDE, 1)
    _judge(part.images, part.labels)


SAME_IMAGES: dict[str, Change] = {
    "as written": lambda images: images,
    "columns first": np.asfortranarray,
    "of another side": lambda images: np.kron(images, np.ones((1, 2, 2, 1), np.uint8)),
}
WRONG_IMAGES: dict[str, Change] = {
    "of 0 to 1": lambda images: images / 255,
    "of float32": lambda images: images.astype(np.float32),
    "of int16": lambda images: images.astype(np.int16),
    "of int8": lambda images: images.astype(np.int8),
    "true and false": lambda images: images > 0,
    "objects": lambda images: images.astype(object),
    "text": lambda images: images.astype(str),
    "with channels first": lambda images: images.transpose(0, 3, 1, 2),
    "without channels": lambda images: images[..., 0],
    "of one channel": lambda images: images[..., :1],
    "of four channels": lambda images: np.concatenate([images, images[..., :1]], axis=3),
    "that are not square": lambda images: images[:, ::2],
    "in rows": lambda images: images.reshape(IMAGES, -1),
    "too few": lambda images: images[:-1],
    "none": lambda images: images[:0],
    "of no pixels": lambda images: images[:, :0, :0],
    "of nothing": lambda images: b"",
    "that are a picture": lambda images: b"\x89PNG\r\n\x1a\n",
    "half of them": lambda images: images.tobytes()[:999],
}
# Classes, folders in their order, and whether these must be refused.
FOLDERS = (
    (CLASSES, CLASSES, False),
    (CLASSES, ("0", "1", "2"), False),
    (("0", "1", "2"), ("0", "1", "2"), False),
    (("1", "2", "3"), ("1", "2", "3"), False),
    (("1", "2", "3"), ("0", "1", "2"), True),
    (("1", "2", "3", "4"), ("0", "1", "2", "3"), True),
    (("10", "20", "30"), ("0", "1", "2"), True),
    (("1", "bee", "cat"), ("0", "1", "2"), True),
    (CLASSES, ("1", "2", "3"), True),
    (CLASSES, ("ant", "1", "2"), True),
    (CLASSES, ("Ant", "Bee", "Cat"), True),
    (CLASSES, ("ant ", "bee", "cat"), True),
    (CLASSES, ("ant", "bee", "cats"), True),
    (CLASSES, ("0", "1", "3"), True),
    (CLASSES, ("-1", "0", "1"), True),
    (CLASSES, ("\u0661", "\u0662", "\u0660"), True),
    (CLASSES, ("0", "00", "1"), True),
)
