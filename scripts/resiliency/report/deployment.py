"""What is said of the model to deploy: questions, each with its answer."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from resiliency.analysis.contenders import BEST_ENSEMBLE, BEST_MEMBER, best_row, clean_accuracy, eligible, priced
from resiliency.analysis.deployment import SAVING
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.designs.members import WeightsKind
from resiliency.metrics.classification import ABSTAIN
from resiliency.report import words
from resiliency.report.cautions import shortcomings
from resiliency.report.overview import ENDS, contenders, difference_from
from resiliency.report.rows import compared_with
from resiliency.report.words import label, number, percent, plural, quantity

REFERENCE = "max_probability"  # the score of confidence that has thresholds
COVERAGE = 0.9
NEEDED = ("deployment", "members", "selective_prediction", "temperatures")
THRESHOLDS = ("members", "selection_images", "images", "goal", "target", "threshold", "units_needed")
UNITS = {"macs": "MACs", "size": "members"}
OBJECTIVES = {
    "mean": "corrupted error",
    "worst_condition": "error in the worst condition",
    "quantile": "quantile of the errors over conditions",
    "cost": "mean cost of an answer",
}
SCORES = {"max_probability": "the maximum probability", "vote_agreement": "agreement of votes"}
MEASURES = {"ece": "calibration error (ECE)", "nll": "negative log-likelihood", "brier": "Brier score"}
EXPORT = "snakemake export --cores all --config ensemble=0"


def deployment_answers(
    tables: Mapping[str, pd.DataFrame],
    study: str,
    classes: Sequence[str] = (),
    units: str = "images",
    export: str = EXPORT,
) -> list[tuple[str, str]]:
    """Questions and answers about the recommended model: which, why, how good, when to abstain, worst case, cost.

    Args:
        tables: tables of the study, by name; there are no answers if one of `NEEDED` is missing.
        study: name of the study.
        classes: names of the classes, if they have any.
        units: what the units of the test images are called, in the plural.
        export: command that exports row 0.
    """
    rows = contenders(tables["deployment"]) if set(NEEDED) <= tables.keys() else []
    if not rows:
        return []
    row, deployment, members = rows[0], tables["deployment"], tables["members"]
    selective, temperatures = (tables[name][tables[name]["members"] == row["members"]] for name in NEEDED[2:])
    answers = {
        "Should I deploy an ensemble?": _deploy(rows, deployment, tables.get("contenders"), shortcomings(row, classes)),
        "Why this one?": _why(row, deployment, tables.get("contenders")),
        "How accurate is it, and how certain is that?": _accuracy(row, temperatures),
        "When should it abstain?": _abstain(row["members"], selective, tables.get("thresholds"), units),
        "What is its worst condition?": _worst(row),
        "What does it cost?": _costs(rows),
        "How do I get it?": _delivery(row, deployment, members, study, export),
    }
    return [(question, " ".join(filter(None, sentences))) for question, sentences in answers.items()]


def _deploy(rows: list[dict], deployment: pd.DataFrame, compared: pd.DataFrame | None, short: str) -> list[str]:
    row, macs, several = rows[0], _ratios(rows), rows[0]["size"] > 1
    by_costs, rival = row["objective"] == "cost", _rival(row, eligible(deployment)) if several else None
    other = None if by_costs else difference_from(compared, "role", BEST_MEMBER if several else BEST_ENSEMBLE)
    sentences = [_answer(row, bool((deployment["size"] > 1).any()), short, other, rival)]
    known = "Its corrupted error on images not used for selection is"
    if several and other:
        than = compared_with(other, f"that of the {BEST_MEMBER}, {other['members']}")
        price = f", at {_times(times, 'MACs')}" if (times := macs.get("Best member")) else ""
        objective = f"lowest {OBJECTIVES[row['objective']]} in the selection"
        sentences.append(f"{known} {than}{price}.")
        sentences.append(f"The best member is that of the {objective}, of at most the ensemble's cost.")
    elif several:
        sentences.append("It was not compared with a single member of at most its cost.")
    elif other:
        sentences.append(f"{known} {compared_with(other, f'that of the {BEST_ENSEMBLE}')}.")
        if times := macs.get("Best ensemble"):
            sentences.append(f"That ensemble takes {_times(1 / times, 'MACs')}.")
    if rival:
        errors = " against ".join(percent(of["corrupted_error"]) for of in (rival, row))
        fewer = "alone, at no higher cost, makes fewer errors"
        sentences.append(f"On these images {rival['members']} {fewer}: {errors}.")
    return [*sentences, f"It costs {quantity(row['macs'])} MACs per image." if row["macs"] == row["macs"] else ""]


def _answer(row: dict, ensembles: bool, short: str, other: dict | None, rival: dict | None) -> str:
    """Yes only of an ensemble that is `short` of nothing and significantly better, by `other`, without a `rival`."""
    what = f"{row['size']} members combined by {label(row['rule'])}" if row["size"] > 1 else "a single member"
    who = f"{row['members'].replace('+', ' + ')}, {what}"
    if short:
        return f"Not this one: {who}, is recommended, but {short}."
    if row["size"] == 1:
        return f"{'No' if ensembles else 'There are no ensembles'}: {who}, is recommended."
    if other and other["difference_high"] < 0 and rival is None:
        return f"Yes: {who}."
    if other and other["difference_low"] > 0:
        return f"No: {who}, is recommended, but makes more errors on other images."
    return f"Not shown: {who}, is recommended."


def _rival(row: dict, rows: pd.DataFrame) -> dict | None:
    """The single member of at most the cost of `row` that makes the fewest errors on its images, if fewer."""
    cost = priced(rows)
    rivals = rows[(rows["size"] == 1) & ~(rows[cost] > row[cost]) & (rows["corrupted_error"] < row["corrupted_error"])]
    return rivals.loc[rivals["corrupted_error"].idxmin()].to_dict() if len(rivals) else None


def _why(row: dict, deployment: pd.DataFrame, compared: pd.DataFrame | None) -> list[str]:
    rows, by_costs = eligible(deployment), row["objective"] == "cost"
    best, cost = best_row(rows).to_dict(), priced(rows)
    unit, most, times = UNITS[cost], "best" if by_costs else "most accurate", _ratio(best, row, cost)

    def amount(of: float) -> str:
        digits = 1 if of == 0 or abs(of) >= 0.00095 else 2
        return number(of) if by_costs else f"{words.points(of, digits)} percentage points"

    confidence = f"({percent(row['confidence'], 0)} confidence, allowing for the number of candidates)"
    lowest = f"lowest {OBJECTIVES[row['objective']]} on {plural(row['n_selection_images'], 'test image')}{_limits(row)}"
    is_best = row["number"] == best["number"]
    if is_best:
        sentences = [f"It has the {lowest}.", *_cheaper(row, rows, cost, f"{amount(best['margin'])} {confidence}")]
    else:
        error = number(best["selection_error"]) if by_costs else percent(best["selection_error"])
        price = f" at {_times(times, unit)}" if times else f", of unknown {unit}"
        sentences = [
            f"It needs the fewest {unit} among models at most {amount(best['margin'])} worse than the {most} one "
            f"{confidence}; no worse one is taken to save less than a tenth.",
            f"The {most} one has the {lowest}: {error}{price}.",
            f"The recommended one is behind by {amount(row['behind'])}, at most by {amount(row['behind_high'])}.",
        ]
    known, unknown = row[cost] == row[cost], int(rows[cost].isna().sum()) - int(row[cost] != row[cost])
    if cost == "size":
        sentences.append("The number of members counts as cost, because the MACs of all rows are unknown.")
    elif not known:
        sentences.append(f"Its {unit} are unknown: no row is known to be cheaper or dearer.")
    if unknown and cost != "size":
        others = plural(unknown, "row" if known else "other row")
        sentences.append(f"The {unit} of {others} are unknown; no such row is preferred to one whose cost is known.")
    sentences.append(f"It was evaluated on {plural(row['n_images'], 'other image')}.")
    other = None if is_best else difference_from(compared, "members", best["members"])
    if other:
        sentences.append(f"On these, its corrupted error is {compared_with(other, f'that of the {most} one')}.")
        if other["difference_low"] > 0 and times:
            sentences.append(f"To get that one, for {_times(times, unit)}, set `ensemble=most_accurate`.")
    return sentences


def _limits(row: dict) -> str:
    """The limits of the study for models, such as " within the limits of the study (at most 3 members, 5 M MACs)"."""
    limits = [plural(int(row["limit_members"]), "member")] if "limit_members" in row else []
    limits += [f"{quantity(row['limit_macs'])} MACs"] if "limit_macs" in row else []
    return f" within the limits of the study (at most {', '.join(limits)})" if limits else ""


def _cheaper(row: dict, rows: pd.DataFrame, cost: str, worse: str) -> list[str]:
    """That no row with no more members is shown to be cheaper and hardly worse, and the images that would show it."""
    others = rows[(rows["size"] <= row["size"]) & (rows["number"] != row["number"])]
    none, shown = "No row of deployment.csv", f"is shown to be worse by at most {worse}"
    if row[cost] != row[cost]:
        said = f"{none} with known {UNITS[cost]} and no more members than it has {shown}."
        return [said] if others[cost].notna().any() else []
    if not (others[cost] <= (1 - SAVING) * row[cost]).any():
        return []
    said = f"{none} that saves a tenth of the {UNITS[cost]} {shown}"
    needed = row.get("n_images_needed")
    if pd.isna(needed):
        return [f"{said}; all are worse by that or more on these images."]
    step = 10 ** max(len(f"{needed:.0f}") - 2, 0)  # two digits, rounded up, because the number is extrapolated
    about = f"about {math.ceil(needed / step) * step:,} for the selection, if the differences stay as they are"
    return [f"{said}.", f"More images are needed to show it: {about}."]


def _accuracy(row: dict, temperatures: pd.DataFrame) -> list[str]:
    right, level = clean_accuracy(row), percent(row["confidence"], 0)
    clean = words.with_interval(*(1 - float(right[f"clean_accuracy{end}"]) for end in ("", "_high", "_low")))
    error = f"{_of(row, 'corrupted_error')} on corrupted images and {clean} on clean ones ({level} intervals)"
    sentences = [f"Its error is {error}."]
    if "cost" in row:
        sentences.append(f"An answer to a corrupted image costs {_of(row, 'cost', number)} on average.")
    first = temperatures.iloc[0] if len(temperatures) else pd.Series({"note": "not known", "n_fitted_images": 0})
    note, fitted = first["note"] if isinstance(first["note"], str) else "", int(first["n_fitted_images"])
    if fitted:
        of = plural(fitted, f"{first['fitted_images']} image")
        of += " of the half used for selection" * (first["fitted_images"] == CORRUPTED) + (f"; {note}" if note else "")
        sentences.append(f"Its temperature is {number(first['temperature'], 2)}, fitted on {of}.")
    else:
        sentences.append(f"No temperature was fitted: {note}.")
    return sentences + _calibration_of(temperatures)


def _calibration_of(temperatures: pd.DataFrame) -> list[str]:
    """Calibration of a model, and where the interval of its difference says that it is worse than the best member's."""
    rows = temperatures.set_index("images").reindex([CLEAN, CORRUPTED])
    known = {images: row for images, row in rows.iterrows() if pd.notna(row.get("ece_after"))}
    if not known:
        return []
    differences = {(measure, images): row for measure in MEASURES for images, row in known.items()}
    worse = [
        f"{MEASURES[measure]} on {images} images, by {_calibration(row, measure, 'difference')}"
        for (measure, images), row in differences.items()
        if row.get(f"{measure}_difference_low", math.nan) > 0
    ]
    figures = [
        f"{name} {' and '.join(_calibration(row, measure, 'after') for row in known.values())}"
        for measure, name in MEASURES.items()
    ]
    sentences = [f"On {' and '.join(known)} images: {', '.join(figures)}."]
    if worse:
        sentences.append(f"Significantly worse than the best member's: {'; '.join(worse)}.")
    elif any(pd.notna(row.get(f"{measure}_difference")) for (measure, _), row in differences.items()):
        sentences.append("It is not significantly worse than the best member in any of these.")
    return sentences


