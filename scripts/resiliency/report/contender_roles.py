"""The recommended model and what it has to beat, as charts name and mark them."""

import altair as alt
import pandas as pd

from resiliency.analysis.contenders import ROLES
from resiliency.base.corruption_names import averaged
from resiliency.base.names import CORRUPTED, HELD_OUT_IMAGES
from resiliency.report.style import by_legend
from resiliency.report.words import change, difference_interval

HUES = (0, 3, 5, 7)  # of the colours, in the order of the roles
SAME = "about the same"
SHAPES = ["circle", "square", "triangle-up", "diamond"]


def of_first_role(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the role that a table names first: of the recommended model, where there is one."""
    return table[table["role"] == table["role"].iloc[0]] if len(table) else table


def under_single(table: pd.DataFrame, with_held_out: bool = False) -> pd.DataFrame:
    """The rows of contenders.csv that are of one corruption, without those held out unless they are asked for."""
    single = table[~table["corruption"].isin([CORRUPTED, HELD_OUT_IMAGES])]
    return single if with_held_out else single[single["corruption"].isin(averaged(single["corruption"].unique()))]


def difference_words(row: pd.Series | dict) -> tuple[str, str, str]:
    """How much higher or lower the first role's error is than that of a row of contenders.csv.

    Returns:
        The amount in words, its interval, and ", not significant" of an amount that is not, or "".
    """
    more, low, high = row["difference"], row["difference_low"], row["difference_high"]
    ends = (low, high) if more > 0 else (-high, -low)
    amount = change(more, "higher", "lower", SAME)
    unclear = ", not significant" if low <= 0 <= high and amount != SAME else ""
    return amount, difference_interval(*ends), unclear


def compared_with(row: pd.Series | dict, other: str) -> str:
    """Such as "2.6 percentage points lower [2.1, 3.1] than `other`", or "about the same as" it."""
    amount, ends, unclear = difference_words(row)
    return f"{SAME} as {other} {ends}" if amount == SAME else f"{amount} {ends} than {other}{unclear}"


def held_out_corruptions(table: pd.DataFrame) -> list[str]:
    """The corruptions of contenders.csv by which nothing was selected."""
    counted = set(under_single(table)["corruption"])
    return [name for name in under_single(table, with_held_out=True)["corruption"].unique() if name not in counted]


def role_names(table: pd.DataFrame) -> pd.Series:
    """Such as "best member (vit-s0)", or "best ensemble (4 members)"."""
    description = table["members"].mask(table["size"] > 1, table["size"].astype(str) + " members")
    return table["role"] + " (" + description.astype(str) + ")"


def roles(rows: pd.DataFrame, colours: list[str]) -> tuple[alt.Color, alt.Shape, alt.Parameter, alt.Opacity]:
    """The colour and the shape of each role, and the choice of roles by a click in the legend."""
    names = rows.drop_duplicates("role").set_index("role")["who"]
    places = [ROLES.index(role) for role in names.index]
    legend = alt.Legend(title=None, orient="top", direction="horizontal", labelLimit=320)
    hue = alt.Color("who:N", legend=legend).scale(
        domain=names.tolist(), range=[colours[HUES[place] % len(colours)] for place in places]
    )
    shape = alt.Shape("who:N", legend=legend).scale(domain=names.tolist(), range=[SHAPES[place] for place in places])
    return hue, shape, *by_legend("who")
