"""The page of a comparison, and its tables."""

from base64 import b64encode
from itertools import combinations
from pathlib import Path

import altair as alt
import pandas as pd

from resiliency.analysis.choices import clean_accuracy
from resiliency.analysis.verdicts import NOT_TESTED
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.comparison.differences import MEMBERS, RECOMMENDED, TRAINING, difference_table
from resiliency.comparison.studies import (
    Finished,
    described_corruptions,
    differing_keys,
    read_studies,
    same_corruptions,
    swept_key,
    warnings,
)
from resiliency.report import style, words
from resiliency.report.drawing import svg
from resiliency.report.overview import contenders, leaders
from resiliency.report.page import FOLDER, FORMS
from resiliency.report.settings import OKABE_ITO
from resiliency.report.templates import environment
from resiliency.report.verdicts import RANGE, by_observation
from resiliency.storage.tables import write_table

Swept = tuple[str, dict[str, float]] | None  # key, and its value in each study
IMAGES = {f"{CORRUPTED} images": OKABE_ITO[5], f"{CLEAN} images": OKABE_ITO[0]}
SIDES = dict(zip(IMAGES, (-3, 3), strict=True))  # horizontal offset in pixels
LABELS = 400  # width of labels in pixels
HALF, STEP, HEIGHT = 360, 44, 260
MOST = 30  # number of members that a chart shows


def recommended_chart(best: dict[str, list[dict]], differences: pd.DataFrame, swept: Swept) -> alt.TopLevelMixin | None:
    """Errors of the recommended models, and their differences from the first; None if none is recommended."""
    firsts = {study: rows[0] for study, rows in best.items() if rows and "instead" in rows[0]}
    if not firsts:
        return None
    errors = pd.DataFrame([row for study, of in firsts.items() for row in _errors(study, of)])
    of_models = _points(differences[differences["question"] == RECOMMENDED])
    panels = [_panel(errors, "Top-1 error (%)", swept)]
    if len(of_models):
        panels.append(_panel(of_models, f"{_less(of_models)} (percentage points)", swept))
    level = words.percent(next(iter(firsts.values()))["confidence"], 0)
    subtitle = [f"On the images that no study selected on. Left: {level} intervals of each study's own, over images."]
    subtitle += [f"Right: {_simultaneous(of_models)}"] * bool(len(of_models))
    return style.finish(alt.hconcat(*panels, spacing=30), "Which recommended model makes fewer errors?", subtitle)


def _errors(study: str, row: dict) -> list[dict]:
    """The recommended model's errors in per cent, a row per kind of images."""
    clean = clean_accuracy(row)
    ends = {"value": "clean_accuracy", "low": "clean_accuracy_high", "high": "clean_accuracy_low"}
    of_kinds = {CORRUPTED: {end: row[f"corrupted_error{suffix}"] for end, suffix in _SUFFIXES.items()}}
    of_kinds[CLEAN] = {end: 1 - clean[column] for end, column in ends.items()}
    return [
        {"study": study, "images": f"{images} images"} | {end: 100 * share for end, share in of.items()}
        for images, of in of_kinds.items()
    ]


_SUFFIXES = {"value": "", "low": "_low", "high": "_high"}


def members_chart(differences: pd.DataFrame, swept: Swept) -> alt.TopLevelMixin | None:
    """Differences of the members that all studies have, and their mean over designs; None without a difference."""
    rows = _points(differences[differences["question"].isin([MEMBERS, TRAINING])])
    if rows.empty:
        return None
    largest = rows.assign(size=rows["value"].abs()).groupby("model")["size"].max().nlargest(MOST + 1).index
    means = rows["question"] == TRAINING
    shown = rows[means | rows["model"].isin(largest)].assign(mean=means)
    panels = [_members_panel(shown[shown["images"] == images], images, swept) for images in shown["images"].unique()]
    subtitle = [
        f"{_less(rows)}, percentage points; negative: fewer errors. Diamonds: means over designs, of networks",
        f"that are retrained. Circles and thin lines: these networks. Bars: {_simultaneous(rows)}",
    ]
    subtitle += [f"The {MOST} members with the largest differences"] * (rows["model"].nunique() > len(largest) + 1)
    return style.finish(alt.hconcat(*panels, spacing=30), "Which members make fewer errors?", subtitle)


