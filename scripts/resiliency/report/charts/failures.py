"""Charts of failures of the recommended model: confusions, errors by class, pictures."""

import re
from textwrap import wrap

import altair as alt
import pandas as pd

from resiliency.base.names import CATEGORIES, CLEAN, CORRUPTED, HELD_OUT
from resiliency.report.overview import contenders
from resiliency.report.panels import Drawn, chart, heat, notice, pictures
from resiliency.report.rows import of_first_role
from resiliency.report.style import INK, MUTED, cell_names, measure, panel_title, tooltips
from resiliency.report.words import label, percent, plural

PROBABILITY = re.compile(r" ([01]\.\d\d)$")  # at the end of a member's answer
NOTHING = "nothing is recommended in this study"
MOST_CLASSES, NUMBERED = 30, 15  # largest number of classes of a matrix, and of one with numbers
MOST_BARS, MOST_ROWS = 15, 30
FREQUENT = ["share", "answers"]  # columns that confusions are ordered by
SIDE, NAME = 330, 13  # px of a panel of confusions, and least height of a row with a name
CELL, LETTER_ABOVE, ROW = 34, 8, 19  # px, of a column of errors, of a letter of its title, and of a row
COLUMNS, MOST_TILES, LETTERS = 4, 24, 31  # columns, number of images, and letters of a line below one


@chart(
    "Shares are of the images of a class. Images are those of the evaluation half; corrupted images are counted under "
    "all conditions together.",
)
def confusions(table: pd.DataFrame, colours: list[str]) -> Drawn:
    """A cell per class and predicted class, or, of many classes, a bar for each of the most frequent confusions."""
    rows = of_first_role(table.dropna(subset=["share"]))
    if rows.empty:
        return notice(NOTHING)
    rows = rows.assign(wrong=rows["class"] != rows["predicted"])
    classes = list(dict.fromkeys([*rows["class"], *rows["predicted"]]))
    few = len(classes) <= MOST_CLASSES
    most = float(100 * rows.loc[rows["wrong"], "share"].max()) if rows["wrong"].any() else 1
    panels = []
    for images, of in rows.groupby("images", sort=False):
        title = panel_title(f"{images.capitalize()} images")
        panels.append(_matrix(of, classes, most, title) if few else _bars(of, colours, title))
    shares = "share of the images of each class (row) by predicted class (column), in %"
    frequent = f"the {MOST_BARS} most frequent confusions of {len(classes):,} classes"
    size = int(rows["size"].iloc[0])
    who = f"{plural(size, 'member')} together" if size > 1 else rows["members"].iloc[0]
    return alt.hconcat(*panels, spacing=30), [f"{who}: {shares if few else frequent}"]


def _matrix(rows: pd.DataFrame, classes: list[str], most: float, title: alt.TitleParams) -> alt.LayerChart:
    """A matrix of confusions; wrong answers are coloured, on a scale up to `most` percent, right ones are not."""
    cells = rows.assign(percent=100 * rows["share"])
    angle = -45 if len(classes) <= NUMBERED else -90
    x = cell_names(alt.X, "predicted", classes, "predicted class", labelAngle=angle, labelOverlap=False)
    y = cell_names(alt.Y, "class", classes, "class", labelOverlap=False)
    legend = alt.Legend(title="Confused (%)", gradientLength=160)
    colour = alt.Color("percent:Q", legend=legend).scale(scheme="oranges", domain=[0, most])
    tooltip = tooltips("class", "predicted", "answers", share=".1%")
    base = alt.Chart(cells).encode(x=x, y=y)
    right = base.transform_filter("!datum.wrong").mark_rect(color="white").encode(tooltip=tooltip)
    layers = [right, heat(cells[cells["wrong"]], x, y, colour, tooltip)]
    if len(classes) <= NUMBERED:
        ink = alt.when("!datum.wrong").then(alt.value(MUTED))
        ink = ink.when(alt.datum["percent"] > 0.62 * most).then(alt.value("white")).otherwise(alt.value(INK))
        shown = base.transform_filter("datum.percent >= 0.5").mark_text(fontSize=10, aria=False)
        layers.append(shown.encode(text=alt.Text("percent:Q", format=".0f"), color=ink))
    step = alt.Step(max(SIDE / len(classes), NAME))
    return alt.layer(*layers, width=step, height=step, title=title)


