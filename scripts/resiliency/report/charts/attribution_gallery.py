"""The gallery of attributions: where members of each family look, on clean and on corrupted images."""

import altair as alt
import numpy as np
import pandas as pd

from resiliency.analysis.pictures import IMAGE, IMAGES, data_url, map_of
from resiliency.report.style import INK, PICTURE, finish, notice, panel_title, tooltips
from resiliency.report.words import METHODS, label, number, plural

CAPTION = (
    "Each row shows one image, clean and corrupted; each column shows one member. Identical maps have a distance of 0."
)
FOR, AGAINST = np.array([0xA6, 0x3D, 0x00]), np.array([0x0B, 0x5F, 0xA5])
MATRIX = 34
UNSIGNED = ("saliency", "grad_cam")
TITLE = "Which pixels do members of different families rely on?"


def map_picture(attribution: np.ndarray) -> np.ndarray:
    """A map float H x W in -1..1 as uint8 HxWx3: white at 0, orange above, blue below."""
    values = attribution.astype(np.float64)[..., None]
    colour = np.where(values > 0, FOR, AGAINST)
    return np.round(255 + np.abs(values) * (colour - 255)).astype(np.uint8)


def draw(pictures: pd.DataFrame, distances: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Images with the members' maps beside them; below, how far apart the maps of each two members are.

    Args:
        pictures, distances: as `attribution_table` and `distance_table` of `attribution_pictures` make them, with
            columns method, corruption and severity in the second.
    """
    if pictures.empty or distances.empty:
        return notice(TITLE, "the first attribution method applies to no two members that this chart shows")
    first = distances.iloc[0]
    corrupted = f"{label(first['corruption'])}, severity {first['severity']}"
    against = "" if first["method"] in UNSIGNED else "; blue: it speaks against the class"
    subtitle = [
        f"{METHODS[first['method']]}: the more orange, the more a pixel matters{against}",
        f"{plural(pictures['index'].nunique(), 'test image')}, drawn in advance, clean and under {corrupted}",
    ]
    matrices = [_matrix(distances[distances["images"] == name], name, name == IMAGES[0]) for name in IMAGES]
    heading = f"Distance of the maps of two members (1 − cosine), mean over {plural(int(first['probes']), 'image')}"
    below = alt.hconcat(*matrices, spacing=24, bounds="flush").properties(title=panel_title(heading, frame="bounds"))
    chart = alt.vconcat(_pictures(pictures), below, spacing=26).resolve_scale(color="independent")
    return finish(chart, TITLE, subtitle)


def _pictures(pictures: pd.DataFrame) -> alt.Chart:
    urls = [
        url if content == IMAGE else data_url(map_picture(map_of(url)))
        for content, url in zip(pictures["what"], pictures["picture"], strict=True)
    ]
    cells = pictures.assign(
        picture=urls,
        row=[f"{i:,} ({name}), {images}" for i, name, images in pictures[["index", "label", "images"]].to_numpy()],
        name=pictures["what"] + ", test image " + pictures["index"].astype(str) + ", " + pictures["images"],
    )
    lossless = cells["picture"].str.startswith("data:image/png").all()
    columns = alt.Axis(orient="top", labelAngle=-35, ticks=False, domain=False)
    rows = alt.Axis(ticks=False, domain=False, labelPadding=6)
    chart = alt.Chart(cells).mark_image(width=PICTURE, height=PICTURE, smooth=not lossless)
    chart = chart.encode(
        x=alt.X("what:N", title=None, axis=columns).scale(domain=cells["what"].unique().tolist()),
        y=alt.Y("row:N", title="Test image (class)", axis=rows).scale(domain=cells["row"].unique().tolist()),
        url=alt.Url("picture:N"),
        description="name:N",
        tooltip=alt.Tooltip("name:N"),
    )
    size = alt.Step(PICTURE + 4)
    return chart.properties(width=size, height=size, view=alt.ViewConfig(stroke=None))


def _matrix(distances: pd.DataFrame, name: str, first: bool) -> alt.LayerChart:
    """The distances of all pairs, each in the lower triangle alone."""
    members = list(dict.fromkeys([*distances["first"], *distances["second"]]))
    base = alt.Chart(distances).encode(
        x=alt.X("first:N", title=None).scale(domain=members[:-1]).axis(labelAngle=-45, ticks=False, domain=False),
        y=alt.Y("second:N", title=None).scale(domain=members[1:]).axis(labels=first, ticks=False, domain=False),
    )
    hue = alt.Color("distance:Q", title="1 − cosine").scale(scheme="blues", domain=[0, 1], clamp=True)
    ink = alt.when(alt.datum["distance"] > 0.62).then(alt.value("white")).otherwise(alt.value(INK))
    tooltip = tooltips("first", "second", distance=".3f")
    numbers = base.mark_text(fontSize=11, aria=False).encode(text=alt.Text("distance:Q", format=".2f"), color=ink)
    chart = base.mark_rect().encode(color=hue, tooltip=tooltip) + numbers
    return chart.properties(width=alt.Step(MATRIX), height=alt.Step(22), title=panel_title(f"{name} images"))


def finding(pictures: pd.DataFrame, distances: pd.DataFrame) -> str:
    """Mean distances of maps, clean and corrupted."""
    means = distances.groupby("images")["distance"].mean().reindex(IMAGES).dropna()
    if means.empty:
        return ""
    averages = " and ".join(f"{number(value, 2)} apart on {name} images" for name, value in means.items())
    method = METHODS[distances["method"].iloc[0]]
    return f"{method} maps of members of different families lie {averages} (0: identical, 1: unrelated)."
