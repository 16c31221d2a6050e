"""Tables of members: ranks, also of those that are added, effective robustness, learning curves and
warnings."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fault_messages import fault_of
from predicted import conditions_of, predictions_of
from scipy.special import logit
from scipy.stats import linregress

from resiliency.analysis.compared_members import fitted_line, rank_rows, size_table
from resiliency.analysis.member_tables import (
    _row,
    copies,
    error_scores,
    late_gain,
    outside_scores,
    still_learning,
)
from resiliency.designs.members import Member
from resiliency.external.contents import read_contents
from resiliency.external.tables import External
from resiliency.metrics.classification import member_warnings, near_chance
from resiliency.report.overview import added_table
from resiliency.statistics.intervals import SHARE, jackknife
from resiliency.statistics.resampling import Resampling

RESAMPLING = Resampling(500, 0.95, 0)


def errors_of(rates):
    """Errors of members on images that are as hard for all: the more accurate err on a part of
    where the others do."""
    random = np.random.default_rng(0)
    hard = random.random(2000)
    return np.stack([hard + random.normal(0, 0.1, 2000) > 1 - rate for rate in rates]).astype(float)


def test_members_are_ranked_by_error_with_intervals():
    """Those that cannot be told apart share their ranks; of a copy no number of images would do."""
    table = rank_rows(
        ["bad", "good", "fair", "as fair"], errors_of([0.5, 0.1, 0.3, 0.3]), RESAMPLING, "clean"
    )
    assert table.member[[0, 3]].tolist() == ["good", "bad"]
    assert table[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1], [2, 3], [2, 3], [4, 4]]
    assert (table.next_low[[0, 2]] > 0).all()
    assert table.next_low[1] < 0
    assert np.isnan(table.next_difference[3])
    copied = rank_rows(
        ["a", "copy", "worse"], errors_of([0.3, 0.6])[[0, 0, 1]], RESAMPLING, "clean"
    )
    assert copied.next_difference[0] == 0
    assert np.isnan(copied.n_images_needed[0])
    certain = rank_rows(
        ["right", "wrong"], np.repeat([[0.0], [1.0]], 50, axis=1), RESAMPLING, "clean"
    )
    assert certain[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1], [2, 2]]


def test_the_images_needed_are_those_of_a_paired_comparison():
    errors = np.zeros((2, 100))
    errors[0, :10], errors[1, 5:25] = 1, 1
    table = rank_rows(["a", "b"], errors, RESAMPLING, "clean")
    difference = errors[1] - errors[0]
    expected = (1.959964 + 0.841621) ** 2 * difference.var(ddof=1) / difference.mean() ** 2
    assert table.n_images_needed[0] == np.ceil(expected)


ERROR_OF = {"a-s0": 0.1, "b-s0": 0.2, "c-s0": 0.6, "d-s0": 0.3}


def test_means_over_ensembles_of_a_size_and_their_changes():
    """Of ensembles that err half as much as their members on average; a further member takes part
    in none."""
    members = pd.DataFrame(
        {"member": [*ERROR_OF, "weak-s0"], "corrupted_error": [*ERROR_OF.values(), 0.9]}
    )
    members["clean_accuracy"] = 1 - members.corrupted_error
    rows = [
        ("+".join(names), size, np.mean([ERROR_OF[n] for n in names]) / 2, {2: 6, 3: 4}[size])
        for size in (2, 3)
        for names in combinations(ERROR_OF, size)
    ]
    ensembles = pd.DataFrame(rows, columns=["members", "size", "corrupted_error", "possible"])
    ensembles["clean_accuracy"] = ensembles["corrupted_accuracy"] = 1 - ensembles.corrupted_error
    ensembles = ensembles.assign(
        origin="independent", rule="mean", weight=1.0, mean_member_clean_accuracy=0.5
    )
    table = size_table(ensembles, members, 0.9)
    rows = table[table.measure == "corrupted_error"].set_index("size")
    assert rows["mean"].to_dict() == pytest.approx({1: 0.3, 2: 0.15, 3: 0.15})
    assert rows.ensembles.to_dict() == rows.possible.to_dict() == {1: 4, 2: 6, 3: 4}
    assert rows.change[[2, 3]].tolist() == pytest.approx([-0.15, 0])
    assert rows.lower_quartile[1] == pytest.approx(0.175)
    without = [
        np.mean([e for name, e in ERROR_OF.items() if name != left_out]) for left_out in ERROR_OF
    ]
    ends = jackknife(np.array([0.3, *without]), 0.9, SHARE).ends
    assert rows.loc[1, ["low", "high"]].tolist() == pytest.approx(list(ends))
    changes = jackknife(np.array([-0.15, *(-w / 2 for w in without)]), 0.9).ends
    assert rows.loc[2, ["change_low", "change_high"]].tolist() == pytest.approx(list(changes))


def test_the_line_is_that_of_least_squares_over_the_members_with_both_accuracies():
    random = np.random.default_rng(0)
    accuracy, shifted = random.uniform(0.5, 0.95, (2, 30))
    shifted[3], accuracy[4] = np.nan, np.nan
    kept = np.delete(np.arange(30), [3, 4])
    expected = linregress(logit(accuracy[kept]), logit(shifted[kept]))
    line = fitted_line(accuracy, shifted)
    of_scipy = {
        "slope": expected.slope,
        "intercept": expected.intercept,
        "r_squared": expected.rvalue**2,
    }
    assert line == pytest.approx(of_scipy | {"reference_members": 28})
    assert np.isnan(fitted_line(accuracy[:2], shifted[:2])["r_squared"])  # any two lie on a line


def test_scores_from_errors_are_means_over_severities_then_corruptions():
    rows = [
        ("clean", "clean", 0, 100, 0.1),
        ("clean", "fog", 1, 100, 0.2),
        ("clean", "fog", 2, 100, 0.4),
    ]
    rows += [
        ("clean", "snow", 1, 100, 0.5),
        ("clean", "snow", 2, 100, 0.7),
        ("other", "clean", 0, 0, 0.3),
    ]
    rows += [("clean", "saturate", 1, 100, 0.9), ("clean", "saturate", 2, 100, 0.9)]
    errors = pd.DataFrame(rows, columns=["test_set", "corruption", "severity", "n_images", "error"])
    scores = error_scores(errors, np.array([0.6, 0.6]), 0.2, 0.95)
    expected = {"clean_accuracy": 0.9, "other_accuracy": 0.7, "other_accuracy_low": np.nan}
    expected |= {"corrupted_error": (0.3 + 0.6) / 2}  # saturate is held out
    expected |= {"mce": (0.3 / 0.6 + 0.6 / 0.6) / 2, "relative_mce": (0.2 / 0.4 + 0.5 / 0.4) / 2}
    assert {name: scores[name] for name in expected} == pytest.approx(expected, nan_ok=True)
    assert (scores["clean_accuracy_low"], scores["clean_accuracy_high"]) == pytest.approx(
        (0.8256, 0.9448), abs=1e-4
    )
    both = pd.concat(
        [errors.assign(member="base"), errors.assign(member="one", error=errors["error"] / 2)]
    )
    relative = outside_scores(both, {}, "base", 0.95)
    for ratio in ("mce", "relative_mce"):
        assert {name: of[ratio] for name, of in relative.items()} == pytest.approx(
            {"base": 1, "one": 0.5}
        )
    faultless = both.assign(
        error=both["error"].mask((both["member"] == "base") & (both["corruption"] == "snow"), 0)
    )
    for scored, under in (({}, "snow"), ({"two": relative["one"]}, "")):
        of = outside_scores(faultless, scored, "base", 0.95)["one"]
        assert of["mce_undefined_under"] == of["relative_mce_undefined_under"] == under


@pytest.mark.parametrize(("last", "gain"), [(0.93, 0.03), (0.9, 0.0)])
def test_joint_training_that_still_gains_is_said_of_its_setting_alone(last, gain):
    """The mean of its ensembles decides: one of them rose, the other did not."""
    curve = pd.DataFrame(
        {"epoch": range(1, 11), "validation_accuracy": [*np.linspace(0.1, 0.9, 7), 0.8, 0.85, last]}
    )
    settled = curve.assign(validation_accuracy=0.9)
    members = [
        Member(f"kl-l0-s{seed}-m0", origin="joint", setting="kl-l0", seed=seed) for seed in (0, 1)
    ]
    others = [Member("kl-l1-s0-m0", origin="joint", setting="kl-l1"), Member("vit-s0")]
    histories = {members[0].member: curve, members[1].member: settled}
    histories |= {"kl-l1-s0-m0": settled, "vit-s0": curve.assign(validation_accuracy=range(10))}
    assert late_gain(curve) == pytest.approx(gain)
    expected = {member.member for member in members} if gain else set()
    assert still_learning([*members, *others], histories) == expected


THREE = np.repeat([0, 1, 2], 100)


@pytest.mark.parametrize(
    ("accuracy", "labels", "near"),
    [
        (0.39, THREE, True),  # a tenth of the way from 1/3 to 1 is 0.4
        (0.41, THREE, False),
        (0.55, np.repeat([0, 1], [5, 5]), True),  # 0.5 with a standard error of 0.16
        (0.9, np.repeat([0, 1], [5, 5]), False),
        (0.9, np.repeat([0, 1], [90, 10]), True),  # as often right as if the answer were always 0
        (0.12, np.arange(1000), False),
        (1, np.array([3, 8]), False),  # of two images, no accuracy tells
    ],
)
def test_chance_is_to_answer_the_most_frequent_class(accuracy, labels, near):
    assert near_chance(accuracy, labels) == near


def test_members_that_answer_alike_are_named():
    table, labels = conditions_of(["fog"], [1], 30), np.tile([0, 1, 2], 10)
    logits = np.random.default_rng(0).normal(size=(3, 2, 30, 3)).astype(np.float16)
    logits[2] = logits[0]
    almost = logits[0].copy()
    almost[1, 29, 2] += 1
    of = {
        name: predictions_of(table, labels, values)
        for name, values in zip("abc", logits, strict=True)
    }
    of |= {"d": predictions_of(table, labels, almost)}
    assert copies(of) == {"c": "a"}
    decided = {name: predictions_of(table, labels, logits[0].argmax(-1)) for name in "ef"}
    right = {name: predictions_of(table, labels, np.stack([labels, labels])) for name in "gh"}
    assert copies(of | decided | right) == {"c": "a", "f": "e"}


def test_members_have_warnings_and_the_length_of_their_training():
    """Without predictions nothing but the description of a member is known; an imported one was not
    trained here."""
    assert member_warnings(0.9, THREE, 400) == member_warnings(0.9, THREE, None) == []
    assert member_warnings(0.2, THREE[::5], 99) == [
        "near chance",
        "few optimisation steps",
        "few test images",
    ]
    here = Member("d-s0", design="d", training_cost={"epochs": 4, "steps": 100})
    rows = [_row(member, {}, None, []) for member in (here, Member("imported"))]
    assert [row["training_epochs"] for row in rows] == [4, None]


def test_a_report_says_where_an_added_member_ranks():
    columns = ["member", "clean_accuracy", "clean_accuracy_low", "clean_accuracy_high"]
    members = pd.DataFrame([["one", 0.9, 0.88, 0.92], ["mine", 0.8, 0.77, 0.83]], columns=columns)
    columns = [
        "member",
        "images",
        "accuracy",
        "low",
        "high",
        "predicted_accuracy",
        "effective_robustness",
    ]
    rows = [
        ["one", "night", 0.4, 0.37, 0.43, 0.5, -0.1],
        ["mine", "night", 0.6, 0.57, 0.63, 0.5, 0.1],
    ]
    assert added_table("mine", members, pd.DataFrame(rows, columns=columns))[1:] == [
        ["clean", "2 of 2", "20.0% [17.0, 23.0]", "–"],
        ["night", "1 of 2", "40.0% [37.0, 43.0]", "10.0 [7.0, 13.0]"],
    ]


STUDY = External(decisions="published.csv", clean="original", test_sets=["night", "day"])


def of_study(*names: str, member: str) -> str:
    """A table of decisions on three images of each of these test sets."""
    rows = [f"{name},{image},{image},{image}" for name in names for image in range(3)]
    return "\n".join([f"test_set,image,label,{member}", *rows])


def test_a_file_with_some_test_sets_of_the_study_is_enough(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    published = of_study("original", "night", "day", "fog.1", member="one")
    Path("published.csv").write_text(published, encoding="utf-8")
    Path("mine.csv").write_text(of_study("night", "own", "fog.1", member="mine"), encoding="utf-8")
    contents = read_contents(STUDY, ["fog"], [1], None, ["mine.csv"])
    assert (contents.sources[0].names["clean"], contents.test_sets) == ("night", [])
    assert (contents.added, contents.corruptions) == (["mine"], [])
    assert all(
        contents.left_out[name].startswith("not in mine.csv") for name in ("original", "day")
    )
    assert "none.csv: there is no such file" in fault_of(
        read_contents, STUDY, ["fog"], [1], None, ["none.csv"]
    )


def test_a_table_of_errors_that_is_added_has_the_test_sets_of_its_columns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for member in ("one", "mine"):
        Path(f"{member}.csv").write_text(
            f"member,original,night,day\n{member},10,20,30\n", encoding="utf-8"
        )
    study = External(
        scores="one.csv", score_type="error", clean="original", test_sets=["night", "day"]
    )
    contents = read_contents(study, ["fog"], [1], None, ["mine.csv"])
    assert contents.kinds == {"one": "scores", "mine": "scores"}
    assert (contents.test_sets, contents.left_out) == (["night", "day"], {})


def test_a_folder_that_is_added_holds_logits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("published.csv").write_text(of_study("original", member="one"), encoding="utf-8")
    arguments = (
        External(decisions="published.csv", clean="original"),
        ["fog"],
        [1],
        None,
        ["outputs"],
    )
    for folder, array in (("labels", np.arange(3)), ("net", 3 * np.eye(3, dtype=np.float32))):
        Path("outputs", folder).mkdir(parents=True)
        np.save(f"outputs/{folder}/original.npy", array)
    assert read_contents(*arguments).kinds == {"one": "decisions", "net": "logits"}
    for total in (1, 0.95):  # rounded ones too
        np.save("outputs/net/original.npy", total * np.eye(3, dtype=np.float32))
        said = (
            f"no value is negative, and rows sum to {total} at most; expected logits, got "
            "probabilities"
        )
        assert said in fault_of(read_contents, *arguments)
