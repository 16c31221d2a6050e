"""Each number and direction in the answers about the ensemble to deploy is that of the tables, whatever these hold."""

import re

import numpy as np
import pandas as pd
import pytest
from deployment_cases import BASE, CHOSEN, ROWS, varied
from drawn_charts import answers

from resiliency.metrics.classification import wilson
from resiliency.report.charts.risk_coverage import finding
from resiliency.report.overview import contenders
from resiliency.report.words import interval, label, number, percent, points, quantity

WHICH, GOOD, ABSTAIN = (
    "Which ensemble?",
    "How accurate is it, and how certain is that?",
    "When should it abstain?",
)
OBJECTIVES = {"mean": "corrupted error", "worst_condition": "error in the worst condition"}
OBJECTIVES["cost"] = "mean cost of an answer"
WORST, COST, DELIVERY = "What is its worst condition?", "What does it cost?", "How do I get it?"


@pytest.fixture(params=CHOSEN)
def tables(request) -> dict[str, pd.DataFrame]:
    return CHOSEN[request.param]


@pytest.fixture
def best(tables) -> dict:
    return contenders(tables["deployment"])[0]


def test_the_questions_come_in_order_and_only_where_there_is_a_model():
    assert list(answers(BASE)) == [WHICH, GOOD, ABSTAIN, WORST, COST, DELIVERY]
    assert answers(BASE | {"deployment": ROWS.iloc[:0]}) == {}


def test_what_is_not_known_is_said():
    unknown = varied(macs=np.nan, optimism=np.nan)
    unknown["temperatures"] = unknown["temperatures"].assign(fitted_images=0, note="no predictions of them")
    unknown["selective_prediction"] = unknown["selective_prediction"].iloc[:0]
    text = answers(unknown, None)
    assert "No temperature was fitted: no predictions of them." in text[GOOD]
    assert text[ABSTAIN].startswith("Unknown")
    assert "is number 1" in text[WORST]
    assert text[COST].startswith("Unknown")
    assert "`deployment.cheapest_by: latency`" in text[COST]


def test_the_finding_on_risk_and_coverage_is_of_the_recommended_model():
    sentence = finding(ROWS, BASE["risk_coverage"])
    assert sentence.startswith("On corrupted images, the error of the recommended model is 2.0% overall, ")


def with_ends(row: dict, name: str, form=percent) -> str:
    return f"{form(row[name])} {interval(row[f'{name}_low'], row[f'{name}_high'], form)}"


def test_which_one_says_members_sizes_and_what_they_were_chosen_by(tables, best):
    text = answers(tables)[WHICH]
    assert text.startswith(best["members"].replace("+", " + "))
    assert (f": {best['size']} members, combined by {label(best['rule'])}" in text) == (best["size"] > 1)
    assert ("a single member" in text) == (best["size"] == 1)
    assert ("there are no ensembles" in text) == (tables["deployment"]["size"] == 1).all()
    assert f"lowest {OBJECTIVES[best['objective']]} on {best['selection_images']} test images" in text
    assert f"evaluated on {best['images']} other images" in text


def test_the_limits_of_the_study_are_said(tables, best):
    said = "within the limits of the study (at most 3 members, 5 M MACs)" in answers(tables)[WHICH]
    assert said == ("limit_macs" in best)


@pytest.mark.parametrize(("low", "high"), [(0.01, 0.03), (-0.01, 0.05), (-0.05, -0.01)])
def test_the_best_one_is_compared_on_the_images_that_judge(low, high):
    tables = CHOSEN["a cheaper one is as good"]
    table = tables["deployment"]
    accurate = table.loc[table.selection_error.idxmin()]
    row = {"role": "best ensemble", "members": accurate.members, "corruption": "corrupted"}
    row |= {"difference": (low + high) / 2, "difference_low": low, "difference_high": high}
    compared = pd.DataFrame([row, row | {"corruption": "fog", "difference": 0.9}])
    text = answers(tables, compared=compared)[WHICH]
    way, ends = ("higher", (low, high)) if low + high > 0 else ("lower", (-high, -low))
    said = f"its corrupted error is {100 * abs(low + high) / 2:.1f} percentage points {way} {interval(*ends, points)}"
    assert f"{said} compared with the most accurate one" in text
    assert ("one, not significant." in text) == (low <= 0 <= high)
    ratio = quantity(accurate.macs / table.macs.iloc[0])
    assert (f"for {ratio} times the MACs, set `ensemble=most_accurate`" in text) == (low > 0)


