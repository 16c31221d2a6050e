"""What the first screen of a report says of verdicts, what was tested, and the terms that a report explains."""

import numpy as np
import pandas as pd
import pytest
from synthetic import HOSTILE, MAIN, synthetic_tables

from resiliency.report.glossary import with_terms
from resiliency.report.interval_pictures import interval_picture
from resiliency.report.overview import basis, by_observation


def test_terms_are_buttons_where_they_come_first():
    html = with_terms("mCE of members: mCE, and the Members' ECE of 5 %")
    assert html.count("<button") == 3
    assert html.startswith('<button type="button" class="term" popovertarget="term-mce">mCE</button> of ')
    assert html.endswith("of 5\N{NO-BREAK SPACE}%")


def test_names_within_words_are_no_terms():
    assert with_terms("remember the designer's rmse of pre-mCE") == "remember the designer&#39;s rmse of pre-mCE"


def test_what_is_explained_is_escaped():
    assert "<img" not in with_terms(f"{HOSTILE} ensembles")


def part(verdict: str, low: float, high: float, name: str = "part") -> dict:
    row = {"part": name, "part_verdict": verdict, "estimate": (low + high) / 2, "low": low, "high": high}
    return row | {"confidence": 0.9} | dict.fromkeys(("leans", "reading", "metrics", "influential"), np.nan)


def said(parts: list[dict], verdict: str, missing: object = np.nan, needed: object = np.nan, **others: object) -> dict:
    """What the first screen says of an observation with these parts."""
    table = pd.DataFrame(parts).assign(observation=2, statement="S.", verdict=verdict, margin=0.2)
    (observation,) = by_observation(table.assign(missing_requirements=missing, sample_size_needed=needed, **others))
    return observation


def test_intervals_are_drawn_around_zero():
    drawn = interval_picture([part("supported", 0.5, 1.0, HOSTILE), part("undecided", -0.5, 0.5)])
    assert 'x1="221.0" x2="292.0"' in drawn  # of 300, with a margin of 8: 150 + 0.5 × 142 and 150 + 142
    assert 'cx="150.0"' in drawn
    assert HOSTILE not in drawn
    assert interval_picture([part("undecided", np.nan, np.nan)]) == ""


@pytest.mark.parametrize(
    ("verdicts", "reason"),
    [
        (["supported", "supported"], "Both estimates are significant and in the direction the paper claims."),
        (
            ["contradicted", "supported"],
            "Significant in the opposite direction: part 0. Significant in the direction the paper claims: part 1.",
        ),
        (["contradicted", "undecided"], "Significant in the opposite direction: part 0. Undecided: part 1."),
        (
            ["no practical difference"],
            "No practical difference: the interval lies within ±0.20. Significant, but smaller than the margin: "
            "part 0, 0.150 [0.100, 0.200].",
        ),
        (
            ["undecided", "undecided", "supported"],
            "Significant in the direction the paper claims: part 2, 0.150 [0.100, 0.200]. In the opposite direction "
            "at the 5% level, but not at the 0.4% level that contradicting takes: part 0, 0.150 [0.100, 0.200] and "
            "part 1, 0.150 [0.100, 0.200]. Needed for a verdict: 20 designs.",
        ),
    ],
)
def test_reasons_of_verdicts(verdicts, reason):
    rows = [part(verdict, 0.1, 0.2, f"part {index}") for index, verdict in enumerate(verdicts)]
    assert said(rows, verdicts[0], needed="20 designs")["reason"] == reason


def test_noise_is_told_by_its_range_and_by_controls():
    side = {"side": "above", "placebo": "random numbers", "placebo_low": -0.3}
    rows = [part("no better than noise", 0.1, 0.3, "clean images") | side | {"placebo_high": 0.25}]
    rows += [part("supported", 0.2, 0.4, "corrupted images") | side | {"placebo_high": 0.25}]
    rows += [part("no better than noise", -0.1, 0.4, "clean images, against noise") | side | {"placebo_high": 0.05}]
    rows[2]["reading"] = "against noise"
    rows += [part("", -0.4, -0.3, "clean images, against double_fault") | {"reading": "against double_fault"}]
    rows[3]["leans"] = "against"
    observation = said(rows, "no better than noise")
    assert observation["reason"] == (
        "Significant in the direction the paper claims, but no better than noise. Within what the negative "
        "control gives (random numbers): clean images. Not significant: clean images, against noise, 0.150 [−0.100, "
        "0.400]. Beyond noise: corrupted images. The reverse holds against Double fault (negated)."
    )
    assert [len(observation[kind]) for kind in ("parts", "controls", "beside")] == [2, 1, 1]


