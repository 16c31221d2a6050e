"""The recommended model and what it has to beat: errors, calibration and costs."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from fault_messages import fault_of
from predicted import conditions_of, drawn, logits_of, predictions_of

from resiliency.analysis.assessment import NO_VALIDATION, assessment, temperature_of
from resiliency.analysis.coincident_failures import SHARED_FAILURES, shared_failures
from resiliency.analysis.contenders import MEMBER, comparison, contenders, under_corruptions
from resiliency.analysis.judging import both_halves, ensemble_of
from resiliency.metrics.classification import calibration_error, confidence_bins
from resiliency.metrics.errors import cost_matrix, read_costs
from resiliency.prediction.reading import read_validation
from resiliency.statistics.intervals import wilson
from resiliency.statistics.resampling import Resampling, Units

IMAGES, NAMES = 60, ["a-s0", "b-s0", "c-s0"]
SETTINGS = Resampling(50, 0.9, 0)
MEMBERS = pd.DataFrame(
    {
        "member": NAMES,
        "validation_accuracy": [0.5, 0.7, 0.9],
        "weights_kind": ["trained", "trained", "pretrained"],
        "macs": [3e6, 1e6, np.nan],
    }
)
DEPLOYMENT = pd.DataFrame(
    {
        "members": ["a-s0", "a-s0+b-s0", "b-s0+c-s0"],
        "size": [1, 2, 2],
        "macs": [3e6, 4e6, np.nan],
        "rule": "mean_probability",
        "selection_error": [0.3, 0.1, 0.2],
        "corrupted_error": [0.3, 0.1, 0.2],
        "baseline": [True, False, False],
        "number": [1, 2, 3],
        "instead": [1, 2, 2],
        "fit": True,
    }
)
TEMPERATURES = pd.DataFrame({"members": DEPLOYMENT.members, "temperature": [np.nan, 2.0, 2.0]})


def compared(predictions, deployment=DEPLOYMENT, names=(), classes=(), matrix=None) -> dict[str, pd.DataFrame]:
    """The tables of the contenders of a table deployment.csv."""
    roles = contenders(deployment)
    return comparison(roles, MEMBERS, predictions, TEMPERATURES, names, classes, SETTINGS, matrix)


@pytest.fixture
def predictions():
    return dict(zip(NAMES, drawn(len(NAMES), IMAGES)[1], strict=True))


@pytest.fixture
def validation(tmp_path):
    logits, labels = logits_of(2, IMAGES, 1)
    for name, of_member in zip(NAMES, logits, strict=False):
        np.save(tmp_path / f"{name}.npy", of_member[:1])
    return read_validation([tmp_path / f"{name}.npy" for name in NAMES], labels, {"a-s0", "b-s0"})


def test_each_ensemble_is_assessed_with_its_own_members(predictions, validation):
    tables = assessment(DEPLOYMENT, MEMBERS, predictions, validation, SETTINGS)
    of_ensemble = tables["temperatures"].drop_duplicates("members").set_index("members")
    chosen, _ = both_halves(predictions, SETTINGS)
    for joined in ("a-s0", "a-s0+b-s0"):
        own = ensemble_of(joined, "mean_probability", predictions, MEMBERS)
        assert of_ensemble.temperature[joined] == temperature_of(joined, own, MEMBERS, validation, chosen).value
    assert of_ensemble.fitted_images.to_dict() == {
        "a-s0": "validation",
        "a-s0+b-s0": "validation",
        "b-s0+c-s0": "corrupted",
    }
    assert of_ensemble.note["b-s0+c-s0"] == NO_VALIDATION
    assert of_ensemble.brier_difference.isna().to_dict() == {"a-s0": True, "a-s0+b-s0": False, "b-s0+c-s0": False}


def test_roles_are_compared_on_the_images_that_judge(predictions):
    needed = {name: predictions[name] for name in ("a-s0", "b-s0")}
    tables, half = compared(needed), both_halves(needed, SETTINGS)[1]
    table = tables["under_corruptions"].query("corruption == 'corrupted'").set_index("role")
    both = [[needed[name].probabilities(c)[half.images["corrupted"]] for name in needed] for c in range(4)]
    wrong = np.mean(both, axis=1).argmax(axis=-1) != needed["a-s0"].labels(1)[half.images["corrupted"]]
    assert table.error["best ensemble"] == pytest.approx(wrong[1:].mean())
    assert table.severities.unique() == ["1+2+3"]
    ensembles = dict.fromkeys(["recommended model", "best ensemble"], "a-s0+b-s0")
    assert table.members.to_dict() == ensembles | {"best member": "a-s0", "baseline": "a-s0"}
    clean = tables["calibration"].query("images == 'clean'").groupby("role").predictions.sum()
    assert clean.to_dict() == dict.fromkeys(contenders(DEPLOYMENT), IMAGES // 2)


def test_shared_failures_by_loops(predictions):
    """Of an ensemble of three on the images that judge; its pair is that of the other images."""
    both = both_halves(predictions, SETTINGS)
    found, labels = shared_failures(NAMES, [*predictions.values()], *both), predictions["a-s0"].labels(0)
    answers = {name: np.array([of.decisions(c) for c in range(4)]) for name, of in predictions.items()}
    for images, conditions in (("clean", [0]), ("fog", [1, 2, 3]), ("corrupted", [1, 2, 3])):
        chosen = np.ix_(conditions, both[1].images["clean"])
        given, right = {name: of[chosen] for name, of in answers.items()}, labels[chosen[1]]
        pairs, wrong = list(combinations(given, 2)), {name: (of != right) for name, of in given.items()}
        together = {(a, b): (wrong[a] & wrong[b]).mean() for a, b in pairs}
        independent = {(a, b): np.sqrt(wrong[a].mean() * wrong[b].mean()) for a, b in pairs}
        undetected = {(a, b): (wrong[a] & wrong[b] & (given[a] == given[b])).mean() for a, b in pairs}
        row, mean = found[images], lambda of: np.mean(list(of.values()))
        assert row["common_failures"] == pytest.approx(mean(together) / mean(independent))
        assert row["undetected"] == pytest.approx(mean(undetected))
        assert row["availability"] == pytest.approx(np.mean([(given[a] == given[b]).mean() for a, b in pairs]))
        pair = tuple(row["pair"].split("+"))
        assert row["pair_common_failures"] == pytest.approx(together[pair] / independent[pair])
        for name in ("common_failures", "undetected", "availability", "pair_common_failures"):
            assert 0 <= row[f"{name}_low"] < row[name] < row[f"{name}_high"] <= 1
    failed = {name: of[1:, both[0].images["clean"]] != labels[both[0].images["clean"]] for name, of in answers.items()}
    assert pair == max(combinations(failed, 2), key=lambda two: (failed[two[0]] & failed[two[1]]).sum())


def test_members_without_errors_share_no_known_part_of_them(predictions):
    """And a single member has no pair."""
    labels, images = predictions["a-s0"].labels(0), IMAGES
    sure = predictions_of(conditions_of(["fog"], [1, 2, 3], images), labels, np.stack([np.eye(3)[labels] * 9] * 4))
    row = shared_failures(NAMES[:2], [sure] * 2, *both_halves(predictions, SETTINGS))["corrupted"]
    assert np.isnan([row["common_failures"], row["common_failures_low"], row["pair_common_failures"]]).all()
    assert row["undetected"] == 0 < row["undetected_high"]
    assert row["availability_low"] < row["availability"] == 1
    alone = compared(predictions, DEPLOYMENT.iloc[:1])["under_corruptions"]
    assert alone[SHARED_FAILURES].isna().all(axis=None)


@pytest.mark.parametrize(("cost", "best"), [(5e6, "a-s0"), (3e6, "d-s0"), (np.nan, "d-s0")])
def test_the_best_member_costs_no_more_than_a_recommended_ensemble(cost, best):
    """What costs an unknown amount may cost no more. If a single member is recommended, the best may cost more."""
    dearer = DEPLOYMENT.iloc[:1].assign(members="d-s0", macs=cost, selection_error=0.2, number=4)
    table = pd.concat([DEPLOYMENT, dearer], ignore_index=True)
    assert contenders(table)["best member"]["members"] == best
    assert contenders(table.assign(instead=1))["best member"]["members"] == "d-s0"


def test_errors_and_differences_by_hand():
    """Two severities of fog, one of snow, on two images."""
    first = np.array([[0, 1], [0, 1], [0, 0]], float)
    other = np.array([[1, 1], [1, 0], [1, 1]], float)
    counts, units = np.array([[1, 1]] * 50 + [[2, 0], [0, 2]] * 25), Units.single(2)
    rows = under_corruptions({"best ensemble": first, "baseline": other}, ["fog", "fog", "snow"], counts, units, 0.9)
    rows = pd.DataFrame(rows).set_index(["role", "corruption"])
    assert rows.error.tolist() == [0.5, 0, 0.25, 0.75, 1, 0.875]
    assert rows.difference.loc["baseline"].tolist() == [-0.25, -1, -0.625]
    assert rows.difference.loc["best ensemble"].isna().all()
    assert set(rows.n_images) == {2}
    fog = rows.loc[("best ensemble", "fog")]
    assert 0 <= fog.low < 0.5 < fog.high <= 1
    # Of the resamples, half are of one image alone, with a difference of -1 or of .5.
    assert rows.loc[("baseline", "fog"), ["difference_low", "difference_high"]].tolist() == pytest.approx([-1, 0.5])
    alike = rows.loc[("baseline", "snow"), ["difference_low", "difference_high"]]  # of both images
    assert alike.tolist() == pytest.approx([-1, -1 + wilson(np.zeros(1), 2, 0.95)[1][0]])
    ends = -1, -0.625 + 1.645 * 0.375 / np.sqrt(2)  # of -1 and -.25, within the range
    overall = rows.loc[("baseline", "corrupted"), ["difference_low", "difference_high"]]
    assert overall.tolist() == pytest.approx(ends, abs=1e-3)


def test_equal_errors_of_models_that_differ_elsewhere_may_differ():
    """Under fog no image of 40 does; both levels are of one comparison or of two."""
    first, other = np.zeros((2, 40)), np.vstack([np.zeros(40), np.arange(40) % 2])
    counts = np.random.default_rng(0).multinomial(40, np.full(40, 1 / 40), 99)
    rows = under_corruptions({"a": first, "b": other, "c": first}, ["fog", "snow"], counts, Units.single(40), 0.9)
    table = pd.DataFrame(rows)
    fog = table[table.corruption == "fog"].set_index("role")[["difference_low", "difference_high"]]
    assert fog.loc["b"].tolist() == pytest.approx([-0.0876, 0.0876], abs=1e-4)  # at 95%
    assert fog.loc["c"].tolist() == [0, 0]


def test_bins_have_the_calibration_error_of_all_predictions(predictions):
    bins = compared(predictions)["calibration"].query("role == 'recommended model'")
    clean, corrupted = (bins[bins.images == images] for images in ("clean", "corrupted"))
    images = both_halves(predictions, SETTINGS)[1].images["corrupted"]
    both = [predictions[name] for name in ("a-s0", "b-s0")]
    mean = np.mean([[m.probabilities(c)[images] for c in (1, 2, 3)] for m in both], axis=0).reshape(-1, 3)
    labels = np.tile(both[0].labels(0)[images], 3)
    gap = (corrupted.accuracy - corrupted.mean_confidence).abs() @ corrupted.predictions / corrupted.predictions.sum()
    assert [of.predictions.sum() for of in (clean, corrupted)] == [30, 90]
    assert gap == pytest.approx(calibration_error(confidence_bins(mean, labels)), rel=1e-4)
    assert corrupted.mean_confidence.between(corrupted.bin_low, corrupted.bin_high + 1e-9).all()


CLASSES = ["stop", "yield", "speed limit 30"]
FILE = "true,stop,yield,speed limit 30\nstop,0,5,\nyield,,,2.5\n"


def written(tmp_path, text: str):
    path = tmp_path / "costs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_not_listed_costs_one_and_right_answers_nothing(tmp_path):
    costs = read_costs(written(tmp_path, "\ufeff" + FILE))
    assert costs == {("stop", "stop"): 0, ("stop", "yield"): 5, ("yield", "speed limit 30"): 2.5}
    assert cost_matrix(costs, CLASSES).tolist() == [[0, 5, 1], [1, 0, 2.5], [1, 1, 0]]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("true,stop\n", "got none"),
        ("true,stop,yield\nstop,0,-1\n", "stop, yield: expected a number of 0 or more, got '-1'"),
        ("true,stop,stop\nstop,0,1\n", "column per class, got 2 of 'stop'"),
        ("true,stop\nstop,0\nstop,1\n", "row per class, got 2 of 'stop'"),
        ("true,stop\nstop,0,3\n", "stop: expected 1 costs"),
        ("true,stopp\nstop,0\n", "stopp"),
    ],
)
def test_tables_that_are_refused(tmp_path, text, named):
    path = written(tmp_path, text)
    assert named in fault_of(lambda: cost_matrix(read_costs(path), CLASSES))


def costed(predictions, rule: str, matrix: np.ndarray) -> tuple:
    """The tables; labels, and outputs of the recommended ensemble under each condition."""
    judged = both_halves(predictions, SETTINGS)[1].images["clean"]
    tables = compared(predictions, DEPLOYMENT.assign(rule=rule), classes=["c0", "c1", "c2"], matrix=matrix)
    ensemble = ensemble_of("a-s0+b-s0", rule, predictions, MEMBERS)
    labels = ensemble.members[0].labels(0)[judged]
    return tables, labels, [next(ensemble.outputs(condition, judged)) for condition in range(4)]


MATRIX = np.array([[0, 3, 7], [2, 0, 5], [8, 4, 0]], float)


@pytest.mark.parametrize("of_right", [0, 1000])
def test_costs_and_confusions_against_plain_sums(predictions, of_right):
    """What right answers cost belongs to no confusion."""
    matrix = MATRIX + of_right * np.eye(3)
    tables, labels, outputs = costed(predictions, "mean_probability", matrix)
    answers = np.array([of.log_probabilities.argmax(axis=-1) for of in outputs[1:]])
    spent = matrix[labels, answers]
    row = tables["costs"].set_index(["role", "images"]).loc["recommended model", "corrupted"]
    expected = answers.size, spent.mean(), (answers != labels).mean()
    assert (row.answers, row.cost, row.error) == pytest.approx(expected)
    assert row.cost_low <= row.cost <= row.cost_high
    assert tables["costs"].set_index("role").members[MEMBER].unique().tolist() == ["a-s0", "b-s0"]
    confusions = tables["costly_confusions"].query("role == 'recommended model' and images == 'corrupted'")
    costly = (confusions["count"] * confusions.cost).tolist()
    assert costly == sorted(costly, reverse=True)
    pairs = pd.DataFrame({"label": np.tile(labels, 3), "answer": answers.ravel(), "spent": spent.ravel()})
    sums = pairs[pairs.label != pairs.answer].groupby(["label", "answer"]).spent.sum()
    assert costly[0] == sums.max()
    assert confusions.cost_share.iloc[0] == pytest.approx(sums.max() / spent.sum())


def test_the_cost_of_a_plurality_vote_is_that_of_its_answers(predictions):
    tables, _, outputs = costed(predictions, "plurality_vote", 1.0 - np.eye(3))
    row = tables["costs"].set_index(["role", "images"]).loc["recommended model", "clean"]
    assert (row.cost, row.error) == pytest.approx([outputs[0].errors.mean()] * 2)
