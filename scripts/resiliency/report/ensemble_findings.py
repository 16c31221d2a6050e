"""What the charts of ensembles show, in a sentence each, said by rules from their tables.

Each function takes the tables of its chart and returns the sentence, or nothing where there is nothing to say.
"""

import numpy as np
import pandas as pd

from resiliency.analysis.measures import weighted_quantiles
from resiliency.diversity.settings import MAIN
from resiliency.report.correlation_charts import CONDITIONS, pearson
from resiliency.report.diversity_charts import judged_on, main_pool, measured, under_main_rule
from resiliency.report.ensemble_charts import compared, group_names
from resiliency.report.joint_charts import jointly_trained
from resiliency.report.overview import contenders
from resiliency.report.words import KINDS, METRICS, interval, label, number, percent, plural

FEWEST = 8  # ensembles of which quarters are compared
NOT_SIGNIFICANT = "not significant, the interval includes 0"


def correlations(table: pd.DataFrame) -> str:
    """Which main metrics correlate with accuracy at every size, positively or negatively."""
    sentences = []
    rows = pearson(table)
    rows = rows[rows["metric"].isin(MAIN)]
    for condition in CONDITIONS:
        of_condition = rows[rows["condition"] == condition]
        if of_condition.empty:
            continue
        signs, clauses = _signs(of_condition), []
        for sign, word in ((1, "positively"), (-1, "negatively")):
            metrics = [f"{_short(m)} (mean r {number(r, 2)})" for m, (clear, r) in signs.items() if clear == sign]
            if metrics:
                clauses.append(f"{word} with diversity in {', '.join(metrics)}")
        if clauses:
            others = any(clear == 0 for clear, _ in signs.values())
            finding = f"accuracy correlates {' and '.join(clauses)}" + (
                "; no other metric is significant at every size" if others else ""
            )
        elif (of_condition["high"] - of_condition["low"] < 2).any():
            finding = "no correlation of diversity with accuracy is significant at every size"
        else:
            finding = "the study has too few members for intervals of correlations"
        sentences.append(f"On {condition} images, {finding}.")
    return " ".join(sentences)


def correlation_heatmap(table: pd.DataFrame) -> str:
    """How many metrics of each kind correlate with accuracy on corrupted images at every size, by sign."""
    rows = pearson(table)
    images = "corrupted" if (rows["condition"] == "corrupted").any() else "clean"
    rows = rows[rows["condition"] == images]
    counts = []
    for kind, name in KINDS.items():
        signs = [sign for sign, _ in _signs(rows[rows["kind"] == kind]).values()]
        if signs:
            count = plural(len(signs), "metric")
            counts.append(f"of {count} of {name.lower()}, {signs.count(1)} positively and {signs.count(-1)} negatively")
    subject = f"Significant correlations with accuracy on {images} images at every size"
    return f"{subject}: {'; '.join(counts)}." if counts else ""


def diversity_accuracy(ensembles: pd.DataFrame, table: pd.DataFrame) -> str:
    """Accuracy of the most diverse quarter of the largest ensembles less that of the least diverse: both extremes."""
    images = judged_on(ensembles)
    pool = main_pool(ensembles).dropna(subset=[f"{images}_accuracy"])
    pool = pool[pool["size"] == pool["size"].max()]
    if len(pool) < FEWEST:
        return ""
    gaps = {}
    for metric, column in measured(pool).items():
        rows = pool.dropna(subset=[column])
        weights = rows["weight"].to_numpy(float)
        low, high = weighted_quantiles(rows[column].to_numpy(float), weights, [0.25, 0.75])
        quarters = (rows[column] >= high).to_numpy(), (rows[column] <= low).to_numpy()
        most, least = (np.average(rows[f"{images}_accuracy"][of], weights=weights[of]) for of in quarters)
        gaps[metric] = most - least
    if len(gaps) < 2:
        return ""
    last, *_, first = sorted(gaps, key=gaps.get)
    extremes = [f"{_lead(gaps[metric])} for {_short(metric)}" for metric in (first, last)]
    return (
        f"Among ensembles of {pool['size'].iloc[0]}, on {images} images the quarter that is most diverse "
        f"{extremes[0]}, and {extremes[1]}{'; the other metrics lie between' if len(gaps) > 2 else ''}."
    )


def deployment(table: pd.DataFrame, candidates: pd.DataFrame) -> str:
    """Error and cost of the best ensemble, the best member and the baseline on images that the choice has not seen."""
    clauses, rows = [], contenders(table)
    for place, row in enumerate(rows):
        if row["members"] in (earlier["members"] for earlier in rows[:place]):
            continue
        same = [later["role"].lower() for later in rows[place + 1 :] if later["members"] == row["members"]]
        also = f", also the {same[0]}," if same else ""
        who = f"of {row['size']}" if row["size"] > 1 else f"({row['members']})"
        ends = interval(row["mean_corruption_error_low"], row["mean_corruption_error_high"], percent)
        cost = "" if np.isnan(row["macs"]) else f" at {row['macs'] / 1e6:,.3g} M MACs"
        error = f"{percent(row['mean_corruption_error'])} {ends}".rstrip()
        clauses.append(f"the {row['role'].lower()} {who}{also} misclassifies {error}{cost}")
    return f"Of corrupted images that the choice did not use, {'; '.join(clauses)}." if clauses else ""


