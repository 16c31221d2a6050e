"""Galleries: one test image under every corruption, where members of each family look, and
failures."""

import re
from textwrap import wrap

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.pictures import IMAGE, IMAGES, data_url, map_of
from resiliency.base.names import CATEGORIES, CLEAN, HELD_OUT
from resiliency.report import style
from resiliency.report.rows import Row
from resiliency.report.settings import METHODS
from resiliency.report.words import label, percent, plural

LABELS = 108  # px, of names of corruptions
CORNER = {
    "titleAngle": 0,
    "titleAlign": "left",
    "titleBaseline": "middle",
    "titleX": -LABELS,
    "titleY": -9,
}
GROUPS = {"": (CLEAN,)} | CATEGORIES | {"extra": HELD_OUT}
LEFT = ("", "noise", "blur")  # groups in the left of two columns
FOR, AGAINST = np.array([0xA6, 0x3D, 0x00]), np.array([0x0B, 0x5F, 0xA5])
UNSIGNED = ("saliency", "grad_cam")
PROBABILITY = re.compile(r" ([01]\.\d\d)$")  # at the end of a member's answer
# Columns, number of images, and letters of a line below one.
COLUMNS, MOST_TILES, LETTERS = 4, 24, 31


@style.chart(
    "The clean image is at the top left. If the study generates corruptions, all available ones "
    "are shown, including "
    "those that it does not test.",
)
def gallery(table: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Pictures of one image: rows are corruptions, by category, columns are severities; the clean
    one comes first."""
    if table.empty:
        return style.notice("no pictures in this study")
    severities = sorted(set(table["severity"].tolist()) - {0})
    extent = {
        "labelPadding": 6,
        "minExtent": LABELS,
        "maxExtent": LABELS,
        "titleFontWeight": "bold",
    }
    columns: dict[bool, list[alt.Chart]] = {True: [], False: []}
    for name, group in GROUPS.items():
        drawn = table[table["corruption"].isin(group)]
        if drawn.empty:
            continue
        cells = drawn.assign(
            row=drawn["corruption"].map(label), column=drawn["severity"].clip(lower=severities[0])
        )
        cells["name"] = cells["row"] + (", severity " + cells["column"].astype(str) if name else "")
        rows = [label(corruption) for corruption in group if corruption in set(drawn["corruption"])]
        x = style.cell_names(
            alt.X, "column", severities, orient="top", labelAngle=0, labels=bool(name)
        )
        y = style.cell_names(alt.Y, "row", rows, name or None, **extent, **CORNER)
        columns[name in LEFT].append(
            style.pictures(
                cells[["row", "column", "name", "picture"]], x, y, style.tooltips("name")
            )
        )
    image, corruptions = (
        table.iloc[0],
        plural(table.loc[table["severity"] > 0, "corruption"].nunique(), "corruption"),
    )
    return alt.hconcat(
        *(alt.vconcat(*block, spacing=10) for block in columns.values() if block), spacing=20
    ), [
        f"Test image {image['index']:,}, of class {image['label']}, clean and under {corruptions}",
        f"Columns: severities 1 (slight) to 5 (severe) of {image['table']}",
    ]


@style.chart(
    "Each row shows one image, clean and corrupted; each column shows one member. Identical maps "
    "have a distance of 0, "
    "unrelated ones of 1.",
)
def attribution_gallery(
    table: pd.DataFrame, distances: pd.DataFrame, colours: list[str]
) -> style.Drawn:
    """Images with the members' maps beside them; below, how far apart the maps of each two members
    are.

    Args:
        table, distances: tables from `attribution_table` and `distance_table` of
            `analysis.pictures`, the second with the columns method, corruption and severity.
    """
    if table.empty or distances.empty:
        return style.notice(
            "the first attribution method applies to no two members that this chart shows"
        )
    first = distances.iloc[0]
    against = "" if first["method"] in UNSIGNED else "; blue: it speaks against the class"
    members = list(dict.fromkeys([*distances["first"], *distances["second"]]))
    x = style.cell_names(alt.X, "first", members[:-1], labelAngle=-45)
    colour = alt.Color("distance:Q", title="1 − cosine").scale(
        scheme="blues", domain=[0, 1], clamp=True
    )
    tooltip = style.tooltips("first", "second", distance=".3f")
    look = {"form": ".2f", "dark": alt.datum["distance"] > 0.62}
    matrices = []  # of which each has its lower triangle alone
    for name in IMAGES:
        y = style.cell_names(alt.Y, "second", members[1:], labels=not matrices)
        size = {
            "width": alt.Step(34),
            "height": alt.Step(22),
            "title": style.panel_title(f"{name} images"),
        }
        matrices.append(
            style.heat(
                distances[distances["images"] == name], x, y, colour, tooltip, **look, **size
            )
        )
    heading = (
        "Distance of the maps of two members (1 − cosine), mean over "
        f"{plural(int(first['probes']), 'image')}"
    )
    below = alt.hconcat(
        *matrices, spacing=24, bounds="flush", title=style.panel_title(heading, frame="bounds")
    )
    return alt.vconcat(_maps(table), below, spacing=26).resolve_scale(color="independent"), [
        f"{METHODS[first['method']]}: the more orange, the more a pixel matters{against}",
        f"{plural(table['index'].nunique(), 'test image')}, drawn in advance, clean and under "
        f"{label(first['corruption'])}, severity {first['severity']}",
    ]


def _maps(table: pd.DataFrame) -> alt.Chart:
    """A row for each image, clean and corrupted; the image and each member's map of it."""
    urls = [
        url if content == IMAGE else data_url(map_picture(map_of(url)))
        for content, url in zip(table["what"], table["picture"], strict=True)
    ]
    cells = table.assign(
        picture=urls,
        row=[
            f"{i:,} ({name}), {images}"
            for i, name, images in table[["index", "label", "images"]].to_numpy()
        ],
        name=table["what"] + ", test image " + table["index"].astype(str) + ", " + table["images"],
    )
    x = style.cell_names(
        alt.X, "what", cells["what"].unique().tolist(), orient="top", labelAngle=-35
    )
    y = style.cell_names(
        alt.Y, "row", cells["row"].unique().tolist(), "Test image (class)", labelPadding=6
    )
    return style.pictures(cells, x, y, style.tooltips("name"), gap=4)


def map_picture(attribution: np.ndarray) -> np.ndarray:
    """A map float H x W in -1..1 as uint8 HxWx3: white at 0, orange above, blue below."""
    values = attribution.astype(np.float64)[..., None]
    colour = np.where(values > 0, FOR, AGAINST)
    return np.round(255 + np.abs(values) * (colour - 255)).astype(np.uint8)


@style.chart(
    "The first picture of an image is without a corruption. The interactive chart shows the answer "
    "of each member. "
    "Images are those of the evaluation half."
)
def failure_gallery(failures: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """Each image once, uncorrupted and under the condition of its most confident failure, most
    confident ones first."""
    rows = failures.dropna(subset=["confidence"]).sort_values(
        "confidence", ascending=False, kind="stable"
    )
    rows = rows.drop_duplicates("image")
    if rows.empty:
        return style.notice(
            "the recommended model makes no errors, or there is none, in this study"
        )
    cells = pd.DataFrame(
        [cell for row in rows.head(MOST_TILES).to_dict("records") for cell in _cells(row)]
    )
    x, y = alt.X("place:O", axis=None), alt.Y("row:O", axis=None)
    tooltip = style.tooltips("name", "image", "said")
    header = alt.Header(labelExpr="split(datum.label, '|')", labelOrient="bottom", labelPadding=4)
    facet = alt.Facet("words:N", title=None, sort=cells["words"].unique().tolist(), header=header)
    panel = style.pictures(cells, x, y, tooltip).facet(
        facet, columns=COLUMNS, spacing={"column": 84, "row": 12}
    )
    shown = f"; the first {MOST_TILES} are shown" * (len(rows) > MOST_TILES)
    return panel, [f"{plural(len(rows), 'image')} of the evaluation half{shown}"]


def _cells(row: Row) -> list[Row]:
    """An image without a corruption and, if it fails under one, with it, and words for both."""
    under = label(row["corruption"]) + f" {row['severity']}" * bool(row["severity"])
    answer = f"{row['class']} → {row['predicted']}, {percent(row['confidence'], 0)}"
    answers = row["said"].split("; ")
    wrong = sum(PROBABILITY.sub("", of) != row["class"] for of in answers)
    lines = [*wrap(answer, LETTERS), f"image {row['image']}, {under}"]
    lines += [f"{wrong} of {len(answers)} members wrong"] * (len(answers) > 1)
    views = {"clean": (row["clean"], row["clean_said"])}
    views |= {"corrupted": (row["picture"], row["said"])} if row["corruption"] != CLEAN else {}
    return [
        {
            "row": 0,
            "place": place,
            "image": row["image"],
            "words": "|".join(lines),
            "picture": picture,
        }
        | {"name": f"{answer} {under}, {name}", "said": said}
        for place, (name, (picture, said)) in enumerate(views.items())
    ]