def _bars(rows: pd.DataFrame, colours: list[str], title: alt.TitleParams) -> alt.Chart:
    wrong = rows[rows["wrong"]].sort_values(FREQUENT, ascending=False, kind="stable").head(MOST_BARS)
    named = wrong.assign(pair=wrong["class"] + " → " + wrong["predicted"])
    x = measure(alt.X, "share", "Share of the images of the class", zero=True, padding=0)
    y = alt.Y("pair:N", title=None, sort=None)
    bars = alt.Chart(named, width=SIDE, height=alt.Step(19), title=title).mark_bar(color=colours[0])
    return bars.encode(x=x, y=y, tooltip=tooltips("class", "predicted", "answers", share=".1%"))


@chart("Dark cells are large errors. Few images stand behind a cell: the table has the intervals.")
def class_errors(table: pd.DataFrame, colours: list[str]) -> Drawn:
    """Error on each class, clean and under each corruption, mean over severities; the hardest classes come first."""
    rows = of_first_role(table.dropna(subset=["error"]))
    if rows.empty:
        return notice(NOTHING)
    overall = rows[rows["corruption"] == CORRUPTED].sort_values("error", ascending=False, kind="stable")
    order = overall["class"].tolist()
    cells = rows.assign(row=rows["class"], column=rows["corruption"].replace(CORRUPTED, "mean"))
    counts = rows.drop_duplicates("class")["n_images"]
    least = f"{counts.min():,} to " if counts.min() < counts.max() else ""
    subtitle = [
        f"Mean over severities, in %; hardest class first; {least}{plural(int(counts.max()), 'image')} of each class, "
        "of the evaluation half"
    ]
    if len(order) > MOST_ROWS:
        subtitle.append(f"The first {MOST_ROWS} of {len(order):,} classes; the others are in the table")
    return error_panels(cells, order[:MOST_ROWS]), subtitle


def error_panels(cells: pd.DataFrame, order: list[str]) -> alt.HConcatChart:
    """A panel of cells for clean images and the mean, and for each category of corruptions.

    Args:
        cells: row, column (clean, mean or a corruption) and error.
        order: names of the rows, from top to bottom.
    """
    cells = cells[cells["row"].isin(order)]
    cells = cells.assign(percent=100 * cells["error"], name=cells["column"].map(label))
    most = float(cells["percent"].max()) or 1
    legend = alt.Legend(title="Error (%)", gradientLength=160)
    colour = alt.Color("percent:Q", legend=legend).scale(scheme="blues", domain=[0, most])
    error = alt.Tooltip("error", title="top-1 error", format=".1%")
    panels = []
    for name, columns in ({"overall": (CLEAN, "mean")} | CATEGORIES | {"extra": HELD_OUT}).items():
        part = cells[cells["column"].isin(columns)]
        if part.empty:
            continue
        x = alt.X("name:N", title=None, sort=[label(column) for column in columns])
        x = x.axis(labelAngle=-45, ticks=False, domain=False)
        y = cell_names(alt.Y, "row", order, labels=not panels)
        tooltip = tooltips(alt.Tooltip("row", title="of"), "name", error)
        width = max(CELL * part["name"].nunique(), LETTER_ABOVE * len(name))
        look = {"width": width, "height": alt.Step(ROW), "view": alt.ViewConfig(stroke=None)}
        look |= {"title": panel_title(name, anchor="middle"), "dark": alt.datum["percent"] > 0.62 * most}
        panels.append(heat(part, x, y, colour, tooltip, form=".0f", **look))
    return alt.hconcat(*panels, spacing=8, bounds="flush")


