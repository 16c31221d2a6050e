"""What an engineer asks of the ensemble to deploy, answered in sentences from the tables."""

import pandas as pd

from resiliency.analysis.best import best_row, eligible
from resiliency.designs.members import WeightsKind
from resiliency.names import CLEAN, CORRUPTED
from resiliency.report.overview import contenders
from resiliency.report.words import change, interval, label, number, percent, plural, points, quantity

REFERENCE = "max_probability"
NAMES = {
    REFERENCE: "the maximum probability",
    "entropy": "entropy",
    "mutual_information": "mutual information",
    "vote_agreement": "agreement of votes",
}
COVERAGE = 0.9
CALIBRATIONS = {
    "ece": ("calibration error (ECE)", percent),
    "nll": ("negative log-likelihood", number),
    "brier": ("Brier score", number),
}
DOUBTS = ("entropy", "mutual_information")  # scores that are high where answers are doubtful
OBJECTIVES = {
    "mean": "corrupted error",
    "worst_condition": "error in the worst condition",
    "quantile": "quantile of the errors over conditions",
}


def deployment_answers(
    deployment: pd.DataFrame,
    selective: pd.DataFrame,
    temperatures: pd.DataFrame,
    members: pd.DataFrame,
    classes: list[str] | None,
    study: str,
    thresholds: pd.DataFrame | None = None,
) -> list[tuple[str, str]]:
    """Questions and answers about the recommended model: which, how good, when to abstain, worst case, cost, delivery.

    Args:
        deployment, selective, temperatures, members: tables of these names.
        classes: names of the classes; None where they are not known.
        study: its name.
        thresholds: the table of this name, where the study has one.
    """
    rows = contenders(deployment)
    if not rows:
        return []
    best = rows[0]
    of_scores = selective[selective["members"] == best["members"]]
    fitted = temperatures[temperatures["members"] == best["members"]].set_index("images")
    return [
        ("Which ensemble?", _which(best, deployment)),
        ("How accurate is it, and how certain is that?", f"{_good(best)} {_calibrated(fitted)}"),
        ("When should it abstain?", f"{_abstains(of_scores)} {_threshold(best, thresholds)}".strip()),
        ("What is its worst condition?", _worst(best, classes)),
        ("What does it cost?", _costs(rows)),
        ("How do I get it?", _delivered(best, deployment, members, study)),
    ]


def _which(row: dict, deployment: pd.DataFrame) -> str:
    """Which row of `deployment`, and by which rule."""
    members = row["members"].replace("+", " + ")
    alone = "" if (deployment["size"] > 1).any() else ": there are no ensembles"
    together = f": {row['size']} members, combined by {label(row['rule'])}" if row["size"] > 1 else ""
    judged = f"It was evaluated on {plural(row['images'], 'other image')}."
    return f"{members}{together or f', a single member{alone}'}. {_rule(row, eligible(deployment))} {judged}"


def _rule(row: dict, rows: pd.DataFrame) -> str:
    """Why this one, of the eligible rows."""
    best, chosen = best_row(rows), plural(row["selection_images"], "test image")
    lowest = f"lowest {OBJECTIVES[row['objective']]} on {chosen}"
    if row["number"] == best["number"]:
        cheaper = rows[(rows["macs"] < row["macs"]) & (rows["size"] <= row["size"])]
        worse = (
            " Every cheaper row of deployment.csv with no more members is significantly worse." if len(cheaper) else ""
        )
        return f"It has the {lowest}.{worse}" if "instead" in rows else f"It was selected for the {lowest}."
    more = "No ensemble is significantly better than it. " if row["size"] == 1 and best["size"] > 1 else ""
    ratio = f" at {quantity(best['macs'] / row['macs'])} times the MACs" if row["macs"] > 0 and best["macs"] > 0 else ""
    return (
        "It is the cheapest candidate that is not significantly worse than the most accurate one. That one has "
        f"the {lowest}: {percent(best['selection_error'])}{ratio}, against {percent(row['selection_error'])}. {more}"
        f"The difference is {points(row['behind'])} percentage points, at most {points(row['behind_high'])} "
        f"({percent(row['confidence'], 0)} confidence, allowing for the number of candidates)."
    )