def _calibration(row: pd.Series, measure: str, of: str) -> str:
    ends = [row.get(f"{measure}_{of}{end}", math.nan) for end in ENDS]
    if measure != "ece":
        return words.with_interval(*ends, form=number)
    return words.in_points(*ends) if of == "difference" else words.with_interval(*ends)


def _abstain(members: str, selective: pd.DataFrame, thresholds: pd.DataFrame | None, units: str) -> list[str]:
    """What thresholds of confidence promise on corrupted images, and what they gave on other ones."""
    scores = selective[selective["images"] == CORRUPTED].set_index("score")
    rows = pd.DataFrame(columns=THRESHOLDS) if thresholds is None else thresholds[thresholds["members"] == members]
    rows = rows[(rows["selection_images"] == CORRUPTED) & (rows["images"] == CORRUPTED)].sort_values(
        "target", ascending=False
    )
    covering = rows[(rows["goal"] != "wrong") & (rows["target"] == COVERAGE) & (rows["threshold"] > 0)]
    wrong = rows[rows["goal"] == "wrong"]
    limiting = wrong[wrong["threshold"] < ABSTAIN]
    sentences = ["Unknown: all its predictions have the same confidence."]
    if len(covering):
        of = covering.iloc[0]
        sentences = [
            f"Below a maximum probability of {number(of['threshold'], 6)}, which promises to answer "
            f"{percent(of['target'], 0)} of corrupted images or more; on the other half it answered "
            f"{_of(of, 'coverage')}, {_of(of, 'error')} of these wrongly."
        ]
    elif len(scores):
        score = REFERENCE if REFERENCE in scores.index else scores.index[0]
        error, called = _of(scores.loc[score], "error_at_90"), SCORES.get(score, score.replace("_", " "))
        sentences = [f"When {called} is low: at 90% coverage its error on corrupted images is {error}."]
    if len(limiting):
        of = limiting.iloc[-1]
        how = f"A threshold of {number(of['threshold'], 6)}" if of["threshold"] > 0 else "Answering every image"
        gave = f"on the other half it gave {_of(of, 'wrong')}, and answered {_of(of, 'coverage')} of images"
        sentences.append(f"{how} promises at most {percent(of['target'])} wrong answers; {gave}.")
    sentences.append(_unmet(wrong.drop(limiting.index), units))
    if len(covering) or len(limiting):
        sentences.append("Promises hold on average, for images like those of the study in the same mix of corruptions.")
    if len(limiting) and pd.notna(limiting.iloc[-1].get("left_out_wrong")):
        of = limiting.iloc[-1]
        chosen = f"Chosen without {label(of['left_out_corruption'])}, the threshold for {percent(of['target'])}"
        sentences.append(f"{chosen} gives {_of(of, 'left_out_wrong')} wrong answers under it.")
    return sentences


