"""Files of members that were computed elsewhere, by hand, and the study of published labels.

tests/attacks has what may be wrong with them, tests/workflow/test_study_of_labels.py what that
study gives.
"""

import numpy as np
import pandas as pd
import pytest
from fault_messages import fault_of

from published.kept import ROOT
from published.labels import text_of
from published.study_changes import current_study
from resiliency.analysis.compared_members import best_table, skipped_table
from resiliency.analysis.left_out import by_family, lack_second_seeds
from resiliency.external.contents import read_contents
from resiliency.external.predictions import (
    Reader,
    order_of,
    read_decisions,
    read_labels,
    read_logits,
)
from resiliency.external.tables import External, corruption_and_severity, error_rows, read_scores
from resiliency.prediction.reading import all_conditions

FIRST = "test_set,image,label,one\noriginal,0,1,1\noriginal,1,0,1\nfog.1,0,1,0\nfog.1,1,0,0\nat-night,0,1,1\n"  # noqa: E501
SECOND = "test_set,image,label,two\noriginal,0,1,1\noriginal,1,0,0\nat-night,0,1,0\n"


@pytest.fixture
def files(write):
    return [write(FIRST, "first.csv"), write(SECOND, "second.csv")]


def contents(files, needed=None):
    return read_contents(External(decisions=files, clean="original"), ["fog"], [1], needed)


def test_what_all_files_share_is_used(files):
    common = contents(files)
    assert common.kinds == {"one": "decisions", "two": "decisions"}
    assert (common.test_sets, common.corruptions) == (["at_night"], [])
    assert contents(files[:1]).corruptions == ["fog"]
    layout = contents(files[:1]).layout(contents(files[:1]).sources[0])
    assert layout == {"clean": ["original", "fog.1"], "at_night": ["at-night"]}


def test_severities_that_files_lack_are_left_out_and_said(write):
    def of(conditions, names, severities):
        rows = [f"{name},{image},{1 - image},1" for name in conditions for image in (0, 1)]
        external = External(decisions=write("\n".join(["test_set,image,label,one", *rows])))
        return read_contents(external, names, severities, None)

    some = of(["clean", "fog.1", "fog.3", "snow.3"], ["fog", "snow", "frost"], [1, 2, 3])
    assert (some.corruptions, some.severities) == (["fog", "snow"], [3])
    assert some.layout(some.sources[0]) == {"clean": ["clean", "fog.3", "snow.3"]}
    assert "fog.1" in some.left_out
    said = fault_of(of, ["clean", "fog.1", "snow.3"], ["fog", "snow"], [1, 3])
    assert "in every file, got fog 1, snow 3; set corruptions.names" in said


def read_as(write, before: str, after: str) -> Reader:
    """Reads the first file, in which something is changed."""
    layout = {"clean": ["original", "fog.1"], "at_night": ["at-night"]}
    return Reader("decisions", write(FIRST.replace(before, after)), layout, None)


def test_a_label_that_differs_from_others_is_named_with_its_row(write):
    truths = {"clean": np.array([1, 1]), "at_night": np.array([1])}
    items = {"clean": (["1", "1"], ["0", "1"]), "at_night": (["1"], ["0"])}
    said = fault_of(read_as(write, "", "").check, truths, items)
    assert "'original', row 2, image 1: expected label 1, as for other members, got 0; " in said
    said = fault_of(read_as(write, "fog.1,1,0", "fog.1,1,1").labels)
    assert (
        "file.csv: test set 'fog.1', row 4, image 1: expected label 0, as in 'original', got 1"
        in said
    )
    said = fault_of(read_as(write, "fog.1,1,0", "fog.1,2,0").labels)
    assert "images of 'fog.1' differ from those of 'original', without 1, with 2; use" in said


def test_classes_are_counted_over_labels_and_answers(write):
    """Nobody's label is the last class, but a member answers it, and only under a corruption."""
    reader = read_as(write, "fog.1,1,0,0", "fog.1,1,0,3")
    assert reader.classes(["one"]) == 4
    kept = dict(reader.read("one", 4))
    assert (kept["clean"].tolist(), kept["at_night"].tolist()) == ([[1, 1], [0, 3]], [[1]])
    assert kept["clean"].dtype == np.int16
    assert "file.csv: member 'one', test set 'fog.1': expected classes 0 to " in fault_of(
        list, reader.read("one", 3)
    )


