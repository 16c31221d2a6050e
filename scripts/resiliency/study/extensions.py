"""Extensions by other packages, loaded and checked once on a small batch before the first job."""

import io
from contextlib import redirect_stdout
from importlib import import_module
from inspect import signature
from types import ModuleType
from typing import Any

import numpy as np

from resiliency.base.extensions import KINDS, extensions, load, offered, refused
from resiliency.base.faults import Fault, available, brief
from resiliency.base.names import extension_fault
from resiliency.corruptions.settings import SEVERITIES
from resiliency.diversity.metric import EnsembleMetric, Metric
from resiliency.report.chart import Chart
from resiliency.report.registry import CHARTS
from resiliency.report.settings import METRIC_LABELS
from resiliency.statistics.gram import gram
from resiliency.tables import TABLES

PICTURES = 3  # number of images on which a corruption is checked
MEMBERS, IMAGES, CLASSES, SIDE, ENSEMBLES = 4, 12, 5, 8, 6  # sizes of the data on which a metric is checked
REQUIREMENTS = {"corruptions", "robustness", "joint"}
REGISTRIES = {
    "corruptions": "resiliency.corruptions.engine",
    "metrics": "resiliency.diversity.metrics",
    "charts": "resiliency.report.registry",
}


def check_extensions(side: int, table: str) -> None:
    """Refuse an extension that cannot be used.

    Args:
        side: height and width of the study's images in pixels.
        table: severity table.

    Raises:
        Fault: one line, which names the extension, its package and the fault.
    """
    kinds = [kind for kind in KINDS if offered(kind)]
    for kind in kinds:
        check_names(kind)
    for kind in kinds:
        import_module(REGISTRIES[kind])
        for name in extensions(kind):
            with redirect_stdout(io.StringIO()):  # programs may read what Snakemake prints
                fault = corruption_fault(name, side, table) if kind == "corruptions" else _object_fault(kind, name)
            if fault:
                raise refused(kind, name, fault)


def check_names(kind: str) -> None:
    """Refuse names that tables and files cannot have, or that two packages use.

    Raises:
        Fault: one line, which names the extension and its package.
    """
    metrics = [*METRIC_LABELS, *extensions("metrics")]
    for entry in offered(kind):
        if fault := extension_fault(kind, entry.name, metrics):
            raise refused(kind, entry.name, fault)
        if entry != extensions(kind)[entry.name]:
            raise refused(kind, entry.name, f"{entry.value} has this name too; remove one of the packages")


def _object_fault(kind: str, name: str) -> str:
    extension: Any = load(kind, name)
    return metric_fault(extension) if kind == "metrics" else chart_fault(extension)


def corruption_fault(name: str, side: int, table: str) -> str:
    """Why a corruption cannot be used for images of `side` pixels squared; empty if it can.

    At each severity it must return uint8 images of the same shape, each of which depends on the image and its stream
    only: the same ones again, one by one and in another order. It must not change the images that it is given.
    """
    from resiliency.corruptions.engine import corrupt  # takes long to load

    images = np.random.default_rng(0).integers(0, 256, (PICTURES, side, side, 3), np.uint8)
    images.setflags(write=False)
    for severity in SEVERITIES:
        try:
            together = corrupt(images, name, severity, table=table, seed=0)
            alone = [
                corrupt(images[index : index + 1], name, severity, table=table, seed=0, indices=[index])[0]
                for index in reversed(range(PICTURES))
            ]
        except Fault as reason:
            return str(reason).removeprefix(f"{name}: ")
        except (Exception, SystemExit) as error:
            return f"severity {severity}: fails on images of {side}x{side} px: {brief(error)}"
        if not np.array_equal(together, alone[::-1]):
            fault = "returns other images in another batch or call"
            return f"severity {severity}: {fault}; treat each image by itself, and draw from the streams only"
        if severity == min(SEVERITIES) and (together == together[0]).all():
            return "returns the same picture for different images; if it computes in 0 to 1, multiply by 255"
    return ""


def metric_fault(metric: Metric | EnsembleMetric) -> str:
    """Why a metric cannot be used; empty if it can.

    It must return a number for each pair of members, or for each ensemble, which does not depend on the others: the
    same one each time. NaN, which leaves a pair out, may stand for some of them. It must leave its arguments as they
    are. Metrics of probabilities must be means over images.
    """
    arguments = _arguments(metric)
    for array in (array for one in arguments for array in (one if isinstance(one, list) else [one])):
        array.setflags(write=False)
    try:
        return _values_fault(metric, arguments)
    except (Exception, SystemExit) as error:
        shapes = ", ".join(str(np.shape(one)) if isinstance(one, np.ndarray) else "a list" for one in arguments)
        return f"fails on arrays of shape {shapes}: {brief(error)}"


