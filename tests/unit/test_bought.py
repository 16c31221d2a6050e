"""What a page says of exchange rates: ratios by hand, and advice that follows the intervals."""

import pandas as pd
import pytest

from published.bought import compared, facts, worth
from published.kept import template_of

OPEN, SMALL, LARGE, HARM = (0.5, -1.0, 2.0), (1.0, 0.5, 1.5), (4.0, 2.0, 6.0), (-2.0, -3.0, -1.0)


def rows(**of: tuple[float, float, float]) -> dict[str, dict | None]:
    """Facts of a table with these rows: exchange -> estimate and ends."""
    table = pd.DataFrame(
        [(name, *ends, "designs", 9, 24, 0.95) for name, ends in of.items()],
        columns=["exchange", "points", "points_low", "points_high", "unit", "units", "members", "confidence"],
    )
    return facts(table)


def said(macro: str, *arguments: object) -> list[str]:
    text = getattr(template_of("bought.md.j2").module, macro)(*arguments)
    return [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]


def test_a_family_is_worth_a_ratio_whose_ends_are_those_of_both_intervals():
    """4 [2, 6] over 2 [1, 4] is 2 [0.5, 6]; what is not shown to help has no ratio."""
    table = rows(family=LARGE, doubling_of_parameters=(2.0, 1.0, 4.0), doubling_of_training=OPEN)
    (ratio,) = worth(table)
    assert (ratio["exchange"], ratio["said"]) == ("doubling_of_parameters", "2.0 [0.5, 6.0]")
    assert worth(rows(family=(4.0, 0.0, 6.0), doubling_of_parameters=SMALL)) == worth(rows()) == []
    assert said("sentences", table, [], "")[0] == "Families differ by 4.0 \\[2.0, 6.0\\] (SD)."
    (sentence,) = (line for line in said("sentences", table, worth(table), "corrupted images") if "worth" in line)
    assert sentence.endswith("worth as much as 2.0 \\[0.5, 6.0\\] doublings of parameters (90% intervals).")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"family_at_equal_accuracy": LARGE}, "Compare families by their errors on natural shifts"),
        ({"family_at_equal_accuracy": (0.4, 0.1, 0.9)}, "differ by less than 1 point"),
        ({"family_at_equal_accuracy": (1.0, 0.1, 3.0)}, "perhaps by little"),
        ({"family_at_equal_accuracy": (1.0, 0.0, 3.0)}, "is open"),
        ({"doubling_of_training": LARGE, "doubling_of_parameters": SMALL}, "it buys more"),
        ({"doubling_of_training": LARGE, "doubling_of_parameters": LARGE}, "neither is shown to buy more"),
        ({"doubling_of_training": SMALL, "doubling_of_parameters": LARGE}, "Enlarge a network before"),
        ({"doubling_of_training": OPEN, "doubling_of_parameters": SMALL}, "longer training is not shown to help"),
        ({"doubling_of_training": OPEN, "doubling_of_parameters": OPEN}, "Neither longer training"),
        ({"second_member": OPEN}, "Do not add just any member"),
        ({"two_more_members": LARGE, "doubling_of_parameters": SMALL}, "add members rather"),
        ({"second_member": SMALL, "doubling_of_parameters": LARGE}, "add parameters rather"),
        ({"second_member": LARGE, "doubling_of_parameters": LARGE}, "add members or parameters"),
        ({"mixing_families": HARM}, "two seeds of the better design"),
        ({"mixing_designs": OPEN}, "is not shown to help"),
        ({"joint_training": HARM}, "Train members independently"),
    ],
    ids=lambda of: "+".join(of) if isinstance(of, dict) else of,
)
def test_advice_follows_from_intervals(table, words):
    assert words in " ".join(said("advice", rows(**table), compared, 1.0, "natural shifts"))
