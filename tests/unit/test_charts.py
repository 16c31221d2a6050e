"""Charts of small synthetic tables: their specifications and sentences as they were reviewed, and
how they are written.

`pytest tests/unit/test_charts.py --golden` writes tests/golden/charts and the golden sentences
again.
"""

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import altair as alt
import jsonschema
import numpy as np
import pandas as pd
import pytest
import vl_convert
from drawn_charts import rendered
from finding_cases import CASES
from page_text import compare, in_sentences
from synthetic import HOSTILE, OBJECTIVES, synthetic_tables

from resiliency.base.faults import Fault
from resiliency.report import drawing, settings
from resiliency.report.charts.deployment import MOST_CLASSES
from resiliency.report.drawing import VEGA_LITE, draw, finding_of, html, svg, write_chart
from resiliency.report.settings import CHARTS
from resiliency.report.style import SHAPES, told_apart

GOLDEN = Path(__file__).parents[1] / "golden"
WIDTH = 160  # of a line of a golden file
LEFT_OUT = {"data", "datasets", "config", "$schema", "views", "description", "tables", "view"}

pytestmark = pytest.mark.slow


def without_data(part):
    """A specification without its rows and the look of all charts; numbers have three digits."""
    if isinstance(part, dict):
        named = {
            key: value
            for key, value in part.items()
            if key not in LEFT_OUT and str(value)[:5] != "view_"
        }
        if isinstance(named.get("tooltip"), list):
            each = (
                f"{of['title']}: {of['field']} {of.get('format', '')}".strip()
                for of in part["tooltip"]
            )
            named["tooltip"] = " | ".join(each)
        if isinstance(named.get("opacity"), dict):
            named["opacity"] = named["opacity"]["condition"][0]["param"]
        return {key: without_data(value) for key, value in named.items()}
    if isinstance(part, list):
        return [without_data(item) for item in part]
    return float(f"{part:.3g}") if isinstance(part, float) else part


def in_lines(part, indent: str = "") -> str:
    """As JSON in which what fits a line stands in one."""
    text = json.dumps(part, ensure_ascii=False)
    if len(indent) + len(text) <= WIDTH or not isinstance(part, dict | list) or not part:
        return text
    pairs = part.items() if isinstance(part, dict) else ((None, item) for item in part)
    rows = [
        f"{indent} {'' if key is None else json.dumps(key) + ': '}{in_lines(value, indent + ' ')}"
        for key, value in pairs
    ]
    ends = "{}" if isinstance(part, dict) else "[]"
    return f"{ends[0]}\n" + ",\n".join(rows) + f"\n{indent}{ends[1]}"


@pytest.fixture(scope="module")
def vega_lite() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(alt.load_schema())


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_valid_renders_and_looks_as_it_was_reviewed(name, vega_lite, request):
    spec = draw(
        name, synthetic_tables(objectives={"balanced": (0.0, 0.5, 1.0)}), settings.OKABE_ITO
    )
    rows = {data: values[:3] for data, values in spec.get("datasets", {}).items()}  # of many alike
    vega_lite.validate(spec | ({"datasets": rows} if rows else {}))
    assert rendered(spec)
    compare(request, GOLDEN / f"charts/{name}.json", in_lines(without_data(spec)) + "\n")


def test_every_sentence_is_as_it_was_reviewed(request):
    text = in_sentences((name, finding_of(name, *tables)) for name, *tables in CASES)
    compare(request, GOLDEN / "finding_cases.txt", text)


@pytest.mark.parametrize("name", CHARTS)
def test_charts_survive_empty_and_unknown_values(name):
    tables = synthetic_tables()
    empty = {key: table.iloc[:0] for key, table in tables.items()}
    unknown = {key: table.copy() for key, table in tables.items()}
    for table in unknown.values():
        table[table.select_dtypes("float").columns.difference(["loss_weight"])] = np.nan
    for case in (empty, unknown):
        vl_convert.vegalite_to_svg(draw(name, case, settings.OKABE_ITO[:1]), vl_version=VEGA_LITE)


