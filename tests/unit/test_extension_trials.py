"""What other packages add is tried on a small batch before the first job."""

import random
from types import SimpleNamespace

import numpy as np
import own_package
import pytest
from fault_messages import fault_of

from resiliency import extensions
from resiliency.corruptions import engine
from resiliency.corruptions.registry import CORRUPTIONS, TABLES, Corruption
from resiliency.corruptions.trial import corruption_fault
from resiliency.diversity.metric import EnsembleMetric, Metric, unchanged
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.diversity.trial import metric_fault
from resiliency.faults import Fault
from resiliency.report.chart import Chart
from resiliency.report.trial import chart_fault
from resiliency.study import extension_trial
from resiliency.study.extension_trial import check_extensions
from resiliency.study.preflight import preflight

WRITER = """
import os
from resiliency.diversity.metric import Metric, unchanged
x = Metric("prediction", "correct", lambda correct: {}, unchanged)
"""


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


@pytest.fixture
def mine(monkeypatch):
    """Registers a function as the corruption `mine`."""

    def register(function) -> None:
        figures, further = ({table: value for table in TABLES} for value in (((),) * 5, {}))
        monkeypatch.setitem(CORRUPTIONS, "mine", Corruption(function, figures, further))
        monkeypatch.setattr(engine, "HELD_OUT", (*engine.HELD_OUT, "mine"))

    return register


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (lambda images, streams: 255 - images, ""),
        (lambda images, streams: images / 255, "returns float64 of shape (3, 32, 32, 3), expected uint8 of shape (3, "),
        (lambda images, streams: images * np.nan, "returns float64"),
        (lambda images, streams: images.astype(int) + 99, "returns int64"),
        (lambda images, streams: images[:1], "returns uint8 of shape (1, 32, 32, 3), expected uint8 of shape (3, "),
        (lambda images, streams: images[:, ::2], "returns uint8 of shape (3, 16, 32, 3)"),
        (lambda images, streams: images.tolist(), "returns list of shape (3, 32, 32, 3)"),
        (lambda images, streams: (images / 255).astype(np.uint8) // 2, "severity 1: returns the same picture for diff"),
        (in_place, "severity 1: changes the images that it is given, in place"),
        (own_noise, "severity 1: returns other images when it is called again"),
        (global_noise, "severity 1: draws from the global random state"),
        (python_noise, "severity 1: draws from the global random state"),
        (
            lambda images, streams: images // np.uint8(1 + len(images)),
            "severity 1: returns other images when they",
        ),
        (lambda images, streams: images.reshape(7, -1), "severity 1: fails on images of 32x32 px: ValueError: cannot"),
        (exits, "severity 1: fails on images of 32x32 px: SystemExit: 0"),
    ],
)
def test_corruptions_that_give_wrong_images_are_refused(mine, function, fault):
    mine(function)
    found = corruption_fault("mine", 32, "cifar-10-c")
    assert found.startswith(fault) if fault else found == ""


def test_a_job_does_not_cast_what_a_corruption_returns(mine):
    mine(lambda images, streams: images / 255)
    images = np.full((2, 32, 32, 3), 200, np.uint8)
    with pytest.raises(Fault, match="mine: returns float64"):
        engine.corrupt(images, "mine", 1, table="cifar-10-c", seed=0)


@pytest.mark.parametrize("table", TABLES)
def test_built_in_corruptions_pass(table):
    names = ("glass_blur", "snow", "frost", "elastic_transform", "spatter")
    assert {name: corruption_fault(name, 32, table) for name in names} == dict.fromkeys(names, "")


def pairwise(function, source="correct", kind="prediction", diversity=unchanged):
    return Metric(kind, source, function, diversity)


def of_ensembles(function):
    return EnsembleMetric(("shares",), function, unchanged)


def same(members) -> np.ndarray:
    return np.zeros((len(members), len(members)))


def filled(members) -> np.ndarray:
    members[:] = 0
    return same(members)


@pytest.mark.parametrize(
    ("metric", "fault"),
    [
        (pairwise(lambda x: 0.5), "returns float, expected numbers of shape (4, 4)"),
        (pairwise(lambda x: x.mean(axis=1)), "returns float64 of shape (4,), expected numbers of shape (4, 4)"),
        (pairwise(lambda x: same(x).astype(str)), "returns <U32 of shape (4, 4)"),
        (pairwise(filled), "changes the arrays that it is given, in place"),
        (pairwise(lambda x: [one.fill(0) for one in x] and same(x), "features", "activation"), "changes the arrays"),
        (pairwise(lambda x: same(x) + np.random.rand()), "draws from the global random state"),
        (
            pairwise(lambda x: same(x) + np.random.default_rng().random()),
            "returns other values when it is called",
        ),
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
    ],
)
def test_metrics_that_give_wrong_values_are_refused(metric, fault):
    found = metric_fault(metric)
    assert found.startswith(fault) if fault else found == ""


