"""Charts are legible to readers who do not tell red from green."""

from itertools import combinations

import numpy as np
import pytest
from synthetic import synthetic_tables

from resiliency.report import settings
from resiliency.report.drawing import draw
from resiliency.report.registry import CHARTS
from resiliency.report.style import cycled, shades, shapes

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
        pairs = zip(cycled(colours, len(some)), shapes(some, colours), strict=True)
        assert len(set(pairs)) == len(some)
