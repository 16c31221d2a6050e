"""Charts are legible to readers who do not tell red from green, and lines are named where they end."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_tables

from resiliency.report import settings
from resiliency.report.charts.deployment import LETTER, LINE, PLACES, POINT, free_places
from resiliency.report.charts.error_by_severity import APART, FARTHEST, line_labels, places
from resiliency.report.drawing import draw
from resiliency.report.registry import CHARTS
from resiliency.report.style import shades, shapes, spread
from resiliency.report.words import METRICS

# Machado, Oliveira and Fernandes (2009), deuteranopia and protanopia at severity 1.0, on linear sRGB.
DICHROMATS = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
}
SRGB_TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
LEAST = {"deuteranopia": 15, "protanopia": 10}  # CIE 1976 distances; about 2.3 is just noticeable side by side
ORDERED = 10  # between two shades of one colour, which have an order and a place beside
SEPARATING = ("shape", "strokeDash")
DESIGNS = {f"design{n:02}": f"family{n // 2}" for n in range(20)}


@pytest.fixture(scope="module")
def many():
    return synthetic_tables(designs=DESIGNS, seeds=1, objectives={"balanced": (0.0, 0.5, 1.0)}, sizes=[2])


def lab(colour: str, seen_by: str) -> np.ndarray:
    """CIE Lab of a colour such as #0072B2 under D65, as a dichromat sees it."""
    coded = np.array(list(bytes.fromhex(colour[1:]))) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    ratio = SRGB_TO_XYZ @ np.clip(DICHROMATS[seen_by] @ linear, 0, 1) / np.sum(SRGB_TO_XYZ, axis=1)
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest(colours: list[str], seen_by: str) -> float:
    return min(np.linalg.norm(lab(a, seen_by) - lab(b, seen_by)) for a, b in combinations(colours, 2))


@pytest.mark.parametrize("seen_by", DICHROMATS)
def test_the_palette_stays_distinguishable(seen_by):
    assert nearest(settings.OKABE_ITO, seen_by) > LEAST[seen_by]
    assert nearest(["#D62728", "#2CA02C"], "deuteranopia") < 26  # the matrix does what it should to red and green


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_shades_stay_distinguishable(count):
    assert nearest(shades(settings.OKABE_ITO[0], count), "deuteranopia") > ORDERED


def encodings(part) -> list[dict]:
    """All encodings in a specification."""
    if isinstance(part, list):
        return [encoding for item in part for encoding in encodings(item)]
    if not isinstance(part, dict):
        return []
    own = [part["encoding"]] if "encoding" in part else []
    return own + [
        encoding for key, item in part.items() if key not in ("datasets", "encoding") for encoding in encodings(item)
    ]


@pytest.mark.parametrize("name", CHARTS)
def test_shapes_and_dashes_tell_apart_what_colours_do_not(name, many):
    mappings = encodings(draw(name, many, settings.OKABE_ITO))
    for hue in (encoding["color"] for encoding in mappings if "range" in encoding.get("color", {}).get("scale", {})):
        styles = {
            str(value): [colour] for value, colour in zip(hue["scale"]["domain"], hue["scale"]["range"], strict=True)
        }
        for other in (encoding[channel] for encoding in mappings for channel in SEPARATING if channel in encoding):
            if other.get("field") == hue["field"] and other["scale"]["domain"] == hue["scale"]["domain"]:
                for value, style in zip(other["scale"]["domain"], other["scale"]["range"], strict=True):
                    styles[str(value)] += [style]
        for (a, *more_a), (b, *more_b) in combinations(styles.values(), 2):
            assert more_a != more_b or nearest([a, b], "deuteranopia") > ORDERED or hue.get("legend", "") is None
        if hue.get("legend", "") is not None and hue["type"] == "nominal" and len(styles) > 2:
            assert len(set(map(str, styles.values()))) == len(styles)


def test_names_that_share_a_colour_differ_in_shape():
    names = [str(n) for n in range(50)]
    for colours in (settings.OKABE_ITO, settings.OKABE_ITO[:7], settings.OKABE_ITO[:3]):
        some = names[: 7 * len(colours)]
        pairs = zip(spread(some, colours).to_dict()["range"], shapes(some, colours).to_dict()["range"], strict=True)
        assert len(set(pairs)) == len(some)


def test_labels_of_points_cover_neither_each_other_nor_points():
    points = np.array([[100.0, 100.0], [112, 101], [124, 100], [300, 100]])
    taken = np.column_stack([points, np.full((4, 2), POINT)])
    middles = free_places(points, np.array([1, 2, 1, 1]), taken)
    assert np.isfinite(middles).all()
    boxes = np.vstack([np.column_stack([middles, LETTER * np.array([1, 2, 1, 1]), np.full(4, LINE)]), taken])
    for one, other in combinations(boxes, 2):
        apart = np.abs(one[:2] - other[:2]) >= (one[2:] + other[2:]) / 2
        assert apart.any() or (one[2] == POINT == other[2])
    assert middles[3].tolist() == [300 + PLACES[0][0], 100 + PLACES[0][1]]


