"""Published labels are those that members predicted, once each, and their study names all of them."""

import numpy as np
import pytest

from published.kept import ROOT
from published.labels import add, text_of
from published.study_changes import current_study
from resiliency.designs.members import Member
from resiliency.external.arrays import read_decisions
from resiliency.external.predictions import read_members
from resiliency.prediction.reading import all_conditions
from resiliency.storage.tables import write_table

SIZES = {"clean": 6, "official": 4}


def results_of(folder, names):
    """A study of three classes with predictions of these members; their logits by member and test set."""
    random, logits = np.random.default_rng(0), {}
    write_table(folder / "conditions.csv", all_conditions(["fog"], [1, 4], SIZES, dict.fromkeys(SIZES, 3)))
    for name, count in SIZES.items():
        data = folder / ("data/test" if name == "clean" else f"data/test_sets/{name}")
        data.mkdir(parents=True, exist_ok=True)
        np.save(data / "labels.npy", np.arange(count)[::-1] % 3)
        np.save(data / "units.npy", np.arange(count) // 2)
    for name in names:
        origin = "joint" if "-m" in name else "independent"
        (folder / f"members/{name}").mkdir(parents=True)
        (folder / f"predictions/{name}").mkdir(parents=True)
        cost = {"epochs": 8, "steps": 20}
        member = Member(
            name, origin, family="f", architecture="resnet18", parameters=2_000, macs=3e6, training_cost=cost
        )
        member.write(folder / f"members/{name}/member.json")
        for test_set, count in SIZES.items():
            values = random.standard_normal((3 if test_set == "clean" else 1, count, 3)).astype(np.float16)
            np.save(folder / f"predictions/{name}/{test_set}.npy", values)
            logits[name, test_set] = values
    return logits


def test_labels_of_finished_members_are_added_once(tmp_path):
    results, published = tmp_path / "results", tmp_path / "labels"
    logits = results_of(results, ["a-s0", "b-s1", "balanced-l1-s0-m0"])
    (results / "predictions/b-s1/official.npy").rename(tmp_path / "later.npy")
    assert len(add(results, published)) == 2
    assert sorted(path.name for path in published.iterdir()) == [
        f"{name}.{kind}" for name in ("01", "joint-01") for kind in ("csv", "parquet")
    ]
    assert add(results, published) == []
    (tmp_path / "later.npy").rename(results / "predictions/b-s1/official.npy")
    assert add(results, published)[0].startswith(f"{published}/02.parquet: 1 members")
    files = {"a-s0": "01", "b-s1": "02", "balanced-l1-s0-m0": "joint-01"}
    for member, file in files.items():
        decisions = read_decisions(f"{published}/{file}.parquet", 3)
        assert list(decisions.answers) == [member]
        expected = dict(zip(("clean", "fog.1", "fog.4"), logits[member, "clean"], strict=True))
        expected["official"] = logits[member, "official"][0]
        for name, answers in decisions.answers[member].items():
            order = np.argsort(decisions.images[name])
            np.testing.assert_array_equal(answers[order], expected[name].astype(np.float32).argmax(axis=-1))
            np.testing.assert_array_equal(decisions.labels[name][order], np.arange(len(order))[::-1] % 3)
            np.testing.assert_array_equal(decisions.units[name][order], np.arange(len(order)) // 2)
        row = read_members(f"{published}/{file}.csv").loc[member]
        assert (row["epochs"], row["parameters"], row["architecture"]) == (8, 2_000, "resnet18")


@pytest.mark.parametrize("file", sorted((ROOT / "studies").glob("*_labels.yaml")), ids=lambda file: file.stem)
def test_studies_of_labels_name_all_that_is_published(file):
    """Otherwise: python -m published.labels."""
    name = file.stem.removesuffix("_labels")
    assert file.read_text(encoding="utf-8") == text_of(current_study(name), ROOT / "studies/published" / name)
