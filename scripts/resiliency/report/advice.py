"""What to do differently: what tables of a study mean for who builds a classifier."""

import pandas as pd

from resiliency.analysis.choosing import KINDS, UNDECIDED, WORSE
from resiliency.analysis.choosing import WORTH as WORTH_CHOOSING
from resiliency.analysis.contenders import BEST_MEMBER
from resiliency.analysis.observations import ENDS
from resiliency.analysis.observations.architecture import WORTH
from resiliency.analysis.verdicts import NOT_TESTED, SUPPORTED
from resiliency.base.names import INDEPENDENT
from resiliency.report import words
from resiliency.report.charts.ensembles import NAMES, amount_of, images_of
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
from resiliency.report.rules import Evidence, Facts, Rule, Topic, always

STRANGER = "an equally accurate member of another family"

WORTHS = {
    "family": "families differ by SD",
    "family_at_equal_accuracy": "families of equal accuracy and size by SD",
    "second_member": "a second member buys",
    "doubling_of_parameters": "a doubling of parameters buys",
}


def facts(rates: pd.DataFrame) -> dict[str, Row | None]:
    """Exchange -> its row of exchange_rates.csv, with `said`, such as "2.2 [−0.1, 4.6]", and if it
    `helps` or `harms`.

    It does if its interval excludes 0. None for a row without an estimate; {} if all are.
    """
    rows = {}
    for row in rates.dropna(subset=["points"]).to_dict("records"):
        low, high = row["points_low"], row["points_high"]
        of = {"low": low, "high": high, "helps": bool(low > 0), "harms": bool(high < 0)}
        rows[row["exchange"]] = row | of | {"said": amount_of(row["points"], low, high)}
    return dict.fromkeys(NAMES) | rows if rows else {}


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


def buys_more(row: Row, other: Row) -> bool:
    """Whether an exchange buys more than another for certain: their intervals lie apart."""
    return row["low"] > other["high"]


def _family_facts(evidence: Evidence) -> list[Facts]:
    family = facts(evidence.table("exchange_rates", "points")).get("family_at_equal_accuracy")
    observations = evidence.table("observations", "observation", "verdict")
    verdicts = observations.loc[observations["observation"].astype(str) == "1b", "verdict"]
    if not family or not (verdicts != NOT_TESTED).any():
        return []
    return [family | {"images": images_of(family["images"])}]


FAMILY = Topic(
    _family_facts,
    "exchange",
    (
        Rule(
            lambda family: family["low"] > WORTH,
            "Compare families by their errors on {images}: of equal size and clean accuracy, they "
            "still differ.",
        ),
        Rule(
            lambda family: family["high"] < WORTH,
            "Choose a family by clean accuracy: of equal size and accuracy, families differ by "
            f"less than {WORTH:.0f} point.",
        ),
        Rule(
            lambda family: family["helps"],
            "Choose a family by clean accuracy first, then by its errors on {images}: of equal "
            "size and accuracy, families differ, perhaps by little.",
        ),
        Rule(
            always,
            "Choose a family by clean accuracy first: of equal size and accuracy, families are not "
            "shown to differ.",
        ),
    ),
)


def _size_facts(evidence: Evidence) -> list[Facts]:
    rows = facts(evidence.table("exchange_rates", "points"))
    size = rows.get("doubling_of_parameters")
    return [size] if size and not rows.get("doubling_of_training") else []


SIZE = Topic(
    _size_facts,
    "exchange",
    (
        Rule(lambda size: size["helps"], "Enlarge a network if inference may cost more."),
        Rule(
            always,
            "Do not enlarge a network for robustness alone: that is not shown to help.",
        ),
    ),
)


