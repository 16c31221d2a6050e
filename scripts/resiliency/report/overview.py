"""The first screen of the report: basis, models, ranks and added members, and cautions about all of
them."""

import re
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from resiliency.analysis.contenders import (
    BEST_ENSEMBLE,
    BEST_MEMBER,
    clean_accuracy,
)
from resiliency.analysis.contenders import contenders as chosen
from resiliency.base.names import CLEAN, CORRUPTED, INDEPENDENT, JOINT, SEARCH, accuracy_of
from resiliency.base.settings import Keys
from resiliency.data.source import OWN
from resiliency.data.split import PLACE
from resiliency.designs.members import WeightsKind
from resiliency.report import words
from resiliency.report.rows import (
    Row,
    compared_with,
    difference_said,
    measured_on,
    on_corrupted,
    under_main_rule,
    with_ends,
)
from resiliency.statistics.intervals import holm

LEADING = 3
ORIGINS = {
    INDEPENDENT: "trained independently",
    JOINT: "trained jointly",
    SEARCH: "found by search",
}
ENDS = ("", "_low", "_high")  # of the columns of a value and its interval


def contenders(deployment: pd.DataFrame) -> list[Row]:
    """The recommended model, the best ensemble, the best member and the baseline, each a row with
    its `role`.

    deployment.csv selects them on one half of the test images and evaluates all on the other.
    """
    deployment = deployment.rename(
        columns={end: f"corrupted_error_{end}" for end in ("low", "high")}
    )
    return [row.to_dict() | {"role": role.capitalize()} for role, row in chosen(deployment).items()]


def models(deployment: pd.DataFrame, compared: pd.DataFrame | None = None) -> list[Row]:
    """The contenders, one row per model with all of its roles.

    Args:
        compared: table contenders.csv, if the study has it.

    Returns:
        The rows with, as `role`, all roles of the model; what `leaders` have; and the ends of the
        clean accuracy.
    """
    rows, entries = contenders(deployment), []
    firsts, roles = {row["members"]: row for row in reversed(rows)}, defaultdict(list)
    for row in rows:
        roles[row["members"]].append(row["role"].lower())
    for members, own in roles.items():
        row, right = firsts[members], clean_accuracy(firsts[members])
        accuracy = with_ends({end: float(of) for end, of in right.items()}, "clean_accuracy")
        other = (
            difference_from(compared, "role", own[-1]) if members != rows[0]["members"] else None
        )
        led_by = (
            f"The {rows[0]['role'].lower()}'s error is {difference_said(other)}." if other else ""
        )
        entry = {end: row[f"corrupted_error_{end}"] for end in ("low", "high")} | {
            "value": row["corrupted_error"]
        }
        entry |= {"role": words.capital(words.listed(own)), "measure": "", "led_by": led_by}
        entries.append(row | right | entry | {"others": [f"clean images {accuracy}"]})
    return entries


def first_answer(tables: Mapping[str, pd.DataFrame], further: list[str], opening: str) -> str:
    """How robust models are: the recommended one beside its rival, else means over ensembles, else
    `opening`.

    Args:
        tables: tables of the study.
        further: names of the additional test sets.
        opening: what is said of a study without ensembles.
    """
    deployment, sizes = (
        tables.get(name, pd.DataFrame()) for name in ("deployment", "ensemble_sizes")
    )
    if len(deployment) and (deployment["size"] > 1).any():
        row = contenders(deployment)[0]
        rival = BEST_MEMBER if row["size"] > 1 else BEST_ENSEMBLE
        other = difference_from(tables.get("contenders"), "role", rival)
        than = (
            f": {compared_with(other, f'that of the {rival}, ' + other['members'])}"
            if other
            else ""
        )
        who = (
            f"ensemble of {row['size']} members" if row["size"] > 1 else f"model, {row['members']},"
        )
        error = with_ends(row, "corrupted_error")
        return (
            f"On corrupted images not used for selection, the recommended {who} has an error "
            f"of {error}{than}."
        )
    if len(sizes):
        means = (
            under_main_rule(sizes)
            .pivot(index="size", columns="measure", values="mean")
            .sort_index()
        )
        if "corrupted_error" in means:
            means, further = (
                means.assign(**{accuracy_of(CORRUPTED): 1 - means["corrupted_error"]}),
                [],
            )
        names = [CORRUPTED] if "corrupted_error" in means else [CLEAN, *further]
        right = {
            words.label(name): means[accuracy_of(name)].map(words.percent).tolist()
            for name in names
        }
        said = words.listed([f"{of[-1]} of {name} images ({of[0]})" for name, of in right.items()])
        fewest, most = means.index[[0, -1]]
        return (
            f"On average, ensembles of {most} members (in brackets: of {fewest}) are right on "
            f"{said}."
        )
    return opening


