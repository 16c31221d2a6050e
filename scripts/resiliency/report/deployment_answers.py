"""What an engineer asks of the ensemble to deploy, answered in sentences from the tables."""

import pandas as pd

from resiliency.analysis.choices import clean_accuracy
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.metrics.classification import ABSTAIN
from resiliency.report.deployment_choice import COST, costs, delivered, which
from resiliency.report.overview import contenders
from resiliency.report.words import interval, label, number, percent, plural, points, with_interval

REFERENCE = "max_probability"
NAMES = {
    REFERENCE: "the maximum probability",
    "entropy": "entropy",
    "mutual_information": "mutual information",
    "vote_agreement": "agreement of votes",
}
COVERAGE = 0.9
LIKE_THOSE = (
    "Thresholds hold on average for images like those that they were chosen on, in the same mix of corruptions."
)
ENDS = {"": "", "_low": "_high", "_high": "_low"}  # of an error -> of the accuracy
CALIBRATIONS = {
    "ece": ("calibration error (ECE)", percent),
    "nll": ("negative log-likelihood", number),
    "brier": ("Brier score", number),
}


def deployment_answers(
    deployment: pd.DataFrame,
    selective: pd.DataFrame,
    temperatures: pd.DataFrame,
    members: pd.DataFrame,
    classes: list[str] | None,
    study: str,
    thresholds: pd.DataFrame | None = None,
    compared: pd.DataFrame | None = None,
) -> list[tuple[str, str]]:
    """Questions and answers about the recommended model: which, how good, when to abstain, worst case, cost, delivery.

    Args:
        deployment, selective, temperatures, members: tables of these names.
        classes: names of the classes; None where they are not known.
        study: its name.
        thresholds, compared: thresholds.csv and contenders.csv, where the study has them.
    """
    rows = contenders(deployment)
    if not rows:
        return []
    best = rows[0]
    of_scores = selective[selective["members"] == best["members"]]
    fitted = temperatures[temperatures["members"] == best["members"]].set_index("images")
    return [
        ("Which ensemble?", which(best, deployment, compared)),
        ("How accurate is it, and how certain is that?", f"{_good(best)} {_calibrated(fitted)}"),
        ("When should it abstain?", f"{_abstains(of_scores)} {_threshold(best, thresholds)}".strip()),
        ("What is its worst condition?", _worst(best, classes)),
        ("What does it cost?", costs(rows, members)),
        ("How do I get it?", delivered(best, deployment, members, study)),
    ]


def _good(row: dict) -> str:
    right = clean_accuracy(row)
    clean = {f"clean_error{end}": 1 - right[f"clean_accuracy{of}"] for end, of in ENDS.items()}
    answer = (
        f"Its error is {_figure(row, 'corrupted_error')} on corrupted images and {_figure(clean, 'clean_error')} on "
        f"clean ones ({percent(row['confidence'], 0)} intervals)."
    )
    paid = f" An answer to a corrupted image costs {_figure(row, COST, number)} on average." if COST in row else ""
    return answer + paid


def _calibrated(rows: pd.DataFrame) -> str:
    """The temperature, what calibration it leaves, and where that is worse than the best member's."""
    first = rows.iloc[0] if len(rows) else pd.Series({"note": "not known", "fitted_images": 0})
    note = first["note"] if isinstance(first["note"], str) else ""
    if first["fitted_images"]:
        fitted = plural(int(first["fitted_images"]), f"{first['fitted_on']} image")
        fitted += " of the half used for selection" if first["fitted_on"] == CORRUPTED else ""
        said = f"Its temperature is {number(first['temperature'], 2)}, fitted on {fitted}{f'; {note}' if note else ''}."
    else:
        said = f"No temperature was fitted: {note}."
    known = [name for name in (CLEAN, CORRUPTED) if name in rows.index and pd.notna(rows.loc[name].get("ece_after"))]
    if not known:
        return said
    figures = [
        f"{words} {' and '.join(_figure(rows.loc[name], f'{measure}_after', form) for name in known)}"
        for measure, (words, form) in CALIBRATIONS.items()
    ]
    return f"{said} On {' and '.join(known)} images: {', '.join(figures)}. {_against_member(rows, known)}".strip()


def _against_member(rows: pd.DataFrame, known: list[str]) -> str:
    """Where the calibration is significantly worse than the best member's; nothing for that member."""
    if rows.loc[known, "ece_difference"].isna().all():
        return ""
    worse = [
        f"{words} on {name} images, by {_less(rows.loc[name], measure)}"
        for name in known
        for measure, (words, _) in CALIBRATIONS.items()
        if rows.loc[name, f"{measure}_difference_low"] > 0
    ]
    if not worse:
        return "It is not significantly worse than the best member in any of these."
    return f"Significantly worse than the best member's: {'; '.join(worse)}."


