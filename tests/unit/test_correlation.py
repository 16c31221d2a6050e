"""Weighted ranks and correlations, and the tables of correlations with accuracy."""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress, pearsonr, spearmanr

from resiliency.analysis.observations.correlation import correlation_table
from resiliency.statistics import correlation
from resiliency.statistics.intervals import FISHER, holm, jackknife, p_value


def test_correlations_are_those_of_repeated_values_with_ties():
    x, y, weights = (
        np.array([0.3, 0.3, 0.5, 0.1, 0.7]),
        np.array([1.0, 4, 4, 2, 9]),
        np.array([2, 1, 0, 3, 1]),
    )
    both = np.repeat(x, weights), np.repeat(y, weights)
    for weighted, reference in (
        (correlation.weighted_pearson, pearsonr),
        (correlation.weighted_spearman, spearmanr),
    ):
        assert weighted(weights[None].astype(float), x, y)[0] == pytest.approx(
            reference(*both).statistic
        )


def test_no_correlation_without_variance_or_weight():
    x, y = np.array([1.0, 2, 3]), np.array([1.0, 1, 1])
    assert np.isnan(correlation.weighted_pearson(np.ones((1, 3)), x, y)[0])
    assert np.isnan(correlation.weighted_pearson(np.array([[0.0, 1, 0], [0, 0, 0]]), x, x)).all()
    noise = np.array([[0.7, 0.7 + 1e-15, 0.7 - 1e-15], x, -x])  # of sums in another order
    assert correlation.weighted_pearson(np.ones((1, 3)), noise, x)[:, 0] == pytest.approx(
        [np.nan, 1, -1], nan_ok=True
    )
    assert np.isnan(correlation.weighted_pearson(np.ones((1, 3)), x, noise[0])[0])


def test_ranks_are_correlated_under_weights_that_leave_values_out_alone():
    with pytest.raises(ValueError, match="weights: expected 0 or the largest of its column"):
        correlation.weighted_spearman(np.array([[1.0, 2, 3], [1, 1, 0]]), OTHER[:3], OTHER[:3])


def test_weighted_quantiles_by_hand_and_of_equal_weights():
    """Of weights 1, 1 and 2 the values stand at 0, 1 * 1 + 2 * 1 and 2 * 2 + 2 * 2, that is at 0,
    3/8 and 1."""
    quantiles = correlation.weighted_quantiles(
        np.array([3.0, 0, 1]), np.array([2.0, 1, 1]), [3 / 8, 0.5]
    )
    assert quantiles == pytest.approx([1, 1 + 2 * (0.5 - 3 / 8) / (5 / 8)])
    values, shares = np.random.default_rng(0).random(7), [0.1, 0.6, 0.9]
    assert correlation.weighted_quantiles(values, np.full(7, 0.3), shares) == pytest.approx(
        np.quantile(values, shares)
    )
    assert np.isnan(correlation.weighted_quantiles(np.array([np.nan]), np.ones(1), [0.5])).all()


EXACT = np.array([0.3, 0.3, 0.5, 0.1, 0.1, 0.7])
ROUNDED = np.array([0.1 + 0.2, 0.3, 0.5, 0.1, 0.3 - 0.2, 0.7])  # as sums in another order come out
OTHER = np.arange(6.0)
WEIGHTS = np.array([[1.0, 1, 1, 1, 1, 1], [1, 2, 0, 1, 3, 1]])


@pytest.mark.parametrize("scale", [1e-6, 1, 1e11])
@pytest.mark.parametrize(
    "statistic",
    [
        lambda values: correlation.weighted_ranks(WEIGHTS, values),
        lambda values: correlation.weighted_spearman(WEIGHTS[1:], values, OTHER),
        lambda values: correlation.weighted_cliffs_delta(
            values[:3], values[1:], WEIGHTS[:, :3], WEIGHTS[:, 1:]
        ),
    ],
    ids=["ranks", "spearman", "cliff"],
)
def test_rounding_breaks_no_tie(statistic, scale):
    assert len(set(ROUNDED)) > len(set(EXACT))
    np.testing.assert_allclose(statistic(scale * ROUNDED), statistic(EXACT), rtol=1e-14)


KINDS = dict.fromkeys(("disagreement", "jensen_shannon", "entropy"), "prediction")
KINDS |= {
    "saliency_cosine": "attribution",
    "occlusion_cosine": "attribution",
    "linear_cka": "activation",
}
PAIRS = pd.DataFrame(list(KINDS.items()) * 2, columns=["metric", "kind"]).query(
    "metric != 'entropy'"
)
MEMBERS = [f"d{design}-s{seed}" for design in range(4) for seed in range(2)]


