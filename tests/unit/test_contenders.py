"""The recommended model and what it has to beat: errors, calibration, confusions, costs,
examples."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from predicted import conditions_of, logits_of, predictions_of
from scipy.special import softmax
from scipy.stats import binomtest, norm, t

from resiliency.analysis import contenders as models
from resiliency.analysis.assessment import NO_VALIDATION, assessment, temperature_of
from resiliency.analysis.coincident_failures import SHARED_FAILURES, shared_failures
from resiliency.analysis.judging import both_halves, ensemble_of
from resiliency.analysis.pictures import data_url, failure_pictures
from resiliency.metrics.classification import (
    calibration_error,
    confidence_bins,
    cost_matrix,
    read_costs,
    scaled,
)
from resiliency.prediction.reading import read_validation
from resiliency.statistics.intervals import wilson
from resiliency.statistics.resampling import Resampling, Units

IMAGES, NAMES = 60, ["a-s0", "b-s0", "c-s0"]
SETTINGS = Resampling(50, 0.9, 0)
MEMBERS = pd.DataFrame(
    {"member": NAMES, "validation_accuracy": [0.5, 0.7, 0.9], "macs": [3e6, 1e6, np.nan]}
)
MEMBERS["weights_kind"] = ["trained", "trained", "pretrained"]
DEPLOYMENT = pd.DataFrame(
    {"members": ["a-s0", "a-s0+b-s0", "b-s0+c-s0"], "size": [1, 2, 2], "number": [1, 2, 3]}
)
DEPLOYMENT = DEPLOYMENT.assign(
    macs=[3e6, 4e6, np.nan], rule="mean_probability", selection_error=[0.3, 0.1, 0.2]
)
DEPLOYMENT = DEPLOYMENT.assign(
    corrupted_error=[0.3, 0.1, 0.2], baseline=[True, False, False], instead=[1, 2, 2]
)
DEPLOYMENT["fit"] = True
TEMPERATURES = pd.DataFrame({"members": DEPLOYMENT.members, "temperature": [np.nan, 2.0, 2.0]})
CLASSES = ["cat", "dog", "01"]
COSTS = np.array([[0, 3, 7], [2, 0, 5], [8, 4, 0]], float)
TABLE = conditions_of(["fog", "snow"], [1, 2], IMAGES)
DRAWN, LABELS = logits_of(len(NAMES), IMAGES, 0)
LOGITS = np.concatenate([DRAWN, 0.4 * np.stack(DRAWN)[:, 1:2, :, ::-1]], axis=1)
PREDICTIONS = {
    name: predictions_of(TABLE, LABELS, of) for name, of in zip(NAMES, LOGITS, strict=True)
}
HALVES = both_halves(PREDICTIONS, SETTINGS)
EVALUATED = HALVES[1].images["clean"]
TRUE = LABELS[EVALUATED]
# Probabilities of the recommended ensemble a + b under each condition on the images that judge;
# whether it is wrong.
MEANS = softmax(LOGITS[:2, :, EVALUATED].astype(float), axis=-1).mean(axis=0)
ANSWERS = MEANS.argmax(axis=-1)
WRONG = TRUE != ANSWERS
CONDITIONS = {"clean": [0], "fog": [1, 2], "snow": [3, 4], "corrupted": [1, 2, 3, 4]}


def compared(deployment=DEPLOYMENT, matrix=COSTS) -> dict[str, pd.DataFrame]:
    """The tables of the contenders of a table deployment.csv."""
    roles, names = models.contenders(deployment), [f"{place:03}" for place in range(IMAGES)]
    return models.comparison(roles, PREDICTIONS, TEMPERATURES, names, CLASSES, SETTINGS, matrix)


@pytest.fixture(scope="module")
def found():
    return compared()


def test_each_ensemble_is_assessed_with_its_own_members(tmp_path):
    logits, labels = logits_of(2, IMAGES, 1)
    for name, of_member in zip(NAMES, logits, strict=False):
        np.save(tmp_path / f"{name}.npy", of_member[:1])
    validation = read_validation(
        [tmp_path / f"{name}.npy" for name in NAMES], labels, {"a-s0", "b-s0"}
    )
    tables = assessment(DEPLOYMENT, MEMBERS, PREDICTIONS, validation, SETTINGS)
    of_ensemble = tables["temperatures"].drop_duplicates("members").set_index("members")
    for joined in ("a-s0", "a-s0+b-s0"):
        own = ensemble_of(joined, "mean_probability", PREDICTIONS)
        assert (
            of_ensemble.temperature[joined]
            == temperature_of(joined, own, MEMBERS, validation, HALVES[0]).value
        )
    assert of_ensemble.fitted_images.tolist() == ["validation", "validation", "corrupted"]
    assert of_ensemble.note["b-s0+c-s0"] == NO_VALIDATION
    assert of_ensemble.brier_difference.isna().tolist() == [True, False, False]


def test_roles_are_compared_on_the_images_that_judge(found):
    table = found["under_corruptions"].set_index(["role", "corruption"])
    for name, conditions in CONDITIONS.items():
        assert table.error["best ensemble", name] == pytest.approx(WRONG[conditions].mean())
        assert table.severities["baseline", name] == ("0" if name == "clean" else "1+2")
    ensembles = dict.fromkeys(["recommended model", "best ensemble"], "a-s0+b-s0")
    of_roles = found["under_corruptions"].drop_duplicates("role").set_index("role").members
    assert of_roles.to_dict() == ensembles | {"best member": "a-s0", "baseline": "a-s0"}


def test_bins_have_the_calibration_error_of_all_predictions(found):
    clean = found["calibration"].query("images == 'clean'").groupby("role").predictions.sum()
    assert clean.to_dict() == dict.fromkeys(models.contenders(DEPLOYMENT), len(EVALUATED))
    bins = found["calibration"].query("role == 'recommended model' and images == 'corrupted'")
    gap = (bins.accuracy - bins.mean_confidence).abs() @ bins.predictions / bins.predictions.sum()
    assert bins.predictions.sum() == 4 * len(EVALUATED)
    expected = calibration_error(confidence_bins(MEANS[1:].reshape(-1, 3), np.tile(TRUE, 4)))
    assert gap == pytest.approx(expected, rel=1e-4)
    assert bins.mean_confidence.between(bins.bin_low, bins.bin_high + 1e-9).all()


def test_shared_failures_by_loops():
    """Of an ensemble of three on the images that judge; its pair is that of the other images."""
    found = shared_failures(NAMES, [*PREDICTIONS.values()], *HALVES)
    answers = dict(zip(NAMES, LOGITS.argmax(axis=-1), strict=True))
    for images, conditions in CONDITIONS.items():
        given = {name: of[np.ix_(conditions, EVALUATED)] for name, of in answers.items()}
        pairs, wrong = (
            list(combinations(given, 2)),
            {name: of != TRUE for name, of in given.items()},
        )
        together = {(a, b): (wrong[a] & wrong[b]).mean() for a, b in pairs}
        independent = {(a, b): np.sqrt(wrong[a].mean() * wrong[b].mean()) for a, b in pairs}
        undetected = {
            (a, b): (wrong[a] & wrong[b] & (given[a] == given[b])).mean() for a, b in pairs
        }
        row, mean = found[images], lambda of: np.mean(list(of.values()))
        assert row["common_failures"] == pytest.approx(mean(together) / mean(independent))
        assert row["undetected"] == pytest.approx(mean(undetected))
        assert row["availability"] == pytest.approx(
            np.mean([(given[a] == given[b]).mean() for a, b in pairs])
        )
        pair = tuple(row["pair"].split("+"))
        assert row["pair_common_failures"] == pytest.approx(together[pair] / independent[pair])
        for name in ("common_failures", "undetected", "availability", "pair_common_failures"):
            assert 0 <= row[f"{name}_low"] < row[name] < row[f"{name}_high"] <= 1
    chosen_on = HALVES[0].images["clean"]
    failed = {name: of[1:, chosen_on] != LABELS[chosen_on] for name, of in answers.items()}
    assert pair == max(
        combinations(failed, 2), key=lambda two: (failed[two[0]] & failed[two[1]]).sum()
    )


def test_members_without_errors_share_no_known_part_of_them():
    """And a single member has no pair."""
    sure = predictions_of(TABLE, LABELS, np.stack([np.eye(3)[LABELS] * 9] * len(TABLE)))
    row = shared_failures(NAMES[:2], [sure] * 2, *HALVES)["corrupted"]
    assert np.isnan(
        [row["common_failures"], row["common_failures_low"], row["pair_common_failures"]]
    ).all()
    assert row["undetected"] == 0 < row["undetected_high"]
    assert row["availability_low"] < row["availability"] == 1
    assert compared(DEPLOYMENT.iloc[:1])["under_corruptions"][SHARED_FAILURES].isna().all(axis=None)


def test_without_a_fit_model_only_the_baseline_is_compared():
    nobody, baseline = (
        compared(DEPLOYMENT.assign(fit=False, **of)) for of in ({"baseline": False}, {})
    )
    assert all(table.empty and len(table.columns) for table in nobody.values())
    assert set(baseline["under_corruptions"].role) == set(baseline["costs"].role) == {"baseline"}
    assert baseline["failures"].empty


@pytest.mark.parametrize(("cost", "best"), [(5e6, "a-s0"), (3e6, "d-s0"), (np.nan, "d-s0")])
def test_the_best_member_costs_no_more_than_a_recommended_ensemble(cost, best):
    """What costs an unknown amount may cost no more. If a single member is recommended, the best
    may cost more."""
    dearer = DEPLOYMENT.iloc[:1].assign(members="d-s0", macs=cost, selection_error=0.2, number=4)
    table = pd.concat([DEPLOYMENT, dearer], ignore_index=True)
    assert models.contenders(table)["best member"]["members"] == best
    assert models.contenders(table.assign(instead=1))["best member"]["members"] == "d-s0"


def test_errors_and_differences_by_hand():
    """Two severities of fog, one of snow, on two images."""
    first = np.array([[0, 1], [0, 1], [0, 0]], float)
    other = np.array([[1, 1], [1, 0], [1, 1]], float)
    counts, units = np.array([[1, 1]] * 50 + [[2, 0], [0, 2]] * 25), Units.single(2)
    errors = {"best ensemble": first, "baseline": other}
    rows = models.under_corruptions(errors, ["fog", "fog", "snow"], counts, units, 0.9)
    rows = pd.DataFrame(rows).set_index(["role", "corruption"])
    assert rows.error.tolist() == [0.5, 0, 0.25, 0.75, 1, 0.875]
    assert rows.difference.loc["baseline"].tolist() == [-0.25, -1, -0.625]
    assert rows.difference.loc["best ensemble"].isna().all()
    assert set(rows.n_images) == {2}
    fog = rows.loc[("best ensemble", "fog")]
    assert 0 <= fog.low < 0.5 < fog.high <= 1
    # Of the resamples, half are of one image alone, with a difference of -1 or of .5.
    assert rows.loc[
        ("baseline", "fog"), ["difference_low", "difference_high"]
    ].tolist() == pytest.approx([-1, 0.5])
    alike = rows.loc[("baseline", "snow"), ["difference_low", "difference_high"]]  # of both images
    assert alike.tolist() == pytest.approx([-1, -1 + wilson(np.zeros(1), 2, 0.95)[1][0]])
    ends = -1, -0.625 + 1.645 * 0.375 / np.sqrt(2)  # of -1 and -.25, within the range
    overall = rows.loc[("baseline", "corrupted"), ["difference_low", "difference_high"]]
    assert overall.tolist() == pytest.approx(ends, abs=1e-3)


def test_equal_errors_of_models_that_differ_elsewhere_may_differ():
    """Under fog no image of 40 does; both levels are of one comparison or of two."""
    first, other = np.zeros((2, 40)), np.vstack([np.zeros(40), np.arange(40) % 2])
    counts = np.random.default_rng(0).multinomial(40, np.full(40, 1 / 40), 99)
    errors = {"a": first, "b": other, "c": first}
    table = pd.DataFrame(
        models.under_corruptions(errors, ["fog", "snow"], counts, Units.single(40), 0.9)
    )
    fog = table[table.corruption == "fog"].set_index("role")[["difference_low", "difference_high"]]
    assert fog.loc["b"].tolist() == pytest.approx([-0.0876, 0.0876], abs=1e-4)  # at 95%
    assert fog.loc["c"].tolist() == [0, 0]


def test_confusions_are_counts_of_images_that_chose_nothing(found):
    assert list(found["confusions"]) == models.CONFUSIONS
    assert dict.fromkeys(found["confusions"].role) == dict.fromkeys(
        ["recommended model", "best member"]
    )
    counts = (
        found["confusions"].set_index(["role", "images", "class", "predicted"]).answers.sort_index()
    )
    for name in ("clean", "corrupted"):
        for place, of in enumerate(CLASSES):
            for other, predicted in enumerate(CLASSES):
                expected = ((place == TRUE) & (ANSWERS[CONDITIONS[name]] == other)).sum()
                assert counts.get(("recommended model", name, of, predicted), 0) == expected
    np.testing.assert_allclose(
        found["confusions"].groupby(["role", "images", "class"]).share.sum(), 1
    )
    alone = LOGITS[0, 0, EVALUATED].argmax(axis=-1)
    assert counts["best member", "clean"].sum() == len(EVALUATED)
    assert counts["best member", "clean"].get(("cat", "cat")) == ((alone == 0) & (TRUE == 0)).sum()


def test_errors_of_classes_are_means_over_their_images_and_severities(found):
    rows = found["class_errors"].set_index(["role", "class", "corruption"])
    for place, name in enumerate(CLASSES):
        own = place == TRUE
        for corruption, conditions in CONDITIONS.items():
            of_images = WRONG[np.ix_(conditions, own)].mean(axis=0)
            row = rows.loc["recommended model", name, corruption]
            assert (row.error, row.n_images, row.confidence) == pytest.approx(
                (of_images.mean(), own.sum(), 0.9)
            )
            assert row.low <= row.error <= row.high
            if corruption == "clean":
                interval = binomtest(int(of_images.sum()), int(own.sum())).proportion_ci(
                    0.9, "wilson"
                )
                assert (row.low, row.high) == pytest.approx((interval.low, interval.high))
    assert len(rows) == 2 * len(CLASSES) * 4


def test_few_units_of_a_class_vary_as_a_sample_does():
    """Sixteen units of 5 images, of which 3, 2, 1 or 0 are wrong: p = .3, s^2 = 16 / 15 x 20 /
    80^2."""
    wrong = np.concatenate([np.repeat([1.0, 0.0], [of, 5 - of]) for of in [3, 2, 1, 0] * 4])
    row = models.class_error(wrong, Units.numbered(np.arange(80) // 5), 0.95)
    effective = 0.3 * 0.7 / (16 / 15 * 20 / 80**2) * (norm.ppf(0.975) / t(15).ppf(0.975)) ** 2
    assert (row["low"], row["high"]) == pytest.approx(wilson(0.3, effective, 0.95).ends)


def test_failures_are_the_most_confident_of_each_pair_and_corruption(found):
    sure = np.exp(scaled(np.log(MEANS), 2.0))  # at the temperature of the ensemble
    rows, places = np.nonzero(WRONG)
    wrong = pd.DataFrame({"corruption": TABLE.corruption.to_numpy()[rows], "class": TRUE[places]})
    wrong = wrong.assign(
        predicted=ANSWERS[rows, places], confidence=sure.max(axis=-1)[rows, places]
    )
    for kind, keys in (("classes", ["class", "predicted"]), ("corruption", ["corruption"])):
        shown = found["failures"][found["failures"].kind == kind]
        largest = wrong.groupby(keys).confidence.max().sort_values(ascending=False)[: models.MOST]
        np.testing.assert_allclose(shown.confidence, largest, rtol=1e-5)
        assert shown.confidence.is_monotonic_decreasing
    assert list(found["failures"]) == [*models.FAILURES, *models.CLEAN_ANSWERS]
    assert set(found["failures"]["class"]) <= set(CLASSES)
    assert (found["failures"].name == found["failures"].image.map("{:03}".format)).all()
    # Under the first such condition.
    nobody = (LOGITS[:2, :, EVALUATED].argmax(axis=-1) != TRUE).all(axis=0)
    shown = found["failures"][found["failures"].kind == "no member"]
    assert (
        shown.conditions.tolist()
        == sorted(nobody.sum(axis=0)[nobody.any(axis=0)], reverse=True)[: models.MOST]
    )
    for row in shown.itertuples():
        first = TABLE.iloc[nobody[:, np.flatnonzero(row.image == EVALUATED)[0]].argmax()]
        assert (row.corruption, row.severity) == (first.corruption, first.severity)


def test_failures_come_with_what_each_member_predicts_and_with_pictures(found):
    images = [
        np.full((IMAGES, 32, 32, 3), 10 * condition, np.uint8) for condition in range(len(TABLE))
    ]
    for condition, of in enumerate(images):
        of[:, 0, 0, 0] = np.arange(IMAGES) + condition
    clean = np.exp(scaled(np.log(MEANS[0]), 2.0))
    for row in failure_pictures(found["failures"], TABLE, images).itertuples():
        condition = TABLE.index[
            (TABLE.corruption == row.corruption) & (TABLE.severity == row.severity)
        ][0]
        for given, under in ((row.said, condition), (row.clean_said, 0)):
            each = [PREDICTIONS[name].probabilities(under)[row.image] for name in NAMES[:2]]
            assert given == "; ".join(f"{CLASSES[of.argmax()]} {of.max():.2f}" for of in each)
        of_image = clean[np.flatnonzero(row.image == EVALUATED)[0]]
        assert row.clean_predicted == CLASSES[of_image.argmax()]
        assert row.clean_confidence == pytest.approx(of_image.max(), rel=1e-5)
        assert (row.picture, row.clean) == (
            data_url(images[condition][row.image]),
            data_url(images[0][row.image]),
        )


def test_what_is_not_listed_costs_one_and_right_answers_nothing(write):
    costs = read_costs(write("\ufefftrue,cat,dog,01\ncat,0,5,\ndog,,,2.5\n"))
    assert costs == {("cat", "cat"): 0, ("cat", "dog"): 5, ("dog", "01"): 2.5}
    assert cost_matrix(costs, CLASSES).tolist() == [[0, 5, 1], [1, 0, 2.5], [1, 1, 0]]


@pytest.mark.parametrize("of_right", [0, 1000])
def test_costs_and_confusions_against_plain_sums(of_right):
    """What right answers cost belongs to no confusion."""
    matrix = COSTS + of_right * np.eye(3)
    tables, answers = compared(matrix=matrix), ANSWERS[1:]
    spent = matrix[TRUE, answers]
    row = tables["costs"].set_index(["role", "images"]).loc["recommended model", "corrupted"]
    assert (row.answers, row.cost, row.error) == pytest.approx(
        (answers.size, spent.mean(), WRONG[1:].mean())
    )
    assert row.cost_low <= row.cost <= row.cost_high
    assert tables["costs"].set_index("role").members[models.MEMBER].unique().tolist() == [
        "a-s0",
        "b-s0",
    ]
    confusions = tables["costly_confusions"].query(
        "role == 'recommended model' and images == 'corrupted'"
    )
    costly = (confusions["count"] * confusions.cost).tolist()
    assert costly == sorted(costly, reverse=True)
    pairs = pd.DataFrame(
        {"label": np.tile(TRUE, 4), "answer": answers.ravel(), "spent": spent.ravel()}
    )
    sums = pairs[pairs.label != pairs.answer].groupby(["label", "answer"]).spent.sum()
    assert costly[0] == sums.max()
    assert confusions.cost_share.iloc[0] == pytest.approx(sums.max() / spent.sum())


def test_the_cost_of_a_plurality_vote_is_that_of_its_answers():
    (outputs,) = ensemble_of("a-s0+b-s0", "plurality_vote", PREDICTIONS).outputs(0, EVALUATED)
    tables = compared(DEPLOYMENT.assign(rule="plurality_vote"), 1.0 - np.eye(3))
    row = tables["costs"].set_index(["role", "images"]).loc["recommended model", "clean"]
    assert (row.cost, row.error) == pytest.approx([outputs.errors.mean()] * 2)
