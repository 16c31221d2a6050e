"""The heat map of the errors of the recommended model on each class under each corruption."""

import altair as alt
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.report.charts.error_heatmap import error_panels
from resiliency.report.rows import of_first_role
from resiliency.report.style import finish, notice
from resiliency.report.words import label, plural, with_interval

CAPTION = "Dark cells are large errors. Few images stand behind a cell: the table has the intervals."
TITLE = "Error of the recommended model on each class under each corruption"
MOST_ROWS = 30  # classes


def draw(table: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Error on each class, clean and under each corruption, mean over severities; the hardest classes come first."""
    rows = of_first_role(table.dropna(subset=["error"]))
    if rows.empty:
        return notice(TITLE, "nothing is recommended in this study")
    order = _hardest(rows)["class"].tolist()
    cells = rows.assign(row=rows["class"], column=rows["corruption"].replace(CORRUPTED, "mean"))
    images = rows.drop_duplicates("class")["images"]
    count = f"{images.min():,} to " if images.min() < images.max() else ""
    subtitle = [
        f"Mean over severities, in %; hardest class first; {count}{plural(int(images.max()), 'image')} of each class, "
        "of the evaluation half"
    ]
    if len(order) > MOST_ROWS:
        subtitle.append(f"The first {MOST_ROWS} of {len(order):,} classes; the others are in the table")
    return finish(error_panels(cells, order[:MOST_ROWS], []), TITLE, subtitle)


def _hardest(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows under all corruptions; the largest error first."""
    return rows[rows["corruption"] == CORRUPTED].sort_values("error", ascending=False, kind="stable")


def finding(table: pd.DataFrame) -> str:
    """The hardest class, and the class and corruption with the largest error."""
    rows = of_first_role(table.dropna(subset=["error"]))
    if rows.empty:
        return ""
    hardest = _hardest(rows).iloc[0]
    text = f"The class with the highest error on {label(hardest['corruption'])} images is {_error(hardest)}."
    single = rows[~rows["corruption"].isin([CLEAN, CORRUPTED])]
    if single.empty:
        return text
    worst = single.loc[single["error"].idxmax()]
    return f"{text} The highest error is under {label(worst['corruption'])}, on {_error(worst)}."


def _error(row: pd.Series) -> str:
    return f"{row['class']}: {with_interval(row['error'], row['low'], row['high'])}"
