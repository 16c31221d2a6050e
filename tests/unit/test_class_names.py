"""Names of the classes of a folder, from a file of the user's own."""

import pytest
from fault_messages import fault_of

from resiliency.data.source import names_for_classes, read_class_names


def test_names_are_lines_in_the_order_of_the_folders(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("\ufeffstop \nspeed limit 30\n\n", encoding="utf-8")
    assert names_for_classes(["00014", "00015"], path) == ["stop", "speed limit 30"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "line 1 is empty; expected one class name per line"),
        (b"a\xff\n", "cannot be read"),
        (b"a\n", "expected 2 names, one per class folder, got 1"),
        (b"a\na\n", "'a' names 2 classes"),
        (b"a\na/b\n", "'a/b' cannot name a folder"),
    ],
)
def test_names_that_are_refused(tmp_path, content, fault):
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    assert fault in fault_of(names_for_classes, ["00014", "00015"], path)
    assert fault_of(read_class_names, tmp_path / "none.txt").startswith(f"{tmp_path}/none.txt: cannot be read")