def _unmet(rows: pd.DataFrame, units: str) -> str:
    """The shares of wrong answers that no threshold promises, and the number of units that would do."""
    needed, would = rows.reindex(columns=["target", "units_needed"]).dropna(), ""
    if len(needed):
        some = f" for {_either(needed['target'].map(percent))}" if len(needed) < len(rows) else ""
        would = f"; choosing on {_either(needed['units_needed'].map('{:,.0f}'.format))} {units} would{some}"
    targets = _either(rows["target"].map(percent))
    return f"No threshold promises at most {targets} wrong answers{would}." if len(rows) else ""


def _worst(row: dict) -> list[str]:
    where = f"{label(row['worst_corruption']).capitalize()} at severity {int(row['worst_severity'])}"
    return [
        f"{where}, with an error of {_of(row, 'worst_error')}.",
        f"In {percent(row['quantile'], 0)} of the conditions its error is at most {_of(row, 'quantile_error')}.",
        "The condition was identified on the images used for selection.",
    ]


def _costs(rows: list[dict]) -> list[str]:
    row, ratios = rows[0], _ratios(rows)
    if row["macs"] != row["macs"]:
        return ["Unknown: the MACs of its members are not known."]
    parameters = f" and {quantity(row['parameters'])} parameters" if row["parameters"] > 0 else ""
    times = [f"{_times(of, 'MACs')} of the {role.lower()}" for role, of in ratios.items() if of]
    unknown = [role.lower() for role, of in ratios.items() if not of]
    return [
        f"{quantity(row['macs'])} MACs per image{parameters}.",
        f"It needs {', '.join(times)}." if times else "",
        f"How its MACs compare with the {' or the '.join(unknown)} is unknown." if unknown else "",
        "The export measures its time on your machine.",
    ]


