"""Charts and report from small synthetic tables, those of degenerate studies included."""

import json
from pathlib import Path

import altair as alt
import jsonschema
import numpy as np
import pandas as pd
import pytest
import vl_convert
from drawn_charts import Links, fetched, rendered, usual
from synthetic import OBJECTIVES, histories_of, member_table, synthetic_tables

from resiliency.diversity.metrics import ENSEMBLE_METRICS
from resiliency.diversity.metrics import METRICS as REGISTERED
from resiliency.report import charts, settings
from resiliency.report.bundle import bundle
from resiliency.report.charts.coincident_failures import of_pairs
from resiliency.report.drawing import VEGA_LITE, draw, write_chart
from resiliency.report.page import APPENDIX, SECTIONS, charts_of
from resiliency.report.registry import CHARTS
from resiliency.report.style import shades
from resiliency.report.words import METRIC_LABELS as LABELS
from resiliency.report.words import METRICS, bounds, difference_interval, duration, interval, number, percent
from resiliency.report.words import OBJECTIVES as OBJECTIVE_NAMES
from resiliency.storage.tables import read_table, write_table

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_renders(name):
    """And so it does of degenerate studies: see test_degenerate.py."""
    assert rendered(usual(name))


@pytest.fixture(scope="module")
def vega_lite() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(alt.load_schema())


@pytest.mark.parametrize("name", CHARTS)
def test_every_specification_is_valid(name, vega_lite):
    spec = usual(name)
    rows = {data: values[:3] for data, values in spec.get("datasets", {}).items()}  # of many alike
    vega_lite.validate(spec | ({"datasets": rows} if rows else {}))


def test_charts_are_drawn_of_names_that_look_like_numbers(tmp_path):
    tables = synthetic_tables(designs={"1": "2012", "01": "1e5", "1e3": "2012"})
    read = {"members", "histories", "corruption_errors", "coincident_failures"}
    for name in read:
        write_table(tmp_path / f"{name}.csv", tables[name])
        tables[name] = read_table(tmp_path / f"{name}.csv")
    for name in CHARTS:
        if read & set(CHARTS[name].tables):
            draw(name, tables, settings.OKABE_ITO)
    assert set(tables["coincident_failures"]["first"]) == {"1", "01", "1e3"}


@pytest.mark.parametrize("name", CHARTS)
def test_charts_survive_empty_and_unknown_values(name):
    tables = synthetic_tables()
    empty = {key: table.iloc[:0] for key, table in tables.items()}
    unknown = {key: table.copy() for key, table in tables.items()}
    for table in unknown.values():
        floats = table.select_dtypes("float").columns.difference(["loss_weight"])
        table[floats] = np.nan
    for case in (empty, unknown):
        vl_convert.vegalite_to_svg(draw(name, case, settings.OKABE_ITO[:1]), vl_version=VEGA_LITE)


def test_every_module_of_a_chart_is_registered_and_its_section_is_on_the_page():
    assert set(CHARTS) == {path.stem for path in Path(charts.__file__).parent.glob("[!_]*.py")}
    assert sorted(CHARTS) == sorted(name for section in SECTIONS + APPENDIX for name in charts_of(section))


def lines(spec: dict) -> pd.DataFrame:
    """All that the learning curves draw."""
    return pd.concat([pd.DataFrame(rows) for rows in spec["datasets"].values()], ignore_index=True)


def test_learning_curves_have_a_panel_for_each_design_and_objective():
    tables, spec = synthetic_tables(), usual("learning_curves")
    panels = [panel["vconcat"][0]["title"] for block in spec["vconcat"] for panel in block["concat"]]
    assert [panel["text"] for panel in panels] == ["resnet18", "resnet50", "vit", "balanced", "adp"]
    drawn, histories = lines(spec), tables["histories"]
    assert len(drawn) == 6 * (3 * 2 + 5 * 2)  # epochs, of members and of ensembles
    last = histories[(histories.objective == "adp") & (histories.epoch == 6)].validation_accuracy
    assert panels[-1]["subtitle"] == percent(last.mean())


