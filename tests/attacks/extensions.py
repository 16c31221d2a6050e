"""Corruptions, metrics and charts of other packages that cannot be used, each with the words that refuse it."""

import random
from collections.abc import Callable
from types import SimpleNamespace
from unittest import mock

import numpy as np

from resiliency.corruptions import engine
from resiliency.corruptions.registry import CORRUPTIONS, TABLES, Corruption
from resiliency.diversity.metric import EnsembleMetric, Metric, unchanged
from resiliency.report.chart import Chart
from resiliency.study.extensions import corruption_fault

SIDE, TABLE = 32, "cifar-10-c"


def in_place(images, streams):
    images //= 2
    return images


def own_noise(images, streams):
    return images + np.random.default_rng().integers(0, 9, images.shape, np.uint8)


def global_noise(images, streams):
    np.random.seed(0)
    return images + np.random.randint(0, 9, images.shape, np.uint8)


def python_noise(images, streams):
    return images + np.uint8(random.randrange(9))


def exits(images, streams):
    raise SystemExit(0)


def registered(function: Callable) -> mock._patch:
    """A context in which the function is the corruption `mine`."""
    figures, further = ({table: value for table in TABLES} for value in (((),) * 5, {}))
    corruptions = CORRUPTIONS | {"mine": Corruption(function, figures, further)}
    return mock.patch.multiple(engine, CORRUPTIONS=corruptions, HELD_OUT=(*engine.HELD_OUT, "mine"))


def fault_of_corruption(function: Callable) -> str:
    """What a trial says of the function as a corruption."""
    with registered(function):
        return corruption_fault("mine", SIDE, TABLE)


GIVEN = "expected uint8 of shape (3, 32, 32, 3)"
# Functions -> what the trial says; "" of those that can be used.
WRONG_CORRUPTIONS = [
    (lambda images, streams: 255 - images, ""),
    (lambda images, streams: images / 255, f"{GIVEN}, got float64 of shape (3, "),
    (lambda images, streams: images * np.nan, f"{GIVEN}, got float64"),
    (lambda images, streams: images.astype(int) + 99, f"{GIVEN}, got int64"),
    (lambda images, streams: images[:1], f"{GIVEN}, got uint8 of shape (1, "),
    (lambda images, streams: images[:, ::2], f"{GIVEN}, got uint8 of shape (3, 16, 32, 3)"),
    (lambda images, streams: images.tolist(), f"{GIVEN}, got list of shape (3, 32, 32, 3)"),
    (lambda images, streams: (images / 255).astype(np.uint8) // 2, "severity 1: returns the same picture for diff"),
    (in_place, "severity 1: changes the images that it is given, in place"),
    (own_noise, "severity 1: returns other images when it is called again"),
    (global_noise, "severity 1: draws from the global random state"),
    (python_noise, "severity 1: draws from the global random state"),
    (lambda images, streams: images // np.uint8(1 + len(images)), "severity 1: returns other images when they"),
    (lambda images, streams: images.reshape(7, -1), "severity 1: fails on images of 32x32 px: ValueError: cannot"),
    (exits, "severity 1: fails on images of 32x32 px: SystemExit: 0"),
]


def pairwise(function, source="correct", kind="prediction", diversity=unchanged):
    return Metric(kind, source, function, diversity)


def of_ensembles(function):
    return EnsembleMetric(("shares",), function, unchanged)


def same(members) -> np.ndarray:
    return np.zeros((len(members), len(members)))


def filled(members) -> np.ndarray:
    members[:] = 0
    return same(members)


WRONG_METRICS = [
    (pairwise(lambda x: 0.5), "returns float, expected numbers of shape (4, 4)"),
    (pairwise(lambda x: x.mean(axis=1)), "returns float64 of shape (4,), expected numbers of shape (4, 4)"),
    (pairwise(lambda x: same(x).astype(str)), "returns <U32 of shape (4, 4)"),
    (pairwise(filled), "changes the arrays that it is given, in place"),
    (pairwise(lambda x: [one.fill(0) for one in x] and same(x), "features", "activation"), "changes the arrays"),
    (pairwise(lambda x: same(x) + np.random.rand()), "draws from the global random state"),
    (pairwise(lambda x: same(x) + np.random.default_rng().random()), "returns other values when it is called"),
    (pairwise(lambda x: same(x) + np.inf), "returns infinity, expected finite numbers"),
    (pairwise(lambda x: same(x) + np.nan), "returns only NaN, expected finite numbers"),
    (pairwise(lambda x: np.add.outer(np.arange(len(x)), same(x)[0])), "returns a matrix that is not symmetric"),
    (pairwise(lambda x: same(x) + x.mean()), "returns other values beside other members"),
    (pairwise(lambda x: np.einsum("ink,jnk->ij", x, x), "probabilities"), "is not a mean over images"),
    (pairwise(same, diversity=np.mean), "its diversity has another shape"),
    (pairwise(lambda x: 1 / 0), "fails on arrays of shape (4, 12): ZeroDivisionError: division by zero"),
    (of_ensembles(lambda x: x), "returns float64 of shape (6, 5), expected numbers of shape (6,)"),
    (of_ensembles(lambda x: x[:, 0] / x.max()), "returns other values beside other ensembles"),
    (of_ensembles(lambda x: np.where(x[:, 0] > 0.2, x[:, 0], np.nan)), ""),
]


def a_chart(draw=lambda members, colours: None, finding=lambda members: "", caption="", **changes) -> SimpleNamespace:
    chart = Chart(**{"tables": ("members",), "section": "designs", "topic": "Members", "title": "Mine"} | changes)
    return SimpleNamespace(CHART=chart, CAPTION=caption, draw=draw, finding=finding)


WRONG_CHARTS = [
    (a_chart(), ""),
    (a_chart(draw=lambda members: None), "draw does not take 2 arguments, members, colours (too many"),
    (a_chart(finding=lambda members, more: ""), "finding does not take 1 arguments, members (missing a required"),
    (a_chart(caption=None), "CAPTION is of type NoneType, expected str"),
    (a_chart(tables=("nothing",)), "table 'nothing' not found; available tables: "),
    (a_chart(optional=("origins",)), "optional: 'origins' is not one of its tables"),
    (a_chart(requires=("corruption",)), "requires: 'corruption' is not one of corruptions, joint"),
]