def _training_facts(evidence: Evidence) -> list[Facts]:
    """The exchanges of longer training, which costs nothing at inference, and a larger network."""
    rows = facts(evidence.table("exchange_rates", "points"))
    training, size = rows.get("doubling_of_training"), rows.get("doubling_of_parameters")
    if not training or not size:
        return []
    members = evidence.table("members")
    epochs = members.loc[members["origin"] == INDEPENDENT, "training_epochs"].astype(float)
    seen = ""
    if epochs.nunique() > 1:
        seen = f" (seen from {epochs.min():g} to {epochs.max():g} epochs)"
    return [{"training": training, "size": size, "seen": seen}]


TRAIN_LONGER = "Train longer before you enlarge a network"
AT_NO_COST = "{seen}, and longer training costs nothing at inference."
TRAINING = Topic(
    _training_facts,
    "exchange",
    (
        Rule(
            lambda of: of["size"]["helps"] and buys_more(of["size"], of["training"]),
            "Enlarge a network before you train it for longer: it buys more.",
        ),
        Rule(
            lambda of: of["size"]["helps"] and not of["training"]["helps"],
            "Enlarge a network before you train it for longer: longer training is not shown to "
            "help.",
        ),
        Rule(
            lambda of: not of["training"]["helps"],
            "Neither longer training nor a larger network is shown to help.",
        ),
        Rule(
            lambda of: buys_more(of["training"], of["size"]),
            f"{TRAIN_LONGER}: it buys more{AT_NO_COST}",
        ),
        Rule(
            lambda of: of["size"]["helps"],
            f"{TRAIN_LONGER}: neither is shown to buy more{AT_NO_COST}",
        ),
        Rule(
            always,
            f"{TRAIN_LONGER}: a larger network is not shown to help{AT_NO_COST}",
        ),
    ),
)


def _member_facts(evidence: Evidence) -> list[Facts]:
    """The exchanges of a further member, and of a larger network, which may be unknown."""
    rows = facts(evidence.table("exchange_rates", "points"))
    member = rows.get("second_member") or rows.get("two_more_members")
    return [{"member": member, "size": rows.get("doubling_of_parameters")}] if member else []


MEMBERS = Topic(
    _member_facts,
    "size",
    (
        Rule(
            lambda of: not of["member"]["helps"],
            "Do not add just any member: a second one is not shown to help on average.",
        ),
        Rule(lambda of: not of["size"], "If inference may cost more, add members."),
        Rule(
            lambda of: buys_more(of["member"], of["size"]),
            "If inference may cost more, add members rather than parameters.",
        ),
        Rule(
            lambda of: buys_more(of["size"], of["member"]),
            "If inference may cost more, add parameters rather than members.",
        ),
        Rule(
            lambda of: not of["size"]["helps"],
            "If inference may cost more, add members: more parameters are not shown to help.",
        ),
        Rule(
            always,
            "If inference may cost more, add members or parameters: neither is shown to buy more.",
        ),
    ),
)


def _selection_facts(evidence: Evidence) -> list[Facts]:
    compared = evidence.tables.get("contenders", pd.DataFrame())
    if compared.empty or compared["size"].iloc[0] == 1:
        return []
    gain = difference_from(compared, "role", BEST_MEMBER)
    if not gain:
        return []
    return [gain | {"lower": difference_said(gain)}]


SELECTION = Topic(
    _selection_facts,
    "deploy",
    (
        Rule(
            lambda gain: gain["difference_high"] < 0,
            "Select an ensemble by its error on your images: the recommended one’s is {lower} than "
            "the best member’s.",
        ),
    ),
)


def _diversity_facts(evidence: Evidence) -> list[Facts]:
    """The kinds of diversity that are worth choosing by, if that was tested."""
    choices = evidence.table("choosing", "choice", "verdict")
    if not choices["verdict"].isin([WORTH_CHOOSING, WORSE, UNDECIDED]).any():
        return []
    worth = choices.loc[choices["verdict"] == WORTH_CHOOSING, "choice"].unique()
    return [{"kinds": " and ".join(f"{KINDS[choice]}s" for choice in worth)}]


