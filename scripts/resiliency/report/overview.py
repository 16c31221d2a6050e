"""The first screen of the report: subject, cautions, the recommended model beside its competitors, and added members.

Here are the facts; `overview.txt.j2` has the sentences."""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from resiliency.analysis import choices
from resiliency.analysis.choices import clean_accuracy
from resiliency.analysis.contenders import BEST_ENSEMBLE, BEST_MEMBER
from resiliency.analysis.contenders import contenders as chosen
from resiliency.analysis.failures import name_of
from resiliency.analysis.member_tables import SAME_ANSWERS, STILL_LEARNING
from resiliency.base.names import CLEAN, CORRUPTED, JOINT, SEARCH, SYNSET, accuracy_of
from resiliency.data.card import OWN
from resiliency.data.split import PLACE
from resiliency.designs.members import WeightsKind
from resiliency.metrics.classification import FEW_IMAGES, FEW_STEPS, FEWEST_IMAGES, FEWEST_STEPS, NEAR_CHANCE
from resiliency.report import templates, words
from resiliency.report.rows import compared_with, difference_words, measured_on, under_main_rule
from resiliency.statistics.resampling import holm

LEADING = 3
NAMED = 5
POOR = 0.3  # clean error of the best model from which on comparisons say little about trained networks
WARNINGS = (NEAR_CHANCE, FEW_STEPS, SAME_ANSWERS, STILL_LEARNING, FEW_IMAGES)
ENDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # possible ends of the scale of bars
FEWEST = 30  # number of units from which on intervals have about their nominal coverage
CALLED = {"near_duplicates": "set of images that look alike"}
COMPARED_WITH_FAMILIES = {"second_member": "a second member", "doubling_of_parameters": "a doubling of parameters"}
said = partial(templates.said, "overview.txt.j2")


def contenders(deployment: pd.DataFrame) -> list[dict]:
    """The recommended model, the best ensemble, the best member and the baseline, evaluated on the same images.

    Args:
        deployment: table deployment.csv, which selects on one half of the test images and evaluates on the other.

    Returns:
        The rows, each with its `role`.
    """
    deployment = deployment.rename(columns={end: f"corrupted_error_{end}" for end in ("low", "high")})
    return [row.to_dict() | {"role": role.capitalize()} for role, row in chosen(deployment).items()]


def models(deployment: pd.DataFrame, compared: pd.DataFrame | None = None) -> list[dict]:
    """The contenders, one row per model with all of its roles, on a common scale.

    Args:
        compared: table contenders.csv, if the study has it.

    Returns:
        The rows with, as `role`, all roles of the model; `value` and the ends of its interval; `led_by`, how the first
        one compares with it; and the `scale` that bars are drawn on.
    """
    of = {}
    for row in contenders(deployment):
        of.setdefault(row["members"], []).append(row)
    scale = scale_of([rows[0]["corrupted_error_high"] for rows in of.values()])
    return [
        rows[0]
        | clean_accuracy(rows[0])
        | {"role": words.capital(words.listed([row["role"].lower() for row in rows])), "scale": scale}
        | {"led_by": "" if compared is None else led_by(compared, rows[-1]["role"])}
        for rows in of.values()
    ]


def scale_of(values: list[float]) -> float:
    """The smallest of 1, 2, 5, 10, 20, 50 and 100% that is not below any of the shares."""
    return next((end for end in ENDS if end >= max(values, default=1)), 1.0)


def shifted_answer(members: pd.DataFrame, further: list[str]) -> str:
    """Median accuracy on clean images and on each additional test set; "" without such sets.

    Args:
        members: members.csv.
        further: names of the test sets.
    """
    columns = {name: f"{name}_accuracy" for name in (CLEAN, *further)}
    sets = [{"name": name, "accuracy": members[column].median()} for name, column in columns.items()]
    return said("shifted", sets=sets) if further else ""


def ensembles_answer(tables: Mapping[str, pd.DataFrame], further: list[str]) -> str:
    """How robust ensembles are: the recommended model beside its rival, else the means over those of a size.

    Args:
        tables: tables of the study; "" if it has no ensembles.
        further: names of the additional test sets.
    """
    deployment, sizes = (tables.get(name, pd.DataFrame()) for name in ("deployment", "ensemble_sizes"))
    if len(deployment) and (deployment["size"] > 1).any():
        first = contenders(deployment)[0]
        rival = BEST_MEMBER if first["size"] > 1 else BEST_ENSEMBLE
        difference = difference_from(tables.get("contenders"), "role", rival)
        compared = compared_with(difference, f"that of the {rival}, {difference['members']}") if difference else ""
        return said("recommended", row=first, compared=compared)
    if sizes.empty:
        return ""
    means = under_main_rule(sizes).pivot(index="size", columns="measure", values="mean").sort_index()
    means = means.assign(**{accuracy_of(CORRUPTED): 1 - means["corrupted_error"]} if "corrupted_error" in means else {})
    names = [CORRUPTED] if "corrupted_error" in means else [CLEAN, *further]
    sets = [{"name": name, "accuracies": means[accuracy_of(name)].tolist()} for name in names]
    return said("means", sets=sets, fewest=means.index[0], most=means.index[-1])


