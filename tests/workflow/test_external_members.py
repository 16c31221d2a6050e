"""Members that are known by what others computed: studies of them alone, of several kinds, and
beside networks."""

import os
import shutil
from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest
import yaml
from replacing import replaced

CONDITIONS = ["clean", "fog.1", "fog.3", "snow.1", "snow.3", "night"]
IMAGES, CLASSES = 40, 3
ALONE = {
    "dataset": None,
    "members": {"designs": [], "baseline": "one"},
    "joint": None,
    "search": None,
    "corruptions": {"names": ["fog", "snow"], "severities": [1, 3]},
    "ensembles": {"sizes": [2], "rules": ["mean_probability", "plurality_vote"]},
    "statistics": {"resamples": 200},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Decisions of two members, probabilities of two others, errors of a fifth, on the same
    images."""
    folder, random = tmp_path_factory.mktemp("external"), np.random.default_rng(0)
    labels = random.integers(CLASSES, size=IMAGES)
    (folder / "outputs/labels").mkdir(parents=True)
    rows = []
    for condition in CONDITIONS:
        answers = {
            name: np.where(random.random(IMAGES) < 0.7, labels, 0) for name in ("one", "two")
        }
        columns = {"test_set": condition, "image": range(IMAGES), "label": labels}
        rows.append(pd.DataFrame(columns | answers))
        np.save(folder / f"outputs/labels/{condition}.npy", labels)
        for member in ("three", "four"):
            scores = random.random((IMAGES, CLASSES)) + np.eye(CLASSES)[labels]
            (folder / f"outputs/{member}").mkdir(exist_ok=True)
            np.save(
                folder / f"outputs/{member}/{condition}.npy",
                scores / scores.sum(axis=1, keepdims=True),
            )
    pd.concat(rows).to_csv(folder / "decisions.csv", index=False)
    errors = pd.DataFrame({"member": ["five"]} | {name: [12.5] for name in CONDITIONS})
    errors.to_csv(folder / "errors.csv", index=False)
    about = pd.DataFrame(
        {"member": ["one", "five"], "family": ["a", "b"], "parameters": [1e6, 2e6]}
    )
    about.to_csv(folder / "about.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def mixed(folder, workflow_in):
    external = {"decisions": "decisions.csv", "probabilities": "outputs", "members": "about.csv"}
    external |= {
        "scores": "errors.csv",
        "score_type": "error",
        "classes": ["{wildcard}", "true", "c d"],
    }
    study = ALONE | {"study": "mixed", "external": external}
    finished = workflow_in(folder, study)
    finished.finish("--cores", "2", "tables")
    return finished


def test_each_member_is_scored_as_far_as_it_is_known(mixed, folder):
    members = pd.read_csv(mixed.results / "tables/members.csv", index_col="member")
    assert sorted(members.index) == ["five", "four", "one", "three", "two"]
    decisions = pd.read_csv(folder / "decisions.csv")
    right = (decisions.one == decisions.label).groupby(decisions.test_set).mean()
    assert members.clean_accuracy["one"] == pytest.approx(right["clean"])
    assert members.night_accuracy["one"] == pytest.approx(right["night"])
    corrupted = right[[name for name in CONDITIONS if "." in name]]
    assert members.corrupted_error["one"] == pytest.approx(1 - corrupted.mean())
    assert members.mce["one"] == pytest.approx(1)
    assert members.clean_nll.notna().to_dict() == {n: n in ("three", "four") for n in members.index}
    assert members.loc["five", ["corrupted_error", "night_accuracy"]].tolist() == pytest.approx(
        [0.125, 0.875]
    )


def test_ensembles_with_decisions_vote_and_others_have_their_rules_too(mixed):
    ensembles = pd.read_parquet(mixed.results / "tables/ensembles.parquet")
    of_rule = {rule: set(rows.members) for rule, rows in ensembles.groupby("rule")}
    assert of_rule["mean_probability"] == {"four+three"}
    assert len(of_rule["plurality_vote"]) == 6
    votes = ensembles[ensembles.rule == "plurality_vote"].set_index("members")
    assert votes.jensen_shannon_clean.notna().to_dict() == {
        name: name == "four+three" for name in votes.index
    }


def test_what_was_left_out_is_said(mixed):
    skipped = pd.read_csv(mixed.results / "tables/skipped.csv")
    reasons = skipped.groupby("member").skipped.apply(set).to_dict()
    assert {"ensembles", "probabilities"} <= reasons["five"]
    assert "probabilities" in reasons["one"]
    assert "probabilities" not in reasons["three"]


def test_files_that_take_the_place_of_others_are_read(mixed, folder):
    """Decisions, whose labels count too, an array, a score and a description; those that were only
    touched are not."""
    row = (folder / "decisions.csv").read_bytes().splitlines()[1]
    changes = {
        "decisions.csv": (row, row[:-1] + (b"1" if row.endswith(b"0") else b"0")),
        "outputs/four/fog.3.npy": (
            np.load(folder / "outputs/four/fog.3.npy")[0].tobytes(),
            bytes(8 * CLASSES),
        ),
        "errors.csv": (b"12.5", b"21.5"),
        "about.csv": (b",b,", b",c,"),
    }
    with ExitStack() as stack:
        for file, change in changes.items():
            stack.enter_context(replaced(folder / file, *change))
        planned = mixed.planned("tables")
    read = {rule for rule in planned if "import" in rule or "external" in rule}
    imports = {"import_decisions", "import_outputs", "import_errors"}
    assert read == {*imports, "external_conditions", "describe_external"}
    for file in ("outputs/labels/night.npy", *changes):
        os.utime(folder / file)
    assert mixed.planned("tables") == {}
    labels = folder / "outputs/labels/night.npy"
    with replaced(labels, np.load(labels)[:9].tobytes(), bytes(72)):
        output = mixed.snakemake("--dry-run", "--cores", "1").stdout
    assert "test set 'night', row 1, image 0: expected label" in output  # labels of the other files


def test_a_model_of_ones_own_is_ranked_and_combined_with_those_of_a_study(mixed, folder):
    """By the command line alone, of a file with a byte-order mark."""
    decisions = pd.read_csv(folder / "decisions.csv")
    mine = decisions.rename(columns={"one": "mine"}).drop(columns="two")
    mine["mine"] = decisions.label.where(decisions.image < 20, decisions.one)
    mine.to_csv(folder / "mine.csv", index=False, encoding="utf-8-sig")
    tables = [f"results/mine/tables/{name}" for name in ("member_ranks.csv", "ensembles.parquet")]
    mixed.finish("--cores", "2", *tables, "--config", "add=mine.csv", "study=mine")
    ranks = pd.read_csv(folder / tables[0])
    mine = ranks[ranks.member == "mine"].set_index("images")
    assert mine.index.tolist() == ["clean", "corrupted", "night"]
    assert len(ranks) == 5 * len(mine)
    wrong = (decisions.image >= 20) & (decisions.one != decisions.label)
    errors = wrong.groupby(decisions.test_set).mean()
    assert mine.error[["clean", "night"]].tolist() == pytest.approx(
        errors[["clean", "night"]].tolist()
    )
    joined = (
        pd.read_parquet(folder / tables[1]).query("rule == 'plurality_vote'").members.str.split("+")
    )
    assert sum("mine" in members for members in joined) == 4


def test_decisions_stand_beside_networks(workflow, workflow_in, tmp_path):
    shutil.copytree(workflow.directory, tmp_path, dirs_exist_ok=True)
    labels = np.load(workflow.results / "data/test/labels.npy")
    conditions = pd.read_csv(workflow.results / "conditions.csv")
    names = conditions.corruption.str.cat(conditions.severity.astype(str), ".").where(
        conditions.severity > 0, "clean"
    )
    rows = [
        pd.DataFrame({"test_set": name, "image": range(len(labels)), "label": labels})
        for name in names
    ]
    pd.concat(rows).assign(oracle=lambda table: table.label).to_csv(
        tmp_path / "oracle.csv", index=False
    )
    study = yaml.safe_load(workflow.study.read_text(encoding="utf-8")) | {
        "external": {"decisions": "oracle.csv"}
    }
    beside = workflow_in(tmp_path, study)
    beside.finish("--cores", "2", f"results/{study['study']}/tables/ensembles.parquet")
    members = pd.read_csv(beside.results / "tables/members.csv", index_col="member")
    assert members.clean_accuracy["oracle"] == 1
    ensembles = pd.read_parquet(beside.results / "tables/ensembles.parquet").query(
        "origin == 'independent'"
    )
    with_oracle = ensembles.members.str.contains("oracle")
    assert set(ensembles.rule[with_oracle]) == {"plurality_vote"}
    assert set(ensembles.rule[~with_oracle]) == {"mean_probability", "plurality_vote"}
