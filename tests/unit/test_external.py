"""Files with predictions, scores and facts of members that were computed elsewhere, and what may be wrong with them."""

import numpy as np
import pandas as pd
import pytest
from fault_messages import fault_of

from resiliency.external.arrays import read_decisions
from resiliency.external.contents import read_contents
from resiliency.external.tables import External, corruption_and_severity, error_rows, read_scores

DECISIONS = """test_set,image,label,one,other
clean,2,1,1,0
clean,1,0,0,0
fog.3,1,0,1,0
fog.3,2,1,1,1
"""
SCORES = """member,clean,fog.1,fog.2,sketch
one,90,80,70,40.5
other,80,60,40,
"""


@pytest.fixture
def write(tmp_path):
    def written(text, name="file.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return written


def test_decisions_come_by_test_set_in_the_order_of_images(write):
    decisions = read_decisions(write(DECISIONS))
    assert list(decisions.labels) == ["clean", "fog.3"]
    assert decisions.images["clean"].tolist() == ["1", "2"]
    assert decisions.labels["clean"].tolist() == [0, 1]
    assert decisions.answers["one"]["fog.3"].tolist() == [1, 1]
    assert decisions.answers["other"]["clean"].tolist() == [0, 0]


def test_classes_may_have_names(write):
    named = "test_set,image,label,one,two\nclean,0,cat,cat,0\nclean,1,dog,cat,1\n"
    decisions = read_decisions(write(named), ["cat", "dog"])
    assert (decisions.labels["clean"].tolist(), decisions.answers["two"]["clean"].tolist()) == ([0, 1], [0, 1])


def test_scores_are_errors_with_clean_first(write):
    scores = read_scores(write(SCORES))
    assert list(scores) == ["clean", "fog.1", "fog.2", "sketch"]
    assert scores.loc["one"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.595])
    assert np.isnan(scores.loc["other", "sketch"])
    errors = read_scores(write(SCORES), kind="error", test_sets=[])
    assert errors.loc["other"].tolist() == pytest.approx([0.8, 0.6, 0.4])


def test_scores_name_their_conditions():
    assert corruption_and_severity("fog.3") == ("fog", 3)
    assert [corruption_and_severity(name) for name in ("fog", "fog.6", "cifar10.1", "clean")] == [None] * 4
    scores = pd.DataFrame({"clean": [0.1], "fog.3": [0.4], "sketch": [0.6], "part": [0.2]}, index=["one"])
    layout = {"clean": ["original", "fog.3"], "sketched": ["sketch"]}
    table = error_rows(scores, layout, {"clean": 50}, {"sketch": "part"})
    assert table.to_dict("list") == {
        "member": ["one"] * 4,
        "test_set": ["clean", "clean", "sketched", "clean_on_sketched"],
        "corruption": ["clean", "fog", "clean", "clean"],
        "severity": [0, 3, 0, 0],
        "images": [50, 50, 0, 0],
        "error": [0.1, 0.4, 0.6, 0.2],
    }


@pytest.mark.parametrize(
    ("text", "kind", "listed", "message"),
    [
        ("member,clean,fog.1\na,70,.4\nb,80,.5\n", "accuracy", [], "column 'fog.1': no accuracy above 1"),
        ("member,clean,hard\na,70,.4\n", "accuracy", ["hard"], ""),
        ("member,clean,hard\na,70,0\n", "accuracy", [], ""),
        ("member,clean,fog.1\na,5,.4\nb,6,.5\n", "error", [], "column 'fog.1': no error above 1"),
    ],
)
def test_a_column_of_fractions_beside_others_in_per_cent_is_refused(write, text, kind, listed, message):
    file = write(text)
    external = External(scores=file, score_type=kind, test_sets=listed or None)
    if message:
        assert message in fault_of(read_contents, external, ["fog"], [1], None)
    else:
        read_contents(external, ["fog"], [1], None)