def _delivery(row: dict, deployment: pd.DataFrame, members: pd.DataFrame, study: str, command: str) -> list[str]:
    """How to export a row; if networks of its members are not available, the best row of networks alone."""

    def export(number: int) -> str:
        run = command.replace("ensemble=0", f"ensemble={number}").replace("export/0/", f"export/{number}/")
        checkout = ", with a checkout of the repository in `CHECKOUT`" if "$CHECKOUT" in command else ""
        return f"Run `{run}`{checkout}."

    lacking = networkless(row, members)
    if not lacking:
        return [
            export(row["number"]),
            f"It writes a program, a card and evidence for a review to results/{study}/export/{row['number']}.",
            "To export another row of deployment.csv, give its number.",
        ]
    only = f"only predictions of {', '.join(lacking)} are available, not the network{'s' * (len(lacking) > 1)}"
    sentences = [
        f"It cannot be exported: {only}.",
        "Load the networks in the study, or combine the predictions yourself.",
    ]
    networks = eligible(deployment[[not networkless(of, members) for of in deployment.to_dict("records")]])
    if len(networks):
        best = best_row(networks)
        error = words.with_interval(best["corrupted_error"], best["low"], best["high"])
        name = best["members"].replace("+", " + ")
        sentences.append(f"The best model of networks alone is {name}, with an error of {error} on corrupted images.")
        sentences.append(export(best["number"]))
    return sentences


def networkless(row: dict, members: pd.DataFrame) -> list[str]:
    """The members of an ensemble whose networks are not available."""
    unknown = set(members.loc[members["weights_kind"] == WeightsKind.NONE, "member"])
    return [name for name in row["members"].split("+") if name in unknown]


def _ratios(rows: list[dict]) -> dict[str, float | None]:
    """Role of each other model -> the MACs of the first one over its own; None if either is unknown."""
    others = [row for row in rows[1:] if row["members"] != rows[0]["members"]]
    return {row["role"]: _ratio(rows[0], row, "macs") for row in others}


def _ratio(one: dict, other: dict, cost: str) -> float | None:
    return one[cost] / other[cost] if one[cost] > 0 and other[cost] > 0 else None


def _times(ratio: float, unit: str) -> str:
    return f"{quantity(ratio)} times the {unit}"


def _of(row: pd.Series | dict, name: str, form=percent) -> str:
    """The value and interval in a column; a published table may lack the interval."""
    return words.with_interval(*(row.get(f"{name}{end}", math.nan) for end in ENDS), form=form)


def _either(texts: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))