def test_weights_draw_points_of_seeds_their_means_and_independent_training():
    tables = synthetic_tables(objectives=OBJECTIVES | {"independent": (0.0,)})
    joint = tables["ensembles"].query("origin == 'joint' and rule == 'mean_probability'")
    spec = draw("loss_weight", tables, settings.OKABE_ITO)
    ncl = next(row for row in spec["vconcat"] if row["title"]["text"].startswith("ncl"))
    layers = [
        pd.DataFrame(spec["datasets"][layer["data"]["name"]])
        for layer in ncl["hconcat"][1]["layer"]
    ]
    independent, means, points = (rows.query("of == 'ensemble'").value for rows in layers)
    own = joint[joint.objective == "ncl"]
    assert points.tolist() == pytest.approx(own.corrupted_accuracy.tolist(), abs=1e-5)
    assert means.tolist() == pytest.approx(
        own.groupby("loss_weight").corrupted_accuracy.mean().tolist(), abs=1e-5
    )
    assert independent.item() == pytest.approx(
        joint[joint.loss_weight == 0].corrupted_accuracy.mean(), abs=1e-5
    )


def marks_of(part: dict) -> Iterator[dict]:
    """The marks of a specification, in the order in which they are drawn."""
    inner = [of for kind in ("layer", "hconcat", "vconcat", "concat") for of in part.get(kind, [])]
    yield from chain.from_iterable(map(marks_of, inner)) if inner else [part]


@pytest.mark.parametrize("name", ["ceiling", "loss_weight", "swaps"])
def test_a_click_on_a_legend_chooses_by_the_first_mark_that_has_it(name):
    spec = draw(name, synthetic_tables(), settings.OKABE_ITO)
    (choice,) = spec["params"]
    with_legend = [of for of in marks_of(spec) if of["encoding"].get("color", {}).get("field")]
    assert with_legend[0]["name"] == choice["views"][0]


def test_charts_are_written_in_every_format(tmp_path):
    spec = draw("error_by_severity", synthetic_tables(), settings.OKABE_ITO)
    write_chart([tmp_path / f"chart{suffix}" for suffix in settings.CHART_SUFFIXES], spec, 1)
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "chart.vl.json").read_text()) == spec
    assert html(spec) == (tmp_path / "chart.html").read_text()
    assert json.dumps(spec)[:1000] in html(spec)


@pytest.mark.parametrize(
    ("version", "filtered", "reason"),
    [(VEGA_LITE, "a.b(1)", "Illegal callee"), ("v1.1", "true", "Unsupported")],
)
def test_a_chart_that_cannot_be_drawn_is_named_with_the_versions_that_cannot(
    tmp_path, monkeypatch, version, filtered, reason
):
    monkeypatch.setattr(drawing, "VEGA_LITE", version)
    wrong = {"mark": "bar", "transform": [{"filter": filtered}], "data": {"values": [{"a": 1}]}}
    versions = f"Altair {alt.__version__} and vl-convert {vl_convert.__version__}"
    with pytest.raises(
        Fault, match=rf"^confusions: {versions} cannot draw it \(.*{reason}[\w ./:-]*\); "
    ):
        write_chart([tmp_path / "confusions.svg", tmp_path / "confusions.png"], wrong, 1)
    assert list(tmp_path.iterdir()) == []


def test_no_name_ends_the_script_of_an_interactive_chart():
    assert HOSTILE not in html({"title": HOSTILE})


def test_a_matrix_of_confusions_names_every_class():
    """In rows and in columns of both panels."""
    names = [f"class {place:02d}" for place in range(MOST_CLASSES)]
    rows = pd.DataFrame([(a, b) for a in names for b in names], columns=["class", "predicted"])
    rows = rows.assign(
        role="recommended model", members="a", size=1, answers=1, share=1 / MOST_CLASSES
    )
    both = pd.concat([rows.assign(images=images) for images in ("clean", "corrupted")])
    picture = svg(draw("confusions", {"confusions": both}, settings.OKABE_ITO))
    visible = {
        name: re.findall(rf'<text (?![^>]*opacity="0")[^>]*>{name}<', picture) for name in names
    }
    assert {name: len(of) for name, of in visible.items()} == dict.fromkeys(names, 4)


def test_logits_are_not_read_as_percentages():
    spec = draw("effective_robustness", synthetic_tables(), settings.OKABE_ITO)
    assert not re.search(
        'aria-label="[^"]*%', vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    )
    assert "aria-" not in svg(spec)


def test_names_that_share_a_colour_differ_in_shape():
    for colours in (settings.OKABE_ITO, settings.OKABE_ITO[:7], settings.OKABE_ITO[:3]):
        names = [str(n) for n in range(7 * len(colours))][:50]
        of = told_apart("name", names, colours, shapes=SHAPES).channels
        ranges = (of[channel]["scale"]["range"] for channel in ("color", "shape"))
        assert len(set(zip(*ranges, strict=True))) == len(names)
