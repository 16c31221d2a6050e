"""Members that are added to a study: reading them, and where they rank."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fault_messages import fault_of

from resiliency.external.contents import read_contents
from resiliency.external.tables import External
from resiliency.report.overview import added_sentences


def test_a_report_says_where_an_added_member_ranks():
    columns = ["member", "clean_accuracy", "clean_accuracy_low", "clean_accuracy_high"]
    members = pd.DataFrame([["one", 0.9, 0.88, 0.92], ["mine", 0.8, 0.77, 0.83]], columns=columns)
    columns = ["member", "test_set", "accuracy", "low", "high", "predicted_accuracy", "effective_robustness"]
    rows = [["one", "night", 0.4, 0.37, 0.43, 0.5, -0.1], ["mine", "night", 0.6, 0.57, 0.63, 0.5, 0.1]]
    (sentence,) = added_sentences(members, pd.DataFrame(rows, columns=columns), ["mine"])
    assert sentence.startswith("mine ranks 2 of 2 on clean images (error 20.0%")
    assert " and 1 of 2 on night images (error 40.0%" in sentence
    assert "10.0 [7.0, 13.0] on night images" in sentence


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


def test_a_folder_that_is_added_holds_logits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("published.csv").write_text(of_study("original", member="one"), encoding="utf-8")
    arguments = External(decisions="published.csv", clean="original"), ["fog"], [1], None, ["outputs"]
    for folder, array in (("labels", np.arange(3)), ("net", 3 * np.eye(3, dtype=np.float32))):
        Path("outputs", folder).mkdir(parents=True)
        np.save(f"outputs/{folder}/original.npy", array)
    assert read_contents(*arguments).kinds == {"one": "decisions", "net": "logits"}
    np.save("outputs/net/original.npy", np.eye(3, dtype=np.float32))
    assert "rows sum to 1; expected logits, got probabilities" in fault_of(read_contents, *arguments)
