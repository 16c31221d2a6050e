"""Swaps on published pages: tables follow from published labels, and sentences from tables."""

import numpy as np
import pandas as pd
import pytest
from finding_cases import OUTCOMES, swapped
from numpy.testing import assert_allclose

from published.kept import RESULTS
from published.pairs import write_counts
from published.study_changes import current_study
from published.swaps import (
    OF_LABELS,
    answers,
    file_of,
    pairs_file,
    read_counts,
    rows_of,
    table_of,
    verdicts,
)
from resiliency.analysis.pair_counts import PairCounts
from resiliency.analysis.swaps import ANY_FAMILY, swap_table
from resiliency.report.advice import ADVICE, DIVERSITY
from resiliency.report.rules import Evidence, said
from resiliency.storage import read_table, write_table

UNKNOWN = float("nan")


def swaps(**row: object) -> dict[str, pd.DataFrame]:
    """Tables of a study."""
    differences = {"difference": -0.01, "difference_low": -0.02, "difference_high": -0.004}
    return dict(zip(("swaps", "members"), swapped(**differences, **row), strict=True))


@pytest.mark.parametrize("study", [name for name in OF_LABELS if name == "cifar10_published"])
def test_the_kept_table_is_what_published_labels_give(study, tmp_path):
    """Of one study, in a second; `python -m published.swaps` gives all."""
    write_table(tmp_path / "swaps.csv", table_of(study))
    pd.testing.assert_frame_equal(
        read_table(tmp_path / "swaps.csv"), read_table(file_of(study)), rtol=1e-6
    )


def test_the_kept_table_of_a_run_is_what_kept_counts_of_pairs_give():
    kept, members = (read_table(RESULTS / f"digits/{name}.csv") for name in ("swaps", "members"))
    with np.load(pairs_file("digits")) as file:
        known = members[members["member"].isin(file["members"])].reset_index(drop=True)
    found = swap_table(
        known,
        read_counts(pairs_file("digits"), known["member"]),
        0.95,
        current_study("digits")["seed"],
    )
    pd.testing.assert_frame_equal(found, kept, rtol=0.01, check_dtype=False)


SAID = {
    "let the second be an equally accurate member of another family: undetected errors": {},
    "wrong × 0.80 [0.70, 0.90] as often, and × 0.90 [0.80, 1.10] (not significant) as often as one "
    "network": {},
    "take as the second another seed of the first one’s design": {
        "ratio": 1.2,
        "low": 1.1,
        "high": 1.4,
    },
    "than another seed of the first one’s design is not shown, × 0.80 [0.70, 1.10] (not "
    "significant)": {"high": 1.1},
    "is not shown, × 0.80 [0.70, 0.90] (within the control)": {"control_low": 0.75},
    "is not shown, × 0.80 (no interval)": {"low": UNKNOWN, "high": UNKNOWN, "families": 4},
}


@pytest.mark.parametrize("words", SAID)
def test_advice_is_chosen_by_the_numbers(words):
    observations = pd.DataFrame(columns=["observation", "verdict", "part", "part_verdict"])
    tables = swaps(**SAID[words]) | {"observations": observations}
    (line,) = said(ADVICE, Evidence(tables, {}, {}))
    assert words in line.sentence


@pytest.mark.parametrize(
    ("verdict", "starts"),
    [
        (
            "worth it",
            ["Choose members by diversity of attributions, too: such ensembles err less than"],
        ),
        (
            "undecided",
            ["Choose members by the error of their ensemble, not by their diversity: no kind"],
        ),
        ("not tested", []),
    ],
)
def test_advice_on_choosing_follows_from_its_verdicts(verdict, starts):
    chosen = pd.DataFrame({"choice": ["greedy", "attribution_diversity"], "verdict": ["", verdict]})
    tables = swaps() | {
        "observations": pd.DataFrame(columns=["observation", "verdict", "part", "part_verdict"]),
        "choosing": chosen,
    }
    sentences = [line.sentence for line in said([DIVERSITY], Evidence(tables, {}, {}))]
    assert len(sentences) == len(starts)
    assert all(map(str.startswith, sentences, starts))


def test_what_is_missing_is_not_known():
    assert (
        answers({"none": {}, "empty": {"swaps": pd.DataFrame(), "members": pd.DataFrame()}}) == []
    )
    (labels,) = answers({"a": swaps(outcomes=OUTCOMES[:-1], rung=ANY_FAMILY)})
    assert (labels["wrong"], labels["rival"], labels["registered"]) == ("", None, False)
    (both,) = answers({"a": swaps()})
    assert (both["rival"], both["over_rival"]) == ("open", "× 0.90 [0.80, 1.10] (not significant)")
    assert both["verdicts"] == {"undetected": "supported", "wrong_at_90": "supported"}
    assert {row["factor"] for row in rows_of(swaps()["swaps"])} == {"× 0.80 [0.70, 0.90]"}


def test_verdicts_on_two_parts_are_corrected_for_their_number():
    """With nine families, 0.7 [0.5, 0.98] has p = 0.041 and 0.7 [0.52, 0.95] p = 0.026: Holm
    doubles the smaller."""
    row = {"ratio": 0.7, "families": 9, "confidence": 0.95, "finding": "helps"}
    ends = {"undetected": (0.5, 0.98), "wrong_at_90": (0.52, 0.95)}
    rows = {
        name: row | {"ratio_low": low, "ratio_high": high} for name, (low, high) in ends.items()
    }
    assert set(verdicts(rows).values()) == {"undecided"}
    assert verdicts({"undetected": rows["undetected"]}) == {"undetected": "supported"}
    rows["wrong_at_90"]["ratio_high"] = 0.9
    assert set(verdicts(rows).values()) == {"supported"}


def test_counts_of_pairs_are_kept_to_a_hundredth_of_an_image(tmp_path):
    outcomes = {
        name: np.random.default_rng(0).random((10, 3, 3)) * 50
        for name in ("undetected", "wrong_at_90")
    }
    outcomes = {name: of + of.transpose(0, 2, 1) for name, of in outcomes.items()}
    counts = {"clean": PairCounts(np.full(10, 20.0), outcomes)}
    write_counts(tmp_path / "a_pairs.npz", dict.fromkeys("xyz", 0.1), counts)
    counts = read_counts(tmp_path / "a_pairs.npz", ["z", "x"])
    assert (counts["clean"].n_images == 20).all()
    for name, of in outcomes.items():
        assert_allclose(counts["clean"].outcomes[name], of[:, [2, 0]][:, :, [2, 0]], atol=0.005)