def test_what_holds_by_construction_says_so():
    rows = [part("supported", 0.1, 0.3, "predictions")]
    table = pd.DataFrame(rows).assign(observation="4", statement="S.", verdict="supported", margin=0.2)
    (observation,) = by_observation(table.assign(missing_requirements=np.nan, sample_size_needed=np.nan))
    assert "Expected by construction" in observation["reason"]


def test_the_range_of_the_placebo_and_the_margin_are_drawn_on_the_scale_of_the_intervals():
    """Of 300: 150 ± 142 for 1, the margin, so that the range from -0.5 to 0.5 is 142 wide."""
    row = part("supported", 0.5, 0.75) | {"placebo_low": -0.5, "placebo_high": 0.5, "margin": 1.0}
    drawn = interval_picture([row])
    assert '<rect class="placebo" x="79.0" y="2" width="142.0"' in drawn
    assert 'class="margin" x1="8.0"' in drawn
    assert 'class="margin" x1="292.0"' in drawn
    assert "placebo" not in interval_picture([part("supported", 0.5, 1.0)])


def test_the_smallest_effect_is_drawn_on_the_side_that_supports_and_controls_have_a_label():
    """Of 300: 150 ± 142 for 2, so that 1 is at 221 above and at 79 below; labels stand away from the estimate."""
    row = part("undecided", -1.0, 2.0) | {"reading": "", "least": 1.0}
    control = part("supported", 1.0, 2.0) | {"reading": "against random numbers", "least": np.nan}
    above, below = (interval_picture([row | {"side": side}, control]) for side in ("above", "below"))
    assert '<line class="least" x1="221.0" x2="221.0"' in above
    assert '<line class="least" x1="79.0" x2="79.0"' in below
    assert above.count(">control</text>") == 1
    assert '<text class="control" x="0" y="21.5" text-anchor="start">control</text>' in above
    assert "least" not in interval_picture([row | {"least": 0.0, "side": "above"}])


def test_a_supported_statement_of_a_small_difference_says_so():
    rows = [part("supported", 0.1, 0.2, "small"), part("supported", 0.1, 0.4, "large")]
    assert said(rows, "supported", margin=0.25)["reason"].endswith(
        "It makes no practical difference (within ±0.25) for small."
    )


def test_what_a_study_lacks_is_the_reason():
    observation = said([part("not tested", 0.1, 0.2)], "not tested", "needs 8 families; there are 2")
    assert observation["reason"] == "Not tested: needs 8 families; there are 2."
    assert 'class="not-tested"' in observation["picture"]


def verdict_and_readings(verdict: str, parts: list[str], leans: dict[str, str]) -> str:
    """The reason of a verdict of label-free diversity, beside which other readings lean one way or the other."""
    rows = [part(of_part, 0.1, 0.2, f"part {index}") for index, of_part in enumerate(parts)]
    rows += [part("", -1, 1, reading) | {"leans": side, "reading": reading} for reading, side in leans.items()] * 2
    return said(rows, verdict, needed="9 families", metrics="label-free")["reason"]


def test_a_verdict_names_its_metrics_and_what_says_the_reverse():
    leans = {"against double_fault": "against", "against q_statistic": "for", "given accuracy": "against"}
    assert verdict_and_readings("supported", ["supported"], leans).endswith(
        "This holds for label-free diversity. The reverse holds against Double fault (negated), and given accuracy."
    )
    assert "The reverse holds against Q statistic" in verdict_and_readings("contradicted", ["contradicted"], leans)
    assert verdict_and_readings("supported", ["supported"], {}).endswith("This holds for label-free diversity.")
    names = ("double_fault", "q_statistic", "error_consistency", "disagreement")
    many = {f"against {name}": "for" if name == "disagreement" else "against" for name in names}
    said = verdict_and_readings("supported", ["supported"], many | {"given accuracy": "against"})
    assert said.endswith("The reverse holds against 3 of 4 other metrics, and given accuracy.")
    assert verdict_and_readings("undecided", ["undecided"], leans).endswith(
        "The statement holds against Q statistic (negated). "
        "The reverse holds against Double fault (negated), and given accuracy."
    )
    assert "holds" not in verdict_and_readings("undecided", ["undecided"], {})