def test_built_in_metrics_pass():
    metrics = METRICS | ENSEMBLE_METRICS
    assert {name: metric_fault(metric) for name, metric in metrics.items()} == dict.fromkeys(metrics, "")


def a_chart(draw=lambda members, colours: None, finding=lambda members: "", caption="", **changes) -> SimpleNamespace:
    chart = Chart(**{"tables": ("members",), "section": "designs", "topic": "Members", "title": "Mine"} | changes)
    return SimpleNamespace(CHART=chart, CAPTION=caption, draw=draw, finding=finding)


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        (a_chart(), ""),
        (a_chart(draw=lambda members: None), "draw does not take 2 arguments, members, colours (too many"),
        (a_chart(finding=lambda members, more: ""), "finding does not take 1 arguments, members (missing a required"),
        (a_chart(caption=None), "CAPTION is of type NoneType, expected str"),
        (a_chart(tables=("nothing",)), "table 'nothing' is not one of"),
        (a_chart(optional=("origins",)), "optional: 'origins' is not one of its tables"),
        (a_chart(requires=("corruption",)), "requires: 'corruption' is not one of corruptions, joint"),
    ],
)
def test_charts_that_cannot_be_drawn_are_refused(module, fault):
    found = chart_fault(module)
    assert found.startswith(fault) if fault else found == ""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of packages that this process and others find, and another cache."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("RESILIENCY_CACHE", str(tmp_path / "cache"))
    caches = (extensions.extensions, extensions._entry_points, extensions.code)
    [cached.cache_clear() for cached in caches]
    yield tmp_path
    [cached.cache_clear() for cached in caches]


def test_what_passed_once_is_not_tried_again(folder, monkeypatch):
    own_package.install(folder)
    check_extensions(32, "cifar-10-c")
    monkeypatch.setattr(extension_trial, "run_apart", lambda *arguments, longest: "was tried")
    check_extensions(32, "cifar-10-c")
    path = folder / "lens_study/hellinger.py"
    path.write_text(path.read_text() + "\n")
    extensions.code.cache_clear()
    assert "was tried" in fault_of(check_extensions, 32, "cifar-10-c")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os\nos._exit(0)", "ended Python with status 0 when it was tried"),
        (WRITER.format("os._exit(3)"), "ended Python with status 3 when it was tried"),
        (WRITER.format("correct"), "returns bool of shape (4, 12), expected numbers of shape (4, 4)"),
    ],
)
def test_a_study_is_refused_for_its_extension(folder, code, reason):
    (folder / "own.py").write_text(code)
    own_package.offer(folder, {"resiliency.metrics": {"mine": "own:x"}})
    message = fault_of(check_extensions, 32, "cifar-10-c")
    assert message.startswith(f"resiliency.metrics: mine = own:x of the package lens-study: {reason}")


def test_python_without_docstrings_is_refused(monkeypatch):
    monkeypatch.setattr("sys.flags", SimpleNamespace(optimize=2))
    assert fault_of(preflight, None).startswith("PYTHONOPTIMIZE: 2 removes docstrings")


def test_a_chart_that_fails_is_named(monkeypatch):
    from resiliency.report import drawing

    def draw(members, colours):
        members["member"] = "spoilt"
        return members["nothing"]

    entry = SimpleNamespace(value="own", dist=None, load=lambda: a_chart(draw))
    for module in ("report.drawing", "report.charts", "extensions"):
        monkeypatch.setattr(f"resiliency.{module}.extensions", lambda kind: {"mine": entry})
    monkeypatch.setitem(drawing.CHARTS, "mine", a_chart().CHART)
    tables = {"members": drawing.pd.DataFrame({"member": ["a"]})}
    message = fault_of(drawing.draw, "mine", tables, [])
    assert (
        message == "resiliency.charts: mine = own: fails on the tables of this study (KeyError: 'nothing'); see the log"
    )
    assert tables["members"]["member"].tolist() == ["a"]
    entry.load = lambda: a_chart()
    assert fault_of(drawing.draw, "mine", tables, []).endswith("draw returns NoneType, expected a chart of Altair")
