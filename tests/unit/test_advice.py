"""Each rule of the advice is said for the intervals that it is about, and no other of its topic."""

import pandas as pd
import pytest

from resiliency.report.advice import ADVICE, FAMILY, JOINT_TRAINING, MEMBERS, MIXING, SIZE, TRAINING
from resiliency.report.cautions import CAUTIONS, GROUPS
from resiliency.report.rules import Evidence, always, said
from resiliency.report.settings import APPENDIX, SECTIONS

NOTHING, LITTLE, MUCH = (-1.0, 0.5), (0.2, 2.0), (3.0, 5.0)  # ends of intervals, in points


def rates(**intervals: tuple[float, float]) -> pd.DataFrame:
    """exchange_rates.csv with these exchanges."""
    rows = [
        {
            "exchange": exchange,
            "points": (low + high) / 2,
            "points_low": low,
            "points_high": high,
            "images": "corrupted",
        }
        for exchange, (low, high) in intervals.items()
    ]
    return pd.DataFrame(rows)


def evidence(**intervals: tuple[float, float]) -> Evidence:
    observations = pd.DataFrame({"observation": ["1b"], "verdict": ["undecided"]})
    members = pd.DataFrame({"origin": "independent", "training_epochs": [2, 8]})
    tables = {"exchange_rates": rates(**intervals), "observations": observations}
    return Evidence(tables | {"members": members}, {}, {})


@pytest.mark.parametrize(
    ("topic", "intervals", "sentence"),
    [
        (FAMILY, {"family_at_equal_accuracy": (1.5, 3)}, "Compare families by their errors"),
        (FAMILY, {"family_at_equal_accuracy": (0.1, 0.9)}, "differ by less than 1 point."),
        (FAMILY, {"family_at_equal_accuracy": LITTLE}, "differ, perhaps by little."),
        (FAMILY, {"family_at_equal_accuracy": (-1, 2)}, "families are not shown to differ."),
        (SIZE, {"doubling_of_parameters": LITTLE}, "Enlarge a network if inference"),
        (SIZE, {"doubling_of_parameters": NOTHING}, "Do not enlarge a network"),
        (SIZE, {"doubling_of_parameters": LITTLE, "doubling_of_training": LITTLE}, ""),
        (
            TRAINING,
            {"doubling_of_parameters": MUCH, "doubling_of_training": LITTLE},
            "before you train it for longer: it buys more.",
        ),
        (
            TRAINING,
            {"doubling_of_parameters": LITTLE, "doubling_of_training": NOTHING},
            "longer training is not shown to help.",
        ),
        (
            TRAINING,
            {"doubling_of_parameters": NOTHING, "doubling_of_training": NOTHING},
            "Neither longer training nor a larger network is shown to help.",
        ),
        (
            TRAINING,
            {"doubling_of_parameters": LITTLE, "doubling_of_training": MUCH},
            "it buys more (seen from 2 to 8 epochs), and longer training costs nothing",
        ),
        (
            TRAINING,
            {"doubling_of_parameters": LITTLE, "doubling_of_training": LITTLE},
            "Train longer before you enlarge a network: neither is shown to buy more",
        ),
        (
            TRAINING,
            {"doubling_of_parameters": NOTHING, "doubling_of_training": LITTLE},
            "Train longer before you enlarge a network: a larger network is not shown to help",
        ),
        (MEMBERS, {"second_member": NOTHING}, "Do not add just any member"),
        (MEMBERS, {"second_member": LITTLE}, "may cost more, add members."),
        (
            MEMBERS,
            {"second_member": MUCH, "doubling_of_parameters": LITTLE},
            "add members rather than parameters.",
        ),
        (
            MEMBERS,
            {"second_member": LITTLE, "doubling_of_parameters": MUCH},
            "add parameters rather than members.",
        ),
        (
            MEMBERS,
            {"second_member": LITTLE, "doubling_of_parameters": NOTHING},
            "add members: more parameters are not shown to help.",
        ),
        (
            MEMBERS,
            {"two_more_members": LITTLE, "doubling_of_parameters": LITTLE},
            "add members or parameters: neither is shown to buy more.",
        ),
        (MIXING, {"mixing_designs": LITTLE}, "Let members differ in their designs."),
        (MIXING, {"mixing_designs": (-2, -1)}, "Take two seeds of the better design"),
        (MIXING, {"mixing_designs": NOTHING}, "Do not mix designs whatever their accuracy"),
    ],
)
def test_advice_follows_from_the_intervals_of_exchanges(topic, intervals, sentence):
    lines = said([topic], evidence(**intervals))
    assert [sentence in line.sentence for line in lines] == [True] * bool(sentence)


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        ("supported", "Train members jointly, by the balanced loss."),
        ("undecided", "Train members independently: joint training is not shown to help."),
        ("not tested", ""),
    ],
)
def test_advice_on_joint_training_follows_from_observation_3(verdict, sentence):
    parts = ["lambda = 0.5 against lambda = 0 (independent training)", "another part"]
    observations = pd.DataFrame({"part": parts, "part_verdict": [verdict, "supported"]})
    lines = said([JOINT_TRAINING], Evidence({"observations": observations}, {}, {}))
    assert [line.sentence for line in lines] == [sentence] * bool(sentence)


@pytest.mark.parametrize(
    ("units", "by", "not_by", "sentence"),
    [
        (
            29,
            "<film>_*",
            "",
            "Test images are only 29 films (60 images): intervals from fewer than",
        ),
        (30, "<film>_*", "", ""),
        (60, "", "<film>_*", "Test images have no groups"),
        (60, "", "", ""),
    ],
)
def test_few_units_and_groups_that_do_not_fit_need_a_caution(units, by, not_by, sentence):
    test_set = {"n_images": 60, "units": units, "by": by, "not_by": not_by}
    lines = said([GROUPS], Evidence({}, {}, {"clean": test_set}))
    assert [line.sentence.startswith(sentence) for line in lines] == [True] * bool(sentence)


def test_a_rule_that_always_holds_is_the_last_of_its_topic_and_names_a_section():
    anchors = {section.anchor for section in SECTIONS + APPENDIX} | {"members", ""}
    for topic in (*ADVICE, *CAUTIONS):
        assert always not in [rule.holds for rule in topic.rules[:-1]]
        assert topic.look in anchors


def test_a_study_without_tables_gets_no_advice():
    assert said(ADVICE, Evidence({}, {}, {})) == []
