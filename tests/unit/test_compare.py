"""Studies of one's own side by side."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from attacks.cases import outcome
from attacks.compared import compared
from ended_runs import end_run
from fault_messages import fault_of
from synthetic import synthetic_tables

from resiliency.analysis.choices import halves
from resiliency.compare import compare
from resiliency.prediction.reading import all_conditions
from resiliency.report.overview import contenders
from resiliency.storage.files import write_json
from resiliency.storage.tables import read_table, write_table

IMAGES, CLASSES, NAMES = 200, ["cat", "dog"], ["fog", "snow", "spatter"]


def finished(
    folder: Path, errors: float, classes: list[str] = CLASSES, digest: str = "a", *, decisions: bool = False
) -> Path:
    """A study in `folder` whose recommended model gets about this share of images wrong, and all under spatter."""
    random = np.random.default_rng(round(100 * errors))
    tables = synthetic_tables()
    conditions = all_conditions(NAMES, [1], {"clean": IMAGES, "night": 3}, {"clean": 2, "night": 2})
    write_table(folder / "conditions.csv", conditions)
    for name in ("members", "observations", "corruption_errors", "deployment"):
        (folder / "tables").mkdir(parents=True, exist_ok=True)
        write_table(folder / f"tables/{name}.csv", tables[name])
    study = {"study": folder.name, "seed": 0, "corruptions": {"names": NAMES}, "statistics": {"confidence": 0.95}}
    write_json(folder / "provenance.json", {"study": study})
    (folder / "data/test").mkdir(parents=True)
    write_json(folder / "data/card.json", {"classes": classes, "splits": {"test": {"sha256": digest}}})
    labels = np.arange(IMAGES) % 2
    np.save(folder / "data/test/labels.npy", labels)
    answers = np.where(random.random((1 + len(NAMES), IMAGES)) < errors, 1 - labels, labels)
    answers[-1] = 1 - labels if errors > 0.2 else labels
    for name in contenders(tables["deployment"])[0]["members"].split("+"):
        path = folder / f"predictions/{name}/clean.npy"
        path.parent.mkdir(parents=True)
        np.save(path, answers if decisions else np.eye(2, dtype=np.float16)[answers])
    end_run(folder)
    judged = halves(labels, 0)[1]
    (folder / "errors.json").write_text(json.dumps((answers != labels)[1:3, judged].mean()))
    return folder


@pytest.mark.parametrize("decisions", [False, True])
def test_differences_on_the_same_images_are_paired_without_held_out_corruptions(tmp_path, decisions):
    folders = [finished(tmp_path / "one", 0.1), finished(tmp_path / "two", 0.3, decisions=decisions)]
    first, second = (json.loads((folder / "errors.json").read_text()) for folder in folders)
    page = compare(folders)
    low, high = pd.Series(page.partition("On corrupted images")[2].partition("]")[0].rpartition("[")[2].split(", "))
    assert f"an error {100 * (first - second):.1f}".replace("-", "−") in page
    assert float(low.replace("−", "-")) < 100 * (first - second) < float(high.replace("−", "-")) < 0
    assert "not paired" not in page


def test_other_images_are_not_paired(tmp_path):
    page = compare([finished(tmp_path / "one", 0.1), finished(tmp_path / "two", 0.3, digest="b")])
    assert "one and two have different test images" in page
    assert "an error" not in page


def test_it_lists_models_verdicts_and_shared_members(tmp_path):
    page = compare([finished(tmp_path / "one", 0.1), finished(tmp_path / "two", 0.3)])
    tables = synthetic_tables()
    assert all(f'<th scope="row">{member}</th>' in page for member in tables["members"]["member"])
    assert all(f"<td>{verdict}</td>" in page for verdict in tables["observations"]["verdict"].unique())
    assert page.count("Recommended model") == 2
    assert "nan" not in page


def test_verdicts_on_natural_shifts_have_rows_of_their_own(tmp_path):
    folders = [finished(tmp_path / "one", 0.1), finished(tmp_path / "two", 0.1)]
    path = folders[1] / "tables/observations.csv"
    table = read_table(path)
    write_table(path, table.assign(shifts=np.where(table["observation"] == 1, "night", "")))
    end_run(folders[1])
    page = compare(folders)
    assert page.count('<th scope="row">1. ') == page.count('<th scope="row">1, on natural shifts. ') == 1


def changed(folder: Path, change: Callable[[dict], object], severity: int | None = None) -> Path:
    """The study with other settings, and another severity of all its corruptions."""
    provenance = json.loads((folder / "provenance.json").read_text())
    change(provenance["study"])
    if severity:
        errors = read_table(folder / "tables/corruption_errors.csv")
        write_table(
            folder / "tables/corruption_errors.csv", errors.assign(severity=errors["severity"].clip(0, severity))
        )
    return end_run(folder, provenance)


SAME = "Nothing: settings, test images and corruptions are the same."
NO_COMPARISON = "their errors on corrupted images cannot be compared"


@pytest.mark.parametrize(
    ("change", "severity", "said", "comparable"),
    [
        (lambda study: None, None, SAME, True),
        (lambda study: study["corruptions"].update(engine="imagecorruptions"), None, NO_COMPARISON, False),
        (lambda study: None, 1, NO_COMPARISON, False),
        (
            lambda study: study.update(seed=1),
            None,
            "different networks in one and two, or on different images: seed",
            True,
        ),
        (lambda study: study.update(training={"epochs": 3}), None, "different images: training", True),
        (lambda study: study.update(deployment={"objective": "worst"}), None, "by different objectives", True),
        (lambda study: study["statistics"].update(confidence=0.9), None, "not alike: statistics.confidence", True),
    ],
)
def test_what_differs_is_said_before_any_number(tmp_path, change, severity, said, comparable):
    folders = [finished(tmp_path / "one", 0.1), changed(finished(tmp_path / "two", 0.1), change, severity)]
    page = compare(folders)
    before = page[page.index("<main>") : page.index('id="models"')]
    assert said in before
    assert (SAME in before) == (said == SAME)
    assert (NO_COMPARISON in before) != comparable
    assert ("On corrupted images" in page) == (comparable and "seed" not in said)
    heads = [line for line in page.splitlines() if "Corrupted error, two" in line]
    assert all(("not comparable)" in head) != comparable for head in heads)


def test_what_an_earlier_run_left_is_not_compared(tmp_path):
    folders = [finished(tmp_path / "one", 0.1), finished(tmp_path / "two", 0.1)]
    provenance = json.loads((folders[1] / "provenance.json").read_text())
    provenance["files"].pop("tables/deployment.csv")
    write_json(folders[1] / "provenance.json", provenance)
    page = compare(folders)
    assert page.count("Recommended model") == 1
    assert "On clean images" not in page
    members = folders[1] / "tables/members.csv"
    write_table(members, read_table(members).assign(clean_accuracy=0.5))
    assert "has changed since the run" in fault_of(compare, folders)


def test_what_cannot_be_compared_is_refused(tmp_path):
    one, other = finished(tmp_path / "one", 0.1), finished(tmp_path / "other", 0.1, ["cat", "cow"])
    assert "not comparable" in fault_of(compare, [one, other])
    assert "two or more folders" in fault_of(compare, [one])
    assert "has no provenance.json" in fault_of(compare, [one, tmp_path])


@pytest.mark.parametrize("name", ["<script>alert(1)</script>"])
def test_names_stay_text(tmp_path, name):
    folders = [finished(tmp_path / "one", 0.1), finished(tmp_path / "two", 0.1)]
    provenance = json.loads((folders[0] / "provenance.json").read_text())
    provenance["study"]["study"] = name
    write_json(folders[0] / "provenance.json", provenance)
    assert name not in compare(folders)


def test_each_key_in_which_two_studies_differ_is_named(tmp_path):
    outcomes = {case.name: outcome(case, tmp_path) for case in compared()}
    assert len(outcomes) > 200
    assert {name: result.detail for name, result in outcomes.items() if result.kind != "accepted"} == {}
