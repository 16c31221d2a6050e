"""The published studies side by side: their order, correlations that they share, and a chart of
their estimates."""

from collections.abc import Iterable

import altair as alt
import pandas as pd

from published.kept import kept_studies, kept_tables
from resiliency.analysis.verdicts import NOT_TESTED, RANGE
from resiliency.report import words
from resiliency.report.charts.diversity import known, label_free
from resiliency.report.settings import OKABE_ITO
from resiliency.report.style import GRID, MUTED, WIDTH, cycled, finish, panel_title, shapes_of
from resiliency.report.verdicts import CONTROLLED, by_observation

TITLE = "The four observations in the published studies"
DRAWN = ("digits", "fashion_mnist")  # data sets that are no natural images
LABELS = 400  # width of labels in pixels
SAME = ["rule", "size", "images", "metric"]


def published_studies() -> dict[str, dict[str, pd.DataFrame]]:
    """Folder of a study -> its kept tables: natural images first, then those that test more
    observations.

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
    """Correlations of label-free metrics with accuracy in ensembles of the largest size that all
    studies have.

    Returns:
        `size`, `studies`, and `rows`, those of `free_correlations`.
    """
    tables = {study: of["correlations"] for study, of in studies.items() if "correlations" in of}
    if not tables:
        return {"size": 0, "studies": [], "rows": []}
    size = max(set.intersection(*(set(table["size"]) for table in tables.values())), default=0)
    found = {study: free_correlations(table, size) for study, table in tables.items()}
    rows = [row for table in found.values() for row in table.to_dict("records")]
    return {
        "size": size,
        "studies": [study for study, table in found.items() if len(table)],
        "rows": rows,
    }


def chart(studies: dict[str, dict[str, pd.DataFrame]]) -> alt.TopLevelMixin:
    """Estimates and intervals of the observations' parts in each study that can test it, a panel an
    observation."""
    rows = pd.DataFrame(
        part
        | alone.get(part["part"], {})
        | {"study": study, "row": f"{study}: {part['part']}", "name": observation["name"]}
        for study, tables in studies.items()
        for alone in [_of_accuracy_alone(tables)]
        for observation in by_observation(tables["observations"])
        if observation["verdict"] != NOT_TESTED
        for part in observation["parts"]
    )
    names = list(dict.fromkeys(rows["study"]))
    panels = [
        _observation(rows[rows["name"] == name], names) for name in sorted(rows["name"].unique())
    ]
    level = words.percent((1 + rows["confidence"].iloc[0]) / 2, 0)
    subtitle = [
        f"Estimates between one-sided {level} bounds. Filled: significant, in the direction that "
        "the paper claims.",
        "The shaded margin is what counts as no difference. Grey bars hold 90% of the draws of the "
        "negative control.",
        "Outlined bars hold 90% of draws of data in which clean accuracy alone acts.",
    ]
    return finish(alt.vconcat(*panels, spacing=26), TITLE, subtitle)


def _of_accuracy_alone(tables: dict[str, pd.DataFrame]) -> dict[str, dict]:
    """Part -> its control for accuracy alone, of a registered study, whose own tables lack it."""
    observations = by_observation(tables["present"]) if "present" in tables else []
    return {
        part["part"]: {name: part[name] for name in CONTROLLED}
        for of in observations
        for part in of["parts"]
    }


def _observation(rows: pd.DataFrame, names: list[str]) -> alt.LayerChart:
    first = rows.iloc[0]
    data = alt.Data(values=rows.assign(margin_low=-rows["margin"])[
        ["study", "part", "row", "estimate", "low", "high", "margin", "margin_low", "part_verdict",
         *RANGE, *CONTROLLED]
    ].to_dict("records"))  # fmt: skip
    axis = alt.Axis(labelLimit=LABELS, minExtent=LABELS)
    y = alt.Y(
        "row:N", sort=list(rows.sort_values("part", kind="stable")["row"]), title=None, axis=axis
    )
    whose = "the statement's" if first["shifts"] else "the paper's"
    title = f"{first['statistic']} ({whose} side: {first['side']} 0)"
    x = alt.X("estimate:Q", title=title, scale=alt.Scale(nice=True))
    colour = alt.Color(
        "study:N", scale=alt.Scale(domain=names, range=cycled(OKABE_ITO, len(names))), legend=None
    )
    base = alt.Chart(data)
    margin = base.mark_rect(color=GRID, opacity=0.6).encode(
        x=alt.X("min(margin_low):Q"), x2=alt.X2("max(margin):Q")
    )
    placebo = base.mark_bar(color=MUTED, opacity=0.35, height=14).encode(
        x=alt.X("placebo_low:Q"), x2=alt.X2("placebo_high:Q"), y=y
    )
    accuracy = base.mark_bar(filled=False, color=MUTED, height=14).encode(
        x=alt.X("accuracy_low:Q"), x2=alt.X2("accuracy_high:Q"), y=y
    )
    zero = (
        alt.Chart(alt.Data(values=[{"estimate": 0}])).mark_rule(color=MUTED).encode(x="estimate:Q")
    )
    lines = base.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q", y=y, color=colour)
    fill = alt.when("datum.part_verdict == 'supported'").then(colour).otherwise(alt.value("white"))
    points = base.mark_point(size=70, filled=True, opacity=1, strokeWidth=2).encode(
        x=x,
        y=y,
        fill=fill,
        stroke=colour,
        shape=alt.Shape("study:N", legend=None).scale(
            domain=names, range=shapes_of(names, OKABE_ITO)
        ),
    )
    title = panel_title(f"{first['name']}. {first['statement']}", frame="bounds", limit=WIDTH)
    return (margin + placebo + accuracy + zero + lines + points).properties(
        width=460, height=alt.Step(22), title=title
    )


def free_correlations(table: pd.DataFrame, size: int) -> pd.DataFrame:
    """Pearson's and partial correlations of all label-free metrics in ensembles of `size` members.

    Columns `partial`, `partial_low` and `partial_high` stand beside those of Pearson's r.
    """
    rows = known(table)
    rows = rows[rows["metric"].map(label_free).astype(bool) & (rows["size"] == size)]
    given = known(table, "partial")[[*SAME, "correlation", "low", "high"]]
    columns = {"correlation": "partial", "low": "partial_low", "high": "partial_high"}
    return rows.merge(given.rename(columns=columns), on=SAME, how="left")
