"""What other packages add is found, tried, refused in one line where it cannot be used, and part of fingerprints."""

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import own_package
import pandas as pd
import pytest
from attacks.extensions import a_chart
from fault_messages import fault_of
from four_members import ARRAYS, NAMES, PREDICTIONS

from resiliency.base import extensions
from resiliency.diversity import pairs
from resiliency.diversity.metric import Metric, complement
from resiliency.diversity.metrics import METRICS
from resiliency.report import drawing
from resiliency.study.extensions import REGISTRIES, check_names
from resiliency.study.fingerprint import fingerprint

CHART = "from resiliency.report.chart import Chart\ndraw = finding = CAPTION = None\nCHART = Chart({})"
ACCURACY = "column corrupted_accuracy would have two meanings; expected a name other than "
SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of packages; what is found in it and loaded of it is forgotten after the test."""
    modules = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield tmp_path
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    forget()


def forget() -> None:
    """Have installed packages looked up anew."""
    extensions.extensions.cache_clear()
    extensions._entry_points.cache_clear()
    extensions.code.cache_clear()


@pytest.mark.parametrize(
    ("kind", "name", "value", "code", "reason"),
    [
        ("metrics", "mine", "missing:x", "", "cannot be loaded (ModuleNotFoundError: No module named 'missing')"),
        ("metrics", "mine", "own:x", "x = 1", "is neither a Metric nor an EnsembleMetric; see "),
        ("metrics", "entropy", "own:x", "x = 1", "there is a metric of this name already; rename it"),
        ("corruptions", "corrupted", "own:x", "x = 1", ACCURACY),
        ("corruptions", "mine", "own:x", "import sys; sys.exit(0)", "calls exit at import (SystemExit(0)); delete"),
        ("metrics", "mine", "own:x", "x = 1; print('a\\nb')", r"prints 'a\nb' at import, "),
        ("corruptions", "mine", "own:x", "x = 1", "is not a function of this name, registered by `corruption`"),
        ("charts", "mine", "own", CHART.format("('members',), 'nowhere', '', ''"), "section 'nowhere' is not one of"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(folder, kind, name, value, code, reason):
    (folder / "own.py").write_text(code)
    own_package.offer(folder, {f"resiliency.{kind}": {name: value}})

    def loaded() -> None:
        check_names(kind)
        runpy.run_path(find_spec(REGISTRIES[kind]).origin)

    message = fault_of(loaded)
    assert message.startswith(f"resiliency.{kind}: {name} = {value} of the package lens-study: {reason}")


SCRIPTS_OF = {
    "corruptions": {"corrupt", "gallery"},
    "metrics": {"pairwise_diversity", "score_ensembles", "correlate"},
    "charts": {"charts", "report"},
}


@pytest.mark.parametrize("kind", extensions.KINDS)
def test_fingerprints_change_with_the_extensions_that_a_script_loads(folder, kind):
    names = set().union(*SCRIPTS_OF.values(), {"train", "predict", "attribute"})

    def fingerprints() -> set[tuple[str, str]]:
        forget()
        return {(name, fingerprint(SCRIPTS / f"{name}.py")) for name in names}

    without = fingerprints()
    (folder / "own").mkdir()
    (folder / "own/__init__.py").write_text("x = 1\n")
    own_package.offer(folder, {f"resiliency.{kind}": {"mine": "own:x"}})
    before = fingerprints()
    changed = {name for name, _ in before - without}
    assert SCRIPTS_OF[kind] <= changed
    assert not changed & {"train", "attribute"}
    (folder / "own/other.py").write_text("y = 2\n")
    assert SCRIPTS_OF[kind] <= {name for name, _ in fingerprints() - before}


def test_a_metric_of_maps_is_measured_where_the_study_has_the_method(monkeypatch):
    """Of two metrics of other packages, one compares maps of a method that the study has."""
    added = {"of_saliency": "saliency", "of_occlusion": "occlusion"}
    for name, method in added.items():
        monkeypatch.setitem(METRICS, name, Metric("attribution", method, METRICS["saliency_cosine"].raw, complement))
    monkeypatch.setattr(pairs, "extensions", lambda kind: dict.fromkeys(added))
    predictions = dict(zip(NAMES, PREDICTIONS, strict=True))
    of_member = [NAMES], predictions, NAMES, lambda member, source: ARRAYS[source][NAMES.index(member)]
    table = pd.concat(pairs.pairs_of_groups(*of_member, ["saliency_cosine"]))
    of = table[table["kind"] == "attribution"].set_index("metric")["diversity"]
    assert {*of.index} == {"saliency_cosine", "of_saliency"}
    np.testing.assert_array_equal(of["of_saliency"], of["saliency_cosine"])


def test_a_chart_that_fails_is_named_and_changes_no_table(monkeypatch):
    def draw(members, colours):
        members["member"] = "spoilt"
        return members["nothing"]

    entry = SimpleNamespace(value="own", dist=None, load=lambda: a_chart(draw))
    for module in ("report.drawing", "report.charts", "base.extensions"):
        monkeypatch.setattr(f"resiliency.{module}.extensions", lambda kind: {"mine": entry})
    monkeypatch.setitem(drawing.CHARTS, "mine", a_chart().CHART)
    tables = {"members": pd.DataFrame({"member": ["a"]})}
    message = fault_of(drawing.draw, "mine", tables, [])
    assert message.startswith("resiliency.charts: mine = own: fails on the tables of this study (KeyError: 'nothing')")
    assert tables["members"]["member"].tolist() == ["a"]


def test_a_job_without_the_extensions_of_the_workflow_fails(folder):
    own_package.install(folder)
    extensions.require("metrics", ["hellinger"])
    message = fault_of(extensions.require, "metrics", ["hellinger", "mine", "other"])
    assert message == "resiliency.metrics: mine, other: not in this job's environment; install the package"


def test_a_metric_needs_a_source_of_its_kind():
    with pytest.raises(ValueError, match="kind 'prediction' cannot have source 'saliency'"):
        Metric("prediction", "saliency", None, None)
