"""Charts of synthetic tables, drawn once for all tests of a process."""

import json
import re
from functools import cache
from html.parser import HTMLParser

from synthetic import synthetic_tables

from resiliency.report.drawing import draw, svg
from resiliency.report.registry import CHARTS
from resiliency.report.settings import OKABE_ITO


@cache
def usual(name: str) -> dict:
    """The specification of the chart `name` of the synthetic study."""
    return draw(name, synthetic_tables(), OKABE_ITO)


@cache
def usual_charts() -> tuple[dict[str, dict], dict[str, str]]:
    """Specifications and pictures of all charts of the synthetic study."""
    return {name: usual(name) for name in CHARTS}, {name: rendered(usual(name)) for name in CHARTS}


def rendered(spec: dict) -> str:
    """The chart as SVG; it must have its title, no number that is none, and a specification of less than a megabyte."""
    picture = svg(spec)
    assert spec["title"]["text"] in picture
    assert "NaN" not in re.sub(r"base64,[^\"]*", "", picture)
    assert len(json.dumps(spec)) < 1_000_000
    return picture


class Links(HTMLParser):
    """Collects tags, and what the page refers to."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.references = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.references += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]


def fetched(links: Links) -> list[str]:
    return [reference for reference in links.references if reference and reference.startswith(("http", "//"))]
