"""What charts say of correlations: what is significant at every size, and what stays open."""

import numpy as np
import pandas as pd
import pytest

from resiliency.report.charts import correlation_heatmap, correlations


def correlations_of(intervals: dict[str, list[tuple[float, float]]], condition="corrupted") -> pd.DataFrame:
    """Metric -> an interval for each size."""
    rows = [
        {
            "metric": metric,
            "kind": "prediction",
            "size": size,
            "low": low,
            "high": high,
            "correlation": (low + high) / 2,
            "p_holm": 0.01 if low * high > 0 else 0.5,
        }
        for metric, ends in intervals.items()
        for size, (low, high) in enumerate(ends, 2)
    ]
    columns = {"rule": "mean_probability", "measure": "pearson", "condition": condition, "confidence": 0.95}
    return pd.DataFrame(rows).assign(**columns)


CORRELATIONS = correlations_of(
    {
        "disagreement": [(0.1, 0.5), (-0.1, 0.5)],
        "double_fault": [(0.5, 0.9), (0.6, 1.0)],
        "jensen_shannon": [(-0.9, -0.1), (-0.5, -0.3)],
    }
)


def test_only_what_is_significant_at_every_size_is_said_of_correlations():
    finding = correlations.finding(CORRELATIONS)
    assert "On corrupted images, accuracy correlates positively with diversity in Double fault (mean r 0.75)" in finding
    assert "negatively with diversity in Jensen–Shannon divergence (mean r −0.45)" in finding
    assert "Disagreement" not in finding
    assert "predictions 2 of 3 (1 positively, 1 negatively)" in correlation_heatmap.finding(CORRELATIONS)


def test_intervals_of_one_correlation_alone_make_none_significant():
    rows = CORRELATIONS.assign(p_holm=CORRELATIONS["p_holm"].where(CORRELATIONS["metric"] == "double_fault", 0.06))
    finding = correlations.finding(rows)
    assert "positively with diversity in Double fault" in finding
    assert "Jensen" not in finding
    assert "predictions 1 of 3 (1 positively, 0 negatively)" in correlation_heatmap.finding(rows)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((-1.0, 1.0), "the study has too few members for intervals of correlations."),
        ((np.nan, np.nan), "the study has too few members for intervals of correlations."),
        ((-0.4, 0.9), "no correlation of diversity with accuracy is significant at every size."),
    ],
)
def test_what_stays_open_of_correlations_is_not_called_an_absence(ends, expected):
    rows = correlations_of({"disagreement": [ends], "double_fault": [ends]}).fillna({"correlation": 0.3})
    finding = correlations.finding(rows)
    assert finding.startswith(f"On corrupted images, {expected}")
    assert "neither more nor less" not in finding


def test_correlations_given_the_accuracy_of_members_are_told_beside_the_others():
    given = CORRELATIONS.assign(measure="partial", correlation=-CORRELATIONS["correlation"])
    finding = correlations.finding(pd.concat([CORRELATIONS, given]))
    assert (
        ". Given the members’ mean accuracy, it correlates positively with diversity in Jensen–Shannon divergence "
        "(mean partial r 0.45). It correlates negatively with diversity in Double fault (mean partial r −0.75)."
    ) in finding


def test_many_metrics_are_counted_and_their_extremes_named():
    names = ["disagreement", "double_fault", "q_statistic", "jensen_shannon"]
    rows = correlations_of({name: [(r, r + 0.1)] for r, name in zip((0.2, 0.4, 0.5, 0.6), names, strict=True)})
    assert (
        "accuracy correlates positively with 4 of 4 metrics (mean r 0.25 (Disagreement of correctness) to 0.65 "
        "(Jensen–Shannon divergence))"
    ) in correlations.finding(rows)


def test_other_measures_conditions_and_rules_change_nothing():
    others = [
        CORRELATIONS.assign(measure="spearman", low=-1.0, high=-0.9),
        CORRELATIONS.assign(condition="fog", low=-1.0, high=-0.9),
        CORRELATIONS.assign(rule="plurality_vote", low=-1.0, high=-0.9),
    ]
    assert correlations.finding(pd.concat([CORRELATIONS, *others])) == correlations.finding(CORRELATIONS)
