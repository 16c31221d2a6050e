"""What benchmarks share: rows that are kept are not made again."""

import json

from shared import resumed, table, write_rows


def test_only_rows_that_lack_are_made(tmp_path):
    file, made = tmp_path / "rows.json", []
    jobs = {(name,): lambda name=name: made.append(name) or {"name": name} for name in "ab"}
    write_rows(file, [{"name": "a"}])
    assert resumed(file, jobs, ("name",)) == [{"name": "a"}, {"name": "b"}] == json.loads(file.read_text())
    assert made == ["b"]


def test_kinds_of_rows_share_a_file(tmp_path):
    file = tmp_path / "rows.json"
    write_rows(file, {"one": [{"name": 1}]})
    assert resumed(file, {(2,): lambda: {"name": 2}}, ("name",), "other") == [{"name": 2}]
    assert file.read_text() == '{"one": [\n{"name": 1}\n],\n"other": [\n{"name": 2}\n]}\n'


def test_the_columns_of_a_table_are_text_first():
    assert table([["a", "b"], ["c", "1"]]) == "| a | b |\n| --- | ---: |\n| c | 1 |"
