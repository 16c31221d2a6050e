"""Correlations of ensembles against SciPy, and the intervals that leave out members against loops."""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr

from resiliency.analysis.observations.correlation import (
    attribution_diversity_is_less_negative,
    correlation_table,
    difference_table,
    diversity_columns,
)
from resiliency.diversity.settings import LABEL_FREE
from resiliency.statistics.jackknife import FISHER, holm, jackknife_interval, p_value

KINDS = {
    "disagreement": "prediction",
    "jensen_shannon": "prediction",
    "entropy": "prediction",
    "saliency_cosine": "attribution",
    "occlusion_cosine": "attribution",
    "linear_cka": "activation",
}
PAIRS = pd.DataFrame([(kind, metric) for metric, kind in KINDS.items() if metric != "entropy"] * 2)
PAIRS.columns = ["kind", "metric"]
MEMBERS = [f"d{design}-s{seed}" for design in range(4) for seed in range(2)]


def tables(sizes=(2, 3), rules=("mean_probability",)) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Random scores of all ensembles of eight members: ensembles, by corruption, pairs."""
    rng = np.random.default_rng(0)
    chosen = [(size, e) for size in sizes for e in combinations(MEMBERS, size)]
    names = ["+".join(e) for _, e in chosen]
    skill = dict(zip(MEMBERS, rng.standard_normal(len(MEMBERS)), strict=True))
    mean = np.array([np.mean([skill[m] for m in e]) for _, e in chosen])

    def noisy(share: float) -> np.ndarray:
        return share * mean + rng.standard_normal(len(chosen))

    columns = {
        "origin": "independent",
        "size": [s for s, _ in chosen],
        "members": names,
        "possible": [comb(8, s) for s, _ in chosen],
        "weight": 1.0,
    }
    for condition in ("clean", "corrupted"):
        columns |= {f"mean_member_{condition}_accuracy": mean + 0.1 * rng.standard_normal(len(mean))}
        columns |= {f"{metric}_{condition}": noisy(-0.5) for metric in KINDS}
    parts = []
    for rule in rules:
        scores = {f"{condition}_accuracy": noisy(1) for condition in ("clean", "corrupted")}
        parts.append(pd.DataFrame(columns | scores | {"error_fog": noisy(-1), "rule": rule}))
    fog = {f"{metric}_fog": noisy(-0.5) for metric, kind in KINDS.items() if kind == "prediction"}
    fog |= {"mean_member_fog_accuracy": mean}
    return pd.concat(parts, ignore_index=True), pd.DataFrame({"members": names} | fog), PAIRS


def accuracy(rows: pd.DataFrame, condition: str) -> pd.Series:
    return 1 - rows.error_fog if condition == "fog" else rows[f"{condition}_accuracy"]


def column_of(metric: str, condition: str) -> str:
    return f"{metric}_{condition if KINDS[metric] == 'prediction' else 'clean'}"


def test_diversities_go_with_the_condition_of_the_accuracy():
    assert diversity_columns(PAIRS, "corrupted") == {
        column_of(metric, "corrupted"): (kind, metric) for metric, kind in KINDS.items() if metric != "entropy"
    }


def test_correlations_against_scipy_and_loops():
    ensembles, fog, pairs = tables()
    joint = ensembles.assign(origin="joint", clean_accuracy=0.1)
    table = correlation_table(pd.concat([ensembles, joint]), fog, pairs, 0.9)
    assert len(table) == 2 * 3 * 6 * 3  # sizes, conditions, metrics, measures
    measures = {"pearson": pearsonr, "spearman": spearmanr}
    both = ensembles.merge(fog, on="members")
    for row in table[table.measure != "partial"].itertuples():
        group = both[both["size"] == row.size]

        def correlation(rows: pd.DataFrame, row=row) -> float:
            x, y = rows[column_of(row.metric, row.condition)], accuracy(rows, row.condition)
            return measures[row.measure](x, y).statistic

        assert row.correlation == pytest.approx(correlation(group))
        assert (row.members, row.ensembles, row.possible) == (8, len(group), len(group))
        names = group.members.str.split("+")
        without = [correlation(group[[m not in ensemble for ensemble in names]]) for m in MEMBERS]
        replicates = np.array([correlation(group), *without])
        assert (row.low, row.high) == pytest.approx(jackknife_interval(replicates, 0.9, FISHER))
        without = [correlation(group[~group.members.str.contains(f"d{design}-")]) for design in range(4)]
        ends = jackknife_interval(np.array([correlation(group), *without]), 0.9, FISHER)
        assert (row.design_low, row.design_high) == pytest.approx(ends)
        assert row.p_value == pytest.approx(p_value(replicates, FISHER))


def test_partial_correlation_against_inverse_covariance():
    ensembles, fog, pairs = tables(sizes=(3,))
    table = correlation_table(ensembles, fog, pairs, 0.95)
    rows = table[(table.measure == "partial") & (table.condition == "corrupted")].set_index("metric")
    for metric in KINDS:
        columns = [column_of(metric, "corrupted"), "corrupted_accuracy", "mean_member_corrupted_accuracy"]
        precision = np.linalg.inv(np.cov(ensembles[columns].T))
        expected = -precision[0, 1] / np.sqrt(precision[0, 0] * precision[1, 1])
        assert rows.correlation[metric] == pytest.approx(expected)


def test_families_of_tests_are_the_metrics_of_one_rule_size_condition_and_measure():
    table = correlation_table(*tables(rules=("mean_probability", "plurality_vote")), 0.95)
    for _, family in table.groupby(["rule", "size", "condition", "measure"]):
        assert len(family) == 6
        np.testing.assert_allclose(family.p_holm, holm(family.p_value.to_numpy()))


def test_ensembles_without_a_diversity_do_not_count():
    ensembles, fog, pairs = tables(sizes=(3,))
    missing = ensembles.index % 5 == 0
    holes = ensembles.assign(saliency_cosine_clean=ensembles.saliency_cosine_clean.where(~missing))
    table = correlation_table(holes, fog, pairs, 0.95)
    rows = table[(table.metric == "saliency_cosine") & (table.condition == "clean")].set_index("measure")
    few = ensembles[~missing]
    for measure, other in (("pearson", pearsonr), ("spearman", spearmanr)):
        expected = other(few.saliency_cosine_clean, few.clean_accuracy).statistic
        assert rows.correlation[measure] == pytest.approx(expected)
    assert (rows.ensembles == len(few)).all()
    assert (rows.possible == len(ensembles)).all()
    differences = difference_table(holes, fog, pairs, 0.95)
    row = differences[(differences.attribution == "saliency_cosine") & (differences.prediction == "entropy")].iloc[0]
    expected = [pearsonr(few[c], few.clean_accuracy).statistic for c in ("saliency_cosine_clean", "entropy_clean")]
    assert row.difference == pytest.approx(expected[0] - expected[1])
    none = correlation_table(ensembles.assign(saliency_cosine_clean=np.nan), fog, pairs, 0.95)
    assert none[none.metric == "saliency_cosine"][["correlation", "p_value", "p_holm"]].isna().all(axis=None)


def test_differences_average_to_observation_2():
    """As Cohen's q, over sizes and the metrics that count there."""
    ensembles, fog, pairs = tables()
    table = difference_table(ensembles, fog, pairs, 0.95)
    assert len(table) == 2 * 2 * 2 * 3  # sizes, conditions, attribution and prediction metrics
    observation = attribution_diversity_is_less_negative(ensembles, pairs, "mean_probability", 100)
    every = correlation_table(ensembles, fog, pairs, 0.95).query("measure == 'pearson'")
    r = every.set_index(["size", "condition", "metric"])["correlation"]
    for part, condition in zip(observation.parts, ("clean", "corrupted"), strict=True):
        rows = table[(table.condition == condition) & table.prediction.isin(LABEL_FREE)]
        compared = rows[["size", "attribution", "prediction"]].itertuples(index=False, name=None)
        of_both = np.array([[r[size, condition, metric] for metric in metrics] for size, *metrics in compared])
        np.testing.assert_allclose(rows["difference"], of_both[:, 0] - of_both[:, 1], atol=1e-6)
        assert np.diff(np.arctanh(of_both[:, ::-1])).mean() == pytest.approx(part.estimate)


def test_two_designs_are_too_few_to_leave_one_out():
    """No correlation is defined then, so that the observation is not tested and no placebo is drawn."""
    ensembles, _, pairs = tables(sizes=(2,))
    few = ensembles[[{name[:2] for name in of.split("+")} <= {"d0", "d1"} for of in ensembles["members"]]]
    observation = attribution_diversity_is_less_negative(few, pairs, "mean_probability", 100, draws=20)
    assert np.isnan([part.estimate for part in observation.parts]).all()
    assert observation.missing