def difference_from(compared: pd.DataFrame | None, column: str, other: str) -> dict | None:
    """The row of contenders.csv with the difference in corrupted error from another model; None if unknown."""
    if compared is None:
        return None
    of = compared[(compared[column] == other) & (compared["corruption"] == CORRUPTED)].dropna(subset=["difference"])
    return None if of.empty else of.iloc[0].to_dict()


def best_answer(best: pd.DataFrame) -> str:
    """The most accurate ensemble of any size, beside the most accurate member.

    Args:
        best: best_ensembles.csv.
    """
    first = best[best["rank"] == 1]
    ensemble = first.loc[first["clean_accuracy"].idxmax()].to_dict()
    member = first[first["size"] == 1].to_dict("records")
    return said("best", ensemble=ensemble, member=member[0] if member and ensemble["size"] > 1 else None)


def led_by(compared: pd.DataFrame, role: str) -> str:
    """The difference in error between the first contender and another.

    Args:
        compared: table contenders.csv, which compares the contenders on the same images.
        role: role of the other contender, as in `contenders`; "" for the first one, or if nothing is known.
    """
    rows = compared[(compared["role"] == role.lower()) & (compared["corruption"] == CORRUPTED)]
    rows = rows.dropna(subset=["difference"])
    if rows.empty or rows["members"].iloc[0] == compared["members"].iloc[0]:
        return ""
    amount, ends, unclear = difference_words(rows.iloc[0])
    return said("compared", first=compared["role"].iloc[0], amount=amount, ends=ends, unclear=unclear)


def leaders(tables: dict[str, pd.DataFrame], further: list[str]) -> list[dict]:
    """The best models of a study without deployment: the most accurate ensembles, or the most robust members.

    Returns:
        For each its `role` and `members`, the `column` that it leads by with the value and the ends of the interval
        (NaN if unknown), the `scale` that bars are drawn on, and as `others` its accuracy on additional test sets.
    """
    if "best_ensembles" in tables:
        best = tables["best_ensembles"]
        chosen = best[best["rank"] == 1].sort_values("size", ascending=False)
        roles = [
            ("Best of " if n > 1 else "Only ")
            + (f"{words.plural(n, 'ensemble')} of {size}" if size > 1 else words.plural(n, "member"))
            for n, size in zip(chosen["ensembles"], chosen["size"], strict=True)
        ]
        column, measure = "clean_accuracy", "accuracy on clean images"
    else:
        members, called = measured_on(tables["members"])
        members = members.rename(columns={"member": "members"}).dropna(subset=["corrupted_error"])
        chosen = members.sort_values("corrupted_error", kind="stable").head(LEADING)
        roles = [
            f"Most robust of {words.plural(len(members), 'member')}",
            *(f"Number {n}" for n in range(2, LEADING + 1)),
        ]
        column, measure = "corrupted_error", called.lower()
    scale = 1.0 if column == "clean_accuracy" else scale_of(list(chosen[f"{column}_high"].fillna(chosen[column])))
    entries = []
    for role, row in zip(roles, chosen.to_dict("records"), strict=False):
        others = [f"{words.label(name)} {words.percent(row[f'{name}_accuracy'])}" for name in further]
        if column != "clean_accuracy":
            others = [f"clean {words.percent(row['clean_accuracy'])}", *others]
        ends = {end: row[f"{column}_{end}"] for end in ("low", "high")}
        entry = {"role": role, "members": row["members"], "value": row[column], "measure": measure, "others": others}
        entries.append(entry | ends | {"scale": scale})
    return entries


def shortcomings(row: dict | pd.Series, classes: Sequence[str]) -> str:
    """What a row of deployment.csv is wrong on too often to be used as it is; "" if it is not.

    Args:
        classes: names of the classes, if they have any.
    """
    errors = choices.shortcomings(row)
    worst = name_of(classes, int(row["worst_class"])) if "class" in errors else ""
    return said("shortcomings", errors=errors, row=row, worst=worst, most=choices.BEARABLE) if errors else ""


