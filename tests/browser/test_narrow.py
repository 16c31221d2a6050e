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


def rows(height: int, **width) -> dict:
    """A panel with names of rows."""
    y = {"field": "name", "type": "nominal", "axis": {"minExtent": 250, "maxExtent": 250}}
    x = {"field": "size", "type": "ordinal", "scale": {"domain": [2, 3]}}
    return {"layer": [{"mark": "rect", "encoding": {"x": x, "y": y}}], "height": {"step": height}} | width


@pytest.mark.parametrize(("height", "width", "broken"), [(19, {"step": 42}, False), (58, 300, True)])
def test_names_of_rows_have_all_the_room_and_are_broken_in_high_rows(for_phone, height, width, broken):
    axis = for_phone(rows(height, width=width))["layer"][0]["encoding"]["y"]["axis"]
    assert ("labelExpr" in axis) == broken
    assert broken or axis["labelLimit"] > len("Integrated gradients, 1 − Spearman") * 5.7
