"""Selections of rows that several charts and sentences share, and words for them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from resiliency.analysis.member_tables import SHIFTED_ERROR
from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT_IMAGES, averaged
from resiliency.diversity.settings import MAIN
from resiliency.report.words import (
    NO_INTERVAL,
    difference,
    difference_interval,
    percent,
    points,
    with_interval,
)

Row = dict[str, Any]  # of a table, by column
SAME = "about the same"


def level(table: pd.DataFrame) -> str:
    """The level of the intervals of a table, such as 95%."""
    return percent(table["confidence"].iloc[0], 0)


def of_first_role(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first role in a table, usually the recommended model."""
    return table[table["role"] == table["role"].iloc[0]] if len(table) else table


def under_single(table: pd.DataFrame, with_held_out: bool = False) -> pd.DataFrame:
    """The rows of contenders.csv for single corruptions, by default without extra ones."""
    single = table[~table["corruption"].isin([CLEAN, CORRUPTED, HELD_OUT_IMAGES])]
    return (
        single
        if with_held_out
        else single[single["corruption"].isin(averaged(single["corruption"].unique()))]
    )


def with_ends(row: Row | pd.Series, column: str, form: Callable[[float], str] = percent) -> str:
    """The value of a column with its interval, such as 5.4% [4.4, 6.7], which a published table may
    lack."""
    return with_interval(
        *(row.get(f"{column}{end}", np.nan) for end in ("", "_low", "_high")), form=form
    )


def on_corrupted(table: pd.DataFrame) -> pd.DataFrame:
    """The rows on all corrupted images, else those on clean ones."""
    return table[table["images"] == (CORRUPTED if (table["images"] == CORRUPTED).any() else CLEAN)]


def difference_words(row: Row | pd.Series) -> tuple[str, str, str]:
    """The difference between the error of the first role and that of a row of contenders.csv, in
    words.

    Returns:
        The amount in words, such as "1.2 percentage points higher", `SAME` if it rounds to nothing
        and its interval does not exclude 0; its interval or that there is none; and ", not
        significant" of an amount that is not. Equal errors on all images get no interval: one of no
        width would say that they are equal on others.
    """
    more, low, high = row["difference"], row["difference_low"], row["difference_high"]
    ends = (low, high) if more > 0 else (-high, -low)
    amount = (
        f"{difference(abs(more), low, high)} percentage points {'higher' if more > 0 else 'lower'}"
    )
    if float(points(abs(more))) == 0 and not (low > 0 or high < 0):
        amount = SAME
    unclear = ", not significant" if low <= 0 <= high and amount != SAME else ""
    return amount, "" if low == high else difference_interval(*ends) or NO_INTERVAL, unclear


def difference_said(row: Row | pd.Series) -> str:
    """Such as "1.6 percentage points lower [0.9, 2.3]", of a row of contenders.csv."""
    amount, ends, unclear = difference_words(row)
    return f"{amount} {ends}".rstrip() + unclear


def compared_with(row: Row | pd.Series, other: str) -> str:
    """Words such as "2.6 percentage points lower [2.1, 3.1] than `other`", or "about the same as"
    it."""
    amount, ends, unclear = difference_words(row)
    return (
        f"{SAME} as {other} {ends}".rstrip()
        if amount == SAME
        else f"{amount} {ends} than {other}{unclear}"
    )


def held_out_corruptions(table: pd.DataFrame) -> list[str]:
    """The extra corruptions in contenders.csv."""
    counted = set(under_single(table)["corruption"])
    return [
        name
        for name in under_single(table, with_held_out=True)["corruption"].unique()
        if name not in counted
    ]


def independent(members: pd.DataFrame) -> pd.DataFrame:
    """The rows of members, or ensembles of members, that were trained independently."""
    return members[members["origin"] == "independent"]


def measured_on(members: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """`members` with the study's measure of robustness as corrupted_error, and the name of that
    measure."""
    if SHIFTED_ERROR not in members or members["corrupted_error"].notna().any():
        return members, "Corrupted error"
    ends = dict.fromkeys(["corrupted_error_low", "corrupted_error_high"], np.nan)
    return members.assign(
        corrupted_error=members[SHIFTED_ERROR], **ends
    ), "Mean error on natural shifts"


def under_main_rule(table: pd.DataFrame) -> pd.DataFrame:
    """The rows for the main combination rule, which is the first in a table."""
    return table[table["rule"] == table["rule"].iloc[0]] if len(table) else table


def measured_columns(pool: pd.DataFrame) -> dict[str, str]:
    """The column of each main metric: on corrupted images if measured there, else on clean ones."""
    candidates = [
        (metric, f"{metric}_{images}") for metric in MAIN for images in ("clean", "corrupted")
    ]
    return {
        metric: column
        for metric, column in candidates
        if column in pool and pool[column].notna().any()
    }
