"""The reports of the published studies for the documentation site, drawn again from what `page` has
kept.

The site's build calls `write_reports`. Pictures of test images are not kept, and so not shown.
"""

import shutil
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from published.kept import kept_specs, kept_studies, kept_tables
from resiliency.base.names import CLEAN
from resiliency.report.drawing import draw, html, svg
from resiliency.report.page import render
from resiliency.report.settings import CHARTS, OKABE_ITO
from resiliency.storage import read_json, write_table
from resiliency.tables import TABLES

DOCS = "../../{}.html"  # pages of the site, from the folder of a report


def write_reports(site: Path) -> list[Path]:
    """Write the report of each study that is kept, and the tables and charts that it links to,
    below `site`.

    Studies are drawn beside each other, as many as there are cores, in processes that share no
    thread with this one.

    Returns:
        The reports, `site/<study>/report.html`.
    """
    studies = [kept for kept, _ in kept_studies()]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        return list(processes.map(_write_report, studies, repeat(site)))


def _write_report(kept: Path, site: Path) -> Path:
    folder, tables, provenance = (
        site / kept.name,
        kept_tables(kept),
        read_json(kept / "provenance.json"),
    )
    made = [name for name in tables if name in TABLES]
    for name in made:
        path = folder / TABLES[name].path
        path.parent.mkdir(parents=True, exist_ok=True)
        write_table(path, tables[name])
    shutil.copyfile(kept / "provenance.json", folder / "provenance.json")
    specs = kept_specs(kept) | draw_all(drawn(tables, provenance["study"]), tables)
    (folder / "charts").mkdir()
    for name, spec in specs.items():
        (folder / f"charts/{name}.html").write_text(html(spec), encoding="utf-8")
    svgs = {name: svg(spec) for name, spec in specs.items()}
    page = render(provenance["study"], None, {}, provenance, tables, specs, svgs, made, docs=DOCS)
    written = folder / "report.html"
    written.write_text(page, encoding="utf-8")
    return written


def drawn(tables: dict[str, pd.DataFrame], study: dict) -> list[str]:
    """The charts that the tables of a study suffice for."""
    corrupted = bool((tables["corruption_errors"]["corruption"] != CLEAN).any())
    known = {
        "corruptions": corrupted,
        "robustness": corrupted or bool(study["statistics"].get("robustness")),
        "joint": bool((tables["members"]["origin"] == "joint").any()),
    }
    has = {*tables, *(name for name, is_known in known.items() if is_known)}
    return [name for name, chart in CHARTS.items() if chart.needs <= has]


def draw_all(charts: list[str], tables: dict[str, pd.DataFrame]) -> dict[str, dict]:
    """The specifications of these charts by name; tables that a study may lack are empty."""
    empty = {table: pd.DataFrame() for chart in CHARTS.values() for table in chart.optional}
    return {name: draw(name, empty | tables, OKABE_ITO) for name in charts}