def _values_fault(metric: Metric | EnsembleMetric, arguments: list) -> str:
    of_pairs = isinstance(metric, Metric)
    by_chunks = isinstance(metric, Metric) and metric.source == "probabilities"
    shape = (MEMBERS, MEMBERS) if of_pairs else (ENSEMBLES,)
    raw, again = metric.raw(*arguments), metric.raw(*arguments)
    if not isinstance(raw, np.ndarray) or raw.dtype.kind not in "fiu" or raw.shape != shape:
        returned = f"{raw.dtype} of shape {raw.shape}" if isinstance(raw, np.ndarray) else type(raw).__name__
        return f"returns {returned}, expected numbers of shape {shape}"
    values = raw[~np.eye(MEMBERS, dtype=bool)] if of_pairs else raw
    if np.isinf(values).any() or np.isnan(values).all():
        return f"returns {'infinity' if np.isinf(values).any() else 'only NaN'}, expected finite numbers"
    if of_pairs and not _close(raw, raw.T):
        return "returns a matrix that is not symmetric; expected the same value for both orders of a pair"
    fewer = metric.raw(*(one[:2] for one in arguments))
    if not (_close(raw, again) and _close(fewer, raw[:2, :2] if of_pairs else raw[:2])):
        others = "members" if of_pairs else "ensembles"
        return f"returns other values in another call, or beside other {others}; treat each by itself, and seed draws"
    if by_chunks and not _close(_by_chunks(metric, *arguments), raw):
        return "is not a mean over images: from chunks of them it gives other values"
    if np.shape(metric.diversity(values)) != values.shape:
        return "its diversity has another shape than its raw values; use unchanged, negative or complement"
    return ""


def _by_chunks(metric: Metric | EnsembleMetric, probabilities: np.ndarray) -> np.ndarray:
    """The mean of the raw values of two chunks of the images, weighted as the pairs of a study are."""
    share = 1 / 3
    first, second = np.split(probabilities, [round(IMAGES * share)], axis=1)
    return metric.raw(first) * share + metric.raw(second) * (1 - share)


def _arguments(metric: Metric | EnsembleMetric) -> list:
    """Arguments of `metric.raw` as a study has them, drawn at random."""
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(CLASSES), (MEMBERS, IMAGES)).astype(np.float32)
    predicted = probabilities.argmax(axis=2)
    features = [rng.normal(size=(IMAGES, SIDE + member)).astype(np.float32) for member in range(MEMBERS)]
    if isinstance(metric, Metric):
        grams = np.stack([gram(one) for one in features]).astype(np.float32)
        maps = rng.uniform(-1, 1, (MEMBERS, IMAGES, SIDE, SIDE)).astype(np.float16)
        correct = predicted == rng.integers(0, CLASSES, IMAGES)
        known = {"correct": correct, "predicted": predicted, "probabilities": probabilities, "features": features}
        return [known.get(metric.source, grams if metric.kind == "activation" else maps)]
    shares = rng.dirichlet(np.ones(MEMBERS + 1), ENSEMBLES)
    failures, log_sums = rng.uniform(0.1, 0.5, (ENSEMBLES, MEMBERS)), -rng.random(ENSEMBLES)
    known = {"shares": shares, "failures": failures, "log_sums": log_sums}
    return [known[source] for source in metric.sources]


def _close(some: np.ndarray, others: np.ndarray) -> bool:
    """Whether raw values of pairs off the diagonal, or of ensembles, agree up to rounding."""
    return np.allclose(some, others, rtol=1e-3, atol=1e-5, equal_nan=True)


def chart_fault(module: ModuleType) -> str:
    """Why a module cannot be a chart; empty if it can, as far as is known before its tables exist.

    The catalogue is known here alone: charts are not drawn again because of other words in it.
    """
    chart: Chart = module.CHART
    drawn = {table for name, of in CHARTS.items() if name not in extensions("charts") for table in of.tables}
    if unknown := {*chart.tables} - (drawn | TABLES.keys()):
        return available("table", min(unknown), sorted(drawn | TABLES.keys()))
    if unknown := {*chart.optional} - {*chart.tables}:
        return f"optional: {min(unknown)!r} is not one of its tables"
    if unknown := {*chart.requires} - REQUIREMENTS:
        return f"requires: {min(unknown)!r} is not one of {', '.join(sorted(REQUIREMENTS))}"
    for name, text in {"topic": chart.topic, "title": chart.title, "CAPTION": module.CAPTION}.items():
        if not isinstance(text, str):
            return f"{name} is of type {type(text).__name__}, expected str"
    for name, arguments in {"draw": (*chart.tables, "colours"), "finding": chart.tables}.items():
        try:
            signature(getattr(module, name)).bind(*arguments)
        except TypeError as error:
            return f"{name} does not take {len(arguments)} arguments, {', '.join(arguments)} ({error})"
    return ""
