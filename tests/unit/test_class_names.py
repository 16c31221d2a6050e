"""Names of the classes of a folder, from a file of the user's own."""

import pytest
from default_study import CONFIG
from fault_messages import fault_of
from PIL import Image
from pydantic import ValidationError

from resiliency.data.settings import Dataset
from resiliency.data.source import names_for_classes, read_class_names
from resiliency.study.checks import cross_checks
from resiliency.study.model import Study


def test_names_are_lines_in_the_order_of_the_folders(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("\ufeffstop \nspeed limit 30\n\n", encoding="utf-8")
    assert names_for_classes(["00014", "00015"], path) == ["stop", "speed limit 30"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "line 1 is empty; expected one class name per line"),
        (b"a\n\nb\n", "line 2 is empty"),
        (b"a\xff\n", "cannot be read"),
        (b"a\n", "expected 2 names, one per class folder, got 1"),
        (b"a\nb\nc\n", "expected 2 names, one per class folder, got 3"),
        (b"a\na\n", "'a' names 2 classes"),
        (b"a\na/b\n", "'a/b' cannot name a folder"),
    ],
)
def test_names_that_are_refused(tmp_path, content, fault):
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    assert fault in fault_of(names_for_classes, ["00014", "00015"], path)
    assert fault_of(read_class_names, tmp_path / "none.txt").startswith(f"{tmp_path}/none.txt: cannot be read")


def test_only_folders_are_named(tmp_path):
    with pytest.raises(ValidationError, match="cifar10 has names of its own"):
        Dataset(name="cifar10", classes="names.txt")
    folder = {"name": "image_folder", "folder": str(tmp_path), "image_size": 32}
    assert Dataset(**folder, classes="names.txt").files == ["names.txt"]


@pytest.mark.parametrize(
    ("lines", "fault"), [("go\nyield\n", ""), ("yield\n", "expected 2 names"), ("stop\nyield\n", "'go'")]
)
def test_costs_are_of_the_names_in_the_file(tmp_path, lines, fault):
    for place in ("train/0", "train/1", "test/0", "test/1"):
        (tmp_path / place).mkdir(parents=True)
        Image.new("RGB", (32, 32)).save(tmp_path / place / "a.png")
    (tmp_path / "costs.csv").write_text("true,go\nyield,3\n", encoding="utf-8")
    (tmp_path / "names.txt").write_text(lines, encoding="utf-8")
    dataset = {"name": "image_folder", "folder": str(tmp_path), "image_size": 32, "classes": f"{tmp_path}/names.txt"}
    found = [
        line
        for line in cross_checks(Study(**CONFIG | {"dataset": dataset, "costs": f"{tmp_path}/costs.csv"}))
        if "names.txt" in line or line.startswith("costs:")
    ]
    assert len(found) == bool(fault)
    assert not fault or fault in found[0]
