"""The study that results were made with."""

from pathlib import Path

from attacks.records import RESULTS

from resiliency.study.records import changes, differences, sign


def test_keys_that_changed_are_those_of_the_last_run_that_was_finished(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert changes(RESULTS, {"seed": 1}) == ""
    sign(RESULTS, {"seed": 1})
    sign(RESULTS, {"seed": 2})  # the first run was killed: some of its results may stand
    assert changes(RESULTS, {"seed": 2}) == "Changed in the study:\n  seed: 1 -> 2"
    Path(RESULTS, "provenance.json").write_text('{"study": {"seed": 2}}')
    assert changes(RESULTS, {"seed": 2}) == ""
    sign(RESULTS, {"seed": 3})
    Path(RESULTS, "provenance.json").unlink()  # as before its job
    assert changes(RESULTS, {"seed": 3}) == "Changed in the study:\n  seed: 2 -> 3"


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