def test_long_learning_curves_are_thinned_between_their_ends():
    designs = {f"design{n}": f"family{n % 7}" for n in range(24)}
    objectives = {f"objective{n}": (0.0, 0.5, 1.0) for n in range(8)}
    rng = np.random.default_rng(0)
    histories = histories_of(member_table(designs, 3, objectives, 0, rng), epochs=200, rng=rng)
    spec = draw("learning_curves", {"histories": histories}, settings.OKABE_ITO)
    epochs = lines(spec).groupby(["design", "objective", "loss_weight", "seed"], dropna=False)["epoch"]
    assert epochs.ngroups == 24 * 3 + 8 * 3 * 3
    assert set(epochs.min()) == {1}
    assert set(epochs.max()) == {200}
    assert epochs.size().nunique() == 1
    assert epochs.diff().max() <= 1 + epochs.diff().min()
    assert f"through {epochs.size().iloc[0]} evenly spaced epochs" in spec["title"]["subtitle"][-1]
    assert len(json.dumps(spec)) < 1_000_000


def test_learning_curves_leave_out_members_that_were_not_trained_here():
    tables = synthetic_tables()
    histories = tables["histories"][tables["histories"].design != "vit"]
    spec = draw("learning_curves", {"histories": histories}, settings.OKABE_ITO)
    assert set(lines(spec).design.dropna()) == {"resnet18", "resnet50"}


def panels_of(spec: dict) -> dict[str, list[dict]]:
    """Objective -> its panels in the chart of loss_weights."""
    return {row["title"]["text"].partition(":")[0]: row["hconcat"] for row in spec["vconcat"]}


def drawn_in(spec: dict, panel: dict) -> list[pd.DataFrame]:
    """What the layers of a panel draw: independent training, means, and points."""
    return [pd.DataFrame(spec["datasets"][layer["data"]["name"]]) for layer in panel["layer"]]


def test_weight_shows_every_objective_on_the_same_scales():
    objectives = {name: (0.5, 2.0) if name == "adp" else (0.0, 0.25, 1.0) for name in OBJECTIVE_NAMES}
    tables = synthetic_tables(objectives=objectives | {"independent": (0.0,)})
    spec = draw("loss_weight", tables, settings.OKABE_ITO)
    rows = panels_of(spec)
    assert list(rows) == [name for name in objectives if name != "independent"]
    for column in zip(*rows.values(), strict=True):
        domains = [panel["layer"][-1]["encoding"]["y"]["scale"]["domain"] for panel in column]
        assert domains.count(domains[0]) == len(rows)
    ends = {name: panels[0]["layer"][-1]["encoding"]["x"]["scale"]["domain"] for name, panels in rows.items()}
    assert ends == {name: [0, 2] if name == "adp" else [0, 1] for name in rows}
    assert len(json.dumps(spec)) < 1_000_000


def test_weight_draws_points_of_seeds_their_means_and_independent_training():
    tables = synthetic_tables(objectives=OBJECTIVES | {"independent": (0.0,)})
    joint = tables["ensembles"].query("origin == 'joint' and rule == 'mean_probability'")
    spec = draw("loss_weight", tables, settings.OKABE_ITO)
    independent, means, points = (t.query("of == 'ensemble'") for t in drawn_in(spec, panels_of(spec)["adp"][1]))
    adp = joint[joint.objective == "adp"]
    assert points.value.tolist() == pytest.approx(adp.corrupted_accuracy.tolist(), abs=1e-5)
    assert means.value.tolist() == pytest.approx(
        adp.groupby("loss_weight").corrupted_accuracy.mean().tolist(), abs=1e-5
    )
    assert independent.value.item() == pytest.approx(joint[joint.loss_weight == 0].corrupted_accuracy.mean(), abs=1e-5)


