"""The phrases that messages share."""

from resiliency.base.faults import available


def test_a_name_that_is_not_there_is_followed_by_the_nearest_or_by_those_that_are():
    assert available("column", "lable", ["image", "label"]) == "column 'lable' not found; did you mean label?"
    assert available("column", "x", ["image", "label"]) == "column 'x' not found; available columns: image, label"
    assert available("test set", "x", range(11)).endswith("available test sets: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...")