def test_the_errors_are_those_of_the_images_that_judge(tables, best):
    text = answers(tables)[GOOD]
    low, high = wilson(1 - best["clean_accuracy"], best["images"], 0.95)
    clean = f"{percent(1 - best['clean_accuracy'])} {interval(low, high, percent)}"
    assert f"Its error is {with_ends(best, 'corrupted_error')} on corrupted images and {clean} on clean ones" in text
    assert ("to a corrupted image costs 0.400 [0.300, 0.600] on average" in text) == ("cost" in best)


def test_calibration_is_that_of_the_table_and_worse_by_its_interval(tables, best):
    table = tables["temperatures"]
    of = table[table.members == best["members"]].set_index("images")
    text, row = answers(tables)[GOOD], of.loc["corrupted"]
    assert f"temperature is {row.temperature:.2f}, fitted on {row.fitted_images} validation images." in text
    measures = {"ece": ("calibration error (ECE)", percent), "nll": ("negative log-likelihood", number)}
    for measure, (words, form) in (measures | {"brier": ("Brier score", number)}).items():
        both = [with_ends(of.loc[name], f"{measure}_after", form) for name in ("clean", "corrupted")]
        assert f"{words} {' and '.join(both)}" in text
    worse = text.partition("Significantly worse than the best member's: ")[2].partition(". ")[0]
    for measure, words in (("nll", "negative log"), ("ece", "calibration error"), ("brier", "Brier score")):
        assert (words in worse) == bool((of[f"{measure}_difference_low"] > 0).any())
    assert ("not significantly worse than the best member" in text) == (row.notna().ece_difference and not worse)


def test_a_temperature_of_corrupted_images_is_said(tables, best):
    words = {"fitted_on": "corrupted", "note": "fewer than 10 validation images are answered wrongly"}
    text = answers(tables | {"temperatures": tables["temperatures"].assign(**words)})[GOOD]
    assert f"180 corrupted images of the half used for selection; {words['note']}." in text


@pytest.mark.parametrize("excess", [-0.01, 0.01])
def test_abstaining_names_the_score_that_is_better_by_its_interval(best, tables, excess):
    table = tables["selective_prediction"].copy()
    entropy = table.score == "entropy"
    table.loc[entropy, ["aurc_difference", "aurc_difference_low", "aurc_difference_high"]] = excess + np.array(
        [0, -0.004, 0.004]
    )
    text = answers(tables | {"selective_prediction": table})[ABSTAIN]
    row = table[(table.members == best["members"]) & (table.images == "corrupted") & (table.score == "max_probability")]
    row = row.iloc[0]
    assert text.startswith("When the maximum probability is low")
    at_95, at_90, at_80 = (with_ends(row, f"error_at_{coverage}") for coverage in (95, 90, 80))
    assert f"At 95%, 90% and 80% coverage its error on corrupted images is {at_95}, {at_90} and {at_80}." in text
    assert f"95% of the right predictions accepts {with_ends(row, 'fpr_at_95')} of the wrong ones." in text
    assert ("Entropy ranks its predictions better (AURC lower by 0.0100 [0.0060, 0.0140])" in text) == (excess < 0)
    assert ("No other score" in text) == (excess > 0)


def test_no_score_is_called_best_that_was_not_compared(tables):
    """The excess is over the maximum probability; where that says nothing, no comparison is known."""
    table = tables["selective_prediction"]
    table = table[table.score == "entropy"].assign(
        score="vote_agreement", aurc_difference=np.nan, aurc_difference_low=np.nan, aurc_difference_high=np.nan
    )
    assert "ranks" not in answers(tables | {"selective_prediction": table})[ABSTAIN]


def test_the_worst_condition_is_that_of_the_table(tables, best):
    text = answers(tables)[WORST].lower()
    assert text.startswith(f"{label(best['worst_corruption'])} at severity {best['worst_severity']}")
    assert f"with an error of {with_ends(best, 'worst_error')}. its worst class" in text
    assert f"is dog, with an error of {with_ends(best, 'worst_class_error')}" in text
    assert f"in {percent(best['quantile'], 0)} of the conditions its error is at most" in text
    assert f"at most {with_ends(best, 'quantile_error')}" in text


def test_costs_are_written_with_a_prefix_and_compared_with_the_others(tables, best):
    text = answers(tables)[COST]
    factors = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    digits, prefix = re.search(r"^([\d.]+) ([kMGT]?) ?MACs per image", text).groups()
    assert len(digits.replace(".", "")) <= 4
    assert float(digits) * factors[prefix] == pytest.approx(best["macs"], rel=0.005)
    if "latency_ms" in best:
        assert f" and {quantity(best['latency_ms'])} ms per image on one thread" in text
    known = not np.isnan(best["parameters"])
    assert ("parameters" in text) == known
    assert not known or f"{quantity(best['parameters'])} parameters" in text
    others = {
        row["role"].lower(): best["macs"] / row["macs"]
        for row in contenders(tables["deployment"])[1:]
        if row["members"] != best["members"]
    }
    found = {
        role: float(ratio) for ratio, role in re.findall(r"([\d.]+) times the (?:MACs|latency) of the ([a-z ]+)", text)
    }
    assert found == pytest.approx(others, rel=0.005)


