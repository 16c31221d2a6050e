"""Charts of failures of the recommended model: confusions, errors by class, pictures."""

import re
from textwrap import wrap

import altair as alt
import pandas as pd

from resiliency.base.names import CATEGORIES, CLEAN, CORRUPTED, HELD_OUT
from resiliency.report.overview import contenders
from resiliency.report.panels import cell_names, chart, heat, measure, words_at
from resiliency.report.rows import of_first_role
from resiliency.report.style import INK, MUTED, PICTURE, finish, notice, panel_title, tooltips
from resiliency.report.words import label, percent, plural

PROBABILITY = re.compile(r" ([01]\.\d\d)$")  # at the end of a member's answer
NOTHING = "nothing is recommended in this study"
MOST_CLASSES, NUMBERED = 30, 15  # largest number of classes of a matrix, and of one with numbers
MOST_BARS, MOST_ROWS = 15, 30
FREQUENT = ["share", "answers"]  # columns that confusions are ordered by
SIDE, NAME = 330, 13  # px of a panel of confusions, and least height of a row with a name
CELL, LETTER_ABOVE, ROW = 34, 8, 19  # px, of a column of errors, of a letter of its title, and of a row
COLUMNS, MOST_TILES = 4, 24  # columns, and number, of pictures
ROOM, LETTER, LINE = 216, 6.4, 14  # px, width of a tile and of a letter below it, height of a line
APART = PICTURE / 2 + 2  # px, between the middles of a tile and of its pictures


@chart(
    "Shares are of the images of a class. Images are those of the evaluation half; corrupted images are counted under "
    "all conditions together.",
)
def confusions(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """A cell per class and predicted class, or, of many classes, a bar for each of the most frequent confusions."""
    title = "What the recommended model confuses"
    rows = of_first_role(table.dropna(subset=["share"]))
    if rows.empty:
        return notice(title, NOTHING)
    rows = rows.assign(wrong=rows["class"] != rows["predicted"])
    classes = list(dict.fromkeys([*rows["class"], *rows["predicted"]]))
    few = len(classes) <= MOST_CLASSES
    panels = []
    for name in (CLEAN, CORRUPTED):
        part, title_of = rows[rows["images"] == name], panel_title(f"{name.capitalize()} images")
        if len(part):
            panels.append(_matrix(part, classes, rows, title_of) if few else _bars(part, colours, title_of))
    shares = "share of the images of each class (row) by predicted class (column), in %"
    frequent = f"the {MOST_BARS} most frequent confusions of {len(classes):,} classes"
    size = int(rows["size"].iloc[0])
    who = f"{plural(size, 'member')} together" if size > 1 else rows["members"].iloc[0]
    subtitle = [f"{who}: {shares if few else frequent}"]
    return finish(alt.hconcat(*panels, spacing=30), title, subtitle)


def _matrix(rows: pd.DataFrame, classes: list[str], everything: pd.DataFrame, title: alt.TitleParams) -> alt.LayerChart:
    """A matrix of confusions; wrong answers are coloured, on one scale for all panels, right ones are not."""
    wrong = everything.loc[everything["wrong"], "share"]
    most = float(100 * wrong.max()) if len(wrong) else 1
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
def class_errors(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Error on each class, clean and under each corruption, mean over severities; the hardest classes come first."""
    title = "Error of the recommended model on each class under each corruption"
    rows = of_first_role(table.dropna(subset=["error"]))
    if rows.empty:
        return notice(title, NOTHING)
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
    return finish(error_panels(cells, order[:MOST_ROWS]), title, subtitle)


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
        panels.append(
            heat(
                part,
                x.axis(labelAngle=-45, ticks=False, domain=False),
                cell_names(alt.Y, "row", order, labels=not panels),
                colour,
                tooltips(alt.Tooltip("row", title="of"), "name", error),
                form=".0f",
                dark=alt.datum["percent"] > 0.62 * most,
                width=max(CELL * part["name"].nunique(), LETTER_ABOVE * len(name)),
                height=alt.Step(ROW),
                title=panel_title(name, anchor="middle"),
                view=alt.ViewConfig(stroke=None),
            )
        )
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
def failure_gallery(failures: pd.DataFrame, deployment: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Each image once, uncorrupted and under a condition in which the model is wrong, most confident failures first.

    The page shows the records of `photos_of` in its place: all conditions of an image, and each member's answer.
    """
    title = "Failures of the recommended model"
    roles = contenders(deployment) if len(deployment) else []
    photos = photos_of(failures, roles[0]["members"].split("+") if roles else [])
    if not photos:
        return notice(title, "the recommended model makes no errors, or there is none, in this study")
    tiles = pd.DataFrame([_tile(photo, place) for place, photo in enumerate(photos[:MOST_TILES])])
    hidden = {"title": None, "axis": None}
    x = alt.X("column:O", **hidden).scale(domain=list(range(min(COLUMNS, len(tiles)))))
    y = alt.Y("line:O", **hidden)
    lines = tiles["words"].str.count("\n").max() + 1
    layers = []
    for column, place in (("clean", -APART), ("corrupted", APART)):
        cells = tiles[tiles[column] != ""].drop(columns=["clean", "corrupted"])
        if cells.empty:
            continue
        cells = cells.assign(picture=tiles[column], name=cells["words"].str.replace("\n", " ") + f", {column}")
        look = {"width": PICTURE, "height": PICTURE, "xOffset": place, "yOffset": -lines * LINE / 2}
        smooth = not cells["picture"].str.startswith("data:image/png").all()
        images = alt.Chart(cells).mark_image(smooth=smooth, **look)
        tooltip = [*tooltips("name", "image"), alt.Tooltip(f"{column}_said", title="each member")]
        layers.append(images.encode(x=x, y=y, url="picture:N", description="name:N", tooltip=tooltip))
    below = {"lineBreak": "\n", "lineHeight": LINE, "baseline": "top", "dy": PICTURE / 2 + 4 - lines * LINE / 2}
    layers.append(words_at(tiles[["column", "line", "words"]], x, y, "words", **below))
    size = {"width": alt.Step(ROOM), "height": alt.Step(PICTURE + (lines + 1) * LINE)}
    panel = alt.layer(*layers, view=alt.ViewConfig(stroke=None), **size)
    shown = f"; the first {MOST_TILES} are shown" if len(photos) > MOST_TILES else ""
    drawn = finish(panel, title, [f"{plural(len(photos), 'image')} of the evaluation half{shown}"])
    drawn.usermeta = {"photos": photos}
    return drawn


def _tile(photo: dict, place: int) -> dict:
    """An image and its most confident failure, at a place in reading order."""
    clean = photo["views"][0]
    worst = max((view for view in photo["views"] if view["failed"]), key=lambda view: view["confidence"])
    under = label(worst["corruption"]) + (f" {worst['severity']}" if worst["severity"] else "")
    answer = f"{photo['class']} → {worst['predicted']}, {percent(worst['confidence'], 0)}"
    tile = {"column": place % COLUMNS, "line": place // COLUMNS, "image": photo["image"]}
    tile["words"] = "\n".join([*wrap(answer, int(ROOM / LETTER) - 2), under])
    for name, view in (("clean", clean), ("corrupted", worst)):
        tile[name] = "" if name == "corrupted" and worst is clean else view["picture"]
        tile[f"{name}_said"] = "; ".join(f"{of['member']}: {of['answer']}" for of in view["answers"])
    return tile