def _members_panel(rows: pd.DataFrame, images: str, swept: Swept) -> alt.LayerChart:
    hue = alt.Color("study:N", title="Study", scale=_spread(list(rows["study"].unique())))
    title = style.panel_title(f"On {images}")
    if swept:
        base = alt.Chart(rows.assign(at=rows["study"].map(swept[1]))).encode(x=_along(swept))
        of_members = base.transform_filter("!datum.mean").mark_line(color=style.MUTED, strokeWidth=1, opacity=0.4)
        lines = base.transform_filter("datum.mean").mark_line(color=OKABE_ITO[0])
        bars = base.transform_filter("datum.mean").mark_rule(color=OKABE_ITO[0])
        dots = base.transform_filter("datum.mean").mark_point(color=OKABE_ITO[0], filled=True, shape="diamond", size=90)
        y = alt.Y("value:Q", title="Difference in error (percentage points)")
        layers = [of_members.encode(y=y, detail="model:N"), bars.encode(y=alt.Y("low:Q"), y2=alt.Y2("high"))]
        layers += [lines.encode(y=y), dots.encode(y=y, tooltip=_tooltips("model"))]
        return alt.layer(_zero("y"), *layers, width=HALF, height=HEIGHT, title=title)
    order = [*rows.loc[rows["mean"], "model"].unique(), *sorted(rows.loc[~rows["mean"], "model"].unique())]
    base = alt.Chart(rows).encode(y=alt.Y("model:N", title=None, sort=order), yOffset=alt.YOffset("study:N"), color=hue)
    bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q"), x2=alt.X2("high"))
    shape = alt.Shape("mean:N", legend=None, scale=alt.Scale(domain=[True, False], range=["diamond", "circle"]))
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=alt.X("value:Q", title="Difference in error"), shape=shape, tooltip=_tooltips("study", "model")
    )
    return alt.layer(_zero("x"), bars, dots, width=HALF - 60, height=alt.Step(16), title=title)


def _spread(names: list[str]) -> alt.Scale:
    return alt.Scale(domain=names, range=style.cycled(OKABE_ITO, len(names)))


