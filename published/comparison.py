"""The published studies side by side: their order, correlations that they share, and a chart of their estimates."""

from collections.abc import Iterable

import altair as alt
import pandas as pd

from published.kept import kept_studies, kept_tables
from resiliency.analysis.verdicts import NOT_TESTED
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.comparison.page import observations_chart
from resiliency.diversity.settings import MAIN
from resiliency.report import words
from resiliency.report.charts.diversity import main_correlations
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
    """Correlations with accuracy in ensembles of the largest size that all studies have.

    Returns:
        `size`, `studies`, `confidence` of the intervals, and `rows`: of each row its `metric`, its `condition` and, as
        `of`, study -> its row of `main_correlations`.
    """
    tables = {study: of["correlations"] for study, of in studies.items() if "correlations" in of}
    if not tables:
        return {"size": 0, "studies": [], "rows": []}
    size = max(set.intersection(*(set(table["size"]) for table in tables.values())), default=0)
    of: dict[tuple[str, str], dict] = {}
    for study, table in tables.items():
        for row in main_correlations(table, [CLEAN, CORRUPTED], size).to_dict("records"):
            of.setdefault((row["condition"], row["metric"]), {})[study] = row
    order = sorted(of, key=lambda key: (key[0] != CLEAN, MAIN.index(key[1])))
    rows = [{"condition": condition, "metric": metric, "of": of[condition, metric]} for condition, metric in order]
    confidence = next(iter(tables.values()))["confidence"].iloc[0]
    return {"size": size, "studies": list(tables), "rows": rows, "confidence": confidence}


def chart(studies: dict[str, dict[str, pd.DataFrame]]) -> alt.TopLevelMixin:
    """Estimates and intervals of the observations' parts in each study that can test it, a panel an observation."""
    return observations_chart({study: tables["observations"] for study, tables in studies.items()}, TITLE)
