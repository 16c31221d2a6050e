"""What to do differently: what tables of a study mean for who builds a classifier."""

import numpy as np
import pandas as pd

from resiliency.analysis import choosing
from resiliency.analysis.observations.architecture import WORTH
from resiliency.analysis.verdicts import NOT_TESTED
from resiliency.base.names import CORRUPTED, INDEPENDENT
from resiliency.report.charts.exchange_rates import MIXING, NAMES, amount_of, images_of
from resiliency.report.charts.swaps import headline, twin_of
from resiliency.report.rows import difference_words
from resiliency.report.templates import sentences


def facts(rates: pd.DataFrame) -> dict[str, dict | None]:
    """Exchange -> its row, with `said`, such as "2.2 [−0.1, 4.6]", and by its interval whether it `helps` or `harms`.

    Mixed families stand for mixed designs, as `mixing`. None for a row without an estimate; {} if all are.

    Args:
        rates: exchange_rates.csv.
    """
    rows = {}
    for row in rates.dropna(subset=["points"]).to_dict("records"):
        low, high = row["points_low"], row["points_high"]
        name = "mixing" if row["exchange"] in MIXING else row["exchange"]
        rows[name] = row | {
            "low": low,
            "high": high,
            "said": amount_of(row["points"], low, high),
            "helps": bool(low > 0),
            "harms": bool(high < 0),
        }
    return dict.fromkeys([*NAMES, "mixing"]) | rows if rows else {}


def compared(one: dict, other: dict) -> int:
    """1 if a row buys more than another for certain, their intervals apart, -1 if less, and else 0."""
    return int(np.sign(max(one["low"] - other["high"], 0) - max(other["low"] - one["high"], 0)))


def lengths(members: pd.DataFrame) -> str:
    """The lengths of training of independent members, such as "1 to 8 epochs"; "" if all are alike."""
    epochs = members.loc[members["origin"] == INDEPENDENT, "training_epochs"].astype(float)
    return f"{epochs.min():g} to {epochs.max():g} epochs" if epochs.nunique() > 1 else ""


def gain(contenders: pd.DataFrame) -> str:
    """How much lower the error of the recommended ensemble is than that of the best member; "" if not significantly.

    Args:
        contenders: contenders.csv.
    """
    rows = contenders[contenders["corruption"] == CORRUPTED]
    lower = rows[(rows["role"] == "best member") & (rows["difference_high"] < 0)].to_dict("records")
    return "{} {}{}".format(*difference_words(lower[0])) if lower and rows["size"].iloc[0] > 1 else ""


def advice_of(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Sentences on what to do, by the tables of a study; none without exchange rates and swaps."""
    rates = tables.get("exchange_rates", pd.DataFrame(columns=["points"]))
    rows, swapped = facts(rates), headline(tables.get("swaps", pd.DataFrame()))
    if not rows and not swapped:
        return []
    tested = tables["observations"]["verdict"][tables["observations"]["observation"].astype(str) == "1b"]
    chosen = tables.get("choosing", pd.DataFrame(columns=["choice", "verdict"]))
    text = sentences("advice.txt.j2").render(
        rows=rows or dict.fromkeys([*NAMES, "mixing"]),
        images=images_of(rates["images"].iloc[0]) if rows else "",
        swapped=swapped,
        chosen=bool(chosen["verdict"].isin([choosing.WORTH, choosing.WORSE, choosing.UNDECIDED]).any()),
        worth=[f"{choosing.KINDS[of]}s" for of in chosen.loc[chosen["verdict"] == choosing.WORTH, "choice"].unique()],
        twins=twin_of(tables["members"]),
        gain=gain(tables["contenders"]) if "contenders" in tables else "",
        lengths=lengths(tables["members"]) if rows else "",
        equal_accuracy=bool((tested != NOT_TESTED).any()),
        compared=compared,
        least=WORTH,
    )
    return [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]
