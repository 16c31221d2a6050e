"""What the first screen of the report says: the verdicts, and the recommended model against what it has to beat."""

import re

import pandas as pd

from resiliency.analysis.contenders import ROLES
from resiliency.analysis.contenders import contenders as chosen
from resiliency.analysis.member_tables import SAME_ANSWERS, STILL_LEARNING
from resiliency.base.names import CLEAN, CORRUPTED, JOINT, SEARCH, SYNSET
from resiliency.data.duplicates import worth_a_warning
from resiliency.data.split import PLACE
from resiliency.designs.members import WeightsKind
from resiliency.reliability import FEW_IMAGES, FEW_STEPS, FEWEST_IMAGES, FEWEST_STEPS, NEAR_CHANCE
from resiliency.report import words
from resiliency.report.rows import SAME, difference_words, measured_on, under_single

BASELINE = ROLES[-1]
LEADING = 3
NAMED = 5
WARNINGS = {
    NEAR_CHANCE: "{count} are close to chance level on clean images ({names}). Their training may have failed, or "
    "their weights may belong to another task. Disregard them and every ensemble that contains them.",
    FEW_STEPS: f"{{count}} were trained for fewer than {FEWEST_STEPS} optimisation steps ({{names}}).",
    SAME_ANSWERS: "{count} predict the same class as another member for every image ({names}). They have the same "
    "weights or predictions, so ensembles count them twice. Remove one of each pair; column `warnings` of members.csv "
    "names the other.",
    STILL_LEARNING: "{count} were still learning when joint training ended ({names}). Over its last fifth, mean "
    "validation accuracy rose by a percentage point or more. Observation 3 needs longer training.",
    FEW_IMAGES: f"With fewer than {FEWEST_IMAGES} test images, differences of several percentage points can be due to "
    "chance.",
}
MOST = 0.9  # share of a difference


def contenders(deployment: pd.DataFrame) -> list[dict]:
    """The recommended model, the best ensemble and the best member, as chosen, and the baseline, as judged.

    Args:
        deployment: deployment.csv, which chooses on one half of the test images and judges on the other.

    Returns:
        The rows, each with its `role` and, as `share`, its error over the largest of theirs.
    """
    deployment = deployment.rename(columns={end: f"corrupted_error_{end}" for end in ("low", "high")})
    best = {role: row.to_dict() for role, row in chosen(deployment).items()}
    most = max((row["corrupted_error"] for row in best.values()), default=0) or 1
    return [row | {"role": role.capitalize(), "share": row["corrupted_error"] / most} for role, row in best.items()]


def led_by(compared: pd.DataFrame, role: str) -> str:
    """How much lower the first contender's error is than another's; of the baseline, under how many corruptions.

    Args:
        compared: contenders.csv, which compares them on the same images.
        role: of the other, as `contenders` names it; "" of the first itself, or where nothing is known.
    """
    of_role = compared[compared["role"] == role.lower()].dropna(subset=["difference"])
    overall, single = of_role[of_role["corruption"] == CORRUPTED], under_single(of_role)
    if overall.empty or (row := overall.iloc[0])["members"] == compared["members"].iloc[0]:
        return ""
    amount, ends, unclear = difference_words(row)
    text = f"The {compared['role'].iloc[0]}'s error is {amount} {ends}{unclear}."
    if row["role"] != BASELINE or single.empty:
        return text
    no_worse = int((single["difference"].round(12) >= 0).sum())
    corruptions = words.plural(len(single), "corruption")
    counted = f"{text} The baseline is as good or better under {no_worse or 'none'} of {corruptions}."
    return counted if unclear or amount == SAME else f"{counted} {_rests_on(single)}".rstrip()