def _points(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that are compared, with their difference and its ends in percentage points."""
    known = rows.dropna(subset=["difference"]).assign(images=rows["images"] + " images")
    return known.assign(
        **{name: 100 * known[of] for name, of in (("value", "difference"), ("low",) * 2, ("high",) * 2)}
    )


def _less(rows: pd.DataFrame) -> str:
    return f"Error less that of {rows['reference'].iloc[0]}"


def _simultaneous(rows: pd.DataFrame) -> str:
    return f"paired {words.percent(rows['confidence'].iloc[0], 0)} intervals, for all comparisons at once"


def _tooltips(*fields: str) -> list[alt.Tooltip]:
    return style.tooltips(*fields, "images", value=".2f", low=".2f", high=".2f")


def _zero(axis: str) -> alt.Chart:
    rule = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=style.MUTED, strokeDash=[4, 3])
    return rule.encode(**{axis: alt.X("zero:Q") if axis == "x" else alt.Y("zero:Q")})


def _panel(rows: pd.DataFrame, title: str, swept: Swept) -> alt.LayerChart:
    """Values and intervals of studies, on corrupted and on clean images."""
    hue = alt.Color("images:N", title=None, scale=alt.Scale(domain=list(IMAGES), range=list(IMAGES.values())))
    hue, zero = hue.legend(orient="bottom"), [_zero("y" if swept else "x")] if rows["value"].min() < 0 else []
    if swept:
        layers = [
            layer
            for side, images in zip((-3, 3), IMAGES, strict=True)
            for layer in _line(rows, images, side, title, swept, hue)
        ]
        return alt.layer(*zero, *layers, width=HALF, height=HEIGHT)
    y = alt.Y("study:N", title=None, sort=list(rows["study"].unique()))
    base = alt.Chart(rows).encode(y=y, yOffset=alt.YOffset("images:N"), color=hue)
    bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q"), x2=alt.X2("high"))
    dots = base.mark_point(filled=True, size=70, opacity=1)
    dots = dots.encode(x=alt.X("value:Q", title=title), tooltip=_tooltips("study"))
    return alt.layer(*zero, bars, dots, width=HALF - 60, height=alt.Step(STEP, **{"for": "position"}))


def _line(rows: pd.DataFrame, images: str, side: int, title: str, swept: tuple, hue: alt.Color) -> list[alt.Chart]:
    """Values on one kind of images along the key, shifted by `side` pixels to separate them from the other kind."""
    of_images = rows[rows["images"] == images]
    base = alt.Chart(of_images.assign(at=of_images["study"].map(swept[1]))).encode(x=_along(swept), color=hue)
    y = alt.Y("value:Q", title=title)
    bars = base.mark_rule(xOffset=side, strokeWidth=2).encode(y=alt.Y("low:Q"), y2=alt.Y2("high"))
    dots = base.mark_point(xOffset=side, filled=True, size=70, opacity=1).encode(y=y, tooltip=_tooltips("study"))
    return [base.mark_line(xOffset=side, strokeWidth=1).encode(y=y), bars, dots]


def _along(swept: tuple[str, dict[str, float]]) -> alt.X:
    """The axis of the key that differs, marked at its values."""
    key, values = swept[0], sorted(swept[1].values())
    return alt.X("at:Q", title=key).axis(values=values).scale(domain=[values[0], values[-1]], padding=20)


def observations_chart(
    studies: dict[str, pd.DataFrame], title: str = "What do they say about the observations?"
) -> alt.TopLevelMixin | None:
    """Estimates and intervals of the observations' parts in each study that can test it, a panel an observation.

    None if no study can test any.

    Args:
        studies: name of a study -> its table observations.csv.
    """
    rows = pd.DataFrame(
        part | {"study": study, "row": f"{study}: {part['part']}", "name": observation["name"]}
        for study, table in studies.items()
        for observation in by_observation(table)
        if observation["verdict"] != NOT_TESTED
        for part in observation["parts"]
    )
    if rows.empty:
        return None
    names = list(dict.fromkeys(rows["study"]))
    panels = [_observation(rows[rows["name"] == name], names) for name in sorted(rows["name"].unique())]
    level = words.percent((1 + rows["confidence"].iloc[0]) / 2, 0)
    subtitle = [
        f"Estimates between one-sided {level} bounds. Filled: significant, in the direction that the paper claims.",
        "The shaded margin is what counts as no difference. Grey bars hold 90% of the draws of the negative control.",
    ]
    return style.finish(alt.vconcat(*panels, spacing=26), title, subtitle)


def _observation(rows: pd.DataFrame, names: list[str]) -> alt.LayerChart:
    first = rows.iloc[0]
    data = alt.Data(values=rows.assign(margin_low=-rows["margin"])[
        ["study", "part", "row", "estimate", "low", "high", "margin", "margin_low", "part_verdict", *RANGE]
    ].to_dict("records"))  # fmt: skip
    axis = alt.Axis(labelLimit=LABELS, minExtent=LABELS)
    y = alt.Y("row:N", sort=list(rows.sort_values("part", kind="stable")["row"]), title=None, axis=axis)
    whose = "the statement's" if first["shifts"] else "the paper's"
    title = f"{first['statistic']} ({whose} side: {first['side']} 0)"
    x = alt.X("estimate:Q", title=title, scale=alt.Scale(nice=True))
    colour = alt.Color("study:N", scale=_spread(names), legend=None)
    base = alt.Chart(data)
    margin = base.mark_rect(color=style.GRID, opacity=0.6).encode(
        x=alt.X("min(margin_low):Q"), x2=alt.X2("max(margin):Q")
    )
    placebo = base.mark_bar(color=style.MUTED, opacity=0.35, height=14).encode(
        x=alt.X("placebo_low:Q"), x2=alt.X2("placebo_high:Q"), y=y
    )
    zero = alt.Chart(alt.Data(values=[{"estimate": 0}])).mark_rule(color=style.MUTED).encode(x="estimate:Q")
    lines = base.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q", y=y, color=colour)
    fill = alt.when("datum.part_verdict == 'supported'").then(colour).otherwise(alt.value("white"))
    points = base.mark_point(size=70, filled=True, opacity=1, strokeWidth=2).encode(
        x=x,
        y=y,
        fill=fill,
        stroke=colour,
        shape=alt.Shape("study:N", legend=None).scale(domain=names, range=style.shapes(names, OKABE_ITO)),
    )
    title = style.panel_title(f"{first['name']}. {first['statement']}", frame="bounds", limit=style.WIDTH)
    return (margin + placebo + zero + lines + points).properties(width=460, height=alt.Step(22), title=title)


def compare(folders: list[Path], page: Path) -> list[Path]:
    """Write the page, and beside it its tables of keys and of differences; returns their paths.

    Raises:
        Fault: as from `read_studies`.
    """
    studies = read_studies(folders)
    keys, differences = differing_keys(studies), difference_table(studies)
    files = [page, page.with_suffix(".csv"), page.with_name(f"{page.stem}_keys.csv")]
    write_table(files[1], differences)
    named = [{"key": row["key"], "study": study, "value": value} for row in keys for study, value in row["of"].items()]
    write_table(files[2], pd.DataFrame(named, columns=["key", "study", "value"]))
    page.write_text(render(studies, keys, differences, files[1:]), encoding="utf-8")
    return files


def render(studies: list[Finished], keys: list[dict], differences: pd.DataFrame, files: list[Path]) -> str:
    """The page as HTML."""
    best, swept = {study.name: _best(study) for study in studies}, swept_key(studies)
    charts = {
        "models": recommended_chart(best, differences, swept),
        "training": members_chart(differences, swept),
        "verdicts": observations_chart({study.name: study.tables["observations"] for study in studies}),
    }
    return (
        environment(FOLDER, FORMS, autoescape=True)
        .get_template("compare.html.j2")
        .render(
            studies=studies,
            differing=keys,
            warnings=warnings(studies),
            corruptions=_told_corruptions(studies),
            best=best,
            verdicts=_verdicts(studies),
            common=_common(studies),
            recommended=_of_question(differences, RECOMMENDED),
            trained=_of_question(differences, TRAINING),
            charts={name: _picture(chart.to_dict()) for name, chart in charts.items() if chart},
            files=[file.name for file in files],
            css=(FOLDER / "report.css").read_text(encoding="utf-8"),
        )
    )


def _picture(spec: dict) -> dict[str, str]:
    """The address of a picture, which holds it whole, and what it shows in words."""
    title = spec["title"]
    address = f"data:image/svg+xml;base64,{b64encode(svg(spec).encode()).decode()}"
    return {"address": address, "alt": ". ".join([title["text"], *title["subtitle"]])}


def _of_question(differences: pd.DataFrame, question: str) -> list[dict]:
    return differences[differences["question"] == question].to_dict("records")


def _best(study: Finished) -> list[dict]:
    """The recommended model of a study, or its best model: role, members and corrupted error or clean accuracy."""
    if "deployment" in study.tables:
        return [
            row
            | {"value": row["corrupted_error"], "measure": "error on corrupted images"}
            | {end: row[f"corrupted_error_{end}"] for end in ("low", "high")}
            for row in contenders(study.tables["deployment"])
        ]
    return leaders(study.tables, [])


def _verdicts(studies: list[Finished]) -> list[dict]:
    """Observation, on corruptions and on natural shifts apart -> its statement and the verdict in each study."""
    rows: dict[str, dict] = {}
    for study in studies:
        for row in by_observation(study.tables["observations"]):
            entry = rows.setdefault(row["name"], {"name": row["name"], "statement": row["statement"], "of": {}})
            entry["of"][study.name] = row["verdict"]
    return [rows[name] for name in sorted(rows)]


def _common(studies: list[Finished]) -> list[dict]:
    """Members that all studies have, by name, with their row of members.csv in each."""
    tables = {study.name: study.tables["members"].set_index("member") for study in studies}
    shared = set.intersection(*(set(table.index) for table in tables.values()))
    return [
        {"member": member, "of": {name: table.loc[member].to_dict() for name, table in tables.items()}}
        for member in tables[studies[0].name].index
        if member in shared
    ]


def _told_corruptions(studies: list[Finished]) -> dict[str, str]:
    """Study -> the corruptions of its corrupted errors, if studies differ in them; else nothing."""
    if all(same_corruptions(*pair) for pair in combinations(studies, 2)):
        return dict.fromkeys((study.name for study in studies), "")
    return {study.name: f" ({described_corruptions(study)}; not comparable)" for study in studies}