def test_a_label_without_room_is_left_out():
    points = np.zeros((20, 2))
    middles = free_places(points, np.ones(20), np.empty((0, 4)))
    assert 0 < np.isnan(middles[:, 0]).sum() < 20


def test_numbers_stand_beside_their_points_on_the_front():
    tables = synthetic_tables()
    spec = draw("deployment", tables, settings.OKABE_ITO)
    panel = spec["hconcat"][0]
    (numbers,) = [part for part in panel["layer"] if part["mark"].get("fontSize") == 11 and "dx" not in part["mark"]]
    placed = pd.DataFrame(spec["datasets"][numbers["data"]["name"]])
    front = tables["deployment"].query("front_macs")
    for row in placed.itertuples():
        near = front[front["size"] == row.size]
        assert (np.log(near["macs"].astype(float) / row.macs).abs() < 0.1).any()


def test_headings_of_the_heat_map_fit_their_panels():
    spec = draw("correlation_heatmap", synthetic_tables(sizes=(2,), metrics=tuple(METRICS)), settings.OKABE_ITO)
    band = spec["vconcat"][0]
    (width,) = {panel["width"]["step"] for panel in band["hconcat"]}
    for panel in band["hconcat"]:
        assert 7.5 * max(map(len, panel["title"]["text"])) <= width + band["spacing"]  # px of a bold letter
    title = spec["vconcat"][-1]["hconcat"][0]["layer"][0]["encoding"]["x"]["title"]
    assert 6.2 * max(map(len, title)) <= width + band["spacing"]


def test_learning_curves_name_a_family_on_a_line_of_its_own():
    spec = draw("learning_curves", synthetic_tables(), settings.OKABE_ITO)
    titles = [panel["vconcat"][0]["title"] for panel in spec["vconcat"][0]["concat"]]
    assert [title["subtitle"][1:] for title in titles] == [["resnet"], ["resnet"], ["vit"]]


def test_labels_stand_at_the_ends_of_lines_or_beside_each_other():
    ends = np.array([200.0, 10.0, 14.0, 100.0])
    placed = places(ends, 300)
    np.testing.assert_allclose(placed, [200, 12 - APART / 2, 12 + APART / 2, 100])
    assert places(np.array([5.0, 5.0]), 300).tolist() == [0, APART]
    assert np.all(np.diff(np.sort(places(np.full(4, 150.0), 300))) == APART)


def test_lines_that_end_too_near_have_a_legend_instead():
    count = 2 * FARTHEST // APART + 2
    assert places(np.full(count, 150.0), 300) is None
    assert places(np.linspace(0, 10, 9), 100) is None
    assert line_labels(pd.DataFrame({"error": np.full(count, 0.5)}), (0, 1), 300) is None


def test_labels_have_their_places_on_the_axis():
    labels = line_labels(pd.DataFrame({"error": [0.5, 0.25]}), (0, 1), 400)
    assert labels["place"].tolist() == [0.5, 0.25]


def test_the_chart_by_severity_names_its_lines():
    spec = draw("error_by_severity", synthetic_tables(seeds=1, sizes=[2], objectives={}), settings.OKABE_ITO)
    assert all(encoding["color"].get("legend") is None for encoding in encodings(spec) if "field" in encoding["color"])
    (words,) = [part for part in spec["layer"] if part.get("mark", {}).get("type") == "text"]
    labels = pd.DataFrame(spec["datasets"][words["data"]["name"]])
    assert set(labels["design"]) == {"resnet18", "resnet50", "vit"}
    assert spec["params"][0]["select"]["fields"] == ["name"]
    assert {"name", "design"} <= set(labels)  # a click on a label chooses its line


def test_the_legend_of_many_lines_is_in_the_order_of_their_ends(many):
    errors = many["corruption_errors"]
    close = 0.5 + errors["member"].map({member: n for n, member in enumerate(many["members"]["member"])}) / 1e6
    tables = many | {"corruption_errors": errors.assign(error=close)}
    hue = encodings(draw("error_by_severity", tables, settings.OKABE_ITO))[0]["color"]
    assert hue["scale"]["domain"] == [f"{name} ({family})" for name, family in reversed(DESIGNS.items())]
    assert hue["legend"]["title"] == "Design (family)"
    assert hue["legend"]["columns"] == 2  # 20 lines beside a chart that is as high as 13