DIVERSITY = Topic(
    _diversity_facts,
    "architecture",
    (
        Rule(
            lambda worth: worth["kinds"],
            "Choose members by diversity of {kinds}, too: such ensembles err less than those "
            "chosen by error alone.",
        ),
        Rule(
            always,
            "Choose members by the error of their ensemble, not by their diversity: no kind of it "
            "is shown to be worth choosing by.",
        ),
    ),
)


def _channel_facts(evidence: Evidence) -> list[Facts]:
    """What a member of another family changes beside a twin of the first one, if the two are
    compared: undetected errors are those wrong with the same class."""
    swapped = headline(evidence.table("swaps"))
    if not swapped:
        return []
    available = ""
    if WRONG in swapped:
        pairs, network = swapped[WRONG]["said"], swapped[WRONG]["over_rival"]
        available = (
            f"; at 90% availability, pairs are wrong {pairs} as often, and {network} as often as "
            "one network with a threshold"
        )
    elif VOTES in swapped:
        votes = swapped[VOTES]["said"]
        available = (
            f"; at 90% availability, votes of four families are wrong {votes} as often as of one"
        )
    agreed = swapped[AGREED]
    return [
        {
            "finding": swapped[UNDETECTED]["finding"],
            "ratio": swapped[UNDETECTED]["said"],
            "twin": twin_of(evidence.table("members")),
            "strangers_agree": words.percent(agreed["stranger"]),
            "twins_agree": words.percent(agreed["twin"]),
            "available": available,
        }
    ]


CHANNELS = Topic(
    _channel_facts,
    "architecture",
    (
        Rule(
            lambda swap: swap["finding"] == HELPS,
            f"If two channels are compared, let the second be {STRANGER}: undetected errors, wrong "
            "with the same class, are {ratio} what they are with {twin}, though the two agree less "
            "often ({strangers_agree} instead of {twins_agree}){available}.",
        ),
        Rule(
            lambda swap: swap["finding"] == HARMS,
            f"If two channels are compared, take as the second {{twin}}: {STRANGER} makes more "
            "undetected errors, {ratio}.",
        ),
        Rule(
            always,
            "If two channels are compared, pick the second by its errors: that "
            f"{STRANGER} makes fewer undetected errors than {{twin}} is not shown, {{ratio}}.",
        ),
    ),
)


def _mixing_facts(evidence: Evidence) -> list[Facts]:
    mixing = facts(evidence.table("exchange_rates", "points")).get("mixing_designs")
    return [mixing] if mixing else []


MIXING = Topic(
    _mixing_facts,
    "exchange",
    (
        Rule(lambda mixing: mixing["helps"], "Let members differ in their designs."),
        Rule(
            lambda mixing: mixing["harms"],
            "Take two seeds of the better design rather than any two designs.",
        ),
        Rule(
            always,
            "Do not mix designs whatever their accuracy: any second one instead of the better one "
            "twice is not shown to lower the error.",
        ),
    ),
)


def _joint_facts(evidence: Evidence) -> list[Facts]:
    """The verdict on the balanced loss against independent training, which observation 3 has."""
    observations = evidence.table("observations", "part", "part_verdict")
    parts = observations[observations["part"].astype(str).str.contains(ENDS[0.0])]
    verdicts = parts["part_verdict"].dropna()
    return [{"verdict": verdict} for verdict in verdicts if verdict not in ("", NOT_TESTED)]


JOINT_TRAINING = Topic(
    _joint_facts,
    "joint",
    (
        Rule(
            lambda balanced: balanced["verdict"] == SUPPORTED,
            "Train members jointly, by the balanced loss.",
        ),
        Rule(
            always,
            "Train members independently: joint training is not shown to help.",
        ),
    ),
)

ADVICE = (FAMILY, SIZE, TRAINING, MEMBERS, SELECTION, DIVERSITY, CHANNELS, MIXING, JOINT_TRAINING)