def tables(sizes=(2, 3)) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Random scores of all ensembles of eight members: ensembles, by corruption, pairs."""
    rng = np.random.default_rng(0)
    chosen = [e for size in sizes for e in combinations(MEMBERS, size)]
    skill = dict(zip(MEMBERS, rng.standard_normal(len(MEMBERS)), strict=True))
    mean = np.array([np.mean([skill[m] for m in e]) for e in chosen])

    def noisy(share: float) -> np.ndarray:
        return share * mean + rng.standard_normal(len(chosen))

    names = {"members": ["+".join(e) for e in chosen]}
    columns = names | {
        "size": list(map(len, chosen)),
        "possible": [comb(8, len(e)) for e in chosen],
    }
    for condition in ("clean", "corrupted"):
        columns |= {
            f"mean_member_{condition}_accuracy": mean + 0.1 * rng.standard_normal(len(mean))
        }
        columns |= {f"{metric}_{condition}": noisy(-0.5) for metric in KINDS}
    columns |= {f"{condition}_accuracy": noisy(1) for condition in ("clean", "corrupted")}
    ensembles = pd.DataFrame(columns | {"error_fog": noisy(-1)})
    ensembles = ensembles.assign(origin="independent", rule="mean_probability", weight=1.0)
    fog = {f"{metric}_fog": noisy(-0.5) for metric, kind in KINDS.items() if kind == "prediction"}
    return ensembles, pd.DataFrame(names | fog | {"mean_member_fog_accuracy": mean}), PAIRS


def partial(x: pd.Series, y: pd.Series, given: pd.Series) -> float:
    """The correlation of what regressions on `given` leave of both."""
    lines = [(values, linregress(given, values)) for values in (x, y)]
    return pearsonr(*(values - line.slope * given for values, line in lines)).statistic


MEASURES = {
    "pearson": lambda x, y, given: pearsonr(x, y).statistic,
    "spearman": lambda x, y, given: spearmanr(x, y).statistic,
    "partial": partial,
}


def test_correlations_against_scipy_and_loops():
    ensembles, fog, pairs = tables()
    joint, votes = (
        ensembles.assign(origin="joint", clean_accuracy=0.1),
        ensembles.assign(rule="plurality_vote"),
    )
    table = correlation_table(pd.concat([ensembles, joint, votes]), fog, pairs, 0.9)
    for _, family in table.groupby(["rule", "size", "images", "measure"]):
        np.testing.assert_allclose(family.p_holm, holm(family.p_value.to_numpy()))
    table = table[table.rule == "mean_probability"]
    assert len(table) == 2 * 3 * 6 * 3  # sizes, conditions, metrics, measures
    both = ensembles.merge(fog, on="members")
    for row in table.itertuples():
        group = both[both["size"] == row.size]

        def measured(rows: pd.DataFrame, row=row) -> float:
            compared_on = row.images if KINDS[row.metric] == "prediction" else "clean"
            x, given = (
                rows[f"{row.metric}_{compared_on}"],
                rows[f"mean_member_{row.images}_accuracy"],
            )
            accuracy = 1 - rows.error_fog if row.images == "fog" else rows[f"{row.images}_accuracy"]
            return MEASURES[row.measure](x, accuracy, given)

        assert row.correlation == pytest.approx(measured(group))
        assert (row.members, row.units, row.ensembles, row.possible) == (
            8,
            4,
            len(group),
            len(group),
        )
        without = [
            measured(group[~group.members.str.contains(f"d{design}-")]) for design in range(4)
        ]
        replicates = np.array([measured(group), *without])
        assert (row.low, row.high) == pytest.approx(jackknife(replicates, 0.9, FISHER).ends)
        assert row.p_value == pytest.approx(p_value(replicates, FISHER))


def test_seeds_of_a_single_design_are_left_out_in_turn():
    ensembles, fog, pairs = tables(sizes=(3,))
    of_one = (
        of.replace({"members": r"d(\d)-s(\d)"}, r"d-s\1\2", regex=True) for of in (ensembles, fog)
    )
    table = correlation_table(*of_one, pairs, 0.9)
    assert (table.units == 8).all()
    assert ((table.low < table.correlation) & (table.correlation < table.high)).all()


def test_ensembles_without_a_diversity_do_not_count():
    ensembles, fog, pairs = tables(sizes=(3,))
    missing = ensembles.index % 5 == 0
    holes = ensembles.assign(saliency_cosine_clean=ensembles.saliency_cosine_clean.where(~missing))
    table = correlation_table(holes, fog, pairs, 0.95)
    rows = table[(table.metric == "saliency_cosine") & (table.images == "clean")].set_index(
        "measure"
    )
    few = ensembles[~missing]
    for measure in ("pearson", "spearman"):
        expected = MEASURES[measure](few.saliency_cosine_clean, few.clean_accuracy, None)
        assert rows.correlation[measure] == pytest.approx(expected)
    assert (rows.ensembles == len(few)).all()
    assert (rows.possible == len(ensembles)).all()


def test_designs_without_a_diversity_do_not_count():
    """As if they were not there: eight members of four designs would make p-values too small."""
    ensembles, fog, pairs = tables(sizes=(2,))
    lacking = ensembles.members.str.contains("d3")
    holes = ensembles.assign(saliency_cosine_clean=ensembles.saliency_cosine_clean.where(~lacking))
    both = (correlation_table(of, fog, pairs, 0.95) for of in (holes, ensembles[~lacking]))
    rows = [
        table[table["metric"] == "saliency_cosine"].drop(columns="p_holm").reset_index(drop=True)
        for table in both
    ]
    pd.testing.assert_frame_equal(*rows)
    assert set(rows[0].members) == {6}
