"""The chart of what one more member brings."""

import altair as alt
import pandas as pd

from resiliency.report.rows import under_main_rule
from resiliency.report.style import INK, SHARE, finish, notice, panel_title, tooltips
from resiliency.report.words import difference_interval, label, percent, plural, points, with_interval

CAPTION = "A flat line means that additional members bring little, although each costs as much as the first."
TITLE = "Error against the number of members"
MEASURES = {"corrupted_error": "corrupted", "clean_accuracy": "clean"}
MEAN, BEST = "mean of all", "best, selected on other images"


def draw(sizes: pd.DataFrame, candidates: pd.DataFrame, colours: list[str]) -> alt.TopLevelMixin:
    """Mean error of all ensembles of each size with its interval, the middle half of them, and the best of each.

    Args:
        candidates: candidates.parquet; empty where nothing was chosen.
    """
    rows = errors_of(sizes)
    if rows.empty:
        return notice(TITLE, "no ensembles of independently trained members in this study")
    panels = []
    for images in dict.fromkeys(rows["images"]):
        of_images = rows[rows["images"] == images]
        best = best_of_sizes(candidates) if images == "corrupted" else pd.DataFrame()
        panels.append(_panel(of_images, best, images, colours, 400 if rows["images"].nunique() > 1 else 820))
    members = plural(int(rows["members"].max()), "member")
    subtitle = [
        f"Mean over ensembles formed of {members}, combined by {label(rows['rule'].iloc[0])}; bars: "
        f"{percent(rows['confidence'].iloc[0], 0)} intervals, leaving out each member",
        "Shaded: the middle half of the ensembles",
    ]
    return finish(alt.hconcat(*panels, spacing=28), TITLE, subtitle)


def finding(sizes: pd.DataFrame, candidates: pd.DataFrame) -> str:
    """Mean error of single members and of the largest ensembles, and what the last member changes."""
    rows = errors_of(sizes)
    if rows.empty or rows["size"].nunique() < 2:
        return ""
    images = rows["images"].iloc[0]
    rows = rows[rows["images"] == images].sort_values("size")
    first, last = rows.iloc[0], rows.iloc[-1]
    ends = [with_interval(*row[["error", "low", "high"]]) for row in (first, last)]
    who = "single members" if first["size"] == 1 else f"ensembles of {first['size']}"
    verb = "falls" if last["error"] < first["error"] else "rises" if last["error"] > first["error"] else "goes"
    before = rows["size"].iloc[-2]
    step = f"from {before} to {last['size']} members" if before > 1 else f"from one member to {last['size']}"
    return (
        f"On {images} images, the mean error {verb} from {ends[0]} for {who} to {ends[1]} for ensembles of "
        f"{last['size']}. The step {step} changes it by {_change(last)}."
    )


def _change(row: pd.Series) -> str:
    """The change of the error to the next smaller size, in percentage points, and what its interval says."""
    change = f"{points(row['change'])} percentage points"
    if pd.isna(row["change_low"]):
        return f"{change} (no interval: too few members)"
    ends = difference_interval(row["change_low"], row["change_high"])
    significant = row["change_low"] > 0 or row["change_high"] < 0
    return f"{change} {ends}" + ("" if significant else ", not significant: the interval includes 0")


def errors_of(sizes: pd.DataFrame) -> pd.DataFrame:
    """The rows of ensemble_sizes.csv that are drawn, as errors, on corrupted images first, then on clean ones.

    Returns:
        Its columns, with images (corrupted or clean) and error; all ends are of errors.
    """
    parts = []
    for measure, images in MEASURES.items():
        rows = under_main_rule(sizes)
        rows = rows[rows["measure"] == measure].assign(images=images)
        rows = rows.rename(columns={"mean": "error"})
        if measure == "clean_accuracy":
            rows["error"] = 1 - rows["error"]
            for low, high in (("low", "high"), ("lower_quartile", "upper_quartile")):
                rows[low], rows[high] = 1 - rows[high], 1 - rows[low]
            rows[["change", "change_low", "change_high"]] = -rows[["change", "change_high", "change_low"]].to_numpy()
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def best_of_sizes(candidates: pd.DataFrame) -> pd.DataFrame:
    """Of each size, the candidate with the least error on the images of the choice: size, members, judged_error."""
    if candidates.empty:
        return candidates
    evaluated = candidates.dropna(subset=["selection_error", "judged_error"])
    rows = evaluated.loc[evaluated.groupby("size")["selection_error"].idxmin()]
    return rows[["size", "members", "judged_error"]]


def _panel(rows: pd.DataFrame, best: pd.DataFrame, images: str, colours: list[str], width: int) -> alt.LayerChart:
    most = int(max(rows["size"].max(), best["size"].max() if len(best) else 0))
    axis = alt.Axis(values=list(range(1, most + 1)), format="d", labelOverlap=True, grid=False)
    x = alt.X("size:Q", title="Members", axis=axis).scale(domain=[1, most], padding=14, nice=False)
    y = alt.Y("error:Q", title=f"Error on {images} images").axis(format=SHARE).scale(zero=True)
    base = alt.Chart(rows).encode(x=x)
    band = base.mark_area(color=colours[0], opacity=0.15).encode(
        y=alt.Y("lower_quartile:Q"), y2=alt.Y2("upper_quartile")
    )
    bars = base.mark_rule(color=colours[0], strokeWidth=2).encode(y=alt.Y("low:Q"), y2=alt.Y2("high"))
    mean = alt.Tooltip("error", title="mean error", format=".1%")
    ends = dict.fromkeys(("low", "high", "lower_quartile", "upper_quartile"), ".1%")
    tooltip = tooltips("size", alt.Tooltip("ensembles", format=","), mean, **ends)
    dots = base.mark_point(filled=True, size=70, color=colours[0], opacity=1).encode(y=y, tooltip=tooltip)
    layers = [band, bars, base.mark_line(color=colours[0]).encode(y=y), dots]
    last = rows.iloc[[-1]]
    layers.append(_line_label(last.assign(top=last[["error", "high"]].max(axis=1)), x, "top", MEAN))
    if len(best):
        other = alt.Chart(best).encode(x=x, y=alt.Y("judged_error:Q"))
        fields = tooltips("size", "members", alt.Tooltip("judged_error", title="error", format=".1%"))
        hue = (colours * 6)[5]
        diamonds = other.mark_point(filled=True, shape="diamond", size=80, color=hue, opacity=1)
        layers += [other.mark_line(color=hue, strokeDash=[5, 3]), diamonds.encode(tooltip=fields)]
        layers.append(_line_label(best.iloc[[-1]], x, "judged_error", BEST, above=False))
    return alt.layer(*layers, width=width, height=190, title=panel_title(f"{images.capitalize()} images"))


def _line_label(row: pd.DataFrame, x: alt.X, column: str, text: str, above: bool = True) -> alt.Chart:
    """The name of a line, above or below the value of `column` at its last point."""
    words = alt.Chart(row.assign(text=text)).mark_text(
        align="right", dy=-10 if above else 16, dx=8, color=INK, fontSize=11, fontWeight="bold"
    )
    return words.encode(x=x, y=alt.Y(f"{column}:Q"), text=alt.Text("text:N"))
