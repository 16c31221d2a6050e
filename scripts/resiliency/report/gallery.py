"""The gallery: one test image, clean and under every corruption and severity."""

import base64
from collections.abc import Iterable
from io import BytesIO

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image

from resiliency.conditions import CLEAN
from resiliency.corruption_names import CATEGORIES, HELD_OUT
from resiliency.report.style import finish, notice
from resiliency.report.words import label

# Pixels a side. They keep 95 pictures below 1 MB in the report, which holds each of them twice.
LARGEST_LOSSLESS, LARGEST = 40, 96
CELL = 64
LABELS = 108
BLOCKS = (("", "noise", "blur"), ("weather", "digital", "held out"))
CORNER = {"titleAngle": 0, "titleAlign": "left", "titleBaseline": "middle", "titleX": -LABELS, "titleY": -9}
GROUPS = {"": (CLEAN,)} | CATEGORIES | {"held out": HELD_OUT}


def gallery_table(
    clean: np.ndarray, corrupted: Iterable[tuple[str, int, np.ndarray]], index: int, label: str, table: str
) -> pd.DataFrame:
    """The pictures of a gallery.

    Args:
        clean: uint8 HxWx3, a test image.
        corrupted: corruption, severity and uint8 HxWx3, the image under them.
        index, label: of the image: its position in the test set and the name of its class.
        table: what the severities are those of, such as "cifar-10-c".

    Returns:
        A row for each picture, the clean one first, as corruption "clean" of severity 0: `corruption`, `severity`,
        `picture` (a data URL: PNG, or JPEG of at most 96 pixels a side where the image is larger than 40), and the
        same `index`, `label` and `table` in every row.
    """
    rows = [(CLEAN, 0, clean), *corrupted]
    pictures = [(corruption, severity, data_url(image)) for corruption, severity, image in rows]
    return pd.DataFrame(pictures, columns=["corruption", "severity", "picture"]).assign(
        index=index, label=label, table=table
    )


def gallery(pictures: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Pictures of one image: rows are corruptions, by category, columns are severities; the clean one comes first."""
    title = "One test image under each corruption"
    if pictures.empty:
        return notice(title, "no pictures in this study")
    severities = sorted(set(pictures["severity"]) - {0})
    there = set(pictures["corruption"])
    panels = {
        name: _panel(pictures, name, [corruption for corruption in corruptions if corruption in there], severities)
        for name, corruptions in GROUPS.items()
        if not there.isdisjoint(corruptions)
    }
    blocks = [[panels[name] for name in names if name in panels] for names in BLOCKS]
    image = pictures.iloc[0]
    subtitle = [
        f"Test image {image['index']:,}, of class {image['label']}",
        f"Columns: severities 1 (slight) to 5 (severe) of {image['table']}",
    ]
    columns = [alt.vconcat(*block, spacing=10) for block in blocks if block]
    return finish(alt.hconcat(*columns, spacing=20), title, subtitle)


def _panel(pictures: pd.DataFrame, name: str, corruptions: list[str], severities: list[int]) -> alt.Chart:
    """The pictures of one category, its name at the crossing of the names of its rows and columns."""
    shown = pictures[pictures["corruption"].isin(corruptions)]
    cells = pd.DataFrame({"row": shown["corruption"].map(label), "column": shown["severity"].clip(lower=severities[0])})
    cells["name"] = cells["row"] + (", severity " + cells["column"].astype(str) if name else "")
    cells["picture"] = shown["picture"]
    lossless = cells["picture"].str.startswith("data:image/png").all()
    columns = alt.Axis(orient="top", labelAngle=0, labels=bool(name), ticks=False, domain=False)
    rows = alt.Axis(
        ticks=False, domain=False, labelPadding=6, minExtent=LABELS, maxExtent=LABELS, titleFontWeight="bold", **CORNER
    )
    chart = alt.Chart(cells).mark_image(width=CELL, height=CELL, smooth=not lossless)
    chart = chart.encode(
        x=alt.X("column:O", title=None, axis=columns).scale(domain=severities),
        y=alt.Y("row:N", title=name or None, axis=rows).scale(domain=[label(corruption) for corruption in corruptions]),
        url="picture:N",
        description="name:N",
        tooltip="name:N",
    )
    size = alt.Step(CELL + 2)
    return chart.properties(width=size, height=size, view=alt.ViewConfig(stroke=None))


def data_url(image: np.ndarray) -> str:
    picture, buffer = Image.fromarray(image), BytesIO()
    form = "png" if max(picture.size) <= LARGEST_LOSSLESS else "jpeg"
    picture.thumbnail((LARGEST, LARGEST))
    picture.save(buffer, form, optimize=True, quality=90)
    return f"data:image/{form};base64,{base64.b64encode(buffer.getvalue()).decode()}"
