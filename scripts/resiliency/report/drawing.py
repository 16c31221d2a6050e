"""Drawing and writing of charts."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import altair as alt
import pandas as pd
import vl_convert

from resiliency.base.faults import Fault, brief
from resiliency.base.settings import Keys
from resiliency.report.charts import (
    deployment,
    diversity,
    ensembles,
    galleries,
    robustness,
    swaps,
    training,
)
from resiliency.report.settings import CHARTS
from resiliency.report.style import DRAWINGS, finish
from resiliency.report.words import capital
from resiliency.storage import replacing

UNSEEN = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')
HEAD = '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Chart</title>\n'
VEGA_LITE = alt.SCHEMA_VERSION.rpartition(".")[0]
# Of the machine.
FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
# Which register charts.
TOPICS = (deployment, diversity, ensembles, galleries, robustness, swaps, training)
TABLES = sorted({table for chart in CHARTS.values() for table in chart.tables})


def _prefer_own_fonts() -> None:
    """Have vl-convert look for a font, such as Liberation Sans, among its own before those of the
    machine.

    Its own are in memory; of others it opens the file again for each letter, a fifth of the time
    that charts take. A FONTCONFIG_FILE of the environment alone says which fonts there are.
    """
    if "FONTCONFIG_FILE" not in os.environ:
        os.environ["FONTCONFIG_FILE"] = str(Path(__file__).with_name("fonts.conf"))
        for folder in FONTS:
            vl_convert.register_font_directory(os.path.expanduser(folder))
        del os.environ["FONTCONFIG_FILE"]


_prefer_own_fonts()


def finding_of(name: str, *tables: pd.DataFrame) -> str:
    """The finding of the chart `name` in its tables, in one line; "" if there is nothing to say."""
    return capital(" ".join(DRAWINGS[name].finding(*tables).split()))


def draw(name: str, tables: Mapping[str, pd.DataFrame], colours: list[str]) -> Keys:
    """The Vega-Lite specification of the chart `name`; `usermeta` holds its finding, caption and
    tables.

    And, as `nothing`, why there is nothing to draw, if so.
    """
    listed, drawing = CHARTS[name], DRAWINGS[name]
    drawn = [tables[table] for table in listed.tables]
    finding = finding_of(name, *drawn)
    chart, subtitle = drawing.draw(*drawn, colours)
    nothing = chart.usermeta if isinstance(chart.usermeta, dict) else {}
    chart["usermeta"] = {
        "finding": finding,
        "caption": drawing.caption,
        "tables": list(listed.tables),
    } | nothing
    chart["description"] = f"{finding} {drawing.caption}".strip()
    # Altair validates each part as it is made; to validate the whole again takes a sixth of the
    # time to draw.
    return finish(chart, listed.title, subtitle).to_dict(validate=False)


def svg(spec: Keys) -> str:
    """The chart `spec` as SVG, without roles and labels of its parts, which an image's alternative
    text replaces."""
    return UNSEEN.sub("", vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))


def write_chart(paths: Iterable[Path], spec: Keys, pixels_per_point: float) -> None:
    """Write the chart `spec` to files, as their suffixes say: .vl.json, .svg, .png or .html that
    needs nothing else.

    Raises:
        Fault: the versions of Altair and vl-convert do not fit each other.
    """
    paths = list(paths)
    try:
        picture = svg(spec)
    except (ValueError, RuntimeError) as error:
        name, reason = paths[0].name.partition(".")[0], re.split(" at | Stack ", brief(error))[0]
        versions = f"Altair {alt.__version__} and vl-convert {vl_convert.__version__}"
        remedy = "run pip install -U altair vl-convert-python"
        raise Fault(f"{name}: {versions} cannot draw it ({reason}); {remedy}") from error
    for path in paths:
        with replacing(path) as temporary:
            if path.suffix == ".png":
                temporary.write_bytes(vl_convert.svg_to_png(picture, scale=pixels_per_point))
            else:
                forms = {
                    ".svg": lambda: picture,
                    ".html": lambda: html(spec),
                    ".json": lambda: json.dumps(spec) + "\n",
                }
                temporary.write_text(forms[path.suffix](), encoding="utf-8")


def html(spec: Keys) -> str:
    """The chart `spec` as a page that responds to the pointer and needs no network, of about a
    megabyte.

    No text of the chart ends the script that contains it.
    """
    script = f"vegaEmbed('#chart', {json.dumps(spec)}, {{renderer: 'svg'}})".replace("<", "\\u003c")
    return f'{HEAD}<script>{_vega()}</script>\n<div id="chart"></div>\n<script>{script}</script>\n'


@cache
def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    return vl_convert.javascript_bundle(vl_version=VEGA_LITE)
