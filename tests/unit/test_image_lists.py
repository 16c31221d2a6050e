"""The test images of a study may be those that a file names."""

import numpy as np
import pytest
from fault_messages import fault_of

from resiliency.base.faults import Fault
from resiliency.data.pictures import FileImages
from resiliency.data.source import ALL, SPLITS, Part, Source
from resiliency.data.split import draw_splits, listed_images
from resiliency.study.files import load

FILES = ["data/val/a/1.png", "data/val/a/2.png", "data/val/b/1.png", "data/val/b/deep/3.png"]
PART = Part(FileImages(FILES, 32, 1), np.array([0, 0, 1, 1]), ["1", "2", "1", "deep_3"])


@pytest.fixture
def listed(tmp_path):
    """Writes a list, and gives the indices of the images that it names."""

    def write(text: str) -> list[int]:
        (tmp_path / "list.txt").write_text(text, encoding="utf-8")
        return listed_images(tmp_path / "list.txt", Source("toy", ["a", "b"], {"test": PART})).tolist()

    return write


@pytest.mark.parametrize(
    ("text", "indices"),
    [("2.png\n", [1]), ("3.png\r\na/1.png\n\n", [0, 3]), ("val/b/1.png\ndata/val/b/deep/3.png\n./a/2.png", [1, 2, 3])],
)
def test_a_line_is_the_end_of_a_path(listed, text, indices):
    assert listed(text) == indices


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2.png\n4.png\n5.png\n", "line 2: 4.png: there is no such test image; did you mean "),
        ("1.png\n", "line 1: 1.png: there are 2 such test images, e.g. a/1.png and b/1.png"),
        ("2.png\n\na/2.png\n", "line 3: a/2.png: named in line 1 already; remove one"),
        ("\n", "list.txt: expected one file name per line, got none"),
    ],
)
def test_a_line_that_names_no_image_of_its_own_is_a_fault(listed, text, words):
    assert words in fault_of(listed, text)


def test_a_study_may_need_the_test_images_alone(listed, tmp_path):
    listed("a/1.png\n2.png\n")
    source = Source("toy", ["a", "b"], {"test": PART})
    chosen = draw_splits(source, 0.2, 0.2, {"train": 3}, 0, ["test"], str(tmp_path / "list.txt"))
    assert {name: indices.tolist() for name, (_, indices) in chosen.items()} == {"test": [0, 1]}
    with pytest.raises(Fault, match=r"^dataset.images: list.txt lists test images; put them in a folder "):
        draw_splits(Source("toy", ["a", "b"], {ALL: PART}), 0.2, 0.2, {}, 0, ["test"], "list.txt")


LOADED = {
    "study": "a",
    "dataset": {"name": "image_folder", "folder": "photos"},
    "designs": {name: {"architecture": "resnet18", "weights": "pretrained"} for name in "ac"},
    "members": {"designs": ["a", "c"], "baseline": "a-s0"},
}
LOADED["designs"]["b"] = {"architecture": "resnet18"}
WEIGHTED = {"sizes": [2], "rules": ["mean_probability", "weighted_mean"]}
JOINT = {"designs": ["b", "b"], "objectives": {"balanced": [0]}}


@pytest.mark.parametrize(
    ("change", "splits", "learning"),
    [
        ({}, SPLITS[2:], []),
        ({"ensembles": WEIGHTED}, SPLITS[1:], []),
        ({"members": {"designs": ["a", "b"], "baseline": "a-s0"}}, SPLITS, ["designs.b"]),
        ({"joint": JOINT}, SPLITS, ["joint"]),
        ({"search": {"design": "b"}}, SPLITS, ["search"]),
    ],
)
def test_splits_are_those_that_something_needs(change, splits, learning):
    study = load(LOADED | {"ensembles": {"sizes": [2]}} | change)
    assert (study.splits, study.learning()) == (splits, learning)
