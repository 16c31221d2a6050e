"""Cautions on the first screen: what warns of members, of the recommended model and of images; what was left out."""

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from resiliency.analysis import contenders
from resiliency.analysis.member_tables import SAME_ANSWERS, STILL_LEARNING
from resiliency.base.names import CLEAN, JOINT, SYNSET
from resiliency.data.split import PLACE
from resiliency.metrics.classification import FEW_IMAGES, FEW_STEPS, FEWEST_IMAGES, FEWEST_STEPS, NEAR_CHANCE
from resiliency.report import words

NAMED = 5
POOR = 0.3  # clean error of the best model from which on comparisons say little about trained networks
FEWEST = 30  # number of units from which on intervals have about their nominal coverage
CALLED = {"near_duplicates": "set of images that look alike"}
WARNINGS = {  # what is said of {} members
    NEAR_CHANCE: "Close to chance level on clean images: {}. Training may have failed, or weights may belong to "
    "another task. Disregard these members and every ensemble that contains them.",
    FEW_STEPS: f"Trained for fewer than {FEWEST_STEPS} optimisation steps: {{}}.",
    SAME_ANSWERS: "The same predicted class as another member for every image: {}. Such members have the same "
    "weights or predictions, so ensembles count them twice. Remove one of each pair, which members.csv names.",
    STILL_LEARNING: "Still learning when joint training ended: {}. Over its last fifth, mean validation accuracy rose "
    "by a percentage point or more. Observation 3 needs longer training.",
    FEW_IMAGES: f"With fewer than {FEWEST_IMAGES} test images, differences of several percentage points can be due to "
    "chance.",
}


def cautions(members: pd.DataFrame) -> list[str]:
    """A caution for each kind of warning in members.csv."""
    notes = []
    for kind, said in WARNINGS.items():
        has = _warned(members, kind)
        if has.any():
            late = late_settings(members) if kind == STILL_LEARNING else {}
            names = "; ".join(f"{objective} at {weights}" for objective, weights in late.items())
            names = names or words.first_of(members.loc[has, "member"].tolist(), NAMED)
            notes.append(said.format(f"{has.sum():,} of {words.plural(len(members), 'member')} ({names})"))
    return notes


def _warned(members: pd.DataFrame, warning: str) -> pd.Series:
    """A mask of the members with a warning."""
    return members["warnings"].astype(object).fillna("").str.contains(warning, regex=False)


def late_settings(members: pd.DataFrame) -> dict[str, str]:
    """Objective -> weights of the loss at which joint training ended too early, such as "λ = 0.5 and 1"."""
    joint = members[_warned(members, STILL_LEARNING) & (members["origin"] == JOINT)]
    weights = joint.groupby("objective", sort=False)["loss_weight"].unique()
    return {
        objective: f"λ = {words.listed([words.plain(weight) for weight in sorted(of)])}"
        for objective, of in weights.items()
    }


def poor_cautions(members: pd.DataFrame, best: dict | None) -> list[str]:
    """What to do if the best model is wrong on `POOR` of the clean images or more.

    Args:
        best: recommended model, as from `models`; None for the member with the highest clean accuracy.
    """
    error = 1 - (best["clean_accuracy"] if best else members["clean_accuracy"].max())
    if not error >= POOR:
        return []
    source = members["weights_source"].astype(str)
    advice = "Check that its classes and its preprocessing are those of these images."
    if source.str.startswith(("trained here", "fine-tuned here")).any():
        what = "with more images" if source.str.contains("pretrained").any() else "from pretrained weights"
        advice = f"Train longer, or {what}, before you compare designs."
    return [advice if best else f"The best model is wrong on {words.percent(error, 0)} of clean images. {advice}"]


def pretraining_cautions(card: dict | None, members: pd.DataFrame) -> list[str]:
    """A caution if pretrained members may have seen the test images, because the classes are synsets of ImageNet.

    Args:
        card: card of the dataset; None if there is none. No pretrained weights have seen the test images of `imagenet`.
    """
    card = card or {"classes": []}
    classes = card["classes"]
    if not classes or card["name"] == "imagenet" or not all(map(SYNSET.fullmatch, classes)):
        return []
    loaded = members["weights_source"].astype(str).str.contains(r"^(?:fine-tuned here from )?pretrained ")
    names = words.first_of(members.loc[loaded, "member"].tolist(), NAMED)
    many = "; of those of imagenette, at least 87% are" * (card["name"] == "imagenette")
    seen = f"may have learned from test images, which can be training images of ImageNet{many}."
    advice = "Their accuracies may be too high; do not compare them with members that start from random weights."
    return [f"Pretrained weights ({names}) {seen} {advice}"] if names else []