def _less(row: pd.Series, measure: str) -> str:
    form, unit = (points, " percentage points") if measure == "ece" else (number, "")
    ends = interval(row[f"{measure}_difference_low"], row[f"{measure}_difference_high"], form)
    return f"{form(row[f'{measure}_difference'])}{unit} {ends}".rstrip()


def _abstains(rows: pd.DataFrame) -> str:
    corrupted = rows[rows["images"] == CORRUPTED].set_index("score")
    if corrupted.empty:
        return "Unknown: all its predictions have the same confidence."
    score = REFERENCE if REFERENCE in corrupted.index else corrupted.index[0]
    row = corrupted.loc[score]
    at_95, at_90, at_80 = (_figure(row, f"error_at_{level}") for level in (95, 90, 80))
    return (
        f"When {NAMES[score]} is low. At 95%, 90% and 80% coverage its error on "
        f"corrupted images is {at_95}, {at_90} and {at_80}. Confidence separates wrong from right predictions with "
        f"AUROC {_figure(row, 'auroc', number)}. A threshold that accepts 95% of the right predictions accepts "
        f"{_figure(row, 'fpr_at_95')} of the wrong ones. {_compared(corrupted, score)}"
    ).strip()


def _threshold(best: dict, thresholds: pd.DataFrame | None) -> str:
    """The threshold for a coverage of 90 % of corrupted images, and that for the fewest wrong answers that has one."""
    if thresholds is None:
        return ""
    rows = thresholds[(thresholds["members"] == best["members"]) & (thresholds["basis"] == CORRUPTED)]
    rows = rows[rows["images"] == CORRUPTED].dropna(subset=["threshold"])
    covering = rows[(rows["goal"] == "coverage") & (rows["target"] == COVERAGE)]
    limiting = rows[rows["goal"] == "wrong"].sort_values("target")
    useful = limiting[limiting["threshold"] < ABSTAIN].head(1)
    sentences = [
        f"To answer {percent(row['target'], 0)} of corrupted images, abstain if the maximum probability is below "
        f"{number(row['threshold'], 6)}: of other images it then answers {_figure(row, 'coverage')}, "
        f"{_figure(row, 'error')} of them wrongly."
        for row in covering.to_dict("records")
    ]
    sentences += [
        f"To answer at most {percent(row['target'])} wrongly, abstain below {number(row['threshold'], 6)}: of other "
        f"images it then answers {_figure(row, 'wrong')} wrongly, and {_figure(row, 'coverage')} in all."
        f"{_left_out(row)}"
        for row in useful.to_dict("records")
    ]
    if useful.empty and len(limiting):
        most = percent(limiting["target"].max())
        sentences.append(f"To answer at most {most} wrongly, it would have to abstain on every image.")
    return " ".join([*sentences, LIKE_THOSE, "More are in thresholds.csv."]) if sentences else ""


def _left_out(row: dict) -> str:
    """What a threshold lets through under the worst corruption that it was not chosen on, where that is known."""
    if pd.isna(row.get("left_out_wrong")):  # not among the columns of earlier tables
        return ""
    return (
        f" At a threshold chosen without {label(row['left_out_corruption'])}, {_figure(row, 'left_out_wrong')} of the "
        "images under it are answered wrongly; no other corruption left out gives more."
    )


def _compared(corrupted: pd.DataFrame, score: str) -> str:
    """Whether another score ranks predictions significantly better than the maximum probability."""
    if score != REFERENCE or len(corrupted) == 1:
        return ""
    better = corrupted[corrupted["aurc_difference_high"] < 0]
    if better.empty:
        return f"No other score ranks its predictions significantly better than {NAMES[REFERENCE]}."
    row = better.loc[better["aurc"].idxmin()]
    ends = interval(-row["aurc_difference_high"], -row["aurc_difference_low"], lambda value: number(value, 4))
    by = f"AURC lower by {number(-row['aurc_difference'], 4)} {ends}"
    return f"{NAMES[row.name].capitalize()} ranks its predictions better ({by}), but has no thresholds here."


def _figure(row: pd.Series | dict, name: str, form=percent) -> str:
    """A figure with its interval, which some tables of earlier versions lack."""
    return with_interval(row[name], row.get(f"{name}_low"), row.get(f"{name}_high"), form)


def _worst(row: dict, classes: list[str] | None) -> str:
    position = int(row["worst_class"])
    name = classes[position] if classes else f"number {position}"
    return (
        f"{label(row['worst_corruption']).capitalize()} at severity {int(row['worst_severity'])}, with "
        f"an error of {_figure(row, 'worst_error')}. Its worst class under corruption is {name}, with "
        f"an error of {_figure(row, 'worst_class_error')}. In {percent(row['quantile'], 0)} of the conditions its "
        f"error is at most {_figure(row, 'quantile_error')}. Condition and class were identified on the images used "
        "for selection."
    )
