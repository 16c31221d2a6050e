"""Classifiers, images and arguments for the Python API: of other types, shapes and values, or that
fail."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from attacks.cases import ACCEPTED, Area, Expected, Wrong
from PIL import Image
from scipy.special import softmax

from resiliency.api import (
    RandomCorruption,
    corrupt,
    ensembles_of,
    evaluate,
    pair_diversity,
    score_ensembles,
)
from resiliency.api.evaluating import Evaluation

IMAGES, CLASSES = 6, 3
PIXELS = np.random.default_rng(0).integers(0, 256, (IMAGES, 32, 32, 3), np.uint8)
LABELS = np.arange(IMAGES) % CLASSES
LOGITS = np.random.default_rng(1).normal(size=(IMAGES, CLASSES))
GIVEN = {"corruptions": ["brightness"], "severities": [1], "batch_size": 4, "progress": False}


def answers(images: np.ndarray) -> np.ndarray:
    """Logits of a classifier that knows the images by their number in a batch of 4."""
    return LOGITS[:4] if len(images) == 4 else LOGITS[4:]


def evaluated(**changes: object) -> Evaluation:
    given = {"predict": answers, "images": PIXELS, "labels": LABELS} | GIVEN | changes
    return evaluate(given.pop("predict"), given.pop("images"), given.pop("labels"), **given)


RIGHT = evaluated().errors["error"].tolist()


def _answered(_: Path, change: Callable[[np.ndarray], object]) -> None:
    found = evaluated(predict=lambda images: change(answers(images)))
    if found.errors["error"].tolist() != RIGHT:
        raise Wrong(f"errors {found.errors['error'].tolist()} in place of {RIGHT}")


def _failing(logits: np.ndarray) -> object:
    raise SystemExit(0)


PREDICTED: dict[str, tuple[Callable[[np.ndarray], object], Expected]] = {
    "a list of lists": (lambda logits: logits.tolist(), ACCEPTED),
    "a tensor of bfloat16": (lambda logits: torch.tensor(logits).bfloat16(), ACCEPTED),
    "another byte order": (lambda logits: logits.astype(">f8"), ACCEPTED),
    "a masked array": (lambda logits: np.ma.masked_less(logits, 0), ""),
    "a list of outputs": (lambda logits: [logits, logits], "(2, 4, 3); return the first output"),
    "true and false": (lambda logits: logits > 0, "predict: "),
    "classes": (lambda logits: logits.argmax(axis=1), "predict: "),
    "one class": (lambda logits: logits[:, :1], "predict: "),
    "two classes of three": (lambda logits: logits[:, :2], "labels: "),
    "an image too few": (lambda logits: logits[1:], "predict: "),
    "NaN": (
        lambda logits: np.where(logits == logits[0, 0], np.nan, logits),
        "NaN or infinity for 1 of 4 images",
    ),
    "infinity": (lambda logits: logits * np.inf, "NaN or infinity"),
    "ragged rows": (lambda logits: [[1.0], [1.0, 2.0]], "predict: "),
    "more classes in the last batch": (
        lambda logits: np.pad(logits, ((0, 0), (0, 4 - len(logits) // 2))),
        "expected 5 classes as before, got 6",
    ),
    "probabilities in one batch": (
        lambda logits: np.eye(3)[logits.argmax(1)] if len(logits) < 4 else logits,
        "return one kind",
    ),
    "probabilities that add up to more": (
        lambda logits: 1.006 * softmax(logits, 1),
        "sum to 1.006 at most",
    ),
    "unequal sums": (
        lambda logits: np.array([[0.6, 0, 0]] * 3 + [[0.2, 0.7, 0]])[: len(logits)],
        "at most; divide",
    ),
    "an exit": (_failing, "predict: "),
}


def _argument(_: Path, change: tuple[str, object]) -> None:
    found = evaluated(**dict([change]))
    if not np.isfinite(found.errors[["error", "error_low", "error_high"]]).all(axis=None):
        raise Wrong("an error, or an end of its interval, is not finite")


ODD = (None, True, -1, 0, 1.5, "1", "", [], {}, [None], 10**30, float("nan"))
# Argument -> values beside `ODD`, and those of all that it takes.
ARGUMENTS: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "labels": (
        (
            LABELS.astype(float),
            LABELS[:, None],
            LABELS - 1,
            LABELS + 10**8,
            LABELS > 0,
            LABELS.astype(str),
        ),
        (),
    ),
    "images": (
        (
            PIXELS / 255,
            PIXELS[..., 0],
            PIXELS[:, :16],
            PIXELS.transpose(0, 3, 1, 2),
            PIXELS[:0],
            "photos",
        ),
        (),
    ),
    "units": ((["a"] * IMAGES, ["a", "A"] * 3, [None] * IMAGES, np.ones(IMAGES + 1)), (None,)),
    "corruptions": (("Fog", ["fog", "fogg"], [1], b"fog"), ([], {})),
    "severities": ((6, [1, 6], [1.0], "12"), ()),
    "baseline": (
        ("alexnet", {"brightness": 2.0}, {"brightness": "a"}, {"fog": 0.5}, [0.5], evaluated),
        (None,),
    ),
    "table": (("ImageNet-C", "auto "), ()),
    "seed": ((-5, 2**63, "a"), (0,)),
    "batch_size": ((2.0, "4", np.nan), (True,)),
    "confidence": ((1, -0.5, "0.9"), ()),
}
WRONG_ARGUMENTS = {
    f"{name}: {value!r:.30}": ((name, value), f"{name}: " if name != "batch_size" else "")
    for name, (wrong, right) in ARGUMENTS.items()
    for value in (*wrong, *(odd for odd in ODD if not any(odd is of or odd == of for of in right)))
}

CALLS: dict[str, tuple[Callable[[], object], Expected]] = {
    f"ensembles of {size!r} among {members!r}": (lambda m=members, s=size: ensembles_of(m, s), "")
    for members, size in (
        (60, 20),
        (10**9, 2),
        (-1, 2),
        (0, 1),
        (5, 0),
        (5, 2.5),
        ("a", 2),
        (True, 1),
        (5, None),
    )
}
CALLS |= {
    "more members than there are": (lambda: ensembles_of(3, 4), ACCEPTED),
    "NumPy's numbers": (lambda: ensembles_of(np.int64(3), np.int8(2)), ACCEPTED),
    "diversity of one member": (lambda: pair_diversity(LOGITS[None], LABELS), ""),
    "diversity of texts": (lambda: pair_diversity(np.array([["a"]]), LABELS), ""),
}
RIGHTLY = {"logits": LOGITS[None], "labels": LABELS, "ensembles": [[0]]}
SCORED: dict[str, tuple[dict, Expected]] = {
    "as they are": ({}, ACCEPTED),
    "a class that is beyond": ({"labels": LABELS + 1}, "labels: expected 6 integers"),
    "a member that is not there": (
        {"ensembles": [[1]]},
        "ensembles: expected rows of integers from 0 to 0",
    ),
    "a member twice": (
        {"ensembles": [[0, 0]]},
        "ensembles: expected rows of at least 1 different members",
    ),
    "no rule": ({"rules": ()}, "rules: "),
    "a rule unknown": (
        {"rules": ["median"]},
        "rules: rule 'median' not found; available rules: mean_probability",
    ),
    "one class": ({"logits": LOGITS[None, :, :1], "labels": LABELS * 0}, "logits: "),
    "NaN": ({"logits": LOGITS[None] * np.nan}, "logits: expected finite floats"),
    "two dimensions": ({"logits": LOGITS}, "logits: expected finite floats"),
    "probabilities": ({"logits": softmax(LOGITS[None], -1)}, "logits: expected logits, got "),
}
NUMBER = {"corruption_name": None}
CORRUPTED: dict[str, tuple[dict, Expected]] = {
    "grey": ({"image": PIXELS[0, :, :, :1]}, ACCEPTED),
    "floats": ({"image": PIXELS[0] / 255}, "images: expected a uint8 array, got float64"),
    "a small one": ({"image": PIXELS[0, :31]}, "images: expected at least 32x32 pixels, got 31x32"),
    "no image": ({"image": PIXELS[:0]}, ACCEPTED),
    "a list": ({"image": PIXELS[0].tolist()}, ""),
    "four channels": (
        {"image": np.zeros((32, 32, 4), np.uint8)},
        "(N, height, width, 3), got (1, 32, 32, 4)",
    ),
    "indices too few": ({"image": PIXELS, "indices": [0]}, "indices: expected 6 integers"),
    **{
        f"severity {value!r}": ({"severity": value}, "from 1 to 5")
        for value in (0, 6, 1.5, "1", None, [1])
    },
    **{f"name {value!r}": ({"corruption_name": value}, "") for value in ("Fog", "", 3, ["fog"])},
    **{
        f"number {n!r}": (NUMBER | {"corruption_number": n}, "0 to 18")
        for n in (-1, 19, 1.5, "1", None)
    },
    **{f"table {value!r}": ({"table": value}, "") for value in ("imagenet", None, 1)},
    **{f"seed {value!r}": ({"seed": value}, "") for value in (-1, 1.5, "a", 10**30, float("nan"))},
}
TRANSFORMS: dict[str, tuple[dict, Expected]] = {
    f"{name} {value!r:.20}": ({name: value}, "")
    for name, values in {
        "corruptions": ((), ("fogg",), "fogg", None, 3),
        "p": (-0.1, 1.1, "1", None, float("nan")),
    }.items()
    for value in values
}
TRANSFORMS["as they are"] = {}, ACCEPTED


def _transformed(_: Path, given: dict) -> None:
    RandomCorruption(**{"table": "cifar-10-c"} | given)(Image.fromarray(PIXELS[0]))


AREAS = (
    Area("answers of classifiers", _answered, PREDICTED),
    Area("arguments of evaluate", _argument, WRONG_ARGUMENTS),
    Area("calls of the API", lambda _, call: call(), CALLS),
    Area("scores of ensembles", lambda _, given: score_ensembles(**RIGHTLY | given), SCORED),
    Area(
        "corrupt",
        lambda _, given: corrupt(**{"image": PIXELS[0], "corruption_name": "fog"} | given),
        CORRUPTED,
    ),
    Area("transforms", _transformed, TRANSFORMS),
)
