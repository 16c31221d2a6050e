"""The gallery of failures: what the recommended model gets wrong, to be looked at."""

import altair as alt
import pandas as pd

from resiliency.analysis.failures import CORRUPTION, NOBODY, PAIR
from resiliency.base.names import CLEAN
from resiliency.report.style import BODY, INK, PICTURE, finish, notice, panel_title
from resiliency.report.words import label, plural

CAPTION = (
    "Arrows lead from the class of an image to the predicted class. Point at an image to see what each member "
    "predicts. Images are those of the evaluation half."
)
TITLE = "Failures of the recommended model"
COLUMNS, STEP, LINE = 8, 104, 14
PANELS = {
    PAIR: "The most confident wrong answer for each pair of classes",
    CORRUPTION: "The most confident wrong answer under each corruption",
    NOBODY: "Images that no member gets right under the most conditions",
}


def draw(failures: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """A panel of pictures for each kind of failure, the most confident first, with class, answer and corruption."""
    failures = failures.dropna(subset=["confidence"])
    if failures.empty:
        return notice(TITLE, "the recommended model makes no errors, or there is none, in this study")
    panels = [
        _panel(part).properties(title=panel_title(title))
        for kind, title in PANELS.items()
        if len(part := failures[failures["kind"] == kind])
    ]
    subtitle = [f"{plural(failures['image'].nunique(), 'image')} of the evaluation half"]
    return finish(alt.vconcat(*panels, spacing=26), TITLE, subtitle)


def _panel(failures: pd.DataFrame) -> alt.LayerChart:
    place = pd.RangeIndex(len(failures))
    words = failures["corruption"].map(label) + failures["severity"].map(lambda level: f" {level}" if level else "")
    sure = (100 * failures["confidence"]).round().astype(int).astype(str) + "%"
    tiles = failures[["image", "name", "said", "picture"]].assign(
        column=place % COLUMNS,
        line=place // COLUMNS,
        arrow=failures["class"] + " → " + failures["predicted"] + ", " + sure,
        condition=words,
    )
    lossless = tiles["picture"].str.startswith("data:image/png").all()
    hidden = {"title": None, "axis": None}
    base = alt.Chart(tiles).encode(
        x=alt.X("column:O", **hidden).scale(domain=list(range(min(COLUMNS, len(tiles))))), y=alt.Y("line:O", **hidden)
    )
    tooltip = [alt.Tooltip("arrow", title="class → predicted, confidence"), "condition"]
    tooltip += [alt.Tooltip("said", title="each member"), "image", "name"]
    pictures = base.mark_image(width=PICTURE, height=PICTURE, smooth=not lossless, yOffset=-LINE).encode(
        url="picture:N", description="arrow:N", tooltip=tooltip
    )
    text = {"fontSize": BODY - 1, "limit": STEP - 4, "color": INK, "aria": False}
    arrows = base.mark_text(dy=PICTURE / 2 + 2 - LINE / 2, **text).encode(text="arrow:N")
    under = base.mark_text(dy=PICTURE / 2 + 2 + LINE / 2, **text).encode(text="condition:N")
    size = {"width": alt.Step(STEP), "height": alt.Step(PICTURE + 3 * LINE)}
    return (pictures + arrows + under).properties(view=alt.ViewConfig(stroke=None), **size)


def finding(failures: pd.DataFrame) -> str:
    """How many of the images that no member gets right most often are such without a corruption."""
    nobody = failures[failures["kind"] == NOBODY]
    if nobody.empty:
        return ""
    clean, shown = (nobody["corruption"] == CLEAN).sum(), plural(len(nobody), "image")
    some = f"no member gets {clean} right" if clean else "each is answered rightly by some member"
    return f"The {shown} that no member gets right under the most conditions: without corruption, {some}."
