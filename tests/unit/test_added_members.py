"""Members that are added to a study: reading them, their ranks and partners, and where they stand alone."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fault_messages import fault_of
from predicted import conditions_of, predictions_of

from resiliency.analysis.added_members import added_table, alone_table, partner_table
from resiliency.analysis.choices import pool_of
from resiliency.analysis.member_scores import rank_rows
from resiliency.base.names import CLEAN
from resiliency.ensembles.combination import VOTE, expected_accuracy
from resiliency.ensembles.settings import Ensembles
from resiliency.external.arrays import kind_of
from resiliency.external.contents import read_contents
from resiliency.external.tables import External
from resiliency.statistics.resampling import Resampling

NAMES = ["one", "two", "three", "mine"]
LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1])
# Mine alone is right on the second image and wrong on the third; on the seventh another is wrong, too.
DECISIONS = np.array(
    [
        [0, 2, 2, 0, 1, 1, 2, 1],
        [0, 0, 2, 1, 1, 2, 2, 1],
        [0, 2, 2, 0, 0, 2, 0, 1],
        [0, 1, 0, 0, 1, 2, 1, 1],
    ]
)


PREDICTIONS = {
    name: predictions_of(conditions_of([], [], 8), LABELS, of[None]) for name, of in zip(NAMES, DECISIONS, strict=True)
}


def test_ranks_of_added_members_and_images_on_which_they_stand_alone():
    items = {CLEAN: ([["ant", "bee", "cat"][label] for label in LABELS], [f"{n}.png" for n in range(8)])}
    alone = alone_table(PREDICTIONS, items, ["mine"])
    table = alone.set_index("alone")
    right, wrong = table.loc["right"], table.loc["wrong"]
    assert right[["image", "label", "prediction", "others_prediction"]].tolist() == ["1.png", "bee", "bee", "cat"]
    assert right.others_share == pytest.approx(2 / 3)
    assert wrong[["image", "label", "prediction", "others_prediction"]].tolist() == ["2.png", "cat", "ant", "cat"]
    assert wrong.others_share == 1
    wrong = ~np.stack([of.correct(0) for of in PREDICTIONS.values()])
    ranks = rank_rows(NAMES, wrong.astype(float), Resampling(200, 0.95, 0), CLEAN)
    ranks = ranks.assign(condition=CLEAN, images=8, confidence=0.95)
    (row,) = added_table(ranks, alone, ["mine"]).itertuples()
    assert (row.rank, row.of, row.alone_right, row.alone_wrong, row.error) == (2, 4, 1, 1, 2 / 8)


def test_partners_are_chosen_on_some_images_and_judged_on_others():
    chosen, judged = np.arange(4), np.arange(4, 8)
    members = pd.DataFrame(
        {"member": NAMES, "origin": "independent", "clean_accuracy": 0.5, "validation_accuracy": 0.5}
    )
    rows = [
        {"origin": "independent", "rule": VOTE, "size": size, "members": "+".join(NAMES[m] for m in of)}
        for size in (2, 3)
        for of in combinations(range(4), size)
    ]
    pool = pool_of(members, PREDICTIONS, Ensembles(rules=[VOTE]))
    table = partner_table(pool, pd.DataFrame(rows), ["mine"], chosen, judged, 0.95)
    assert table["size"].tolist() == [2, 2, 2, 3, 3, 3]
    assert table["of"].tolist() == [3] * 6

    def accuracy(names, images):
        ensemble = np.array([[NAMES.index(name) for name in names]])
        return expected_accuracy(ensemble, DECISIONS[:, images], LABELS[images])[0]

    for row in table.itertuples():
        partners = row.partners.split("+")
        assert row.selection_accuracy == pytest.approx(accuracy([*partners, "mine"], chosen))
        assert row.clean_accuracy == pytest.approx(accuracy([*partners, "mine"], judged))
        assert row.gain == pytest.approx(row.clean_accuracy - accuracy(["mine"], judged))
        assert row.accuracy_without == pytest.approx(accuracy(partners, judged))
        assert row.added == pytest.approx(row.clean_accuracy - row.accuracy_without)
        assert row.added_low <= row.added <= row.added_high
    assert (table.groupby("size").selection_accuracy.diff().dropna() <= 0).all()


STUDY = External(decisions="published.csv", clean="original", test_sets=["night", "day"])


def of_study(*names: str, member: str) -> str:
    """A table of decisions on three images of each of these test sets."""
    rows = [f"{name},{image},{image},{image}" for name in names for image in range(3)]
    return "\n".join([f"test_set,image,label,{member}", *rows])


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["day", "original"], ["night"]),
        (["night", "own", "fog.1"], ["original", "day"]),
    ],
)
def test_a_file_with_some_test_sets_of_the_study_is_enough(tmp_path, monkeypatch, names, missing):
    monkeypatch.chdir(tmp_path)
    published = of_study("original", "night", "day", "fog.1", member="one")
    Path("published.csv").write_text(published, encoding="utf-8")
    Path("mine.csv").write_text(of_study(*names, member="mine"), encoding="utf-8")
    contents = read_contents(STUDY, ["fog"], [1], None, ["mine.csv"])
    there = [name for name in ("original", "night", "day") if name not in missing]
    assert (contents.sources[0].names["clean"], contents.test_sets) == (there[0], there[1:])
    assert (contents.added, contents.corruptions) == (["mine"], [])
    assert all(contents.left_out[name].startswith("not in mine.csv") for name in missing)
    assert "none.csv: there is no such file" in fault_of(read_contents, STUDY, ["fog"], [1], None, ["none.csv"])


@pytest.mark.parametrize(("scale", "kind"), [(1, "probabilities"), (3, "logits")])
def test_a_folder_of_arrays_is_added_by_what_it_holds(tmp_path, scale, kind):
    for folder, array in (("labels", np.arange(3)), ("net", scale * np.eye(3, dtype=np.float32))):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "clean.npy", array)
    assert kind_of(str(tmp_path)) == kind