def difference_from(compared: pd.DataFrame | None, column: str, other: str) -> Row | None:
    """The row of contenders.csv with the difference in corrupted error from another model; None if
    unknown."""
    if compared is None:
        return None
    of = compared[(compared[column] == other) & (compared["corruption"] == CORRUPTED)].dropna(
        subset=["difference"]
    )
    return None if of.empty else of.iloc[0].to_dict()


def best_answer(best: list[Row]) -> str:
    """The most accurate of `leaders`, and the most accurate of single members, who come last."""
    said = [
        f"{row['members'].replace('+', ' + ')}, with "
        f"{words.with_interval(row['value'], row['low'], row['high'])}"
        for row in (max(best, key=lambda row: row["value"]), best[-1])
    ]
    other = "" if said[0] == said[1] else f"; the best single member is {said[1]}"
    return f"By accuracy on clean images, {said[0]}{other}."


def leaders(tables: Mapping[str, pd.DataFrame], further: list[str]) -> list[Row]:
    """The best models of a study without deployment: the most accurate ensembles, or the most
    robust members.

    Returns:
        For each its `role` and `members`, the `measure` that it leads by with the `value` and the
        ends of the interval (NaN if unknown), and as `others` its accuracy on additional test sets.
    """
    if "best_ensembles" in tables:
        best = tables["best_ensembles"]
        rows = best[best["rank"] == 1].sort_values("size", ascending=False)
        roles = []
        for size, count in rows[["size", "ensembles"]].itertuples(index=False):
            of = (
                f"{words.plural(count, 'ensemble')} of {size}"
                if size > 1
                else words.plural(count, "member")
            )
            roles.append(f"Best of {of}")
        column, measure, sets = accuracy_of(CLEAN), "accuracy on clean images", further
    else:
        members, called = measured_on(tables["members"])
        members = members.rename(columns={"member": "members"}).dropna(subset=["corrupted_error"])
        rows = members.sort_values("corrupted_error", kind="stable").head(LEADING)
        roles = [f"Most robust of {words.plural(len(members), 'member')}"]
        roles += [f"Number {number}" for number in range(2, LEADING + 1)]
        column, measure, sets = "corrupted_error", called.lower(), [CLEAN, *further]
    return [
        {
            "role": role,
            "members": row["members"],
            "value": row[column],
            **{end: row[f"{column}_{end}"] for end in ("low", "high")},
            "measure": measure,
            "led_by": "",
            "others": [
                f"{words.label(name)} {words.percent(row[accuracy_of(name)])}" for name in sets
            ],
        }
        for role, row in zip(roles, rows.to_dict("records"), strict=False)
    ]


def basis(card: Keys | None, tables: Mapping[str, pd.DataFrame], study: str = "") -> str:
    """The members and images of the study, in two sentences.

    Args:
        card: card of the dataset; None if there is none.
        study: name of the study, which replaces the name of a dataset for a user's own images.
    """
    members, errors = tables["members"], tables["corruption_errors"]
    designs, families = (
        design_count(members),
        members.loc[members["origin"] != SEARCH, "family"].nunique(),
    )
    of = (
        f" of {words.plural(designs, 'design')} in {families} "
        f"{'family' if families == 1 else 'families'}"
    )
    sources = (
        members["weights_source"].astype(object).where(members["weights_kind"] == WeightsKind.NONE)
    )
    kinds = sources.fillna(members["origin"].astype(str).map(ORIGINS)).value_counts(sort=False)
    how = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
    based = f"{words.plural(len(members), 'member')}{of if designs else ''} ({how})"
    if "ensembles" in tables and (ensembles := tables["ensembles"]["ensemble"].nunique()):
        based += f" and {words.plural(ensembles, 'ensemble')}"
    name = card["name"] if card else "the clean test set"
    corruptions = errors.loc[errors["corruption"] != CLEAN, "corruption"].nunique()
    tested = []
    for row in errors.drop_duplicates("test_set").itertuples():
        own = row.test_set == CLEAN
        called = (study if name == OWN and study else name) if own else words.label(row.test_set)
        number = (
            f"{words.plural(int(row.n_images), 'test image' if own else 'image')} of "
            if row.n_images > 0
            else ""
        )
        under = (
            f", clean and under {words.plural(corruptions, 'corruption')}"
            if own and corruptions
            else ""
        )
        tested.append(f"{number}{called}{under}")
    return f"Based on {based}. Evaluated on {words.listed(tested)}."


def design_count(members: pd.DataFrame) -> int:
    """Number of designs, without the sub-networks of a search."""
    return members.loc[members["origin"] != SEARCH, "design"].nunique()