def test_every_objective_has_words():
    from resiliency.training.objectives import OBJECTIVES as AVAILABLE

    assert set(OBJECTIVE_NAMES) == set(AVAILABLE)


def test_charts_are_written_in_every_format(tmp_path):
    spec = usual("error_by_severity")
    write_chart([tmp_path / f"chart{suffix}" for suffix in settings.CHART_SUFFIXES], spec, 1)
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "chart.svg").read_text().startswith("<svg")
    assert json.loads((tmp_path / "chart.vl.json").read_text()) == spec
    assert not fetched(Links((tmp_path / "chart.html").read_text()))


def test_pages_of_charts_are_those_of_vl_convert(tmp_path):
    spec = usual("correlations")
    write_chart([tmp_path / "chart.html"], spec, 1)
    whole = vl_convert.vegalite_to_html(spec, vl_version=VEGA_LITE, bundle=True)
    assert (tmp_path / "chart.html").read_text() == whole
    assert fetched(Links(whole)) == []


def test_what_draws_charts_in_a_browser_is_made_once(monkeypatch):
    before = bundle(VEGA_LITE)
    bundle.cache_clear()
    monkeypatch.setattr(vl_convert, "javascript_bundle", None)
    assert bundle(VEGA_LITE) == before


def test_pages_of_charts_run_no_script_in_names(tmp_path):
    tables = synthetic_tables(designs={"resnet18": "</script><script>alert(1)</script>", "vit": "vit"})
    spec = draw("size_accuracy_robustness", tables, settings.OKABE_ITO)
    write_chart([tmp_path / "a.html"], spec, 1)
    page = (tmp_path / "a.html").read_text()
    assert "<script>alert(1)" not in page
    (line,) = [line for line in page.splitlines() if line.startswith("    const spec = ")]
    assert "\\u003cscript>alert(1)" in line
    assert json.loads(line.removeprefix("    const spec = ").removesuffix(";"))["datasets"] == spec["datasets"]


def test_words():
    assert percent(0.1234) == "12.3%"
    assert percent(np.nan) == number(None) == "–"
    assert number(-0.0001, 2) == "0.00"
    assert number(1234567, 0) == "1,234,567"
    assert interval(-0.5, 0.25) == "[−0.500, 0.250]"
    assert [duration(s) for s in (2.5, 75, 7260)] == ["2.5 s", "1 min 15 s", "2 h 01 min"]


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.01, 0.034, "[1.0, 3.4]"),
        (-0.0003, 0.0097, "[−0.03, 0.97]"),
        (-0.00004, 0.00002, "[−0.004, 0.002]"),
        (0, 0.01, "[0.0, 1.0]"),
        (-1e-7, 0.02, "[0.000, 2.000]"),
        (np.nan, 0.02, ""),
    ],
)
def test_ends_of_a_difference_show_on_which_side_of_0_they_are(low, high, shown):
    assert difference_interval(low, high) == shown


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.2344, 0.4951, "[0.234, 0.495]"),
        (-0.0023, 0.137, "[−0.002, 0.137]"),
        (-0.0003, 0.137, "[−0.0003, 0.1370]"),
        (-0.0093, -0.0042, "[−0.0093, −0.0042]"),
        (-0.00004, 0.0058, "[−0.00004, 0.00580]"),
        (0, 0.2, "[0.000, 0.200]"),
        (np.nan, 0.2, ""),
    ],
)
def test_bounds_show_on_which_side_of_0_they_are(low, high, shown):
    assert bounds(low, high) == shown


def test_shades_go_from_light_to_dark():
    brightness = [sum(bytes.fromhex(shade[1:])) for shade in shades("#0072B2", 4)]
    assert brightness == sorted(brightness, reverse=True)