def test_a_model_of_unknown_cost_is_named_where_costs_are_compared():
    roles = contenders(ROWS)
    other = next(row for row in roles[1:] if row["members"] != roles[0]["members"])
    text = answers(varied(macs=ROWS.macs.mask(ROWS.members == other["members"])))[COST]
    assert f"an unknown part of the MACs of the {other['role'].lower()}" in text


def test_the_number_of_the_export_is_that_of_the_row(tables, best):
    text = answers(tables)[DELIVERY]
    assert f"`snakemake export --cores all --config ensemble={best['number']}`" in text
    assert "<" not in text


def test_what_cannot_be_exported_is_told_with_what_can():
    tables = BASE | {"members": BASE["members"].copy()}
    best = contenders(tables["deployment"])[0]
    first, *_ = best["members"].split("+")
    tables["members"].loc[tables["members"].member == first, "weights_kind"] = "none"
    text = answers(tables)[DELIVERY]
    assert f"cannot be exported: only predictions of {first} are available" in text
    networks = tables["deployment"][[first not in joined.split("+") for joined in tables["deployment"].members]]
    other = networks.loc[networks.selection_error.idxmin()]
    error = f"{percent(other.corrupted_error)} {interval(other.low, other.high, percent)}"
    assert f"an error of {error} on corrupted images" in text
    assert f"ensemble={other.number}`" in text
    tables["members"]["weights_kind"] = "none"
    assert "snakemake export --cores" not in answers(tables)[DELIVERY]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (7.6e9, "7.6 G"),
        (4e9, "4 G"),
        (718506, "719 k"),
        (999_499, "999 k"),
        (999_500, "1 M"),
        (0.0417, "0.0417"),
    ],
)
def test_quantities_have_few_digits_and_a_prefix(value, written):
    assert quantity(value) == written


@pytest.mark.parametrize("known", [(), ("coverage",), ("coverage", "wrong")])
def test_thresholds_are_those_of_the_table_with_what_they_give(known):
    table = BASE["thresholds"]
    table = table.assign(threshold=table.threshold.where(table.goal.isin(known)))
    best = contenders(BASE["deployment"])[0]
    text = answers(BASE, thresholds=table)[ABSTAIN]
    rows = table[(table.members == best["members"]) & (table.basis == "corrupted") & (table.images == "corrupted")]
    rows = rows.dropna(subset=["threshold"])
    covering = rows[(rows.goal == "coverage") & (rows.target == 0.9)]
    limiting = rows[rows.goal == "wrong"].nsmallest(1, "target")
    given = {
        "if the maximum probability is below": (covering, "answers {coverage}, {error} of them wrongly."),
        "wrongly, abstain below": (limiting, "answers {wrong} wrongly, and {coverage} in all. At a threshold chosen "),
    }
    for words, (of, then) in given.items():
        for row in of.to_dict("records"):
            shares = {name: with_ends(row, name) for name in ("coverage", "error", "wrong")}
            said = f"of other images it then {then.format(**shares)}"
            assert f"{words} {row['threshold']:.6f}: {said}" in text
    for row in limiting.to_dict("records"):
        assert f"chosen without fog, {with_ends(row, 'left_out_wrong')} of the images under it are answered" in text
    alone = answers(BASE, thresholds=table.assign(left_out_wrong=np.nan, left_out_corruption=np.nan))[ABSTAIN]
    assert "chosen without" not in alone
    assert ("in the same mix of corruptions" in alone) == bool(known)
    near = answers(BASE, thresholds=table.assign(threshold=table.threshold.where(table.threshold.isna(), 0.999998)))
    assert near[ABSTAIN].count("below 0.999998:") == len(known)
    assert ("thresholds.csv" in text) == bool(known)
    assert ("To answer 90%" in text) == ("coverage" in known)
    assert ("To answer at most 0.5% wrongly" in text) == ("wrong" in known)


def test_a_threshold_that_no_probability_reaches_is_not_given_as_a_number():
    table = BASE["thresholds"]
    strict = (table.goal == "wrong") & (table.target < 0.02)
    text = answers(BASE, thresholds=table.assign(threshold=table.threshold.mask(strict, 2)))[ABSTAIN]
    assert "To answer at most 2.0% wrongly, abstain below 0." in text
    text = answers(BASE, thresholds=table.assign(threshold=table.threshold.mask(table.goal == "wrong", 2)))[ABSTAIN]
    assert "To answer at most 2.0% wrongly, it would have to abstain on every image." in text
    assert "below 2" not in text