def unfit_cautions(row: dict | pd.Series, classes: Sequence[str], which: str = "the recommended") -> list[str]:
    """A caution if `which` model or ensemble, a row of deployment.csv, should not be used as it is."""
    short = shortcomings(row, classes)
    return [said("unfit", short=short, which=which, alone=row["size"] == 1)] if short else []


def skipped_reasons(skipped: pd.DataFrame) -> list[dict]:
    """The parts that were left out, each with its reason and members: `item`, `reason`, `count` and `members`.

    What the study as a whole leaves out for one reason is one item.

    Args:
        skipped: table skipped.csv; rows about the whole study have no member.
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
    """A caution for each kind of warning in members.csv."""
    notes = []
    for kind in WARNINGS:
        has = _warned(members, kind)
        if has.any():
            late = late_settings(members) if kind == STILL_LEARNING else {}
            settings = [f"{objective} at {weights}" for objective, weights in late.items()]
            names = "; ".join(settings) or words.first_of(members.loc[has, "member"].tolist(), NAMED)
            fewest = {"fewest_steps": FEWEST_STEPS, "fewest_images": FEWEST_IMAGES}
            notes.append(said("warning", kind=kind, count=int(has.sum()), total=len(members), names=names, **fewest))
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
    trained = source.str.startswith(("trained here", "fine-tuned here")).any()
    facts = {"error": error, "told": best is not None}
    return [said("poor", **facts, trained=trained, pretrained=source.str.contains("pretrained").any())]


def pretraining_cautions(card: dict | None, members: pd.DataFrame) -> list[str]:
    """A caution if pretrained members may have seen the test images, because the classes are synsets of ImageNet.

    Args:
        card: card of the dataset; None if there is none. No pretrained weights have seen the test images of `imagenet`.
    """
    classes = (card or {}).get("classes", [])
    if not classes or card["name"] == "imagenet" or not all(map(SYNSET.fullmatch, classes)):
        return []
    loaded = members["weights_source"].astype(str).str.contains(r"^(?:fine-tuned here from )?pretrained ")
    names = words.first_of(members.loc[loaded, "member"].tolist(), NAMED)
    return [said("pretrained", names=names, imagenette=card["name"] == "imagenette")] if names else []


def basis(card: dict | None, tables: dict[str, pd.DataFrame], study: str = "") -> str:
    """The members and images of the study, in two sentences.

    Args:
        card: card of the dataset; None if there is none.
        study: name of the study, which replaces the name of a dataset for a user's own images.
    """
    members, errors = tables["members"], tables["corruption_errors"]
    ensembles = tables["ensembles"]["ensemble"].nunique() if "ensembles" in tables else None
    further = errors[errors["test_set"] != CLEAN].drop_duplicates("test_set")
    name = card["name"] if card else "the clean test set"
    return said(
        "basis",
        members=len(members),
        designs=design_count(members),
        families=members.loc[members["origin"] != SEARCH, "family"].nunique(),
        kinds=_kinds(members),
        ensembles=ensembles,
        images=int(errors["images"].iloc[0]),
        data=study if name == OWN and study else name,
        corruptions=errors.loc[errors["corruption"] != CLEAN, "corruption"].nunique(),
        further=[{"name": row.test_set, "images": int(row.images)} for row in further.itertuples()],
    )


def _kinds(members: pd.DataFrame) -> list[dict]:
    """Number of members by origin."""
    origins = members["origin"].value_counts()
    outside = members[members["weights_kind"] == WeightsKind.NONE]
    independent = int(origins.get("independent", 0)) - len(outside)
    kinds = [("trained independently", independent)]
    kinds += [(source, len(rows)) for source, rows in outside.groupby("weights_source", sort=False)]
    kinds += [("jointly" if independent else "trained jointly", int(origins.get(JOINT, 0)))]
    kinds += [("found by search", int(origins.get(SEARCH, 0)))]
    return [{"how": how, "count": count} for how, count in kinds if count]


def design_count(members: pd.DataFrame) -> int:
    """Number of designs, without the sub-networks of a search."""
    return members.loc[members["origin"] != SEARCH, "design"].nunique()


def ranks_sentence(ranks: pd.DataFrame) -> str:
    """Number of neighbouring ranks that differ significantly, and the images needed to separate the first two.

    On corrupted images if there are any, else on clean ones; empty if there is but one member. Two-sided normal
    p-values of the differences, which `next_low` is of, are corrected for the number of pairs (Holm, 1979).

    Args:
        ranks: member_ranks.csv.
    """
    images = CORRUPTED if (ranks["condition"] == CORRUPTED).any() else CLEAN
    rows = ranks[ranks["condition"] == images]
    neighbours = rows["next_difference"].notna()
    if not neighbours.any():
        return ""
    top, pairs = rows.iloc[0], rows[neighbours]
    reach = ndtri((1 + pairs["confidence"]) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviations = reach * pairs["next_difference"] / (pairs["next_difference"] - pairs["next_low"])
    differ = holm(2 * ndtr(-deviations.to_numpy())) < 1 - pairs["confidence"].to_numpy()
    alone = "alone" if top["next_low"] > 0 else "same" if pd.isna(top["images_needed"]) else "unclear"
    first = "differ" if differ[0] else alone
    count = int(differ.sum())
    return said("ranks", images=images, pairs=len(pairs), differ=count, first=first, needed=top["images_needed"])


def architecture_answer(rates: pd.DataFrame) -> str:
    """The worth of a better family, if known, beside that of a second member and of twice the size; "" of nothing.

    Args:
        rates: exchange_rates.csv.
    """
    rows = {row["exchange"]: row for row in rates.dropna(subset=["points"]).to_dict("records")}
    if not rows:
        return ""
    error = "corrupted error" if rates["images"].iloc[0] == CORRUPTED else "error on natural shifts"
    others = [rows[key] | {"name": name} for key, name in COMPARED_WITH_FAMILIES.items() if key in rows]
    equal = rows.get("family_at_equal_accuracy")
    return said("architecture", family=rows.get("family"), equal=equal, others=others, error=error)


def resampled_sentence(units: dict[str, dict]) -> str:
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
    return f"{counted} ({words.plural(of['images'], 'image')})" if of["by"] else counted


def unit_names(of: dict | None) -> tuple[str, str]:
    """What a unit of a test set is called, such as "track", and several: "tracks"; "image" if nothing is known."""
    if not of or not of["by"]:
        return "image", "images"
    places = re.findall(PLACE, of["by"])
    name = places[-1].strip("<>") if places else CALLED.get(of["by"], "group")
    return name, name.replace("set ", "sets ", 1) if name in CALLED.values() else f"{name}s"


def unit_cautions(units: dict[str, dict]) -> list[str]:
    """A caution for each test set with few units, or whose groups do not fit.

    Args:
        units: test set -> its `units.json`.
    """
    notes = []
    for name, of in units.items():
        key = "dataset.test_groups" if name == CLEAN else f"test_sets.{name}.groups"
        where = "Test images" if name == CLEAN else f"Images of {words.label(name)}"
        few = resampled(of) if of["by"] and of["units"] < FEWEST else ""
        notes.append(said("units", where=where, key=key, unfit=of["not_by"], few=few, fewest=FEWEST))
    return list(filter(None, notes))


def added_sentences(members: pd.DataFrame, robustness: pd.DataFrame | None, added: Collection[str]) -> list[str]:
    """Ranks and effective robustness of each added member.

    Args:
        members: members.csv.
        robustness: table effective_robustness.csv, if there is one.
        added: the added members.
    """
    clean = members.set_index("member")
    columns = {"clean_accuracy": "accuracy", "clean_accuracy_low": "low", "clean_accuracy_high": "high"}
    sets = {CLEAN: clean[list(columns)].rename(columns=columns)}
    if robustness is not None:
        sets |= dict(iter(robustness.set_index("member").groupby("test_set", sort=False)))
    known = {name: rows.dropna(subset=["accuracy"]) for name, rows in sets.items()}
    of_members = [(member, {name: rows for name, rows in known.items() if member in rows.index}) for member in added]
    return [_added(member, of_member) for member, of_member in of_members if of_member]


def _added(member: str, sets: dict[str, pd.DataFrame]) -> str:
    places, beyond = [], []
    for name, rows in sets.items():
        row = rows.loc[member]
        rank = int((rows["accuracy"] > row["accuracy"]).sum()) + 1
        errors = {"error": 1 - row["accuracy"], "low": 1 - row["high"], "high": 1 - row["low"]}
        places.append({"name": name, "rank": rank, "count": len(rows)} | errors)
        if name != CLEAN and pd.notna(row["effective_robustness"]):
            ends = {end: row[end] - row["predicted_accuracy"] for end in ("low", "high")}
            beyond.append({"name": name, "value": row["effective_robustness"]} | ends)
    return said("added", member=member, places=places, beyond=beyond)
