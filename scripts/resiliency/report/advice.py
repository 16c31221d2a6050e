"""What to do differently: what tables of a study mean for who builds a classifier."""

import numpy as np
import pandas as pd

from resiliency.analysis.choosing import KINDS, UNDECIDED, WORSE
from resiliency.analysis.choosing import WORTH as WORTH_CHOOSING
from resiliency.analysis.observations.architecture import WORTH
from resiliency.analysis.verdicts import NOT_TESTED
from resiliency.base.names import CORRUPTED, INDEPENDENT
from resiliency.report.charts.exchange_rates import MIXING, NAMES, amount_of, images_of
from resiliency.report.charts.swaps import AGREED, HARMS, HELPS, UNDETECTED, VOTES, headline, twin_of
from resiliency.report.rows import difference_words
from resiliency.report.words import percent


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
    swapped, rows = headline(tables.get("swaps", pd.DataFrame())), facts(rates) or dict.fromkeys([*NAMES, "mixing"])
    tested = tables["observations"]["verdict"][tables["observations"]["observation"].astype(str) == "1b"]
    lower, training = gain(tables["contenders"]) if "contenders" in tables else "", rows["doubling_of_training"]
    seen = f" (seen from {of})" if training and (of := lengths(tables["members"])) else ""
    better = f"Select an ensemble by its error on your images: the recommended one’s is {lower} than the best member’s."
    lines = [
        _of_families(rows["family_at_equal_accuracy"]) if (tested != NOT_TESTED).any() else "",
        _of_training(training, rows["doubling_of_parameters"], seen),
        _of_members(rows["second_member"] or rows["two_more_members"], rows["doubling_of_parameters"]),
        better if lower else "",
        _of_diversity(tables.get("choosing", pd.DataFrame(columns=["choice", "verdict"]))),
        _of_channels(swapped, twin_of(tables["members"])) if swapped else "",
        _of_mixing(rows["mixing"]),
    ]
    if joint := rows["joint_training"]:
        independently = "Train members independently: joint training is not shown to help."
        lines.append("Train members jointly, by the balanced loss." if joint["helps"] else independently)
    return [line for line in lines if line] if swapped or len(rates.dropna(subset=["points"])) else []


def _of_families(equal: dict | None) -> str:
    if not equal:
        return ""
    if equal["low"] > WORTH:
        images = images_of(equal["images"])
        return f"Compare families by their errors on {images}: of equal size and clean accuracy, they still differ."
    if equal["high"] < WORTH:
        less = f"families differ by less than {WORTH:.0f} point"
        return f"Choose a family by clean accuracy: of equal size and accuracy, {less}."
    if equal["helps"]:
        perhaps = "at equal accuracy, families differ, perhaps by little"
        return (
            f"Choose a family by clean accuracy first, then by its errors on {images_of(equal['images'])}: {perhaps}."
        )
    return "Choose a family by clean accuracy first: whether families of equal size and accuracy differ is open."


def _of_training(training: dict | None, size: dict | None, seen: str) -> str:
    """Whether to train longer or to enlarge networks, of which longer training costs nothing at inference."""
    if not size:
        return ""
    if not training:
        small = "Do not enlarge a network for robustness alone: that is not shown to help."
        return "Enlarge a network if inference may cost more." if size["helps"] else small
    longer, larger = "Train longer before you enlarge a network:", "Enlarge a network before you train it for longer:"
    if training["helps"] and compared(training, size) > 0:
        return f"{longer} it buys more{seen}, and costs nothing at inference."
    if size["helps"] and compared(size, training) > 0:
        return f"{larger} it buys more."
    if training["helps"] and size["helps"]:
        return f"{longer} neither is shown to buy more{seen}, and longer training costs nothing at inference."
    if training["helps"]:
        return f"{longer} longer training helps{seen}, a larger network is not shown to help."
    if size["helps"]:
        return f"{larger} longer training is not shown to help."
    return "Neither longer training nor a larger network is shown to help."


def _of_members(member: dict | None, size: dict | None) -> str:
    """Whether to add members, or parameters."""
    if not member:
        return ""
    if not member["helps"]:
        return "Do not add just any member: a second one is not shown to help on average."
    add = "If inference may cost more, add"
    if size and compared(member, size):
        more, fewer = ("members", "parameters") if compared(member, size) > 0 else ("parameters", "members")
        return f"{add} {more} rather than {fewer}: they buy more."
    if size and not size["helps"]:
        return f"{add} members: more parameters are not shown to help."
    return f"{add} members or parameters: neither is shown to buy more." if size else f"{add} members."


def _of_channels(swapped: dict[str, dict], twins: str) -> str:
    """Which second member to compare a first one with, by undetected errors: those wrong with the same class."""
    pair, agreed, if_two = swapped[UNDETECTED], swapped[AGREED], "If two channels are compared"
    stranger, fewer = "an equally accurate member of another family", f"makes fewer undetected errors than {twins}"
    if pair["finding"] == HELPS:
        less = f"{percent(agreed['stranger'])} instead of {percent(agreed['twin'])}"
        votes = swapped[VOTES]["said"] if VOTES in swapped else ""
        of_votes = (
            f"; at 90% availability, votes of four families are wrong {votes} as often as of one" if votes else ""
        )
        errors = f"undetected errors, wrong with the same class, are {pair['said']} what they are with {twins}"
        return f"{if_two}, let the second be {stranger}: {errors}, though the two agree less often ({less}){of_votes}."
    if pair["finding"] == HARMS:
        return f"{if_two}, take as the second {twins}: {stranger} makes more undetected errors, {pair['said']}."
    return f"{if_two}, pick the second by its errors: that {stranger} {fewer} is not shown, {pair['said']}."


def _of_mixing(mixing: dict | None) -> str:
    if not mixing:
        return ""
    if mixing["helps"]:
        return f"Let members differ in their {mixing['unit']}."
    if mixing["harms"]:
        return f"Take two seeds of the better design rather than any two {mixing['unit']}."
    any_second = "any second one instead of the better one twice is not shown to lower the error"
    return f"Do not mix {mixing['unit']} whatever their accuracy: {any_second}."


def _of_diversity(table: pd.DataFrame) -> str:
    """Whether members should be chosen by diversity too, by choosing.csv; "" if that was not tested."""
    if not table["verdict"].isin([WORTH_CHOOSING, WORSE, UNDECIDED]).any():
        return ""
    kinds = [f"{KINDS[of]}s" for of in table.loc[table["verdict"] == WORTH_CHOOSING, "choice"].unique()]
    if kinds:
        err = "such ensembles err less than those chosen by error alone"
        return f"Choose members by diversity of {' and '.join(kinds)}, too: {err}."
    no_kind = "no kind of it is shown to be worth choosing by"
    return f"Choose members by the error of their ensemble, not by their diversity: {no_kind}."
