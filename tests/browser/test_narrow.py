"""Charts drawn anew for a phone."""

import pytest
from opened import PHONE

from resiliency.report.page import FOLDER

pytestmark = pytest.mark.browser
ROOM = PHONE["width"] - 32


@pytest.fixture(scope="module")
def for_phone(browser):
    page = browser.new_page()
    page.add_script_tag(content=(FOLDER / "narrow.js").read_text(encoding="utf-8"))
    return lambda spec: page.evaluate("([spec, room]) => forPhone(spec, room)", [spec, ROOM])


@pytest.mark.parametrize(("letters", "columns"), [(30, 1), (18, 2), (1, 11)])
@pytest.mark.parametrize("legend", [{}, {"legend": {"orient": "right"}}])
def test_legends_have_as_many_columns_as_there_is_room_for(for_phone, letters, columns, legend):
    names = [chr(ord("a") + place) * letters for place in range(16)]
    hue = {"field": "name", "type": "nominal", "scale": {"domain": names}} | legend
    drawn = for_phone({"mark": "point", "encoding": {"color": hue, "shape": hue}, "width": 300})
    for channel in drawn["encoding"].values():
        assert channel["legend"]["columns"] == columns
        assert channel["legend"]["orient"] == "bottom"


def test_a_chart_without_a_legend_gets_none(for_phone):
    hue = {"field": "name", "type": "nominal", "scale": {"domain": ["a", "b"]}, "legend": None}
    assert for_phone({"mark": "line", "encoding": {"color": hue}, "width": 300})["encoding"]["color"]["legend"] is None


def rows(height: int, **width) -> dict:
    """A panel with names of rows."""
    y = {"field": "name", "type": "nominal", "axis": {"minExtent": 250, "maxExtent": 250}}
    x = {"field": "size", "type": "ordinal", "scale": {"domain": [2, 3]}}
    return {"layer": [{"mark": "rect", "encoding": {"x": x, "y": y}}], "height": {"step": height}} | width


def test_names_of_rows_of_a_heat_map_have_all_the_room_that_it_leaves(for_phone):
    axis = for_phone(rows(19, width={"step": 42}))["layer"][0]["encoding"]["y"]["axis"]
    assert axis["labelLimit"] > len("Integrated gradients, 1 − Spearman") * 5.7
    assert "labelExpr" not in axis


def test_names_of_high_rows_are_broken_into_lines(for_phone):
    axis = for_phone(rows(58, width=300))["layer"][0]["encoding"]["y"]["axis"]
    assert axis["maxExtent"] == 110
    assert "split" in axis["labelExpr"]