def _rests_on(single: pd.DataFrame) -> str:
    """Which corruptions, half of them at most, make most of the mean difference; empty if it takes more.

    Args:
        single: rows of contenders.csv, one per corruption.
    """
    shares = single.set_index("corruption")["difference"] / len(single)
    total = shares.sum()
    ordered = shares.sort_values(ascending=total < 0, kind="stable")
    most = (
        next((n for n in range(1, len(ordered) // 2 + 1) if ordered.iloc[:n].sum() / total >= MOST), 0) if total else 0
    )
    if not most:
        return ""
    listed = words.listed([words.label(name) for name in ordered.index[:most]])
    verb = "make" if most > 1 else "makes"
    part, whole = words.points(abs(ordered.iloc[:most].sum())), words.points(abs(total))
    return f"{listed[0].upper()}{listed[1:]} {verb} {part} of the {whole} points."


def leaders(tables: dict[str, pd.DataFrame], further: list[str]) -> list[dict]:
    """What leads a study without deployment: the most accurate ensembles and member, or the most resilient members.

    Returns:
        For each its `role` and `members`, the `column` that it leads by with the value and the ends of the interval
        (NaN where unknown), and as `others` its accuracy on further test sets.
    """
    if "best_ensembles" in tables:
        best = tables["best_ensembles"]
        chosen = best[best["rank"] == 1].sort_values("size", ascending=False)
        roles = [
            f"Best of {n:,} ensembles of {size}" if size > 1 else f"Best of {n:,} members"
            for n, size in zip(chosen["ensembles"], chosen["size"], strict=True)
        ]
        column, measure = "clean_accuracy", "accuracy on clean images"
    else:
        members, called = measured_on(tables["members"])
        members = members.rename(columns={"member": "members"}).dropna(subset=["corrupted_error"])
        chosen = members.sort_values("corrupted_error", kind="stable").head(LEADING)
        roles = [f"Most robust of {len(members):,} members", *(f"Number {n}" for n in range(2, LEADING + 1))]
        column, measure = "corrupted_error", called.lower()
    entries = []
    for role, row in zip(roles, chosen.to_dict("records"), strict=False):
        others = [f"{words.label(name)} {words.percent(row[f'{name}_accuracy'])}" for name in further]
        if column != "clean_accuracy":
            others = [f"clean {words.percent(row['clean_accuracy'])}", *others]
        ends = {end: row[f"{column}_{end}"] for end in ("low", "high")}
        entry = {"role": role, "members": row["members"], "value": row[column], "measure": measure, "others": others}
        entries.append(entry | ends)
    return entries


def skipped_reasons(skipped: pd.DataFrame) -> list[dict]:
    """What was left out and why, with the members that it was left out of: `item`, `reason`, `count` and `members`.

    What the study as a whole leaves out for one reason is one item.

    Args:
        skipped: skipped.csv; without a member where a row is of the study as a whole.
    """
    entries = []
    of_study = skipped["member"].fillna("") == ""
    for _, rows in skipped.groupby([skipped["skipped"].mask(of_study, ""), "reason"], sort=False):
        members = rows["member"].dropna().tolist()
        items = ", ".join(words.label(item) for item in rows["skipped"].unique())
        entry = {"item": items, "reason": rows["reason"].iloc[0], "count": len(members)}
        entries.append(entry | {"members": words.first_of(members, NAMED)})
    return entries


def cautions(members: pd.DataFrame) -> list[str]:
    """What the reader should beware of, a sentence for each kind of warning that members.csv has."""
    notes = []
    for warning, words_of in WARNINGS.items():
        has = _warned(members, warning)
        if has.any():
            count = f"{has.sum():,} of {words.plural(len(members), 'member')}"
            late = late_settings(members) if warning == STILL_LEARNING else {}
            settings = [f"{objective} at {weights}" for objective, weights in late.items()]
            names = "; ".join(settings) or words.first_of(members.loc[has, "member"].tolist(), NAMED)
            notes.append(words_of.format(count=count, names=names))
    return notes


def _warned(members: pd.DataFrame, warning: str) -> pd.Series:
    """Which members have a warning."""
    return members["warnings"].astype(object).fillna("").str.contains(warning, regex=False)


def late_settings(members: pd.DataFrame) -> dict[str, str]:
    """Objective -> weights of the loss at which joint training ended too early, such as "λ = 0.5 and 1"."""
    joint = members[_warned(members, STILL_LEARNING) & (members["origin"] == JOINT)]
    weights = joint.groupby("objective", sort=False)["loss_weight"].unique()
    return {
        objective: f"λ = {words.listed([words.plain(weight) for weight in sorted(of)])}"
        for objective, of in weights.items()
    }


def data_cautions(card: dict | None) -> list[str]:
    """A sentence if splits hold almost the same images.

    Args:
        card: of the data set; None where there is none.
    """
    images = {split: of["images"] for split, of in card["splits"].items()} if card else {}
    alike = (card or {}).get("near_duplicates", {})
    told = [
        f"{count:,} of {words.plural(images[split], f'{split} image')}"
        for split, count in alike.items()
        if worth_a_warning(count, images[split])
    ]
    if not told:
        return []
    grouped = any("groups" in of for of in card["splits"].values())
    what = f"{words.listed(told)} look almost like an image of their class in another split"
    if grouped:
        return [f"{what}, although no group of images is in two splits: accuracies may be too high."]
    return [
        f"{what}, as frames of one film do: accuracies may be too high. Keep such images together, see dataset.groups."
    ]


def pretraining_cautions(card: dict | None, members: pd.DataFrame) -> list[str]:
    """A sentence if pretrained members may have learned from the test images: the classes are synsets of ImageNet.

    Args:
        card: of the data set; None where there is none. The test images of `imagenet` are no training images of others.
    """
    classes = (card or {}).get("classes", [])
    if not classes or card["name"] == "imagenet" or not all(map(SYNSET.fullmatch, classes)):
        return []
    loaded = members["weights_source"].astype(str).str.contains(r"^(?:fine-tuned here from )?pretrained ")
    if not loaded.any():
        return []
    names = words.first_of(members.loc[loaded, "member"].tolist(), NAMED)
    most = "; of those of imagenette, at least 87% are" if card["name"] == "imagenette" else ""
    return [
        f"Pretrained weights ({names}) may have learned from test images, which can be training images of "
        f"ImageNet{most}. Their accuracies may be too high; do not compare them with members that start from random "
        "weights."
    ]


def basis(card: dict | None, tables: dict[str, pd.DataFrame]) -> str:
    """What was evaluated, and on what, in two sentences."""
    members, errors = tables["members"], tables["corruption_errors"]
    counts = members["origin"].value_counts()
    searched = members["origin"] == SEARCH
    outside = members["weights_kind"] == WeightsKind.NONE
    independent = int(counts.get("independent", 0) - outside.sum())
    kinds = [f"{independent:,} trained independently"] if independent else []
    kinds += [f"{len(rows):,} {source}" for source, rows in members[outside].groupby("weights_source", sort=False)]
    kinds += [f"{counts['joint']:,} {'jointly' if independent else 'trained jointly'}"] if "joint" in counts else []
    kinds += [f"{int(searched.sum()):,} found by search"] if searched.any() else []
    corruptions = errors.loc[errors["corruption"] != CLEAN, "corruption"].nunique()
    under = f", clean and under {words.plural(corruptions, 'corruption')}" if corruptions else ""
    further = errors[errors["test_set"] != CLEAN].drop_duplicates("test_set")
    others = "".join(f", and on {_images(row.images)}{words.label(row.test_set)}" for row in further.itertuples())
    others = others.replace(", and on", ", on", max(len(further) - 1, 0))
    designs = words.plural(design_count(members), "design")
    count = members["family"].nunique()
    families = f"{count:,} {'family' if count == 1 else 'families'}"
    formed = ""
    if "ensembles" in tables:
        formed = f" and {words.plural(tables['ensembles']['ensemble'].nunique(), 'ensemble')}"
    images = int(errors["images"].iloc[0])
    return (
        f"Based on {words.plural(len(members), 'member')} of {designs} in {families} ({', '.join(kinds)}){formed}. "
        f"Evaluated on {_images(images, 'test image')}"
        f"{card['name'] if card else 'the clean test set'}{under}{others}."
    )


def design_count(members: pd.DataFrame) -> int:
    """Number of designs, among which the sub-networks of a search do not count."""
    return members.loc[members["origin"] != SEARCH, "design"].nunique()


def _images(count: int, thing: str = "image") -> str:
    """Such as "540 images of "; nothing if the number is not known."""
    return f"{words.plural(int(count), thing)} of " if count else ""


FEWEST = 30  # units, from which intervals cover about as often as they say
CALLED = {"near_duplicates": "set of images that look alike"}


def resampled_sentence(units: dict[str, dict]) -> str:
    """What intervals over test images resample, such as "Intervals over test images resample 421 tracks.".

    Args:
        units: test set -> its `units.json`; empty if members are known by their scores alone.
    """
    if CLEAN not in units:
        return ""
    sets = [(name, of) for name, of in units.items() if name == CLEAN or of["by"]]
    told = [resampled(of) + (f" of {words.label(name)}" if name != CLEAN else "") for name, of in sets]
    return f"Intervals over test images resample {words.listed(told)}."


def resampled(of: dict) -> str:
    """Number and name of the units of a test set, such as "421 tracks (12,630 images)" or "540 images"."""
    if not of["by"]:
        return words.plural(of["units"], "image")
    places = re.findall(PLACE, of["by"])
    name = places[-1].strip("<>") if places else CALLED.get(of["by"], "group")
    many = name.replace("set ", "sets ", 1) if name in CALLED.values() else f"{name}s"
    return f"{of['units']:,} {many if of['units'] > 1 else name} ({words.plural(of['images'], 'image')})"


def unit_cautions(units: dict[str, dict]) -> list[str]:
    """A sentence for each test set whose images seem to belong together, of which the study does not say so.

    Args:
        units: as for `resampled_sentence`.
    """
    notes = []
    for name, of in units.items():
        key = "dataset.test_groups" if name == CLEAN else f"test_sets.{name}.groups"
        where = "Test images" if name == CLEAN else f"Images of {words.label(name)}"
        if of["not_by"]:
            notes.append(
                f"{where} have no groups, since `dataset.groups` does not fit them: intervals take them for "
                f"independent. Set `{key}`."
            )
        if of["by"] and of["units"] < FEWEST:
            notes.append(f"{where} are only {resampled(of)}: intervals from fewer than {FEWEST} are too short.")
        if worth_a_warning(of["alike_images"], of["images"]):
            groups = f"{of['alike_sets']:,} groups of {of['alike_images']:,} images"
            notes.append(f"{where} look alike in {groups} but have no `{key}`: intervals are too short.")
    return notes