def ranks_sentence(ranks: pd.DataFrame) -> str:
    """Number of neighbouring ranks that differ significantly, and the images needed to separate the
    first two.

    From member_ranks.csv, on corrupted images if there are any, else on clean ones; empty if there
    is but one member. Two-sided normal p-values of the differences, which `next_low` is of, are
    corrected for the number of pairs (Holm, 1979).
    """
    pairs = on_corrupted(ranks).dropna(subset="next_difference")
    if pairs.empty:
        return ""
    reach = ndtri((1 + pairs["confidence"]) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviations = (
            reach * pairs["next_difference"] / (pairs["next_difference"] - pairs["next_low"])
        )
    differ = holm(2 * ndtr(-deviations.to_numpy())) < 1 - pairs["confidence"].to_numpy()
    count, of_pairs = int(differ.sum()), words.plural(len(pairs), "pair")
    said, top = f"{count} of {of_pairs} of neighbouring ranks differ significantly", pairs.iloc[0]
    said += f" on {top['images']} images, after correction for their number."
    if differ[0]:
        return f"{said} The first two do."
    if top["next_low"] > 0:
        return f"{said} The first two differ only before this correction."
    if pd.isna(top["n_images_needed"]):
        return f"{said} The first two have the same error."
    return (
        f"{said} About {words.whole(top['n_images_needed'])} images would tell the first two apart."
    )


def added_table(
    member: str, members: pd.DataFrame, robustness: pd.DataFrame | None
) -> list[list[str]]:
    """Rank, error and effective robustness of an added member on each set of images, as cells; []
    if none is known.

    Args:
        members: members.csv.
        robustness: table effective_robustness.csv, if there is one.
    """
    columns = {
        "clean_accuracy": "accuracy",
        "clean_accuracy_low": "low",
        "clean_accuracy_high": "high",
    }
    clean = members[["member", *columns]].rename(columns=columns).assign(images=CLEAN)
    cells = []
    for images, rows in (
        pd.concat([clean, robustness]).dropna(subset="accuracy").groupby("images", sort=False)
    ):
        for row in rows[rows["member"] == member].to_dict("records"):
            rank = f"{int((rows['accuracy'] > row['accuracy']).sum()) + 1:,} of {len(rows):,}"
            error, beyond = (
                words.with_interval(1 - row["accuracy"], 1 - row["high"], 1 - row["low"]),
                "–",
            )
            if pd.notna(effect := row.get("effective_robustness")):
                ends = (row[end] - row["predicted_accuracy"] for end in ("low", "high"))
                beyond = words.in_points(effect, *ends, unit="")
            cells.append([words.label(images), rank, error, beyond])
    return [["Images", "Rank", "Error", "Effective robustness, in points"], *cells] if cells else []


NAMED = 5


def skipped_reasons(skipped: pd.DataFrame) -> list[str]:
    """What skipped.csv says was left out, with reasons and members; rows about the whole study have
    no member."""
    lines, of_study = [], skipped["member"].fillna("") == ""
    for (_, reason), rows in skipped.groupby(
        [skipped["skipped"].mask(of_study, ""), "reason"], sort=False
    ):
        members = rows["member"].dropna().tolist()
        who = (
            f" ({words.plural(len(members), 'member')}: {words.first_of(members, NAMED)})"
            if members
            else ""
        )
        lines.append(f"{', '.join(map(words.label, rows['skipped'].unique()))}: {reason}{who}")
    return lines


def resampled_sentence(units: Mapping[str, Keys]) -> str:
    """The units that intervals over test images resample, such as "Intervals over test images
    resample 421 tracks.".

    Args:
        units: test set -> its `units.json`; empty if only scores of members are available.
    """
    if CLEAN not in units:
        return ""
    sets = [(name, of) for name, of in units.items() if name == CLEAN or of["by"]]
    told = [
        resampled(of) + (f" of {words.label(name)}" if name != CLEAN else "") for name, of in sets
    ]
    return f"Intervals over test images resample {words.listed(told)}."


def resampled(of: Keys) -> str:
    """Number and name of the units of a test set, such as "421 tracks (12,630 images)" or "540
    images"."""
    name, many = unit_names(of)
    counted = f"{of['units']:,} {many if of['units'] > 1 else name}"
    return f"{counted} ({words.plural(of['n_images'], 'image')})" if of["by"] else counted


def unit_names(of: Keys | None) -> tuple[str, str]:
    """What a unit of a test set is called, such as "track", and several: "tracks"; "image" if
    nothing is known."""
    if not of or not of["by"]:
        return "image", "images"
    if of["by"] == "near_duplicates":
        return "set of images that look alike", "sets of images that look alike"
    places = re.findall(PLACE, of["by"])
    name = places[-1].strip("<>") if places else "group"
    return name, f"{name}s"
