"""The gallery: one test image, clean and under every corruption and severity."""

import altair as alt
import pandas as pd

from resiliency.base.corruption_names import CATEGORIES, HELD_OUT
from resiliency.base.names import CLEAN
from resiliency.report.style import PICTURE, finish, notice
from resiliency.report.words import label, plural

CAPTION = (
    "The clean image is at the top left. If the study generates corruptions, all available ones are shown, including "
    "those that it does not test."
)
LABELS = 108
BLOCKS = (("", "noise", "blur"), ("weather", "digital", "held out"))
CORNER = {"titleAngle": 0, "titleAlign": "left", "titleBaseline": "middle", "titleX": -LABELS, "titleY": -9}
GROUPS = {"": (CLEAN,)} | CATEGORIES | {"held out": HELD_OUT}


def draw(pictures: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
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
    drawn = pictures[pictures["corruption"].isin(corruptions)]
    cells = pd.DataFrame({"row": drawn["corruption"].map(label), "column": drawn["severity"].clip(lower=severities[0])})
    cells["name"] = cells["row"] + (", severity " + cells["column"].astype(str) if name else "")
    cells["picture"] = drawn["picture"]
    lossless = cells["picture"].str.startswith("data:image/png").all()
    columns = alt.Axis(orient="top", labelAngle=0, labels=bool(name), ticks=False, domain=False)
    rows = alt.Axis(
        ticks=False, domain=False, labelPadding=6, minExtent=LABELS, maxExtent=LABELS, titleFontWeight="bold", **CORNER
    )
    chart = alt.Chart(cells).mark_image(width=PICTURE, height=PICTURE, smooth=not lossless)
    chart = chart.encode(
        x=alt.X("column:O", title=None, axis=columns).scale(domain=severities),
        y=alt.Y("row:N", title=name or None, axis=rows).scale(domain=[label(corruption) for corruption in corruptions]),
        url=alt.Url("picture:N"),
        description="name:N",
        tooltip=alt.Tooltip("name:N"),
    )
    size = alt.Step(PICTURE + 2)
    return chart.properties(width=size, height=size, view=alt.ViewConfig(stroke=None))


def finding(pictures: pd.DataFrame) -> str:
    """How many corruptions the image is shown under, which may be more than the study tests."""
    corruptions = pictures.loc[pictures["severity"] > 0, "corruption"].nunique()
    return f"The same test image under {plural(corruptions, 'corruption')}." if corruptions else ""