def _good(row: dict) -> str:
    answer = (
        f"Its error is {_figure(row, 'corrupted_error')} on corrupted images "
        f"({percent(row['confidence'], 0)} interval) and {percent(1 - row['clean_accuracy'])} on clean ones."
    )
    if pd.isna(row["optimism"]):
        return answer
    before = change(row["selection_error"] - row["corrupted_error"], "higher", "lower", "about the same")
    looked = change(row["optimism"], "better than it is", "worse than it is", "neither better nor worse")
    return (
        f"{answer} On the images used for selection, its error was {percent(row['selection_error'])}: {before}. "
        f"Selection made it look {looked}, given how the errors of all candidates differ between the two halves."
    )


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
        f"{words} {' and '.join(form(rows.loc[name, f'{measure}_after']) for name in known)}"
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
    better = corrupted[corrupted["aurc_difference_high"] < 0]
    if len(better):
        score = better["aurc"].idxmin()
    else:
        score = REFERENCE if REFERENCE in corrupted.index else corrupted.index[0]
    row = corrupted.loc[score]
    at_95, at_90, at_80 = (_figure(row, f"error_at_{level}") for level in (95, 90, 80))
    return (
        f"When {NAMES[score]} is {'high' if score in DOUBTS else 'low'}. At 95%, 90% and 80% coverage its error on "
        f"corrupted images is {at_95}, {at_90} and {at_80}. Confidence separates wrong from right predictions with "
        f"AUROC {_figure(row, 'auroc', number)}. The false-positive rate at 95% true positives is "
        f"{_figure(row, 'fpr_at_95')}. "
        f"{_compared(row, score, len(better) > 0, len(corrupted))}"
    ).strip()


def _threshold(best: dict, thresholds: pd.DataFrame | None) -> str:
    """The threshold for a coverage of 90 % of corrupted images, and that for the smallest error that has one."""
    if thresholds is None:
        return ""
    rows = thresholds[(thresholds["members"] == best["members"]) & (thresholds["basis"] == CORRUPTED)]
    rows = rows[rows["images"] == CORRUPTED].dropna(subset=["threshold"])
    covering = rows[(rows["goal"] == "coverage") & (rows["target"] == COVERAGE)]
    limiting = rows[rows["goal"] == "error"].sort_values("target").head(1)
    sentences = [
        f"To answer {percent(row['target'], 0)} of corrupted images, abstain if the maximum probability is below "
        f"{number(row['threshold'], 4)}: {_given(row)}."
        for row in covering.to_dict("records")
    ]
    sentences += [
        f"To answer at most {percent(row['target'])} wrongly, abstain below {number(row['threshold'], 4)}: "
        f"{_given(row)}."
        for row in limiting.to_dict("records")
    ]
    return " ".join([*sentences, "More are in thresholds.csv."]) if sentences else ""


def _given(row: dict) -> str:
    return f"of other images it then answers {_figure(row, 'coverage')}, {_figure(row, 'error')} of them wrongly"


def _compared(row: pd.Series, score: str, better: bool, scores: int) -> str:
    """How the score compares with the others."""
    if better:
        ends = interval(-row["aurc_difference_high"], -row["aurc_difference_low"], _four)
        by = f"{number(-row['aurc_difference'], 4)} {ends}"
        better_by = f"better than {NAMES[REFERENCE]} does (AURC lower by {by})"
        return f"{NAMES[score].capitalize()} ranks its predictions {better_by}."
    compared = scores > 1 and score == REFERENCE
    return f"No other score ranks its predictions significantly better than {NAMES[score]}." if compared else ""


def _four(value: float) -> str:
    return number(value, 4)


def _figure(row: pd.Series | dict, name: str, form=percent) -> str:
    """A figure with its interval."""
    return f"{form(row[name])} {interval(row[f'{name}_low'], row[f'{name}_high'], form)}".rstrip()


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


def _costs(rows: list[dict]) -> str:
    best, others = rows[0], rows[1:]
    if best["macs"] != best["macs"]:
        return "Unknown: the MACs of its members are not known."
    cost = f"{quantity(best['macs'])} MACs per image"
    if best["parameters"] == best["parameters"]:
        cost += f" and {quantity(best['parameters'])} parameters"
    peers = [row for row in others if row["macs"] > 0 and row["members"] != best["members"]]
    ratios = [f"{quantity(best['macs'] / row['macs'])} times the MACs of the {row['role'].lower()}" for row in peers]
    compared = f". These are {', '.join(ratios)}" if ratios else ""
    return f"{cost}{compared}. The export measures its time on your machine."


def _delivered(row: dict, deployment: pd.DataFrame, members: pd.DataFrame, study: str) -> str:
    """How to export it, or why that cannot be done and what can."""
    unknown = members.loc[members["weights_kind"] == WeightsKind.NONE, "member"]
    known = [name for name in row["members"].split("+") if name in set(unknown)]
    if not known:
        return (
            f"Run `{_exported(row['number'])}`. It writes torch and ONNX models that take uint8 images, and a model "
            f"card, to results/{study}/export. To export another row of deployment.csv, give its number."
        )
    answer = (
        f"It cannot be exported: only predictions of {', '.join(known)} are available, not the "
        f"network{'' if len(known) == 1 else 's'}. Load the networks in the study, or combine the predictions yourself"
    )
    networks = deployment[[not set(joined.split("+")) & set(unknown) for joined in deployment["members"]]]
    if eligible(networks).empty:
        return f"{answer}."
    other = best_row(eligible(networks))
    return (
        f"{answer}. The best ensemble of networks is {other['members'].replace('+', ' + ')}, with an error of "
        f"{percent(other['corrupted_error'])} on corrupted images. Run `{_exported(other['number'])}`."
    )


def _exported(number_of: int) -> str:
    return f"snakemake export --cores all --configfile <study> --config ensemble={int(number_of)}"