def test_a_reading_that_leans_on_some_images_names_them():
    rows = [part("undecided", 0.1, 0.2, "part 0")]
    for images, side in (("clean images", "for"), ("corrupted images", "against")):
        rows.append(part("", -1, 1, f"{images}, given accuracy") | {"leans": side, "reading": "given accuracy"})
    reason = said(rows, "undecided", needed="9 families", metrics="label-free")["reason"]
    assert reason.endswith(
        "The statement holds given accuracy (clean images). The reverse holds given accuracy (corrupted images)."
    )


def test_the_reverse_is_counted_by_images_where_these_differ():
    leaning = {"clean images": ("a", "b", "c"), "corrupted images": ("a",)}
    rows = [part("supported", 0.1, 0.2, "part 0")]
    for images, names in leaning.items():
        for name in ("a", "b", "c", "d"):
            beside = {"leans": "against" if name in names else "for", "reading": f"against {name}"}
            rows.append(part("", -1, 1, f"{images}, against {name}") | beside)
    reason = said(rows, "supported", metrics="label-free")["reason"]
    assert reason.endswith(
        "The reverse holds against other metrics (3 of 4 on clean images, 1 of 4 on corrupted images)."
    )


def test_what_is_supported_in_part_says_which_part_holds():
    reason = verdict_and_readings("supported in part", ["supported", "no practical difference"], {})
    assert reason.startswith(
        "Significant in the direction the paper claims: part 0. No practical difference (within ±0.20): part 1."
    )


def test_what_was_tested_is_told():
    tables = synthetic_tables(corruptions=MAIN[:6])
    card = {"name": "tiny", "splits": {"test": {"images": 540}}}
    assert basis(card, tables).startswith(
        "Based on 39 members of 3 designs in 2 families (6 trained independently, 30 jointly, 3 found by search)"
    )
    assert basis(card, tables).endswith("Evaluated on 540 test images of tiny, clean and under 6 corruptions.")


PARTS = {
    "prediction: q_statistic, clean images": "Predictions: Q statistic (negated), clean images",
    "lambda = 0.5 against lambda = 1": "λ = 0.5 against λ = 1",
    "architecture family - log10 parameters": "family against size",
    "architecture family - clean accuracy": "family against clean accuracy",
}


def test_parts_of_observations_have_readable_names():
    rows = [part("supported", 0.1, 0.2, name) for name in PARTS]
    names = [row["part"] for row in said(rows, "supported")["parts"]]
    assert names == list(PARTS.values())


@pytest.mark.parametrize(
    ("ends", "verdicts", "reason"),
    [
        ([(-1.0, 1.0)], ["undecided"], "Not significant: the interval includes 0."),
        (
            [(-1.0, 1.0), (-2.0, -1.0)],
            ["undecided"] * 2,
            "Not significant: 1 of 2 intervals includes 0. In the opposite direction at the 5% level, but not at the",
        ),
        (
            [(-0.1, 0.1), (-1.0, 1.0)],
            ["no practical difference", "undecided"],
            "2 of 2 intervals include 0, 1 of them without a practical difference.",
        ),
        ([(np.nan, np.nan), (-1.0, 1.0)], ["undecided"] * 2, "1 of 2 intervals cannot be computed. 1 of 2 intervals"),
        (
            [(0.1, 1.0), (-0.1, 0.1)],
            ["supported", "no practical difference"],
            "Mixed before correction for multiple comparisons: 1 of 2 comparisons supports the observation; in 1 the",
        ),
    ],
)
def test_an_open_verdict_says_why(ends, verdicts, reason):
    rows = [part(verdict, *of_part) for verdict, of_part in zip(verdicts, ends, strict=True)]
    assert reason in said(rows, "undecided")["reason"]
