"""Images of files from elsewhere: compared and ordered by name, else taken in the order of their numbers."""

import numpy as np
import pytest
from fault_messages import fault_of

from resiliency.external.arrays import order_of
from resiliency.external.contents import read_contents
from resiliency.external.tables import External

NAMES, CLASSES = ["x1", "x2", "y1"], ["cat", "cat", "dog"]


@pytest.mark.parametrize(
    ("images", "wanted", "expected"),
    [
        (["y1", "x1", "x2"], NAMES, [1, 2, 0]),
        (["y1.png", "x1.JPG", "x2"], NAMES, [1, 2, 0]),
        (["val/dog/0.png", "val/cat/0.png", "val/cat/1.png"], ["0", "1", "0"], [1, 2, 0]),
        ([30, 10, 20], ["10", "20", "30"], [1, 2, 0]),
        ([0, 1, 2], NAMES, [0, 1, 2]),
        ([0, 1, 2], ["17", "4", "99"], [0, 1, 2]),
        ([7, 8, 9], ["0", "1", "2"], [0, 1, 2]),
        (["02", "10", "01"], ["1", "2", "10"], [2, 0, 1]),
        (["2", "0", "1"], NAMES, [1, 2, 0]),
        (["30", "9", "20"], ["1", "0", "2"], [2, 1, 0]),
    ],
)
def test_images_are_ordered_by_name_where_both_sides_have_names(images, wanted, expected):
    assert order_of("a.csv", "clean", np.array(images), wanted, CLASSES).tolist() == expected


@pytest.mark.parametrize(
    ("images", "wanted", "other"),
    [
        (["y1", "x1", "x3"], NAMES, "x3"),
        (["1", "01", "2"], ["0", "1", "2"], "01"),
        (["a", "1", "b"], ["0", "1", "2"], "a"),
    ],
)
def test_other_images_are_refused(images, wanted, other):
    message = fault_of(order_of, "a.csv", "clean", np.array(images), wanted, CLASSES)
    assert f"e.g. {wanted[0]!r}, got {other!r}; name images alike" in message


HEADER = "test_set,image,label,"
ROWS = ["clean,x1,0,0", "clean,x2,0,1", "clean,y1,1,1", "fog.1,y1,1,0", "fog.1,x1,0,1", "fog.1,x2,0,0"]


@pytest.fixture
def two_files(tmp_path):
    """Writes the answers of one network twice, under two names, the second time from other rows."""

    def written(rows):
        for name, lines in (("first", ROWS), ("second", rows)):
            (tmp_path / f"{name}.csv").write_text("\n".join([HEADER + name, *lines]), encoding="utf-8")
        return [str(tmp_path / f"{name}.csv") for name in ("first", "second")]

    return written


def shared(files, **external):
    return read_contents(External(decisions=files, **external), ["fog", "snow"], [1, 2], None)


def test_numbers_are_taken_in_their_order_which_is_said_once(two_files):
    numbers = [row.replace("x", "").replace("y1", "3") for row in ROWS]
    (said,) = [why for what, why in shared(two_files(numbers)).left_out.items() if "by name" in what]
    assert said.endswith("second.csv")
    assert "first.csv" not in said
    assert not any("by name" in what for what in shared(two_files(ROWS)).left_out)
