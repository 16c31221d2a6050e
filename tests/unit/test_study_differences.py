"""Keys in which two studies differ."""

from resiliency.study.records import differences


def test_each_key_that_differs_is_named_with_both_values():
    before = {"study": "a", "training": {"epochs": 2, "flip": True}, "joint": {"seeds": 2}, "search": None}
    after = {"study": "a", "training": {"epochs": 3, "flip": True}, "joint": None, "search": None, "costs": "a.csv"}
    assert differences(before, after) == {
        "training.epochs": ("2", "3"),
        "joint": ('{"seeds": 2}', "null"),
        "costs": ("–", "a.csv"),
    }
    assert differences(before, before) == {}
    assert differences({}, {"costs": None, "designs": {}}) == differences({"costs": None, "designs": {}}, {}) == {}


def test_long_lists_say_what_each_has_alone():
    names = [f"corruption_{number}" for number in range(9)]
    assert differences({"names": names}, {"names": [*names, "fog"]})["names"] == ("9 of them", '10, with ["fog"]')
    assert differences({"names": names}, {"names": names[::-1]})["names"] == ("9 in one order", "9 in another")
    assert differences({"names": [1, 4]}, {"names": [1]})["names"] == ("[1, 4]", "[1]")
