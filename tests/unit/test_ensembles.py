"""Which ensembles there are, their rules and votes against one at a time, and their tables against
loops."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from ensembles_by_loops import loop
from fault_messages import fault_of
from predicted import conditions_of, predictions_of
from scipy.special import softmax

from resiliency.analysis.compared_members import skipped_table
from resiliency.base.names import CLEAN
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS, pair_tables
from resiliency.diversity.representations import cosine_similarity
from resiliency.diversity.settings import STAGES
from resiliency.ensembles import pool, scoring
from resiliency.ensembles.combination import MEAN, RULES, VOTE, Ensemble
from resiliency.ensembles.settings import Ensembles
from resiliency.ensembles.table import TOGETHER, Pool, limits, stands_for, trained_together
from resiliency.metrics.classification import (
    brier_score,
    calibration_error,
    confidence_bins,
    negative_log_likelihood,
)
from resiliency.prediction.reading import Predictions, Truth, all_conditions
from resiliency.statistics.correlation import gram

# Four members of three designs, small enough for loops over their predictions.
NAMES = ["a-s0", "a-s1", "b-s0", "c-s0"]
IMAGES, CLASSES = 20, 3
# The last is held out of means.
CONDITIONS = conditions_of(["fog", "snow", "spatter"], [1, 2], IMAGES)
BASELINE = np.array([0.4, 0.8])
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, CLASSES, IMAGES)
LOGITS = (
    RANDOM.standard_normal((4, len(CONDITIONS), IMAGES, CLASSES)) + 0.8 * np.eye(CLASSES)[LABELS]
)
LOGITS = LOGITS.astype(np.float16)
PREDICTIONS = [predictions_of(CONDITIONS, LABELS, of_member) for of_member in LOGITS]
# What the members are compared by on eight images, by its source.
ARRAYS = {
    "features": [RANDOM.standard_normal((8, width)).astype(np.float32) for width in (3, 4, 5, 3)]
}
ARRAYS |= {
    m: RANDOM.standard_normal((4, 8, 4, 4)).astype(np.float16)
    for m in ("saliency", "integrated_gradients")
}
ARRAYS |= {s: np.stack([gram(RANDOM.standard_normal((8, 5))) for _ in NAMES]) for s in STAGES}


def pairs_of(arrays: dict = ARRAYS) -> pd.DataFrame:
    """The table of pairs, by all metrics that need no more than these arrays."""
    metrics = [
        name
        for name, metric in METRICS.items()
        if metric.kind == "activation" or metric.source in arrays
    ]
    return pd.concat(
        pair_tables(NAMES, PREDICTIONS, arrays.__getitem__, metrics), ignore_index=True
    )


PAIRS = pairs_of()
P, ANSWERS = softmax(LOGITS.astype(float), axis=-1), LOGITS.argmax(axis=-1)
RIGHT = ANSWERS == LABELS
ERRORS = 1 - RIGHT.mean(axis=2)
MEMBERS = pd.DataFrame(
    {"member": NAMES, "design": [*"aabc"], "family": [*"xxxy"], "clean_accuracy": 1 - ERRORS[:, 0]}
)
MEMBERS = MEMBERS.assign(
    parameters=[10, 10, 20, 40], macs=[1, 1, 2, 4], corrupted_error=ERRORS[:, 1:5].mean(axis=1)
)


def test_members_trained_together_are_those_of_one_objective_weight_and_seed():
    """Two objectives share loss_weights and seeds; members from elsewhere belong to neither."""
    ensembles = [
        ("joint", o, f"{o}-l{x:g}", x, s)
        for o in ("kl", "balanced")
        for x in (0.0, 0.5)
        for s in range(2)
    ]
    rows = [
        (*ensemble, f"{ensemble[2]}-s{ensemble[4]}-m{index}")
        for ensemble in ensembles
        for index in range(3)
    ]
    rows += [("independent", *[np.nan] * 3, 0, "vit-s0"), ("search", *[np.nan] * 4, "search-0")]
    groups = trained_together(pd.DataFrame(rows, columns=[*TOGETHER, "member"]))
    assert [tuple(common.values()) for common, _ in groups] == ensembles
    for common, chosen in groups:
        assert chosen.member.tolist() == [
            f"{common['setting']}-s{common['seed']:g}-m{index}" for index in range(3)
        ]


@pytest.mark.parametrize(
    ("chunk", "classes", "candidates"),
    [(16, 12, 32), (10**6, 4, 32), (10**6, 70, 32), (10**6, 70, 2), (10**6, 70, 8)],
)
def test_scores_of_a_condition_by_loops(chunk, classes, candidates, monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK_VALUES", chunk)
    monkeypatch.setattr(scoring, "CANDIDATES", candidates)
    monkeypatch.setattr("resiliency.ensembles.combination.CHUNK_VALUES", 7 * chunk)
    rng = np.random.default_rng(0)
    shared, labels = 2 * rng.standard_normal((30, classes)), rng.integers(0, classes, 30)
    shared[np.arange(20), labels[:20]] += 4  # of most images the members' answers are alike
    logits = (shared + rng.standard_normal((5, 30, classes))).astype(np.float16)
    groups = [pool.ensembles_of(5, 2), pool.ensembles_of(5, 3)]
    table = conditions_of([], [], 30, classes)
    predictions = [predictions_of(table, labels, member[None]) for member in logits]
    scores, inputs = scoring.score_condition(predictions, 0, groups, RULES)
    # Of few classes by another loop.
    others = scoring.score_condition(predictions, 0, groups, [VOTE])[1]
    for own, other in zip(inputs, others, strict=True):
        np.testing.assert_allclose(own["log_sums"], other["log_sums"], rtol=1e-4)
    p = softmax(logits.astype(float), axis=-1)
    rows = [row for group in groups for row in group.tolist()]
    for index, row in enumerate(rows):
        mean = p[row].mean(axis=0)
        of_ensemble = {name: values[index] for name, values in scores[MEAN].items()}
        assert of_ensemble["accuracy"] == pytest.approx(np.mean(mean.argmax(axis=1) == labels))
        assert of_ensemble["nll"] == pytest.approx(negative_log_likelihood(mean, labels), rel=1e-5)
        assert of_ensemble["brier"] == pytest.approx(brier_score(mean, labels), rel=1e-5)
        assert of_ensemble["ece"] == pytest.approx(
            calibration_error(confidence_bins(mean, labels)), abs=1e-5
        )
        alone = list(Ensemble([predictions[m] for m in row], MEAN).outputs(0, np.arange(30)))
        logs = np.concatenate([part.log_probabilities for part in alone])
        np.testing.assert_allclose(np.exp(logs), mean, rtol=1e-4)
        wrong_of = np.concatenate([part.errors for part in alone])
        np.testing.assert_array_equal(wrong_of, mean.argmax(axis=1) != labels)
        votes = (p[row].argmax(axis=2)[..., None] == np.arange(classes)) + p[row] / 6
        right = votes.sum(axis=0).argmax(axis=1) == labels
        assert scores["plurality_vote"]["accuracy"][index] == np.mean(right)
        members = np.mean([negative_log_likelihood(p[member], labels) for member in row])
        of_group, place = (
            (inputs[0], index) if index < len(groups[0]) else (inputs[1], index - len(groups[0]))
        )
        geometric = np.exp(np.log(p[row]).mean(axis=0))
        geometric /= geometric.sum(axis=1, keepdims=True)
        ambiguity = members - negative_log_likelihood(geometric, labels)
        assert -of_group["log_sums"][place] == pytest.approx(ambiguity, rel=1e-4)
        right = (logits[row].argmax(axis=-1) == labels).sum(axis=0)
        np.testing.assert_allclose(
            of_group["shares"][place], np.bincount(right, minlength=len(row) + 1) / 30
        )
        np.testing.assert_allclose(
            of_group["failures"][place], np.mean(logits[row].argmax(axis=-1) != labels, axis=1)
        )
    assert np.isnan(scores["plurality_vote"]["nll"]).all()


EVERYTHING = np.arange(IMAGES)
# The four members, the third known by its predicted labels alone.
KNOWN = [
    *PREDICTIONS[:2],
    predictions_of(CONDITIONS, LABELS, LOGITS[2].argmax(axis=-1)),
    PREDICTIONS[3],
]


@pytest.mark.parametrize("size", [2, 3])
def test_mean_probabilities_break_the_ties_of_ensembles_that_have_them(size):
    ensembles, conditions = pool.ensembles_of(4, size), range(len(CONDITIONS))
    alone = [Ensemble([KNOWN[member] for member in one], VOTE) for one in ensembles]
    expected = np.array(
        [[next(of.outputs(c, EVERYTHING)).errors for c in conditions] for of in alone]
    )
    known = (ensembles != 2).all(axis=1)
    assert np.isin(expected[known], [0, 1]).all()
    assert not np.isin(expected[~known], [0, 1]).all()
    scored = pool.EnsembleErrors(KNOWN, VOTE)
    corrupted = expected[:, 1:5]
    assert np.array([scored.wrong(one, EVERYTHING) for one in ensembles]) == pytest.approx(
        corrupted
    )
    assert scored.condition_errors(ensembles, EVERYTHING) == pytest.approx(corrupted.mean(axis=2))
    assert scored.image_losses(ensembles, EVERYTHING) == pytest.approx(corrupted.mean(axis=1))
    table = Pool(MEMBERS, KNOWN, [PAIRS], BASELINE, 0.95).score([ensembles], [VOTE])[0]
    assert table["corrupted_error"].to_numpy() == pytest.approx(corrupted.mean(axis=(1, 2)))
    assert table["clean_accuracy"].to_numpy() == pytest.approx(1 - expected[:, 0].mean(axis=1))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("decided", [(), (1, 4)])
def test_the_compiled_and_the_plain_answers_are_the_same(rule, size, dtype, decided, monkeypatch):
    """Logits of four values, so that many classes tie; some members may be known by their labels
    alone."""
    random, table = np.random.default_rng(0), conditions_of([], [], 60, 12)
    logits, labels = (
        random.integers(-2, 2, (7, 1, 60, 12)).astype(dtype),
        random.integers(12, size=60),
    )
    known = [of.argmax(axis=-1) if member in decided else of for member, of in enumerate(logits)]
    predictions = [predictions_of(table, labels, of) for of in known]
    rule, everything = VOTE if decided else rule, np.arange(60)
    scored, ensembles = pool.EnsembleErrors(predictions, rule), pool.ensembles_of(7, size)
    plain = [Ensemble([predictions[m] for m in row], rule) for row in ensembles]
    outputs = [next(of.outputs(0, everything)) for of in plain]
    for candidates, several in (
        (1, ensembles),
        (5, ensembles),
        (32, ensembles),
        (32, ensembles[:3]),
    ):
        # Of the few ensembles all classes are summed.
        monkeypatch.setattr(scoring, "CANDIDATES", candidates)
        wrong = np.concatenate(list(scored._wrong(several, everything, 0)), axis=1)
        np.testing.assert_array_equal(wrong, [of.errors for of in outputs[: len(several)]])
    if not decided:
        probabilities = np.stack([of.probabilities(0) for of in predictions])
        given_classes = scoring.given_answers(rule, ensembles, probabilities, labels)
        np.testing.assert_array_equal(given_classes, [of.answers for of in outputs])


def test_accuracies_are_double_beside_members_with_decisions_alone():
    """The second ensemble is right on the first of three images, and by half a chance on the
    last."""
    table, labels = conditions_of([], [], 3), np.array([0, 1, 2])
    logits = [
        predictions_of(table, labels, np.eye(3)[[answers]]) for answers in ([0, 2, 2], [0, 2, 2])
    ]
    decided = Predictions(table, {CLEAN: np.array([[0, 2, 1]])}, {CLEAN: Truth(labels)})
    scored = pool.EnsembleErrors([*logits, decided], VOTE)
    accuracies = scored.accuracy(np.array([[0, 1], [0, 2]]), CLEAN, np.arange(3))
    assert accuracies.tolist() == pytest.approx([2 / 3, 0.5], abs=1e-15)


def test_probabilities_are_computed_once_unless_they_are_too_many(monkeypatch):
    asked, probabilities = [], Predictions.probabilities
    monkeypatch.setattr(
        Predictions, "probabilities", lambda *of: asked.append(1) or probabilities(*of)
    )
    errors, few = [], np.arange(0, IMAGES, 2)
    for kept, computed in ((pool.KEPT_VALUES, 16), (0, 64)):  # of 4 members under 4 conditions
        monkeypatch.setattr(pool, "KEPT_VALUES", kept)
        scored = pool.EnsembleErrors(PREDICTIONS, "mean_probability")
        errors += [scored.errors(pool.ensembles_of(4, size), few) for size in (1, 2, 3, 4)]
        assert len(asked) == computed
        asked.clear()
    for of_kept, of_others in zip(errors[:4], errors[4:], strict=True):
        np.testing.assert_array_equal(of_kept, of_others)


# And the name of their score in the loop.
SCORED_RULES = {"mean_probability": "accuracy", VOTE: "vote_accuracy"}
POOL = Pool(MEMBERS, PREDICTIONS, [PAIRS], BASELINE, 0.95)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_ensembles_by_loops(size):
    ensembles = pool.ensembles_of(4, size)
    table, by_corruption = POOL.score([ensembles], list(SCORED_RULES))
    table = table.set_index(["rule", "members"])
    assert len(table) == 2 * len(ensembles)
    predicted = {name for name, metric in METRICS.items() if metric.kind == "prediction"} | set(
        ENSEMBLE_METRICS
    )
    named = {
        f"{name}_{corruption}" for name in predicted for corruption in ("fog", "snow", "spatter")
    }
    assert set(by_corruption) == named | {
        f"mean_member_{name}_accuracy" for name in ("fog", "snow", "spatter")
    }
    for ensemble, (_, of_corruptions) in zip(ensembles, by_corruption.iterrows(), strict=True):
        names, own, right = [NAMES[i] for i in ensemble], MEMBERS.iloc[ensemble], RIGHT[ensemble]
        inside = PAIRS[PAIRS["first"].isin(names) & PAIRS["second"].isin(names)]
        each = (
            loop(ensemble, P[:, c], ANSWERS[:, c], RIGHT[:, c], LABELS)
            for c in range(len(CONDITIONS))
        )
        scores = pd.DataFrame(each)
        fog, snow, spatter, corrupted = (
            scores[of].mean() for of in (slice(1, 3), slice(3, 5), slice(5, 7), slice(1, 5))
        )
        for rule, accuracy in SCORED_RULES.items():
            row = table.loc[(rule, "+".join(names))]
            assert row.clean_accuracy == pytest.approx(scores[accuracy][0])
            assert row.corrupted_accuracy == pytest.approx(corrupted[accuracy])
            assert (row.error_fog, row.error_snow) == pytest.approx(
                (1 - fog[accuracy], 1 - snow[accuracy])
            )
            assert row.error_spatter == pytest.approx(1 - spatter[accuracy])
            assert row.corrupted_error == pytest.approx((row.error_fog + row.error_snow) / 2)
            assert row.mce == pytest.approx((row.error_fog / 0.4 + row.error_snow / 0.8) / 2)
            assert (row["size"], row.designs, row.families) == (
                size,
                own.design.nunique(),
                own.family.nunique(),
            )
            assert (row.parameters, row.macs) == (own.parameters.sum(), own.macs.sum())
            assert row.mean_member_clean_accuracy == pytest.approx(own.clean_accuracy.mean())
            assert row.mean_member_corrupted_accuracy == pytest.approx(
                1 - own.corrupted_error.mean()
            )
            oracle = right.any(axis=0).mean(axis=1)
            assert (row.clean_oracle, row.corrupted_oracle) == pytest.approx(
                (oracle[0], oracle[1:5].mean())
            )
            assert row.disagreement_corrupted == pytest.approx(corrupted.disagreement)
            assert (
                row.difficulty_clean
                == -row.difficulty_clean_raw
                == pytest.approx(-scores.difficulty[0])
            )
            assert row.possible == len(ensembles)
            assert row.linear_cka_clean == pytest.approx(
                inside[inside.metric == "linear_cka"].diversity.mean()
            )
        assert of_corruptions.mean_member_snow_accuracy == pytest.approx(right[:, 3:5].mean())
        for name, metric in (METRICS | ENSEMBLE_METRICS).items():
            if metric.kind == "prediction":
                assert of_corruptions[f"{name}_snow"] == pytest.approx(
                    metric.diversity(snow[name]), abs=1e-6
                )


def test_a_further_test_set_is_scored_beside_the_others_and_changes_nothing_of_them():
    """Fewer images, of two of the classes, among which members choose; by loops."""
    rng, labels = np.random.default_rng(1), np.array([0, 2, 2, 0, 2, 2, 0, 2])
    sizes = {"clean": IMAGES, "field": len(labels)}
    table = all_conditions(
        ["fog", "snow", "spatter"], [1, 2], sizes, {"clean": CLASSES, "field": 2}
    )
    field = rng.standard_normal((4, 1, len(labels), CLASSES)).astype(np.float16)
    truths = {"clean": Truth(LABELS), "field": Truth((labels == 2).astype(int), np.array([0, 2]))}
    both = zip(LOGITS, field, strict=True)
    predictions = [
        Predictions(table, {"clean": own, "field": of_field}, truths) for own, of_field in both
    ]
    further = pair_tables(NAMES, predictions, lambda source: [], [])
    right = (field[:, 0][..., [0, 2]].argmax(axis=-1) == (labels == 2)).astype(bool)
    members = MEMBERS.assign(field_accuracy=right.mean(axis=1))
    ensembles = pool.ensembles_of(4, 3)
    rules = ["mean_probability"]
    scored, by_corruption = Pool(members, predictions, further, BASELINE, 0.95).score(
        [ensembles], rules
    )
    alone, alone_by_corruption = POOL.score([ensembles], rules)
    shared = [column for column in alone if column in scored]
    assert {
        "clean_accuracy",
        "corrupted_accuracy",
        "disagreement_clean",
        "disagreement_corrupted",
    } < set(shared)
    pd.testing.assert_frame_equal(scored[shared], alone[shared], check_exact=True)
    pd.testing.assert_frame_equal(by_corruption, alone_by_corruption, check_exact=True)
    same = LABELS != 1
    for row, ensemble in zip(scored.itertuples(), ensembles, strict=True):
        clean = [
            softmax(LOGITS[member][0][same][:, [0, 2]].astype(float), axis=1) for member in ensemble
        ]
        right_on_clean = np.mean(clean, axis=0).argmax(axis=1) == (LABELS[same] == 2)
        assert row.clean_on_field_accuracy == np.mean(right_on_clean)
        mean = np.mean(
            [softmax(field[member, 0][:, [0, 2]].astype(float), axis=1) for member in ensemble],
            axis=0,
        )
        assert row.field_accuracy == np.mean(mean.argmax(axis=1) == (labels == 2))
        assert row.field_accuracy_low < row.field_accuracy < row.field_accuracy_high
        assert row.mean_member_field_accuracy == pytest.approx(right[ensemble].mean())
        differ = [np.mean(right[i] != right[j]) for i, j in combinations(ensemble, 2)]
        assert row.disagreement_field == pytest.approx(np.mean(differ))
        assert row.field_oracle == pytest.approx(right[ensemble].any(axis=0).mean())


def test_pairs_have_raw_values_and_what_grows_with_diversity():
    of = PAIRS[PAIRS.condition == 0].set_index("metric")
    cosines = cosine_similarity(ARRAYS["saliency"])[np.triu_indices(4, 1)]
    assert of.raw["saliency_cosine"].tolist() == pytest.approx(cosines)
    assert of.diversity["saliency_cosine"].tolist() == pytest.approx(1 - cosines)
    assert of.raw["double_fault"].tolist() == (-of.diversity["double_fault"]).tolist()


def test_pairs_of_a_member_that_a_method_does_not_apply_to_are_left_out():
    maps = ARRAYS["saliency"].copy()
    maps[1] = np.nan
    remaining = pairs_of(ARRAYS | {"saliency": maps})
    touched = PAIRS.metric.str.startswith("saliency") & (
        (PAIRS["first"] == NAMES[1]) | (PAIRS["second"] == NAMES[1])
    )
    assert touched.sum() == 2 * 3  # similarities and pairs
    columns = ["metric", "condition", "first", "second"]
    expected, remaining = (
        table.sort_values(columns).reset_index(drop=True) for table in (PAIRS[~touched], remaining)
    )
    pd.testing.assert_frame_equal(remaining, expected, atol=1e-9)


ELIGIBLE = ["a-s0", "a-s1", "b-s0", "from_elsewhere", "search-00"]
SCORED = pd.DataFrame(
    {"member": ELIGIBLE, "clean_accuracy": [0.9, 0.5, 0.8, 0.7, 0.1], "parameters": 1}
)
SCORED["origin"] = ["independent"] * 4 + ["search"]


@pytest.mark.parametrize(("least", "left_out"), [(0.5, []), (0.6, ["a-s1"])])
def test_accurate_members_are_eligible_and_the_others_are_listed(least, left_out):
    eligible = pool.eligible_members(
        SCORED, ELIGIBLE, Ensembles(sizes=[2], min_clean_accuracy=least)
    )
    assert list(eligible.member) == [name for name in ELIGIBLE[:4] if name not in left_out]
    conditions = all_conditions([], [], {"clean": 100}, {"clean": 2})
    skipped = skipped_table(SCORED, {}, {}, {}, {}, [], [], conditions, least)
    assert skipped.loc[skipped["skipped"] == "ensembles", "member"].tolist() == left_out


def test_too_few_accurate_members_are_refused_and_too_few_members_are_not():
    strict = Ensembles(sizes=[3, 4], min_clean_accuracy=0.75)
    message = fault_of(pool.eligible_members, SCORED, ELIGIBLE, strict)
    assert (
        message
        == "ensembles.min_clean_accuracy: too few members reach 0.75 to form an ensemble; lower it"
    )
    assert list(pool.eligible_members(SCORED, ELIGIBLE[:2], strict).member) == ["a-s0"]


DESIGNS = [f"d{index // 3}" for index in range(12)]


def test_limits_are_shared_by_the_sizes():
    assert limits(12, [2, 3, 4], 10**6) == [66, 220, 495]
    assert limits(12, [4, 2, 3], 300) == [117, 66, 117]
    assert limits(12, [2, 3], 100) == [50, 50]


@pytest.mark.parametrize("count", [100, 50, 6])
def test_a_sample_is_drawn_from_all_ensembles_once(count):
    ensembles = pool.chosen_ensembles(DESIGNS, 3, count, seed=0)
    rows = [tuple(row) for row in ensembles.tolist()]
    assert len(set(rows)) == len(rows) == count
    assert set(rows) < set(combinations(range(12), 3))
    assert rows == sorted(rows)
    alike = [row for row in rows if len({DESIGNS[m] for m in row}) == 1]
    assert len(alike) == min(4, count // 2)
    np.testing.assert_array_equal(ensembles, pool.chosen_ensembles(DESIGNS, 3, count, seed=0))
    assert (ensembles != pool.chosen_ensembles(DESIGNS, 3, count, seed=1)).any()


@pytest.mark.parametrize("count", [495, 200, 30])
def test_what_a_sample_stands_for(count):
    designs = ["a"] * 6 + ["b", "c"] * 3
    chosen = pool.chosen_ensembles(designs, 4, count, seed=0)
    weights = stands_for(designs, chosen)
    alike = (chosen < 6).all(axis=1)
    assert weights[alike].sum() == pytest.approx(15)
    assert weights[~alike].sum() == pytest.approx(480)
    assert len(set(weights[alike])) == len(set(weights[~alike])) == 1


def test_a_sample_of_ensembles_of_one_design_takes_to_all_alike():
    """Of 20 + 10 ensembles of one design, 10 are drawn 2,000 times: each as often, but for
    chance."""
    designs = ["a"] * 6 + ["b"] * 5 + ["c"]
    ensembles = np.concatenate(
        [pool.chosen_ensembles(designs, 3, 20, seed) for seed in range(2000)]
    )
    kinds = np.unique(designs, return_inverse=True)[1][ensembles]
    alike = ensembles[(kinds == kinds[:, :1]).all(axis=1)]
    counts = pd.Series(map(tuple, alike.tolist())).value_counts()
    assert len(counts) == 20 + 10
    expected = 2000 * 10 / 30
    assert abs(counts - expected).max() < 5 * np.sqrt(expected)