def strength(ensembles: pd.DataFrame) -> str:
    """For each objective, its most resilient strength against independent training."""
    joint = jointly_trained(ensembles)
    if joint.empty:
        return ""
    independent = joint.loc[joint["strength"] == 0, "corrupted_accuracy"].mean()
    clauses = []
    for objective, rows in joint[joint["strength"] > 0].groupby("objective", sort=False):
        means = rows.groupby("strength")["corrupted_accuracy"].mean()
        best = f"is best of {len(means)} at" if len(means) > 1 else "has one strength,"
        clauses.append(f"{objective} {best} λ = {means.idxmax():g}, with {percent(means.max())}")
    against = "" if np.isnan(independent) else f"; independent training reaches {percent(independent)}"
    return f"Accuracy on corrupted images: {', '.join(clauses)}{against} (means over seeds)." if clauses else ""


def architecture_diversity(ensembles: pd.DataFrame) -> str:
    """In how many metrics ensembles of different designs have the larger median."""
    pool = compared(ensembles)
    columns = measured(pool)
    if pool.empty or not columns:
        return ""
    medians = pool.groupby("group")[list(columns.values())].median()
    one, different = group_names(pool)
    larger = int((medians.loc[different] > medians.loc[one]).sum())
    return (
        f"Ensembles of {pool['size'].iloc[0]} members of {different} have the larger median diversity in "
        f"{larger} of {plural(len(columns), 'metric')}."
    )


def origins(table: pd.DataFrame) -> str:
    """Accuracy by origin at the size with most origins, and what several architectures bring.

    On corrupted images; on clean ones where the study has no others.
    """
    images = "corrupted" if (table["measure"] == "corrupted_accuracy").any() else "clean"
    rows = under_main_rule(table[(table["equal"] == "size") & (table["measure"] == f"{images}_accuracy")])
    rows = rows.dropna(subset=["mean"])
    counts = rows.groupby("least")["origin"].nunique()
    if counts.empty or counts.max() < 2:
        return ""
    size = counts.idxmax()
    means, advantages = [], ""
    for _, row in rows[rows["least"] == size].sort_values("mean", ascending=False).iterrows():
        ends = interval(row["low"], row["high"], percent)
        means.append(f"{row['origin']} {percent(row['mean'])} {ends}".rstrip())
        advantages += _advantage(row, images)
    return f"{advantages}Mean accuracy on {images} images of ensembles of {size} members: {', '.join(means)}."


def _advantage(row: pd.Series, images: str) -> str:
    """What several architectures, or families, bring in accuracy, with its interval; nothing if not known."""
    points, low, high = row["advantage"], row["advantage_low"], row["advantage_high"]
    if np.isnan(points):
        return ""
    kind = row["origin"].removeprefix("several ")
    change = f"by {_points(points)} percentage points on {images} images"
    statement = f"Ensembles of several {kind} instead of one change accuracy {change}"
    if np.isnan(low) or np.isnan(high):
        return f"{statement}; too few designs for an interval. "
    direction = "they are more accurate" if low > 0 else "they are less accurate" if high < 0 else NOT_SIGNIFICANT
    return f"{statement} {interval(low, high, _points)}: {direction}. "


def _points(share: float) -> str:
    return number(100 * share, 1)


def search_front(evaluations: pd.DataFrame, members: pd.DataFrame) -> str:
    """Cost and accuracy of the chosen sub-networks beside those of independent members."""
    clauses = []
    for origin, name in (("search", "chosen sub-networks"), ("independent", "independently trained members")):
        rows = members[members["origin"] == origin].dropna(subset=["clean_accuracy", "mean_corruption_error"])
        if len(rows) and len(evaluations):
            right = percent(1 - rows["mean_corruption_error"].mean())
            cost = f"{rows['macs'].median() / 1e6:,.3g} M MACs (median)"
            clauses.append(
                f"{name} need {cost} and classify {percent(rows['clean_accuracy'].mean())} of clean and "
                f"{right} of corrupted test images correctly"
            )
    sentence = "; ".join(clauses)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""


def _signs(rows: pd.DataFrame) -> dict[str, tuple[int, float]]:
    """Metric -> 1 or -1 if its intervals lie on that side of zero at every size, else 0; and its mean correlation."""
    signs = {}
    for metric in (metric for metric in METRICS if metric in set(rows["metric"])):
        of_metric = rows[rows["metric"] == metric]
        sign = int((of_metric["low"] > 0).all()) - int((of_metric["high"] < 0).all())
        signs[metric] = sign, of_metric["correlation"].mean()
    return signs


def _short(metric: str) -> str:
    """The label of a metric, without how it is turned into a diversity."""
    return label(metric).removesuffix(", sign reversed").partition(", 1 −")[0]


def _lead(gap: float) -> str:
    """Such as "leads the least diverse one by 4.2 points"."""
    return f"{'leads' if gap >= 0 else 'trails'} the least diverse one by {number(100 * abs(gap), 1)} points"
