"""The table of ensembles, of a study small enough to compute by loops."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from four_members import (
    BASELINE,
    CLASSES,
    CONDITIONS,
    IMAGES,
    NAMES,
    RULES,
    answers,
    described,
    softmax,
    wrong,
)

from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.diversity.pairs import pair_tables
from resiliency.ensembles.pool import EnsembleErrors, ensembles_of
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
    assert len(table) == len(ensembles)
    assert set(table.dtypes) == {np.dtype(np.float32)}
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
        clean = [[softmax(row[[0, 2]]) for row in study["logits"][member][0][same]] for member in ensemble]
        right_on_clean = np.mean(clean, axis=0).argmax(axis=1) == (study["labels"][same] == 2)
        assert row.clean_on_field_accuracy == np.mean(right_on_clean)
        mean = np.mean([[softmax(scores[[0, 2]]) for scores in field[member, 0]] for member in ensemble], axis=0)
        assert row.field_accuracy == np.mean(mean.argmax(axis=1) == (labels == 2))
        assert row.field_accuracy_low < row.field_accuracy < row.field_accuracy_high
        assert row.mean_member_field_accuracy == pytest.approx(right[ensemble].mean())
        differ = [np.mean(right[i] != right[j]) for i, j in combinations(ensemble, 2)]
        assert row.disagreement_field == pytest.approx(np.mean(differ))
        assert row.field_oracle == pytest.approx(right[ensemble].any(axis=0).mean())


@pytest.mark.parametrize("rule", RULES)
def test_image_errors_by_loops(study, pool, rule):
    ensemble = np.array([0, 2, 3])
    right = [answers(study, ensemble, condition, rule) for condition in range(1, len(CONDITIONS))]
    errors = EnsembleErrors(study["predictions"], pool.weights, rule)
    image_errors = errors.image_errors(ensemble[None], np.arange(len(study["labels"])))[0]
    np.testing.assert_allclose(image_errors, 1 - np.mean(right, axis=0))
    row = pool.score([ensemble[None]], [rule])[0].iloc[0]
    assert image_errors.mean() == pytest.approx(row.corrupted_error)
