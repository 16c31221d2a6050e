"""What other packages add is tried on a small batch before the first job."""

from types import SimpleNamespace

import numpy as np
import pytest
from attacks.extensions import a_chart, registered
from fault_messages import fault_of

from resiliency.base.faults import Fault
from resiliency.corruptions import engine


def test_a_job_does_not_cast_what_a_corruption_returns():
    images = np.full((2, 32, 32, 3), 200, np.uint8)
    with (
        registered(lambda images, streams: images / 255),
        pytest.raises(Fault, match=r"mine: expected uint8 .* got float64"),
    ):
        engine.corrupt(images, "mine", 1, table="cifar-10-c", seed=0)


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
