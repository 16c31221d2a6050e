"""Which ensembles there are, tables of pairs and of ensembles."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from fault_messages import fault_of
from four_members import BASELINE, CLASSES, CONDITIONS, IMAGES, NAMES, RULES, answers, described, pairs_of, wrong
from scipy.special import softmax

from resiliency.analysis.member_tables import skipped_rows
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.diversity.pairs import pair_tables
from resiliency.ensembles.pool import chosen_ensembles, eligible_members, ensembles_of, limits, stands_for
from resiliency.ensembles.settings import Ensembles
from resiliency.ensembles.table import Pool
from resiliency.prediction.reading import Predictions, Truth, all_conditions


@pytest.fixture(scope="module")
def members(study):
    return described(study)


@pytest.fixture(scope="module")
def pool(study, members, pairs):
    return Pool(members, study["predictions"], [pairs], BASELINE, 0.95)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_ensembles_by_loops(study, members, pairs, pool, size):
    ensembles = ensembles_of(4, size)
    table = pool.score([ensembles], RULES)[0].set_index(["rule", "members"])
    assert len(table) == 2 * len(ensembles)
    for ensemble in ensembles.tolist():
        names = [NAMES[i] for i in ensemble]
        inside = pairs[pairs["first"].isin(names) & pairs["second"].isin(names)]
        own = members.iloc[ensemble]
        for rule in RULES:
            row = table.loc[(rule, "+".join(names))]
            accuracies = [np.mean(answers(study, ensemble, c, rule)) for c in range(len(CONDITIONS))]
            fog, snow = 1 - np.mean(accuracies[1:3]), 1 - np.mean(accuracies[3:])
            assert row.clean_accuracy == pytest.approx(accuracies[0])
            assert row.corrupted_accuracy == pytest.approx(np.mean(accuracies[1:]))
            assert row.corrupted_error == pytest.approx((fog + snow) / 2)
            assert (row.error_fog, row.error_snow) == pytest.approx((fog, snow))
            assert row.mce == pytest.approx((fog / 0.4 + snow / 0.8) / 2)
            assert (row["size"], row.designs, row.families) == (size, own.design.nunique(), own.family.nunique())
            assert (row.parameters, row.macs) == (own.parameters.sum(), own.macs.sum())
            assert row.mean_member_clean_accuracy == pytest.approx(own.clean_accuracy.mean())
            assert row.mean_member_corrupted_accuracy == pytest.approx(1 - own.corrupted_error.mean())
            of_disagreement = inside[inside.metric == "disagreement"]
            corrupted = of_disagreement[of_disagreement.condition > 0].diversity.mean()
            assert row.disagreement_corrupted == pytest.approx(corrupted)
            right = np.array([[[not w for w in wrong(study, i, c)] for i in ensemble] for c in range(len(CONDITIONS))])
            oracle = right.any(axis=1).mean(axis=1)
            assert (row.clean_oracle, row.corrupted_oracle) == pytest.approx((oracle[0], oracle[1:].mean()))
            count = right.sum(axis=1)
            spread = (count * (size - count)).mean(axis=1) / size**2
            assert row.kohavi_wolpert_corrupted == pytest.approx(spread[1:].mean())
            assert row.difficulty_clean == pytest.approx(-np.var(count[0] / size))
            assert row.difficulty_clean_raw == -row.difficulty_clean
            assert row.possible == len(ensembles)
            assert row.linear_cka_clean == pytest.approx(inside[inside.metric == "linear_cka"].diversity.mean())


@pytest.mark.parametrize("size", [2, 3])
def test_ensembles_under_each_corruption_by_loops(study, pairs, pool, size):
    ensembles = ensembles_of(4, size)
    table = pool.score([ensembles], RULES)[1]
    predicted = {name for name, metric in METRICS.items() if metric.kind == "prediction"} | set(ENSEMBLE_METRICS)
    named = {f"{name}_{corruption}" for name in predicted for corruption in ("fog", "snow")}
    assert set(table) == named | {"mean_member_fog_accuracy", "mean_member_snow_accuracy"}
    for ensemble, row in zip(ensembles.tolist(), table.itertuples(), strict=True):
        names = [NAMES[i] for i in ensemble]
        inside = pairs[pairs["first"].isin(names) & pairs["second"].isin(names) & pairs.condition.isin([3, 4])]
        for metric in ("disagreement", "jensen_shannon"):
            expected = inside[inside.metric == metric].diversity.mean()
            assert getattr(row, f"{metric}_snow") == pytest.approx(expected, abs=1e-6)
        failing = np.array([[wrong(study, i, c) for i in ensemble] for c in (3, 4)])
        assert row.mean_member_snow_accuracy == pytest.approx(1 - failing.mean())
        count = failing.sum(axis=1)
        assert row.kohavi_wolpert_snow == pytest.approx((count * (size - count)).mean() / size**2)


def test_a_further_test_set_is_scored_beside_the_others_and_changes_nothing_of_them(study, members, pool):
    """Fewer images, of two of the classes, among which members choose; by loops."""
    rng, labels = np.random.default_rng(1), np.array([0, 2, 2, 0, 2, 2, 0, 2])
    sizes = {"clean": IMAGES, "field": len(labels)}
    table = all_conditions(["fog", "snow"], [1, 2], sizes, {"clean": CLASSES, "field": 2})
    field = rng.standard_normal((4, 1, len(labels), CLASSES)).astype(np.float16)
    truths = {"clean": Truth(study["labels"]), "field": Truth((labels == 2).astype(int), np.array([0, 2]))}
    predictions = [
        Predictions(table, {"clean": own, "field": of_field}, truths)
        for own, of_field in zip(study["logits"], field, strict=True)
    ]
    further = pair_tables(NAMES, predictions, lambda source: [], [])
    right = (field[:, 0][..., [0, 2]].argmax(axis=-1) == (labels == 2)).astype(bool)
    members = members.assign(field_accuracy=right.mean(axis=1))
    ensembles = ensembles_of(4, 3)
    scored, by_corruption = Pool(members, predictions, further, BASELINE, 0.95).score([ensembles], RULES[:1])
    alone, alone_by_corruption = pool.score([ensembles], RULES[:1])
    shared = [column for column in alone if column in scored]
    assert {"clean_accuracy", "corrupted_accuracy", "disagreement_clean", "disagreement_corrupted"} < set(shared)
    pd.testing.assert_frame_equal(scored[shared], alone[shared], check_exact=True)
    pd.testing.assert_frame_equal(by_corruption, alone_by_corruption, check_exact=True)
    same = study["labels"] != 1
    for row, ensemble in zip(scored.itertuples(), ensembles, strict=True):
        clean = [softmax(study["logits"][member][0][same][:, [0, 2]].astype(float), axis=1) for member in ensemble]
        right_on_clean = np.mean(clean, axis=0).argmax(axis=1) == (study["labels"][same] == 2)
        assert row.clean_on_field_accuracy == np.mean(right_on_clean)
        mean = np.mean([softmax(field[member, 0][:, [0, 2]].astype(float), axis=1) for member in ensemble], axis=0)
        assert row.field_accuracy == np.mean(mean.argmax(axis=1) == (labels == 2))
        assert row.field_accuracy_low < row.field_accuracy < row.field_accuracy_high
        assert row.mean_member_field_accuracy == pytest.approx(right[ensemble].mean())
        differ = [np.mean(right[i] != right[j]) for i, j in combinations(ensemble, 2)]
        assert row.disagreement_field == pytest.approx(np.mean(differ))
        assert row.field_oracle == pytest.approx(right[ensemble].any(axis=0).mean())


def test_pairs_by_loops(study, pairs):
    rows = pairs.set_index(["metric", "condition", "first", "second"])
    for (i, one), (j, other) in combinations(enumerate(NAMES), 2):
        for condition in range(len(CONDITIONS)):
            failures = list(zip(wrong(study, i, condition), wrong(study, j, condition), strict=True))
            expected = sum(a != b for a, b in failures) / IMAGES
            assert rows.loc[("disagreement", condition, one, other), "diversity"] == pytest.approx(expected)
            both = rows.loc[("double_fault", condition, one, other)]
            assert both.raw == pytest.approx(sum(a and b for a, b in failures) / IMAGES)
            assert both.diversity == -both.raw
        maps = study["maps"]["saliency"].astype(float)
        cosines = [
            (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()) for a, b in zip(maps[i], maps[j], strict=True)
        ]
        cosine = rows.loc[("saliency_cosine", 0, one, other)]
        assert cosine.raw == pytest.approx(np.mean(cosines))
        assert cosine.diversity == pytest.approx(1 - cosine.raw)


def test_pairs_of_a_member_that_a_method_does_not_apply_to_are_left_out(study, pairs):
    maps = study["maps"]["saliency"].copy()
    maps[1] = np.nan
    remaining = pairs_of(study | {"maps": study["maps"] | {"saliency": maps}})
    touched = pairs.metric.str.startswith("saliency") & ((pairs["first"] == NAMES[1]) | (pairs["second"] == NAMES[1]))
    assert touched.sum() == 4 * 3
    columns = ["metric", "condition", "first", "second"]
    expected, remaining = (table.sort_values(columns).reset_index(drop=True) for table in (pairs[~touched], remaining))
    pd.testing.assert_frame_equal(remaining, expected, atol=1e-9)


NAMES_ELIGIBLE = ["a-s0", "a-s1", "b-s0", "from_elsewhere", "search-00"]
MEMBERS = pd.DataFrame({"member": NAMES_ELIGIBLE, "clean_accuracy": [0.9, 0.5, 0.8, 0.7, 0.1]}).assign(
    origin=["independent"] * 4 + ["search"], parameters=1
)


@pytest.mark.parametrize(("least", "left_out"), [(0.5, []), (0.6, ["a-s1"])])
def test_accurate_members_are_eligible_and_the_others_are_listed(least, left_out):
    eligible = eligible_members(MEMBERS, NAMES_ELIGIBLE, Ensembles(sizes=[2], min_clean_accuracy=least))
    assert list(eligible.member) == [name for name in NAMES_ELIGIBLE[:4] if name not in left_out]
    assert [row[0] for row in skipped_rows(MEMBERS, {}, [], least) if row[1] == "ensembles"] == left_out


def test_too_few_accurate_members_are_refused_and_too_few_members_are_not():
    strict = Ensembles(sizes=[3, 4], min_clean_accuracy=0.75)
    message = fault_of(eligible_members, MEMBERS, NAMES_ELIGIBLE, strict)
    assert message == "ensembles.min_clean_accuracy: too few members reach 0.75 to form an ensemble; lower it"
    assert list(eligible_members(MEMBERS, NAMES_ELIGIBLE[:2], strict).member) == ["a-s0"]


DESIGNS = [f"d{index // 3}" for index in range(12)]


def test_limits_are_shared_by_the_sizes():
    assert limits(12, [2, 3, 4], 10**6) == [66, 220, 495]
    assert limits(12, [4, 2, 3], 300) == [117, 66, 117]
    assert limits(12, [2, 3], 100) == [50, 50]


@pytest.mark.parametrize("count", [100, 50, 6])
def test_a_sample_is_drawn_from_all_ensembles_once(count):
    ensembles = chosen_ensembles(DESIGNS, 3, count, seed=0)
    rows = [tuple(row) for row in ensembles.tolist()]
    assert len(set(rows)) == len(rows) == count
    assert set(rows) < set(combinations(range(12), 3))
    assert rows == sorted(rows)
    alike = [row for row in rows if len({DESIGNS[m] for m in row}) == 1]
    assert len(alike) == min(4, count // 2)
    np.testing.assert_array_equal(ensembles, chosen_ensembles(DESIGNS, 3, count, seed=0))
    assert (ensembles != chosen_ensembles(DESIGNS, 3, count, seed=1)).any()


@pytest.mark.parametrize("count", [495, 200, 30])
def test_what_a_sample_stands_for(count):
    designs = ["a"] * 6 + ["b", "c"] * 3
    chosen = chosen_ensembles(designs, 4, count, seed=0)
    weights = stands_for(designs, chosen)
    alike = (chosen < 6).all(axis=1)
    assert weights[alike].sum() == pytest.approx(15)
    assert weights[~alike].sum() == pytest.approx(480)
    assert len(set(weights[alike])) == len(set(weights[~alike])) == 1


def test_a_sample_of_ensembles_of_one_design_takes_to_all_alike():
    """Of 20 + 10 ensembles of one design, 10 are drawn 2,000 times: each as often, but for chance."""
    designs = ["a"] * 6 + ["b"] * 5 + ["c"]
    ensembles = np.concatenate([chosen_ensembles(designs, 3, 20, seed) for seed in range(2000)])
    kinds = np.unique(designs, return_inverse=True)[1][ensembles]
    alike = ensembles[(kinds == kinds[:, :1]).all(axis=1)]
    counts = pd.Series(map(tuple, alike.tolist())).value_counts()
    assert len(counts) == 20 + 10
    expected = 2000 * 10 / 30
    assert abs(counts - expected).max() < 5 * np.sqrt(expected)
