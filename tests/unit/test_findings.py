"""What the report says of its charts, in words, against tables whose findings are known."""

import numpy as np
import pandas as pd
import pytest
from drawn_charts import findings
from synthetic import MAIN, synthetic_tables

from resiliency.report.charts import (
    coincident_failures,
    deployment,
    diversity_accuracy,
    effective_robustness,
    error_by_severity,
    error_heatmap,
    learning_curves,
    loss_weight,
    origins,
    search_front,
    size_accuracy_robustness,
)


def members_of(errors: dict[str, float]) -> pd.DataFrame:
    """Two members of each design, which are alike."""
    rows = [{"member": f"{d}-s{s}", "design": d, "corrupted_error": e} for d, e in errors.items() for s in (0, 1)]
    members = pd.DataFrame(rows).assign(origin="independent", clean_accuracy=0.9, parameters=range(1, len(rows) + 1))
    error = members["corrupted_error"]
    return members.assign(corrupted_error_low=error - 0.1, corrupted_error_high=error + 0.1)


def errors_of(errors: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Corruption -> design -> error at severity 2; a quarter of it at severity 1, none on clean images."""
    rows = [("clean", 0, f"{d}-s{s}", 0.0) for d in next(iter(errors.values())) for s in (0, 1)]
    for corruption, designs in errors.items():
        rows += [(corruption, v, f"{d}-s{s}", e * v**2 / 4) for d, e in designs.items() for s in (0, 1) for v in (1, 2)]
    return pd.DataFrame(rows, columns=["corruption", "severity", "member", "error"]).assign(images=10, test_set="clean")


ERRORS = errors_of({"fog": {"a": 0.8, "b": 0.4}, "snow": {"a": 0.1, "b": 0.2}, "contrast": {"a": 0.6, "b": 0.3}})


def test_errors_are_told_at_both_ends():
    finding = error_by_severity.finding(members_of({"a": 0.5, "b": 0.3}), ERRORS)
    assert finding.startswith(
        "Corrupted error ranges from 30.0% [20.0, 40.0] (b-s0) to 50.0% [40.0, 60.0] (a-s1). On clean "
    )
    assert "On clean images, the error of designs ranges from 0.0% (a) to 0.0% (b)." in finding
    assert finding.endswith("At severity 2, the error of designs ranges from 30.0% (b) to 50.0% (a).")


def test_the_hardest_corruption_and_the_best_design_are_named():
    text = error_heatmap.finding(members_of({"a": 0.5, "b": 0.3}), ERRORS)
    assert text.startswith("Fog is the hardest corruption (mean error 37.5%), snow the easiest (mean error 9.4%). ")
    assert "most often belongs to b (2 of 3 corruptions)" in text


def test_resiliency_is_ranked_against_size():
    finding = size_accuracy_robustness.finding(members_of({"a": 0.1, "b": 0.2, "c": 0.3}))
    assert finding.startswith("Corrupted error ranges from 10.0% [0.0, 20.0] (a-s0) to 30.0% [20.0, 40.0] (c-s1).")
    assert "0.96 with size" in finding  # Spearman of 1.5 1.5 3.5 3.5 5.5 5.5 against 1 to 6


def test_resiliency_is_ranked_against_the_sizes_that_are_known():
    """Error falls with size; of the most resilient design no size is known."""
    members = members_of({"a": 0.3, "b": 0.2, "c": 0.1}).assign(parameters=[1, 2, 3, 4, np.nan, np.nan])
    finding = size_accuracy_robustness.finding(members)
    assert "is −0.89 with size" in finding  # Spearman of 3.5 3.5 1.5 1.5 against 1 to 4
    assert "size" not in size_accuracy_robustness.finding(members.assign(parameters=np.nan))


def test_coincident_failures_are_told_against_chance():
    finding = coincident_failures.finding(synthetic_tables()["coincident_failures"])
    same, different = finding.split(". ")
    assert "of the same design fail together on 12.0% of corrupted images, 3.0 times as often as if" in same
    assert "of different designs fail together on 6.0% of corrupted images, 1.5 times" in different
    assert "significantly more often for" in same
    assert "significantly more often for" in different


def test_quarters_of_ensembles_are_compared():
    ensembles = pd.DataFrame({"corrupted_accuracy": np.repeat([0.5, 0.6, 0.7, 0.8], 25)})
    ensembles["disagreement_corrupted"] = ensembles.corrupted_accuracy
    ensembles["double_fault_corrupted"] = -ensembles.corrupted_accuracy
    ensembles = ensembles.assign(origin="independent", rule="mean_probability", size=2, weight=1.0)
    finding = diversity_accuracy.finding(ensembles, pd.DataFrame())
    assert "is 30.0 points more accurate than the least diverse one for Disagreement of correctness" in finding
    assert "is 30.0 points less accurate than the least diverse one for Double fault" in finding


def test_the_best_weight_is_named():
    rows = [("balanced", 0, 0.6), ("balanced", 0.5, 0.7), ("balanced", 1, 0.5), ("ncl", 0, 0.6), ("ncl", 1, 0.65)]
    joint = pd.DataFrame(rows, columns=["objective", "loss_weight", "corrupted_accuracy"])
    joint = joint.assign(origin="joint", rule="mean_probability", seed=0)
    finding = loss_weight.finding(joint, pd.DataFrame({"confidence": [0.95]}))
    assert "At the best of 2 weights (λ = 0.5), the balanced loss reaches 70.0% (one seed) on corrupted" in finding
    assert "At its only weight (λ = 1), the ncl loss reaches 65.0%" in finding
    assert "Independent training reaches 60.0%" in finding


def test_means_over_seeds_have_the_interval_of_student():
    accuracies = [0.6, 0.7, 0.8]
    joint = pd.DataFrame(
        {"objective": "balanced", "loss_weight": 1.0, "corrupted_accuracy": accuracies, "seed": range(3)}
    )
    finding = loss_weight.finding(
        joint.assign(origin="joint", rule="mean_probability"),
        pd.DataFrame({"confidence": [0.95]}),
    )
    half = 4.302653 * 0.1 / 3**0.5  # the quantile for two degrees of freedom, from a table
    assert f"reaches 70.0% [{70 - 100 * half:.1f}, {70 + 100 * half:.1f}] over 3 seeds" in finding


@pytest.mark.parametrize(("value", "written"), [(2e6, "2000000"), (1e-5, "0.00001")])
def test_weights_have_no_exponent(value, written):
    joint = pd.DataFrame({"objective": ["ncl"], "loss_weight": value, "corrupted_accuracy": 0.6, "seed": 0})
    assert f"(λ = {written})" in loss_weight.finding(
        joint.assign(origin="joint", rule="mean_probability"),
        pd.DataFrame({"confidence": [0.95]}),
    )


def origin_rows(**several) -> pd.DataFrame:
    rows = [(2, "joint training", 0.7), (3, "one architecture", 0.6), (3, "several architectures", 0.8)]
    table = pd.DataFrame(rows, columns=["bin_start", "origin", "mean"])
    table = table.assign(
        matched_on="size", measure="corrupted_accuracy", rule="mean_probability", low=np.nan, high=np.nan
    )
    return table.assign(**{name: [np.nan, np.nan, value] for name, value in several.items()})


UNKNOWN = {"advantage": np.nan, "advantage_low": np.nan, "advantage_high": np.nan}


def test_origins_are_told_best_first_where_most_can_be_compared():
    finding = origins.finding(origin_rows(**UNKNOWN))
    expected = "mean corrupted accuracies from 60.0% (one architecture) to 80.0% (several architectures)."
    assert finding == f"Ensembles of 3 members have {expected}"


@pytest.mark.parametrize(
    ("points", "low", "high", "expected"),
    [
        (
            0.2,
            0.05,
            0.35,
            "raises the corrupted accuracy of ensembles of 3 by 20.0 percentage points [5.0, 35.0]. Ensembles",
        ),
        (
            -0.2,
            -0.35,
            -0.05,
            "lowers the corrupted accuracy of ensembles of 3 by 20.0 percentage points [5.0, 35.0]. Ensembles",
        ),
        (
            0.2,
            -0.05,
            0.45,
            "changes the corrupted accuracy of ensembles of 3 by 20.0 percentage points [−5.0, 45.0], which is not "
            "significant. Ensembles",
        ),
        (0.2, np.nan, np.nan, "by 20.0 percentage points (no interval: too few designs). Ensembles"),
    ],
)
def test_what_several_architectures_bring_is_told_with_its_interval(points, low, high, expected):
    ends = {"low": 0.7, "high": 0.9, "advantage": points, "advantage_low": low, "advantage_high": high}
    finding = origins.finding(origin_rows(**ends))
    assert finding.startswith("Against the average of the same designs alone, mixing architectures ")
    assert expected in finding
    assert finding.endswith("from 60.0% (one architecture) to 80.0% [70.0, 90.0] (several architectures).")


def test_pairs_that_vote_by_labels_alone_are_not_compared_if_others_are():
    """Their accuracy is the mean of their members, whatever their designs."""
    known = {"low": 0.7, "high": 0.9, "advantage": 0.1, "advantage_low": 0.05, "advantage_high": 0.15}
    triples = origin_rows(**known)[1:].assign(rule="plurality_vote")
    none = dict.fromkeys(UNKNOWN, 0.0)
    pairs = origin_rows(low=0.7, high=0.9, **none)[1:].assign(rule="plurality_vote", bin_start=2)
    both = pd.concat([pairs, triples])
    assert "of ensembles of 3 by 10.0" in origins.finding(both)
    assert "of ensembles of 2 by 0.0" in origins.finding(pairs)
    assert "of ensembles of 2 by 0.0" in origins.finding(both.assign(rule="mean_probability"))


def test_every_chart_finds_something_in_a_usual_study():
    assert [name for name, said in findings(synthetic_tables(corruptions=MAIN[:2])).items() if not said] == []


def test_designs_and_settings_that_gain_at_the_end_are_counted():
    curves = {"vit": [0.5, 0.8, 0.8, 0.8, 0.85], "resnet": [0.5, 0.505], "short": [0.4]}
    rows = [(design, i + 1, accuracy) for design, curve in curves.items() for i, accuracy in enumerate(curve)]
    histories = pd.DataFrame(rows, columns=["design", "epoch", "validation_accuracy"])
    histories = histories.assign(origin="independent", objective=np.nan, loss_weight=np.nan)
    assert learning_curves.finding(histories).endswith(
        "for 1 of 2 designs. The largest gain is that of vit: 5.0 points. Of fewer than five epochs, the last one "
        "counts."
    )
    flat = learning_curves.finding(histories[histories["design"] == "resnet"])
    assert "rose a percentage point or more above its best before, for none of 1 design." in flat
    assert learning_curves.finding(histories[histories["design"] == "short"]) == ""
    joint = histories[histories["design"] == "vit"].assign(origin="joint", objective="balanced")
    both = pd.concat([joint.assign(loss_weight=1.0), joint.assign(loss_weight=0.5, validation_accuracy=0.3)])
    finding = learning_curves.finding(both)
    assert "for 1 of 2 designs and settings of joint training. The largest" in finding
    assert "that of balanced at λ = 1:" in finding


def shifted(residuals: list[float], r_squared: float, references: list[bool]) -> pd.DataFrame:
    rows = pd.DataFrame({"member": list("abc"), "effective_robustness": residuals, "is_reference": references})
    return rows.assign(test_set="corrupted", accuracy=0.5, low=np.nan, high=np.nan, r_squared=r_squared)


def test_nobody_above_the_line_is_not_called_above_it():
    finding = effective_robustness.finding(shifted([-0.1, -0.2, 0], 0.8, [True] * 3))
    assert finding == (
        "On corrupted images (R² 0.80), no member lies above the line. The line is fitted to all members of the study."
    )


def test_robustness_is_effective_only_against_reference_members():
    finding = effective_robustness.finding(shifted([0.3, 0.1, 0.2], 0.8, [True, False, False]))
    assert finding.startswith("On corrupted images (R² 0.80), c lies furthest")
    assert finding.endswith("The line is fitted to the reference members.")
    assert "above the line, by 20.0 percentage points" in finding
    finding = effective_robustness.finding(shifted([0.3, 0.1, 0.2], 0.8, [True] * 3))
    assert "ffective" not in finding
    assert finding.startswith("On corrupted images (R² 0.80), a lies furthest")
    assert finding.endswith("The line is fitted to all members of the study.")


@pytest.mark.parametrize("r_squared", [0.49, np.nan])
def test_a_line_that_predicts_little_ranks_nobody(r_squared):
    finding = effective_robustness.finding(shifted([0.3, 0.1, 0.2], r_squared, [True] * 3))
    assert "above the line" not in finding
    assert ("hardly predicts accuracy on corrupted images (R² 0.49)" in finding) == (r_squared == 0.49)


def test_unknown_cost_is_not_told():
    rows = [("a", 1, 0.3, 0.4, True), ("a+b", 2, 0.1, 0.2, False)]
    columns = ["members", "size", "selection_error", "corrupted_error", "baseline"]
    table = pd.DataFrame(rows, columns=columns).assign(low=0.05, high=0.5, macs=np.nan)
    finding = deployment.finding(table, table)
    assert "MACs" not in finding
    assert "the best ensemble (2 members) has an error of 20.0% [5.0, 50.0]." in finding
    assert "The best member (a), also the baseline, has an error of 40.0%" in finding


@pytest.mark.parametrize(("macs", "written"), [(7.6e9, "7.6 G MACs"), (2e6, "2 M MACs"), (12, "12 MACs")])
def test_costs_have_a_prefix(macs, written):
    table = pd.DataFrame({"members": ["a"], "size": 1, "selection_error": 0.3, "corrupted_error": 0.4})
    table = table.assign(baseline=False, low=0.05, high=0.5, macs=macs)
    assert f" at {written}." in deployment.finding(table, table)
    searched = pd.DataFrame({"origin": ["search"], "clean_accuracy": 0.9, "corrupted_error": 0.2, "macs": macs})
    assert f"need {written} (median)" in search_front.finding(searched, searched)
