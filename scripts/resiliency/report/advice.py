"""What to do differently: what tables of a study mean for who builds a classifier."""

import numpy as np
import pandas as pd

from resiliency.analysis.choosing import KINDS, UNDECIDED, WORSE
from resiliency.analysis.choosing import WORTH as WORTH_CHOOSING
from resiliency.analysis.contenders import BEST_MEMBER
from resiliency.analysis.observations.architecture import WORTH
from resiliency.analysis.verdicts import NOT_TESTED
from resiliency.base.names import INDEPENDENT
from resiliency.report.charts.ensembles import MIXING, NAMES, amount_of, images_of
from resiliency.report.charts.swaps import (
    AGREED,
    HARMS,
    HELPS,
    UNDETECTED,
    VOTES,
    WRONG,
    headline,
    twin_of,
)
from resiliency.report.overview import difference_from
from resiliency.report.rows import Row, difference_said
from resiliency.report.words import percent

WORTHS = {
    "family": "families differ by SD",
    "family_at_equal_accuracy": "families of equal accuracy and size by SD",
    "second_member": "a second member buys",
    "doubling_of_parameters": "a doubling of parameters buys",
}
LONGER, LARGER = (
    "Train longer before you enlarge a network",
    "Enlarge a network before you train it for longer",
)


def facts(rates: pd.DataFrame) -> dict[str, Row | None]:
    """Exchange -> its row of exchange_rates.csv, with `said`, such as "2.2 [−0.1, 4.6]", and if it
    `helps` or `harms`.

    It does if its interval excludes 0. Mixed families stand for mixed designs, as `mixing`. None
    for a row without an estimate; {} if all are.
    """
    rows = {}
    for row in rates.dropna(subset=["points"]).to_dict("records"):
        low, high = row["points_low"], row["points_high"]
        of = {"low": low, "high": high, "helps": bool(low > 0), "harms": bool(high < 0)}
        name = "mixing" if row["exchange"] in MIXING else row["exchange"]
        rows[name] = row | of | {"said": amount_of(row["points"], low, high)}
    return dict.fromkeys([*NAMES, "mixing"]) | rows if rows else {}


def architecture_answer(rates: pd.DataFrame) -> str:
    """What exchange_rates.csv says of a better family, a second member and twice the size; "" if it
    has no estimate."""
    rows = facts(rates)
    said = [
        f"{name} {row['said']}{'' if row['helps'] or row['harms'] else ' (not significant)'}"
        for exchange, name in WORTHS.items()
        if (row := rows.get(exchange))
    ]
    if not rows:
        return ""
    unknown = (
        "" if rows["family"] else "Unknown: the study has too few families of several designs. "
    )
    images = images_of(rates["images"].iloc[0])
    return (
        unknown.rstrip()
        if not said
        else f"{unknown}In percentage points of error on {images}, {'; '.join(said)}."
    )


def compared(one: Row, other: Row) -> int:
    """1 if a row buys more than another for certain, their intervals apart, -1 if less, and else
    0."""
    return int(np.sign(max(one["low"] - other["high"], 0) - max(other["low"] - one["high"], 0)))


