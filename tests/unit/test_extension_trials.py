"""What other packages add is tried on a small batch before the first job."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import own_package
import pytest
from attacks.extensions import WRONG_CHARTS, WRONG_CORRUPTIONS, WRONG_METRICS, a_chart, fault_of_corruption, registered
from fault_messages import fault_of

from resiliency.base import extensions
from resiliency.base.faults import Fault
from resiliency.corruptions import engine
from resiliency.corruptions.registry import TABLES
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.study import fingerprint
from resiliency.study.preflight import preflight
from resiliency.study.trials import added
from resiliency.study.trials.added import _key, check_extensions
from resiliency.study.trials.charts import chart_fault
from resiliency.study.trials.corruptions import corruption_fault
from resiliency.study.trials.metrics import metric_fault

WRITER = """
import os
from resiliency.diversity.metric import Metric, unchanged
x = Metric("prediction", "correct", lambda correct: {}, unchanged)
"""


@pytest.mark.parametrize(("function", "fault"), WRONG_CORRUPTIONS)
def test_corruptions_that_give_wrong_images_are_refused(function, fault):
    found = fault_of_corruption(function)
    assert found.startswith(fault) if fault else found == ""


def test_a_job_does_not_cast_what_a_corruption_returns():
    images = np.full((2, 32, 32, 3), 200, np.uint8)
    with (
        registered(lambda images, streams: images / 255),
        pytest.raises(Fault, match=r"mine: expected uint8 .* got float64"),
    ):
        engine.corrupt(images, "mine", 1, table="cifar-10-c", seed=0)


@pytest.mark.parametrize("table", TABLES)
def test_built_in_corruptions_pass(table):
    names = ("glass_blur", "snow", "frost", "elastic_transform", "spatter")
    assert {name: corruption_fault(name, 32, table) for name in names} == dict.fromkeys(names, "")


@pytest.mark.parametrize(("metric", "fault"), WRONG_METRICS)
def test_metrics_that_give_wrong_values_are_refused(metric, fault):
    found = metric_fault(metric)
    assert found.startswith(fault) if fault else found == ""


def test_built_in_metrics_pass():
    metrics = METRICS | ENSEMBLE_METRICS
    assert {name: metric_fault(metric) for name, metric in metrics.items()} == dict.fromkeys(metrics, "")


@pytest.mark.parametrize(("module", "fault"), WRONG_CHARTS)
def test_charts_that_cannot_be_drawn_are_refused(module, fault):
    found = chart_fault(module)
    assert found.startswith(fault) if fault else found == ""


@pytest.fixture
def folder(tmp_path, monkeypatch, forked_trials):
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
    monkeypatch.setattr(added, "run_apart", lambda *arguments, longest: "was tried")
    check_extensions(32, "cifar-10-c")
    path = folder / "lens_study/hellinger.py"
    path.write_text(path.read_text() + "\n")
    extensions.code.cache_clear()
    assert "was tried" in fault_of(check_extensions, 32, "cifar-10-c")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os\nos._exit(0)", "called exit with status 0 when it was tried"),
        (WRITER.format("os._exit(3)"), "called exit with status 3 when it was tried"),
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
    for module in ("report.drawing", "report.charts", "base.extensions"):
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


@pytest.mark.parametrize(
    "module", ["corruptions/registry.py", "diversity/metric.py", "report/registry.py", "study/trials/apart.py"]
)
def test_extensions_are_tried_again_when_what_tries_them_changed(monkeypatch, module):
    """Whatever modules the trials import, none of these being listed by hand."""
    before, syntax = _key(32, "cifar-10-c"), fingerprint._syntax
    path = Path(fingerprint.__file__).parents[1] / module
    edited = {path: (b"EDITED", syntax(path)[1])}
    monkeypatch.setattr(fingerprint, "_syntax", lambda file: edited.get(file) or syntax(file))
    assert _key(32, "cifar-10-c") != before
