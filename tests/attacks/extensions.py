"""Extensions that cannot be used: corruptions, metrics and charts that do something else than they have to."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
from attacks.cases import ACCEPTED, Area

from resiliency.base.faults import Fault
from resiliency.corruptions import engine
from resiliency.corruptions.registry import CORRUPTIONS, TABLES, Corruption
from resiliency.diversity.metric import EnsembleMetric, Metric, unchanged
from resiliency.report.chart import Chart
from resiliency.study.extensions import chart_fault, corruption_fault, metric_fault

SIDE, TABLE = 32, "cifar-10-c"


def in_place(images, streams):
    images //= 2
    return images


def registered(function: Callable) -> mock._patch:
    """A context in which the function is the corruption `mine`."""
    figures, further = ({table: value for table in TABLES} for value in (((),) * 5, {}))
    corruptions = CORRUPTIONS | {"mine": Corruption(function, figures, further)}
    return mock.patch.multiple(engine, CORRUPTIONS=corruptions, HELD_OUT=(*engine.HELD_OUT, "mine"))


def _corruption(function: Callable) -> str:
    with registered(function):
        return corruption_fault("mine", SIDE, TABLE)


GIVEN = "expected uint8 of shape (3, 32, 32, 3)"
WRONG_CORRUPTIONS: dict[str, tuple[Callable, object]] = {
    "a negative": (lambda images, streams: 255 - images, ACCEPTED),
    "of 0 to 1": (lambda images, streams: images / 255, f"{GIVEN}, got float64 of shape (3, "),
    "black": (lambda images, streams: (images / 255).astype(np.uint8) // 2, "returns the same picture for diff"),
    "in place": (in_place, "severity 1: fails on images of 32x32 px: ValueError: output array is read-only"),
    "by the batch": (
        lambda images, streams: images // np.uint8(1 + len(images)),
        "severity 1: returns other images in another",
    ),
    "an exit": (lambda images, streams: sys.exit(0), "severity 1: fails on images of 32x32 px: SystemExit: 0"),
}


def pairwise(function, source="correct", diversity=unchanged):
    return Metric("prediction", source, function, diversity)


def of_ensembles(function):
    return EnsembleMetric(("shares",), function, unchanged)


def same(members) -> np.ndarray:
    return np.zeros((len(members), len(members)))


def filled(members) -> np.ndarray:
    members[:] = 0
    return same(members)


WRONG_METRICS: dict[str, tuple[object, object]] = {
    "a number": (pairwise(lambda x: 0.5), "returns float, expected numbers of shape (4, 4)"),
    "in place": (pairwise(filled), "fails on arrays of shape (4, 12): ValueError: assignment destination is read-only"),
    "NaN": (pairwise(lambda x: same(x) + np.nan), "returns only NaN, expected finite numbers"),
    "not symmetric": (
        pairwise(lambda x: np.add.outer(np.arange(len(x)), same(x)[0])),
        "returns a matrix that is not symmetric",
    ),
    "of the pool": (
        pairwise(lambda x: same(x) + x.mean()),
        "returns other values in another call, or beside other members",
    ),
    "a sum": (pairwise(lambda x: np.einsum("ink,jnk->ij", x, x), "probabilities"), "is not a mean over images"),
    "another diversity": (pairwise(same, diversity=np.mean), "its diversity has another shape"),
    "ensembles: of all": (
        of_ensembles(lambda x: x[:, 0] / x.max()),
        "returns other values in another call, or beside other ensembles",
    ),
    "ensembles: NaN of some": (of_ensembles(lambda x: np.where(x[:, 0] > 0.2, x[:, 0], np.nan)), ACCEPTED),
}


def a_chart(draw=lambda members, colours: None, finding=lambda members: "", caption="", **changes) -> SimpleNamespace:
    chart = Chart(**{"tables": ("members",), "section": "designs", "topic": "Members", "title": "Mine"} | changes)
    return SimpleNamespace(CHART=chart, CAPTION=caption, draw=draw, finding=finding)


WRONG_CHARTS: dict[str, tuple[object, object]] = {
    "an argument less": (
        a_chart(draw=lambda members: None),
        "draw does not take 2 arguments, members, colours (too many",
    ),
    "no caption": (a_chart(caption=None), "CAPTION is of type NoneType, expected str"),
    "no table": (a_chart(tables=("nothing",)), "table 'nothing' not found; available tables: "),
    "a word unknown": (a_chart(requires=("corruption",)), "requires: 'corruption' is not one of corruptions, joint"),
}


def _tried(fault_of: Callable[[object], str]) -> Callable[[Path, object], None]:
    def act(_: Path, extension: object) -> None:
        if fault := fault_of(extension):
            raise Fault(fault)

    return act


AREAS = (
    Area("corruptions of one's own", _tried(_corruption), WRONG_CORRUPTIONS),
    Area("metrics of one's own", _tried(metric_fault), WRONG_METRICS),
    Area("charts of one's own", _tried(chart_fault), WRONG_CHARTS),
)