def skipped_reasons(skipped: pd.DataFrame) -> list[str]:
    """The parts that were left out, each with its reason and members; one line for what lacks the study as a whole.

    Args:
        skipped: table skipped.csv; rows about the whole study have no member.
    """
    lines, of_study = [], skipped["member"].fillna("") == ""
    for (_, reason), rows in skipped.groupby([skipped["skipped"].mask(of_study, ""), "reason"], sort=False):
        members = rows["member"].dropna().tolist()
        who = f" ({words.plural(len(members), 'member')}: {words.first_of(members, NAMED)})" if members else ""
        lines.append(f"{', '.join(map(words.label, rows['skipped'].unique()))}: {reason}{who}")
    return lines


def shortcomings(row: dict | pd.Series, classes: Sequence[str]) -> str:
    """What a row of deployment.csv is wrong on too often to be used as it is; "" if it is not.

    Args:
        classes: names of the classes, if they have any.
    """
    errors = contenders.shortcomings(row)
    on = {"clean": "clean images"}
    if "class" in errors:
        on["class"] = f"images of class {contenders.name_of(classes, int(row['worst_class']))} under corruption"
    if "condition" in errors:
        under, severity = words.label(row["worst_corruption"]), int(row["worst_severity"])
        on["condition"] = f"images under {under} at severity {severity}"
    most = {name: words.percent(contenders.BEARABLE[name], 0) for name in errors}
    said = [f"on {words.percent(error)} of {on[name]} (more than {most[name]})" for name, error in errors.items()]
    return f"wrong {words.listed(said)}" if errors else ""


def unfit_cautions(row: dict | pd.Series, classes: Sequence[str], which: str = "the recommended") -> list[str]:
    """A caution if `which` model or ensemble, a row of deployment.csv, should not be used as it is."""
    short, what = shortcomings(row, classes), "model" if row["size"] == 1 else "ensemble"
    return [f"Do not use {which} {what} as it is: it is {short}."] if short else []


def resampled_sentence(units: Mapping[str, dict]) -> str:
    """The units that intervals over test images resample, such as "Intervals over test images resample 421 tracks.".

    Args:
        units: test set -> its `units.json`; empty if only scores of members are available.
    """
    if CLEAN not in units:
        return ""
    sets = [(name, of) for name, of in units.items() if name == CLEAN or of["by"]]
    told = [resampled(of) + (f" of {words.label(name)}" if name != CLEAN else "") for name, of in sets]
    return f"Intervals over test images resample {words.listed(told)}."


def resampled(of: dict) -> str:
    """Number and name of the units of a test set, such as "421 tracks (12,630 images)" or "540 images"."""
    name, many = unit_names(of)
    counted = f"{of['units']:,} {many if of['units'] > 1 else name}"
    return f"{counted} ({words.plural(of['n_images'], 'image')})" if of["by"] else counted


def unit_names(of: dict | None) -> tuple[str, str]:
    """What a unit of a test set is called, such as "track", and several: "tracks"; "image" if nothing is known."""
    if not of or not of["by"]:
        return "image", "images"
    places = re.findall(PLACE, of["by"])
    name = places[-1].strip("<>") if places else CALLED.get(of["by"], "group")
    return name, name.replace("set ", "sets ", 1) if name in CALLED.values() else f"{name}s"


def unit_cautions(units: Mapping[str, dict]) -> list[str]:
    """A caution for each test set with few units, or whose groups do not fit.

    Args:
        units: test set -> its `units.json`.
    """
    notes = []
    for name, of in units.items():
        key = "dataset.test_groups" if name == CLEAN else f"test_sets.{name}.groups"
        where = "Test images" if name == CLEAN else f"Images of {words.label(name)}"
        if of["not_by"]:
            unfit = "have no groups, since `dataset.groups` does not fit them: intervals take them for independent"
            notes.append(f"{where} {unfit}. Set `{key}`.")
        if of["by"] and of["units"] < FEWEST:
            notes.append(f"{where} are only {resampled(of)}: intervals from fewer than {FEWEST} are too short.")
    return notes