MEMBERS = pd.DataFrame({"member": [*"abc"], "family": [*"xxy"], "clean_accuracy": [0.9, 0.8, 0.7]})
MEMBERS = MEMBERS.assign(
    origin="independent", corrupted_error=np.nan, parameters=[1.0, np.nan, 3.0]
)
ENSEMBLES = pd.DataFrame(
    {"members": ["a+b", "a+c", "b+c"], "families": [1, 2, 2], "corrupted_error": np.nan}
)
ENSEMBLES = ENSEMBLES.assign(
    origin="independent", size=2, designs=2, clean_accuracy=[0.91, 0.95, 0.85]
)


def test_families_stand_for_designs_without_a_second_seed():
    assert lack_second_seeds(ENSEMBLES)
    assert not lack_second_seeds(ENSEMBLES.assign(designs=[1, 2, 2]))
    assert not lack_second_seeds(ENSEMBLES.assign(origin="joint"))
    renamed = by_family(ENSEMBLES, MEMBERS)
    assert renamed.members.tolist() == ["x-s0+x-s1", "x-s0+y-s0", "x-s1+y-s0"]
    assert renamed.designs.tolist() == [1, 2, 2]


def test_the_best_ensembles_come_with_what_they_are_the_best_of():
    ends = {"clean_accuracy_low": 0.6, "clean_accuracy_high": 0.99}
    members, ensembles = MEMBERS.assign(**ends), ENSEMBLES.assign(**ends)
    table = best_table(members, ensembles, ["clean"])
    assert table.members.tolist() == ["a+c", "a+b", "b+c", "a", "b", "c"]
    assert table["rank"].tolist() == [1, 2, 3, 1, 2, 3]
    assert (table.ensembles == 3).all()
    assert (table.clean_accuracy_low == 0.6).all()
    tied = ensembles.assign(clean_accuracy=0.9, corrupted_error=[0.3, 0.2, 0.1])
    assert best_table(members, tied, ["clean"]).members.tolist()[:3] == tied.members.tolist()[::-1]


@pytest.mark.parametrize("images", [9, 10])
def test_what_few_images_do_not_allow_is_said(images):
    for_few = ["deployment"] if images < 10 else []
    counts = {"clean": images, "night": images, "unknown": 0}
    conditions = all_conditions([], [], counts, dict.fromkeys(counts, 2))
    table = (
        skipped_table(MEMBERS, {}, {}, {}, {}, ["deployment"], for_few, conditions, 0)
        .set_index("skipped")
        .reason
    )
    few = f"needs 10 clean images, to halve or resample them; there are {images}"
    assert (table["deployment"] == few) == (images < 10)
    assert ("verdicts on the observations" in table) == (images < 10)
    ranked = skipped_table(MEMBERS, {}, {}, {}, {}, [], [], conditions, 0).skipped.tolist()
    assert ranked == ([] if images == 10 else ["member_ranks on night"])


def test_beside_images_every_file_needs_every_condition(files):
    assert "second.csv: 'fog.1' not found, on which other members are tested" in fault_of(
        contents, files, needed=[]
    )


SCORES = "member,clean,fog.1,fog.2,sketch\none,90,80,70,40.5\nother,80,60,40,\n"


def test_classes_may_have_names_and_images_come_in_the_order_of_their_numbers(write):
    named = "test_set,image,label,one,two\nclean,1,dog,cat,1\nclean,0,cat,cat,0\n"
    decisions = read_decisions(write(named), ["cat", "dog"])
    assert (decisions.labels["clean"].tolist(), decisions.answers["two"]["clean"].tolist()) == (
        [0, 1],
        [0, 1],
    )

    beyond = named.replace("cat", "0").replace("dog", "999")
    assert read_decisions(write(beyond), 1000).labels["clean"].tolist() == [0, 999]


def test_scores_are_errors_with_clean_first(write):
    scores = read_scores(write(SCORES))
    assert list(scores) == ["clean", "fog.1", "fog.2", "sketch"]
    assert scores.loc["one"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.595])
    assert np.isnan(scores.loc["other", "sketch"])
    errors = read_scores(write(SCORES), kind="error", test_sets=[])
    assert errors.loc["other"].tolist() == pytest.approx([0.8, 0.6, 0.4])


