"""The published studies side by side: their order, correlations that they share, and a chart of their estimates."""

from collections.abc import Iterable

import altair as alt
import pandas as pd

from published.kept import kept_studies, kept_tables
from resiliency.analysis.verdicts import NOT_TESTED
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.comparison.page import observations_chart
from resiliency.report import words
from resiliency.report.charts.diversity import free_correlations
from resiliency.report.verdicts import by_observation

TITLE = "The four observations in the published studies"
DRAWN = ("digits", "fashion_mnist")  # data sets that are no natural images


def published_studies() -> dict[str, dict[str, pd.DataFrame]]:
    """Folder of a study -> its kept tables: natural images first, then those that test more observations.

    A study that was run with several study seeds has a table of its verdicts more: `seeds`.
    """
    studies = []
    for folder, provenance in kept_studies():
        study, tables = provenance["study"], kept_tables(folder)
        drawn = (study["dataset"] or {}).get("name") in DRAWN
        tested = sum(row["verdict"] != NOT_TESTED for row in by_observation(tables["observations"]))
        studies.append((drawn, -tested, len(tables["members"]), folder.name, tables))
    return {name: tables for *_, name, tables in sorted(studies, key=lambda study: study[:4])}


def levels(confidences: Iterable[float]) -> str:
    """Such as "95%", or "90% or 95%" if studies differ."""
    return " or ".join(words.percent(level, 0) for level in sorted(set(confidences)))


def correlations_with_accuracy(studies: dict[str, dict[str, pd.DataFrame]]) -> dict:
    """Correlations of label-free metrics with accuracy in ensembles of the largest size that all studies have.

    Returns:
        `size`, `studies`, and `rows`, those of `free_correlations`.
    """
    tables = {study: of["correlations"] for study, of in studies.items() if "correlations" in of}
    if not tables:
        return {"size": 0, "studies": [], "rows": []}
    size = max(set.intersection(*(set(table["size"]) for table in tables.values())), default=0)
    found = {study: free_correlations(table, [CLEAN, CORRUPTED], size) for study, table in tables.items()}
    rows = [row for table in found.values() for row in table.to_dict("records")]
    return {"size": size, "studies": [study for study, table in found.items() if len(table)], "rows": rows}


def chart(studies: dict[str, dict[str, pd.DataFrame]]) -> alt.TopLevelMixin:
    """Estimates and intervals of the observations' parts in each study that can test it, a panel an observation."""
    return observations_chart({study: tables["observations"] for study, tables in studies.items()}, TITLE)