def test_a_sample_is_told_in_every_chart_of_ensembles():
    tables = synthetic_tables()
    for name in ("ensembles", "correlations"):
        tables[name] = tables[name].assign(possible=5000)
    for name in ("correlations", "diversity_accuracy", "architecture_diversity"):
        subtitle = " ".join(draw(name, tables, settings.OKABE_ITO)["title"]["subtitle"])
        assert "sample" in subtitle
        assert "000" in subtitle
        assert "sample" not in " ".join(usual(name)["title"]["subtitle"])


def test_correlations_are_drawn_where_those_on_clean_images_are_not_known():
    table = synthetic_tables()["correlations"]
    table.loc[table.condition == "clean", "correlation"] = np.nan
    assert (table.condition == "corrupted").any()
    assert rendered(draw("correlations", {"correlations": table}, settings.OKABE_ITO))


def test_every_metric_has_a_label_of_its_own():
    assert sorted(LABELS) == sorted(METRICS) == sorted([*REGISTERED, *ENSEMBLE_METRICS])
    assert len(set(LABELS.values())) == len(LABELS)


def test_coincident_failures_have_intervals_around_independence():
    rows = of_pairs(synthetic_tables()["coincident_failures"])
    assert rows.groupby(["corruption", "pair"]).size().to_dict() == {
        (images, pair): 3 for images in ("clean", "corrupted") for pair in ("one design", "two designs")
    }
    assert rows[["least", "most"]].drop_duplicates().to_numpy() == pytest.approx(np.array([[0.05, 0.14]]))


def test_heatmap_of_correlations_holds_every_metric_and_ignores_other_rows():
    table = synthetic_tables(metrics=tuple(METRICS))["correlations"]
    others = [table.assign(measure="partial"), table.assign(condition="fog")]
    spec = usual("correlation_heatmap")
    assert draw("correlation_heatmap", {"correlations": pd.concat([table, *others])}, settings.OKABE_ITO) == spec
    panels = [panel for band in spec["vconcat"] for panel in band["hconcat"]]
    assert len(panels) == 3 * 2
    rows = [panel["layer"][0]["encoding"]["y"]["scale"]["domain"] for panel in panels[::2]]
    assert sum(map(len, rows)) == len(METRICS)


def test_origins_are_drawn_with_their_intervals_and_the_difference():
    spec = draw("origins", synthetic_tables(), settings.OKABE_ITO)
    of_accuracy = spec["hconcat"][0]["vconcat"]
    drawn = [
        (layer["encoding"]["x"]["field"], layer["encoding"].get("x2", {}).get("field"))
        for panel in of_accuracy
        for layer in panel["layer"]
    ]
    assert ("low", "high") in drawn
    assert ("advantage_low", "advantage_high") in drawn
    assert not any("quartile" in str(ends) for ends in drawn)


@pytest.mark.parametrize("name", ["coincident_failures", "correlations", "loss_weight"])
def test_legends_filter(name):
    spec = usual(name)
    assert [parameter["bind"] for parameter in spec["params"]] == ["legend"]
    assert f'"param": "{spec["params"][0]["name"]}"' in json.dumps(spec)


def tooltips(spec: dict | list) -> list[dict]:
    if isinstance(spec, list):
        return [entry for part in spec for entry in tooltips(part)]
    if not isinstance(spec, dict):
        return []
    tooltip = spec.get("tooltip", [])
    own = [entry for entry in (tooltip if isinstance(tooltip, list) else [tooltip]) if isinstance(entry, dict)]
    return own + [entry for key, part in spec.items() if key not in ("tooltip", "datasets") for entry in tooltips(part)]


@pytest.mark.parametrize("name", CHARTS)
def test_tooltips_have_names_that_people_read_and_rounded_numbers(name):
    entries = tooltips(usual(name))
    assert entries
    assert [entry for entry in entries if "_" in entry["title"] or entry["title"] in ("low", "high", "macs")] == []
    shares = ("accuracy", "error", "risk", "coverage", "value", "mean", "distance", "correlation")
    assert [e["field"] for e in entries if e["field"].endswith(shares) and "format" not in e] == []
