"""The first screen of the report: basis, the recommended model beside its competitors, ranks, and added members."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from resiliency.analysis.contenders import BEST_ENSEMBLE, BEST_MEMBER, clean_accuracy
from resiliency.analysis.contenders import contenders as chosen
from resiliency.base.names import CLEAN, CORRUPTED, JOINT, SEARCH, accuracy_of
from resiliency.data.card import OWN
from resiliency.designs.members import WeightsKind
from resiliency.report import words
from resiliency.report.rows import compared_with, difference_words, measured_on, under_main_rule
from resiliency.statistics.intervals import holm

LEADING = 3
SCALES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # possible ends of the scale of bars
COMPARED_WITH_FAMILIES = {"second_member": "a second member", "doubling_of_parameters": "a doubling of parameters"}
ENDS = ("", "_low", "_high")  # of the columns of a value and its interval


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
    return next((end for end in SCALES if end >= max(values, default=1)), 1.0)


def shifted_answer(members: pd.DataFrame, further: list[str]) -> str:
    """Median accuracy on clean images and on each additional test set; "" without such sets.

    Args:
        members: members.csv.
        further: names of the test sets.
    """
    medians = {f"{words.label(name)}{' images' * (name == CLEAN)}": name for name in (CLEAN, *further)}
    said = [f"{words.percent(members[f'{name}_accuracy'].median())} on {on}" for on, name in medians.items()]
    return f"Median accuracy is {words.listed(said)}." if further else ""


def ensembles_answer(tables: Mapping[str, pd.DataFrame], further: list[str]) -> str:
    """How robust ensembles are: the recommended model beside its rival, else the means over those of a size.

    Args:
        tables: tables of the study; "" if it has no ensembles.
        further: names of the additional test sets.
    """
    deployment, sizes = (tables.get(name, pd.DataFrame()) for name in ("deployment", "ensemble_sizes"))
    if len(deployment) and (deployment["size"] > 1).any():
        return _recommended(contenders(deployment)[0], tables.get("contenders"))
    if sizes.empty:
        return ""
    means = under_main_rule(sizes).pivot(index="size", columns="measure", values="mean").sort_index()
    means = means.assign(**{accuracy_of(CORRUPTED): 1 - means["corrupted_error"]} if "corrupted_error" in means else {})
    fewest, others = means.index[0], []
    for name in [CORRUPTED] if "corrupted_error" in means else [CLEAN, *further]:
        first, *_, last = means[accuracy_of(name)].map(words.percent)
        of = "" if others else "single members: " if fewest == 1 else f"of {fewest}: "
        others.append(f"{last} of {words.label(name)} images ({of}{first})")
    return f"On average, ensembles of {means.index[-1]} members are right on {words.listed(others)}."


def _recommended(row: dict, compared: pd.DataFrame | None) -> str:
    """The error of the recommended model, and how it compares with the best member or ensemble."""
    rival = BEST_MEMBER if row["size"] > 1 else BEST_ENSEMBLE
    other = difference_from(compared, "role", rival)
    than = f": {compared_with(other, f'that of the {rival}, ' + other['members'])}" if other else ""
    who = f"ensemble of {row['size']} members" if row["size"] > 1 else f"model, {row['members']},"
    error = words.with_interval(*(row[f"corrupted_error{end}"] for end in ENDS))
    return f"On corrupted images not used for selection, the recommended {who} has an error of {error}{than}."


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
    right = [
        f"{row['members'].replace('+', ' + ')}, right on "
        f"{words.with_interval(*(row[f'clean_accuracy{end}'] for end in ENDS))} of clean images"
        for row in (first.loc[first["clean_accuracy"].idxmax()], *first[first["size"] == 1].to_dict("records"))
    ]
    if first.loc[first["clean_accuracy"].idxmax(), "size"] == 1:
        return f"None is more accurate than the best member: {right[0]}."
    return "; the best single member is ".join(right[:2]) + "."


def led_by(compared: pd.DataFrame, role: str) -> str:
    """The difference in error between the first contender and another.

    Args:
        compared: table contenders.csv, which compares the contenders on the same images.
        role: role of the other contender, as in `contenders`; "" for the first one, or if nothing is known.
    """
    row = difference_from(compared, "role", role.lower())
    if row is None or row["members"] == compared["members"].iloc[0]:
        return ""
    amount, ends, unclear = difference_words(row)
    return f"The {compared['role'].iloc[0]}'s error is {f'{amount} {ends}'.rstrip()}{unclear}."


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


def basis(card: dict | None, tables: dict[str, pd.DataFrame], study: str = "") -> str:
    """The members and images of the study, in two sentences.

    Args:
        card: card of the dataset; None if there is none.
        study: name of the study, which replaces the name of a dataset for a user's own images.
    """
    members, errors = tables["members"], tables["corruption_errors"]
    designs, families = design_count(members), members.loc[members["origin"] != SEARCH, "family"].nunique()
    of = f" of {words.plural(designs, 'design')} in {families} {'family' if families == 1 else 'families'}"
    based = f"{words.plural(len(members), 'member')}{of if designs else ''} ({_kinds(members)})"
    if "ensembles" in tables and (ensembles := tables["ensembles"]["ensemble"].nunique()):
        based += f" and {words.plural(ensembles, 'ensemble')}"
    name = card["name"] if card else "the clean test set"
    count = int(errors["n_images"].iloc[0])
    tested = words.plural(count, "test image") + " of " if count else ""
    tested += study if name == OWN and study else name
    if corruptions := errors.loc[errors["corruption"] != CLEAN, "corruption"].nunique():
        tested += f", clean and under {words.plural(corruptions, 'corruption')}"
    further = errors[errors["test_set"] != CLEAN].drop_duplicates("test_set").itertuples()
    sets = [
        f"on {words.plural(int(of.n_images), 'image') + ' of ' if of.n_images > 0 else ''}{words.label(of.test_set)}"
        for of in further
    ]
    tested += "".join(f", {'and ' * (of == sets[-1])}{of}" for of in sets)
    return f"Based on {based}. Evaluated on {tested}."


def _kinds(members: pd.DataFrame) -> str:
    """Number of members by origin, such as "6 trained independently, 4 found by search"."""
    origins = members["origin"].value_counts()
    outside = members[members["weights_kind"] == WeightsKind.NONE]
    independent = int(origins.get("independent", 0)) - len(outside)
    kinds = [("trained independently", independent)]
    kinds += [(source, len(rows)) for source, rows in outside.groupby("weights_source", sort=False)]
    kinds += [("jointly" if independent else "trained jointly", int(origins.get(JOINT, 0)))]
    kinds += [("found by search", int(origins.get(SEARCH, 0)))]
    return ", ".join(f"{count:,} {how}" for how, count in kinds if count)


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
    images = CORRUPTED if (ranks["images"] == CORRUPTED).any() else CLEAN
    rows = ranks[ranks["images"] == images]
    neighbours = rows["next_difference"].notna()
    if not neighbours.any():
        return ""
    top, pairs = rows.iloc[0], rows[neighbours]
    reach = ndtri((1 + pairs["confidence"]) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviations = reach * pairs["next_difference"] / (pairs["next_difference"] - pairs["next_low"])
    differ = holm(2 * ndtr(-deviations.to_numpy())) < 1 - pairs["confidence"].to_numpy()
    count, of_pairs = int(differ.sum()), words.plural(len(pairs), "pair")
    said = f"{count} of {of_pairs} differ significantly after correction for their number."
    if not count:
        where = f"({of_pairs} of neighbours, corrected for their number)"
        said = f"No two neighbouring ranks can be told apart on {images} images {where}."
    elif 2 * count < len(pairs):
        said = f"Most neighbouring ranks cannot be told apart on {images} images: {said}"
    else:
        said = f"Neighbouring ranks on {images} images: {said}"
    if differ[0]:
        return f"{said} The first two do."
    if top["next_low"] > 0:
        return f"{said} The first two differ only before this correction."
    if pd.isna(top["n_images_needed"]):
        return f"{said} The first two have the same error."
    return f"{said} About {words.whole(top['n_images_needed'])} images would tell the first two apart."


def architecture_answer(rates: pd.DataFrame) -> str:
    """The worth of a better family, if known, beside that of a second member and of twice the size; "" of nothing.

    Args:
        rates: exchange_rates.csv.
    """
    rows = {row["exchange"]: row for row in rates.dropna(subset=["points"]).to_dict("records")}
    if not rows:
        return ""
    error = "corrupted error" if rates["images"].iloc[0] == CORRUPTED else "error on natural shifts"
    family, equal, unit = rows.get("family"), rows.get("family_at_equal_accuracy"), " percentage points"
    said = "Unknown: the study has too few families of several designs."
    if family:
        said = f"Families differ by SD {_amount(family, ', no more than noise', unit)} of {error}"
        said += f"; at equal accuracy and size by SD {_amount(equal, ', no more than noise')}." if equal else "."
    others = [
        f"{name} buys {_amount(rows[key], ' (not significant)', unit * (key == first and not family))}"
        for first in [next((key for key in COMPARED_WITH_FAMILIES if key in rows), "")]
        for key, name in COMPARED_WITH_FAMILIES.items()
        if key in rows
    ]
    return f"{said} For comparison, {' and '.join(others)}." if others else said


def _amount(row: dict, unclear: str, unit: str = "") -> str:
    """Percentage points with their interval, and that it includes 0 or is not known."""
    low, high = row["points_low"] / 100, row["points_high"] / 100
    note = f" {words.NO_INTERVAL}" if np.isnan(low) else unclear * (low <= 0 <= high)
    return words.in_points(row["points"] / 100, low, high, unit=unit) + note


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
        sets |= dict(iter(robustness.set_index("member").groupby("images", sort=False)))
    known = {name: rows.dropna(subset=["accuracy"]) for name, rows in sets.items()}
    of_members = [(member, {name: rows for name, rows in known.items() if member in rows.index}) for member in added]
    return [_added(member, of_member) for member, of_member in of_members if of_member]


def _added(member: str, sets: dict[str, pd.DataFrame]) -> str:
    places, beyond = [], []
    for name, rows in sets.items():
        row = rows.loc[member]
        rank, on = int((rows["accuracy"] > row["accuracy"]).sum()) + 1, f"on {words.label(name)} images"
        error = words.with_interval(1 - row["accuracy"], 1 - row["high"], 1 - row["low"])
        places.append(f"{rank:,} of {len(rows):,} {on} (error {error})")
        if name != CLEAN and pd.notna(row["effective_robustness"]):
            ends = (row[end] - row["predicted_accuracy"] for end in ("low", "high"))
            beyond.append(f"{words.in_points(row['effective_robustness'], *ends, unit='')} {on}")
    said = f"{member} ranks {words.listed(places)}."
    meaning = "Its effective robustness in percentage points (accuracy minus what clean accuracy predicts)"
    return f"{said} {meaning} is {words.listed(beyond)}." if beyond else said