def photos_of(failures: pd.DataFrame, members: list[str]) -> list[dict]:
    """The images that the model gets wrong, each once, the most confident failure first.

    Args:
        failures: failures.csv with pictures, and answers to the images without a corruption.
        members: members of the model, in the order of their answers.

    Returns:
        Records with image, name, class and `views`, the first without a corruption: corruption, severity, picture,
        predicted, confidence, whether the model or each of its members `failed`, and `answers`, each with member,
        answer and whether it is wrong.
    """
    rows = failures.dropna(subset=["confidence"]).drop_duplicates(["image", "corruption", "severity"])
    photos = []
    for image, own in rows.sort_values("confidence", ascending=False, kind="stable").groupby("image", sort=False):
        first = own.iloc[0].to_dict()
        corrupted = own[own["corruption"] != CLEAN].sort_values(["corruption", "severity"]).to_dict("records")
        clean = {column: first[f"clean_{column}"] for column in ("predicted", "confidence", "said")}
        clean |= {"corruption": CLEAN, "severity": 0, "picture": first["clean"], "class": first["class"]}
        views = [_view(row, members) for row in (clean, *corrupted)]
        photos.append({"image": int(image), "name": first["name"], "class": first["class"], "views": views})
    return photos


def _view(row: dict, members: list[str]) -> dict:
    """The answers of the model and of each member to an image under one condition."""
    told = row["said"].split("; ")
    known = members if len(members) == len(told) else [f"member {place}" for place in range(1, len(told) + 1)]
    answers = [
        {
            "member": member,
            "answer": PROBABILITY.sub(lambda found: f", {percent(float(found[1]), 0)}", answer),  # such as "stop, 98%"
            "wrong": PROBABILITY.sub("", answer) != row["class"],
        }
        for member, answer in zip(known, told, strict=True)
    ]
    columns = ("corruption", "severity", "picture", "predicted", "confidence")
    view = {column: row[column] for column in columns}
    failed = row["predicted"] != row["class"] or all(of["wrong"] for of in answers)
    return view | {"failed": failed, "answers": answers}


@chart(
    "The first picture of an image is without a corruption. In the report, each picture has the answers of the model "
    "and of each member below it; ✗ marks wrong ones. Images are those of the evaluation half.",
)
def failure_gallery(failures: pd.DataFrame, deployment: pd.DataFrame, colours: list[str]) -> Drawn:
    """Each image once, uncorrupted and under a condition in which the model is wrong, most confident failures first.

    The page shows the records of `photos_of` in its place: all conditions of an image, and each member's answer.
    """
    roles = contenders(deployment) if len(deployment) else []
    photos = photos_of(failures, roles[0]["members"].split("+") if roles else [])
    if not photos:
        return notice("the recommended model makes no errors, or there is none, in this study")
    cells = pd.DataFrame([cell for photo in photos[:MOST_TILES] for cell in _cells(photo)])
    x, y = alt.X("place:O", axis=None), alt.Y("row:O", axis=None)
    tooltip = [*tooltips("name", "image"), alt.Tooltip("said", title="each member")]
    header = alt.Header(labelExpr="split(datum.label, '|')", labelOrient="bottom", labelPadding=4)
    facet = alt.Facet("words:N", title=None, sort=cells["words"].unique().tolist(), header=header)
    panel = pictures(cells, x, y, tooltip).facet(facet, columns=COLUMNS, spacing={"column": 84, "row": 12})
    panel.usermeta = {"photos": photos}
    shown = f"; the first {MOST_TILES} are shown" * (len(photos) > MOST_TILES)
    return panel, [f"{plural(len(photos), 'image')} of the evaluation half{shown}"]


def _cells(photo: dict) -> list[dict]:
    """An image without a corruption, and under the one of its most confident failure, with words for both."""
    clean = photo["views"][0]
    worst = max((view for view in photo["views"] if view["failed"]), key=lambda view: view["confidence"])
    under = label(worst["corruption"]) + f" {worst['severity']}" * bool(worst["severity"])
    answer = f"{photo['class']} → {worst['predicted']}, {percent(worst['confidence'], 0)}"
    lines = [*wrap(answer, LETTERS), f"image {photo['image']}, {under}"]
    views = [("clean", clean)] + [("corrupted", worst)] * (worst is not clean)
    return [
        {"row": 0, "place": place, "image": photo["image"], "words": "|".join(lines), "picture": view["picture"]}
        | {
            "name": f"{answer} {under}, {name}",
            "said": "; ".join(f"{of['member']}: {of['answer']}" for of in view["answers"]),
        }
        for place, (name, view) in enumerate(views)
    ]
