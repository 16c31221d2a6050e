"""Which members and errors charts of single members draw, and what findings say of them."""

import numpy as np
import pandas as pd

from resiliency.analysis.effective_robustness import SHIFTED_ERROR
from resiliency.base.corruption_names import averaged
from resiliency.base.names import CLEAN
from resiliency.report.words import percent, plural, with_interval

NO_MEMBERS = "no independently trained members in this study"


def of_data_set(errors: pd.DataFrame) -> pd.DataFrame:
    """The rows of corruption_errors.csv on the data set's own test images."""
    return errors[errors["test_set"] == CLEAN]


def without_held_out(errors: pd.DataFrame) -> pd.DataFrame:
    """The rows of clean images and of those corruptions that the corrupted error is a mean over."""
    corruptions = [name for name in errors["corruption"].unique() if name != CLEAN]
    return errors[errors["corruption"].isin([CLEAN, *averaged(corruptions)])]


def images_of_data_set(errors: pd.DataFrame) -> str:
    """How many test images the data set has, such as "540 test images"."""
    count = int(of_data_set(errors)["images"].max())
    return plural(count, "test image") if count else "an unknown number of test images"


def independent(members: pd.DataFrame) -> pd.DataFrame:
    """The rows of members.csv of members that were trained independently."""
    return members[members["origin"] == "independent"]


def measured_on(members: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """`members` with, as corrupted_error, what the study measures robustness by; and what to call that."""
    if SHIFTED_ERROR not in members or members["corrupted_error"].notna().any():
        return members, "Corrupted error"
    ends = dict.fromkeys(["corrupted_error_low", "corrupted_error_high"], np.nan)
    return members.assign(corrupted_error=members[SHIFTED_ERROR], **ends), "Mean error on natural shifts"


def of_designs(members: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """Errors of independent members that are known on the data set's own images, with their designs."""
    designs = independent(members)[["member", "design"]]
    return of_data_set(errors).dropna(subset=["error"]).merge(designs, on="member")


def extremes(values: pd.Series) -> str:
    """Such as "8.0 % (convnext) to 31.2 % (vit)", of values in ascending order, or the only one."""
    ends = [f"{percent(values.iloc[i])} ({values.index[i]})" for i in (0, -1)]
    return " to ".join(ends) if len(values) > 1 else ends[0]


def robustness_range(members: pd.DataFrame) -> str:
    """The lowest and the highest error on corrupted images of independent members, with intervals.

    Empty if fewer than two of them have one.

    Args:
        members: members.csv.
    """
    measured, called = measured_on(members)
    rows = independent(measured).dropna(subset=["corrupted_error"]).sort_values("corrupted_error", kind="stable")
    if len(rows) < 2:
        return ""
    return f"{called} ranges from {_of_member(rows.iloc[0])} to {_of_member(rows.iloc[-1])}."


def _of_member(row: pd.Series) -> str:
    """Such as "5.4% [4.4, 6.7] (vit-s0)"."""
    columns = ["corrupted_error", "corrupted_error_low", "corrupted_error_high"]
    return f"{with_interval(*row[columns])} ({row['member']})"
