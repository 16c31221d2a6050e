"""Charts of synthetic tables, drawn once for all tests of a process."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from html.parser import HTMLParser

import altair as alt
import pandas as pd
from synthetic import synthetic_tables

from resiliency.report.charts import caption_of, finding_of
from resiliency.report.deployment import deployment_answers
from resiliency.report.drawing import draw, svg
from resiliency.report.registry import CHARTS
from resiliency.report.settings import OKABE_ITO
from resiliency.report.words import METRICS

# Of a study without a record of its jobs.
PROVENANCE = {"seed": 0, "packages": {"torch": "2.9.0", "resiliency": None}, "python": "3.12", "device": "CPU, x86_64"}
PROVENANCE |= {"platform": "Linux", "git_commit": None, "startup_share": 0.1, "cpu_seconds": 140.0}
PROVENANCE |= {"wall_seconds": 75.0, "rules": [], "bfloat16": []}


@cache
def usual(name: str) -> dict:
    """The specification of the chart `name` of the synthetic study, with all metrics."""
    return draw(name, synthetic_tables(metrics=tuple(METRICS)), OKABE_ITO)


def rendered(spec: dict) -> str:
    """The chart as SVG; it must have its title, no number that is none, and a specification of less than a megabyte."""
    picture = svg(spec)
    assert spec["title"]["text"] in picture
    assert "NaN" not in re.sub(r"base64,[^\"]*", "", picture)
    assert len(json.dumps(spec)) < 1_000_000
    return picture


def described(name: str, tables: Mapping[str, pd.DataFrame]) -> dict:
    """What a specification says of the chart `name`, without the chart, which takes most of the time."""
    said = {"finding": findings(tables, [name])[name], "caption": caption_of(name)}
    return {
        "title": {"text": name, "subtitle": []},
        "description": "",
        "usermeta": said | {"tables": CHARTS[name].tables},
        "$schema": alt.SCHEMA_URL,
    }


def findings(tables: Mapping[str, pd.DataFrame], names: Iterable[str] = CHARTS) -> dict[str, str]:
    """What charts, if not named all of them, say below their titles."""
    return {name: finding_of(name, *(tables[table] for table in CHARTS[name].tables)) for name in names}


def answers(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Question -> answer about the model to deploy."""
    return dict(deployment_answers(tables, "tiny"))


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
