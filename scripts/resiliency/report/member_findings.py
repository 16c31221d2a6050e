"""What the charts of single members show, in a sentence each, said by rules from their tables.

Each function takes the tables of its chart and returns the sentence, or nothing where there is nothing to say.
"""

import pandas as pd

from resiliency.attribution_pictures import IMAGES
from resiliency.names import CLEAN, CORRUPTED
from resiliency.report.calibration_chart import pooled
from resiliency.report.failure_chart import PAIRS, of_pairs
from resiliency.report.member_charts import of_data_set
from resiliency.report.words import METHODS, label, number, percent, plural

RANKED = {"size": "parameters", "clean accuracy": "clean_accuracy"}
FEWEST_EPOCHS = 5  # of which the last is a fifth
SETTLED = 0.8  # share of the epochs after which little should change


def gallery(pictures: pd.DataFrame) -> str:
    corruptions = pictures.loc[pictures["severity"] > 0, "corruption"].nunique()
    return f"The same test image under {plural(corruptions, 'corruption')}." if corruptions else ""


def error_by_severity(members: pd.DataFrame, errors: pd.DataFrame) -> str:
    """Errors of the best and the worst design at both ends."""
    rows = _of_designs(members, errors)
    if rows.empty:
        return ""
    clauses = []
    for severity in sorted({0, rows["severity"].max()}):
        means = rows[rows["severity"] == severity].groupby("design")["error"].mean().sort_values(kind="stable")
        where = "on clean images" if severity == 0 else f"at severity {severity}"
        if len(means):
            clauses.append(f"{where}, {_designs(means)}")
    return _sentence("; ".join(clauses))


def error_heatmap(members: pd.DataFrame, errors: pd.DataFrame) -> str:
    """The hardest and the easiest corruption, and how often one design is the best."""
    rows = _of_designs(members, errors)
    rows = rows[rows["severity"] > 0]
    if rows.empty:
        return ""
    means = rows.groupby("corruption")["error"].mean().sort_values(kind="stable")
    ends = [f"{label(means.index[place])} {{}} (mean error {percent(means.iloc[place])})" for place in (-1, 0)]
    if len(means) == 1:
        return f"{ends[0].format('is the only corruption').capitalize()}."
    text = f"{ends[0].format('is the hardest corruption')}, {ends[1].format('the easiest')}"
    by_design = rows.groupby(["corruption", "design"])["error"].mean().unstack()
    if len(by_design.columns) > 1:
        best = by_design.idxmin(axis=1).value_counts()
        text += f"; {best.index[0]} has the lowest error under {best.iloc[0]} of {plural(len(by_design), 'corruption')}"
    return _sentence(text)


def size_accuracy_resiliency(members: pd.DataFrame) -> str:
    """The range of mean corruption errors, and how their ranks correlate with those of size and clean accuracy."""
    points = members[members["origin"] == "independent"].dropna(subset=["mean_corruption_error"])
    if len(points) < 3:
        return ""
    ranks = points[["mean_corruption_error", "parameters", "clean_accuracy"]].rank()
    errors = points.set_index("member")["mean_corruption_error"].sort_values(kind="stable")
    correlations = {
        name: ranks["mean_corruption_error"].corr(ranks[c]) for name, c in RANKED.items() if ranks[c].nunique() > 1
    }
    coefficients = " and ".join(f"{number(r, 2)} with {name}" for name, r in correlations.items() if r == r)
    correlated = f"; its rank correlation over members is {coefficients}" if coefficients else ""
    return f"Mean corruption error ranges from {_between(errors, percent)}{correlated}."


def calibration(members: pd.DataFrame, table: pd.DataFrame) -> str:
    """Mean confidence against accuracy."""
    bins = pooled(members, table)
    clauses = []
    for name in dict.fromkeys(bins["images"]):
        rows = bins[bins["images"] == name]
        sure, right = (rows[c] @ rows["predictions"] / rows["predictions"].sum() for c in ("confidence", "accuracy"))
        clauses.append(f"on {_called(name)}, mean confidence is {percent(sure)} and accuracy {percent(right)}")
    return _sentence("; ".join(clauses))


def coincident_failures(table: pd.DataFrame) -> str:
    """How often both of two members fail on corrupted images, over what independence would give."""
    rows = of_pairs(table)
    images = "corrupted" if (rows["corruption"] == "corrupted").any() else "clean"
    rows = rows[rows["corruption"] == images]
    clauses = []
    for pair in PAIRS:
        means = rows.loc[rows["pair"] == pair, ["both_fail", "independent"]].mean()
        if means["independent"] > 0:
            times = number(means["both_fail"] / means["independent"], 1)
            clauses.append(f"{percent(means['both_fail'])} if they are of {pair}, {times} times as often as by chance")
    return f"Two members fail together on {images} images at a rate of {'; '.join(clauses)}." if clauses else ""


def attribution_gallery(pictures: pd.DataFrame, distances: pd.DataFrame) -> str:
    """Mean distances of maps, clean and corrupted."""
    means = distances.groupby("images")["distance"].mean().reindex(IMAGES).dropna()
    if means.empty:
        return ""
    averages = " and ".join(f"{number(value, 2)} apart on {name} images" for name, value in means.items())
    method = METHODS[distances["method"].iloc[0]]
    return f"{method} maps of members of different families lie {averages} (0: the same map; 1: unrelated)."


def learning_curves(histories: pd.DataFrame) -> str:
    """The largest gain of validation accuracy of a design or objective over the last fifth of its epochs."""
    rows = histories.dropna(subset=["validation_accuracy"])
    if rows.empty:
        return ""
    rows = rows.assign(of=rows["design"].mask(rows["origin"] == "joint", rows["objective"]))
    gains = {}
    for name, group in rows.groupby("of"):
        curve = group.groupby("epoch")["validation_accuracy"].mean()
        if len(curve) >= FEWEST_EPOCHS:
            gains[name] = curve.iloc[-1] - curve.loc[: SETTLED * curve.index[-1]].iloc[-1]
    if not gains:
        return ""
    most = max(gains, key=gains.get)
    if gains[most] <= 0:
        return "Over the last fifth of the epochs, mean validation accuracy did not rise."
    points = f"{number(100 * gains[most], 1)} percentage points"
    return f"Over the last fifth of the epochs, mean validation accuracy rose by at most {points} ({most})."


def _called(name: str) -> str:
    """What to call images: "clean images", "corrupted images", or "images of photos" where `name` is a test set."""
    return f"{name} images" if name in (CLEAN, CORRUPTED) else f"images of {label(name)}"


def _of_designs(members: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """Errors of independent members that are known on the data set's own images, with their designs."""
    designs = members.loc[members["origin"] == "independent", ["member", "design"]]
    return of_data_set(errors).dropna(subset=["error"]).merge(designs, on="member")


def _designs(means: pd.Series) -> str:
    """Such as "the error of designs ranges from 8.0 % (convnext) to 31.2 % (vit)", or the error of the only design."""
    return (
        f"the error of {'designs ranges from' if len(means) > 1 else 'the only design is'} {_between(means, percent)}"
    )


def _between(values: pd.Series, form) -> str:
    """Such as "8.0 % (convnext) to 31.2 % (vit)", of values in ascending order, or the only one."""
    ends = [f"{form(values.iloc[i])} ({values.index[i]})" for i in (0, -1)]
    return " to ".join(ends) if len(values) > 1 else ends[0]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""
