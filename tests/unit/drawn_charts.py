"""Charts, and what a report says of them and of the machine."""

import json
import re
from collections.abc import Mapping

import pandas as pd

from resiliency.report.drawing import finding_of, svg
from resiliency.report.settings import CHARTS
from resiliency.report.style import DRAWINGS

# Of a study without a record of its jobs.
PROVENANCE = {
    "seed": 0,
    "packages": {"torch": "2.9.0", "resiliency": None},
    "python": "3.12",
    "device": "CPU, x86_64",
}
PROVENANCE |= {"platform": "Linux", "git_commit": None, "startup_share": 0.1, "cpu_seconds": 140.0}
PROVENANCE |= {"wall_seconds": 75.0, "rules": [], "bfloat16": []}


def rendered(spec: dict) -> str:
    """The chart as SVG; it must have its title, no number that is none, and a specification of less
    than a megabyte."""
    picture = svg(spec)
    assert spec["title"]["text"] in picture
    assert "NaN" not in re.sub(r"base64,[^\"]*", "", picture)
    assert len(json.dumps(spec)) < 1_000_000
    return picture


def described(name: str, tables: Mapping[str, pd.DataFrame]) -> dict:
    """What a specification says of the chart `name`, without the chart, which takes most of the
    time."""
    finding = finding_of(name, *(tables[table] for table in CHARTS[name].tables))
    return {
        "title": {"text": name, "subtitle": []},
        "description": "",
        "usermeta": {
            "finding": finding,
            "caption": DRAWINGS[name].caption,
            "tables": CHARTS[name].tables,
        },
    }
