"""What other packages add is tried on a small batch before the first job."""

from types import SimpleNamespace

import numpy as np
import pytest
from attacks.extensions import a_chart, installed, registered
from fault_messages import fault_of

from resiliency.base.faults import Fault
from resiliency.corruptions import engine
from resiliency.corruptions.registry import TABLES
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.study.extensions import check_extensions, corruption_fault, metric_fault

OF_WRONG_SHAPE = """
from resiliency.diversity.metric import Metric, unchanged
x = Metric("prediction", "correct", lambda correct: print("noise") or correct, unchanged)
"""


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


def test_built_in_metrics_pass():
    metrics = METRICS | ENSEMBLE_METRICS
    assert {name: metric_fault(metric) for name, metric in metrics.items()} == dict.fromkeys(metrics, "")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (OF_WRONG_SHAPE, "returns bool of shape (4, 12), expected numbers of shape (4, 4)"),
        ("import sys\nsys.exit(3)", "calls exit at import (SystemExit(3)); delete the call"),
    ],
)
def test_a_study_is_refused_for_its_extension(tmp_path, capsys, code, reason):
    with installed(tmp_path, code, {"metrics": {"mine": "own:x"}}):
        message = fault_of(check_extensions, 32, "cifar-10-c")
    assert message == f"resiliency.metrics: mine = own:x of the package lens-study: {reason}"
    assert capsys.readouterr() == ("", "")


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