def advice_of(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Sentences on what to do, by the tables of a study; none without exchange rates and swaps."""
    rates = tables.get("exchange_rates", pd.DataFrame(columns=["points"]))
    swapped, rows = headline(tables.get("swaps", pd.DataFrame())), facts(rates)
    if not rows and not swapped:
        return []
    tested = tables["observations"]["verdict"][
        tables["observations"]["observation"].astype(str) == "1b"
    ]
    gain = difference_from(tables.get("contenders"), "role", BEST_MEMBER)
    several = gain is not None and tables["contenders"]["size"].iloc[0] > 1
    lower = difference_said(gain) if gain and several and gain["difference_high"] < 0 else ""
    better = (
        f"Select an ensemble by its error on your images: the recommended one’s is {lower} "
        "than the best member’s."
    )
    lines = [
        _of_families(rows.get("family_at_equal_accuracy")) if (tested != NOT_TESTED).any() else "",
        _of_training(
            rows.get("doubling_of_training"), rows.get("doubling_of_parameters"), tables["members"]
        ),
        _of_members(
            rows.get("second_member") or rows.get("two_more_members"),
            rows.get("doubling_of_parameters"),
        ),
        better if lower else "",
        _of_diversity(tables.get("choosing", pd.DataFrame(columns=["choice", "verdict"]))),
        _of_channels(swapped, twin_of(tables["members"])) if swapped else "",
        _of_mixing(rows.get("mixing")),
    ]
    if joint := rows.get("joint_training"):
        independently = "Train members independently: joint training is not shown to help."
        lines.append(
            "Train members jointly, by the balanced loss." if joint["helps"] else independently
        )
    return [line for line in lines if line]


def _of_families(equal: Row | None) -> str:
    if not equal:
        return ""
    images = images_of(equal["images"])
    if equal["low"] > WORTH:
        return (
            f"Compare families by their errors on {images}: of equal size and clean accuracy, "
            "they still differ."
        )
    if equal["high"] < WORTH:
        less = f"families differ by less than {WORTH:.0f} point"
        return f"Choose a family by clean accuracy: of equal size and accuracy, {less}."
    then = f", then by its errors on {images}" if equal["helps"] else ""
    by = "differ, perhaps by little" if equal["helps"] else "are not shown to differ"
    return (
        f"Choose a family by clean accuracy first{then}: of equal size and accuracy, families {by}."
    )


def _of_training(training: Row | None, size: Row | None, members: pd.DataFrame) -> str:
    """Whether to train longer or to enlarge networks, of which longer training costs nothing at
    inference."""
    if not size:
        return ""
    if not training:
        small = "Do not enlarge a network for robustness alone: that is not shown to help."
        return "Enlarge a network if inference may cost more." if size["helps"] else small
    larger = size["helps"] and (not training["helps"] or compared(size, training) > 0)
    first, other, what = (
        (size, training, "longer training") if larger else (training, size, "a larger network")
    )
    if not first["helps"]:
        return "Neither longer training nor a larger network is shown to help."
    why = "neither is shown to buy more" if other["helps"] else f"{what} is not shown to help"
    if compared(first, other) > 0:
        why = "it buys more"
    if larger:
        return f"{LARGER}: {why}."
    epochs = members.loc[members["origin"] == INDEPENDENT, "training_epochs"].astype(float)
    seen = (
        f" (seen from {epochs.min():g} to {epochs.max():g} epochs)" if epochs.nunique() > 1 else ""
    )
    return f"{LONGER}: {why}{seen}, and longer training costs nothing at inference."


def _of_members(member: Row | None, size: Row | None) -> str:
    """Whether to add members, or parameters."""
    if not member:
        return ""
    if not member["helps"]:
        return "Do not add just any member: a second one is not shown to help on average."
    add, sign = "If inference may cost more, add", compared(member, size) if size else 0
    if sign:
        return (
            f"{add} "
            f"{'members rather than parameters' if sign > 0 else 'parameters rather than members'}."
        )
    if size and not size["helps"]:
        return f"{add} members: more parameters are not shown to help."
    return (
        f"{add} members or parameters: neither is shown to buy more." if size else f"{add} members."
    )


def _of_channels(swapped: dict[str, Row], twins: str) -> str:
    """Which second member to compare a first one with, by undetected errors: those wrong with the
    same class."""
    pair, agreed, if_two = swapped[UNDETECTED], swapped[AGREED], "If two channels are compared"
    stranger, said = "an equally accurate member of another family", pair["said"]
    if pair["finding"] == HELPS:
        less = f"{percent(agreed['stranger'])} instead of {percent(agreed['twin'])}"
        wrong = ""
        if of := swapped.get(WRONG):
            rival = f"{of['over_rival']} as often as one network with a threshold"
            wrong = f"pairs are wrong {of['said']} as often, and {rival}"
        elif VOTES in swapped:
            wrong = f"votes of four families are wrong {swapped[VOTES]['said']} as often as of one"
        available = f"; at 90% availability, {wrong}" if wrong else ""
        errors = (
            f"undetected errors, wrong with the same class, are {said} what they are with {twins}"
        )
        return (
            f"{if_two}, let the second be {stranger}: {errors}, though the two agree less "
            f"often ({less}){available}."
        )
    if pair["finding"] == HARMS:
        return (
            f"{if_two}, take as the second {twins}: {stranger} makes more undetected errors, "
            f"{said}."
        )
    fewer = f"{stranger} makes fewer undetected errors than {twins}"
    return f"{if_two}, pick the second by its errors: that {fewer} is not shown, {said}."


def _of_mixing(mixing: Row | None) -> str:
    if not mixing:
        return ""
    if mixing["helps"]:
        return f"Let members differ in their {mixing['unit']}."
    if mixing["harms"]:
        return f"Take two seeds of the better design rather than any two {mixing['unit']}."
    any_second = "any second one instead of the better one twice is not shown to lower the error"
    return f"Do not mix {mixing['unit']} whatever their accuracy: {any_second}."


def _of_diversity(table: pd.DataFrame) -> str:
    """Whether members should be chosen by diversity too, by choosing.csv; "" if that was not
    tested."""
    if not table["verdict"].isin([WORTH_CHOOSING, WORSE, UNDECIDED]).any():
        return ""
    kinds = [
        f"{KINDS[of]}s" for of in table.loc[table["verdict"] == WORTH_CHOOSING, "choice"].unique()
    ]
    if kinds:
        err = "such ensembles err less than those chosen by error alone"
        return f"Choose members by diversity of {' and '.join(kinds)}, too: {err}."
    no_kind = "no kind of it is shown to be worth choosing by"
    return f"Choose members by the error of their ensemble, not by their diversity: {no_kind}."