def test_scores_name_their_conditions():
    assert corruption_and_severity("fog.3") == ("fog", 3)
    assert [corruption_and_severity(name) for name in ("fog", "fog.6", "cifar10.1", "clean")] == [
        None
    ] * 4
    scores = pd.DataFrame(
        {"clean": [0.1], "fog.3": [0.4], "sketch": [0.6], "part": [0.2]}, index=["one"]
    )
    layout = {"clean": ["original", "fog.3"], "sketched": ["sketch"]}
    table = error_rows(scores, layout, {"clean": 50}, {"sketch": "part"})
    expected = [
        ("clean", "clean", 0, 50, 0.1),
        ("clean", "fog", 3, 50, 0.4),
        ("sketched", "clean", 0, 0, 0.6),
    ]
    expected.append(("clean_on_sketched", "clean", 0, 0, 0.2))
    columns = ["test_set", "corruption", "severity", "n_images", "error"]
    assert list(table[columns].itertuples(index=False, name=None)) == expected
    assert set(table["member"]) == {"one"}


NAMES, CLASSES = ["x1", "x2", "y1"], ["cat", "cat", "dog"]


def test_numbers_of_images_count_them():
    assert order_of("a.csv", "clean", np.array(["2", "0", "1"]), NAMES, CLASSES).tolist() == [
        1,
        2,
        0,
    ]


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (["x1", "x2"], "3 images, as for other members, got 2, without y1"),
        (["cat/x1"], "got 1, without cat/x2, dog/y1"),
        (["x1", "x2", "y1", "z", "0"], "got 5, with z, 0"),
        ([*"abcdef"], "got 6, without x1, x2, y1, with a, b, c, d, e, ..."),
    ],
)
def test_images_that_are_missing_or_unknown_are_named(images, said):
    assert fault_of(order_of, "a.csv", "clean", np.array(images), NAMES, CLASSES).endswith(said)


@pytest.mark.parametrize(
    ("rows", "kind", "listed", "said"),
    [
        ("a,75,.55,30\nb,80,.6,20", "accuracy", ["easy"], ""),
        ("a,75,55,30\nb,.8,.6,.2", "accuracy", ["easy"], "member 'b': no accuracy above 1"),
        ("a,.5,.5,30", "error", None, ""),
        ("a,5,.5,30", "error", None, "column 'easy': no error above 1"),
    ],
)
def test_fractions_are_refused(write, rows, kind, listed, said):
    file = write(f"member,clean,easy,hard\n{rows}\n")
    if said:
        assert said in fault_of(read_scores, file, "clean", kind, listed)
    else:
        read_scores(file, "clean", kind, listed)


def test_other_separators_than_commas_are_refused(write):
    message = fault_of(read_scores, write("member;clean\na;70,5\n"))
    assert message.endswith(
        "file.csv: expected values separated by commas, got the header 'member;clean'"
    )


def test_labels_that_are_no_classes_are_named(tmp_path):
    (tmp_path / "labels").mkdir()
    np.save(tmp_path / "labels/clean.npy", np.array([1, 2]))
    expected = (
        f"{tmp_path}/labels/clean.npy: row 2: expected a class index (integer from 0 to 1), got 2"
    )
    assert fault_of(read_labels, str(tmp_path), "clean", 2) == expected


def test_differences_of_large_logits_in_float64_are_kept(tmp_path):
    """Log-likelihoods of many pixels are such: float32 would tell two of them apart by
    sixteenths."""
    logits, labels = np.array([[0, 0.01, 0.02], [0.03, 0.01, 0]]), np.array([2, 0])
    for folder, values in (("net", logits - 900_000), ("labels", labels)):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "clean.npy", values)
    read = read_logits(str(tmp_path), "net", "clean", labels, "logits")
    np.testing.assert_allclose(read, logits - [[0.02], [0.03]], atol=1e-6)


@pytest.mark.parametrize(
    "file", sorted((ROOT / "studies").glob("*_labels.yaml")), ids=lambda file: file.stem
)
def test_studies_of_labels_name_all_that_is_published(file):
    """Otherwise: python -m published.labels."""
    name = file.stem.removesuffix("_labels")
    assert file.read_text(encoding="utf-8") == text_of(
        current_study(name), ROOT / "studies/published" / name
    )
