"""A file is whole or absent, and a broken one is named in one line."""

import resource

import numpy as np
import pandas as pd
import pytest
from fault_messages import fault_of

from resiliency import storage


@pytest.fixture
def small_disk():
    """Files may not grow beyond 100 kB, as on a disk that is nearly full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_in_one_line_and_leaves_the_old_file(tmp_path, small_disk):
    path = tmp_path / "a.npy"
    storage.write_array(path, np.arange(3))

    def append_much():
        with storage.appending(path, (300_000,), np.uint8) as append:
            for _ in range(30):
                append(np.zeros(10_000, np.uint8))

    message = f"{path}: cannot be written (File too large); make room for it and run again"
    assert fault_of(append_much) == message
    assert fault_of(storage.write_array, path, np.zeros(200_000, np.uint8)) == message
    assert storage.read_array(path).tolist() == [0, 1, 2]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.npy"]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    for name in (".a.b.123.npy", ".a.123.npy", ".a.b.c.npy"):
        (tmp_path / name).write_text("half")
    (tmp_path / ".fog.7").mkdir()
    storage.write_array(tmp_path / "a.b.npy", np.zeros(3))
    with storage.replacing(tmp_path / "fog") as temporary:
        temporary.mkdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".a.123.npy",
        ".a.b.c.npy",
        "a.b.npy",
        "fog",
    ]


@pytest.mark.parametrize(
    "names", [["1", "01"], ["2012", "1e5"], ["inf", "-0"], ["True", "False"], ["NA", "null"]]
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_come_back_and_names_that_look_like_numbers_stay_names(tmp_path, names, suffix):
    columns = ["member", "images", "family", "first", "second", "setting", "severities", "label"]
    table = pd.DataFrame(dict.fromkeys(columns, names))
    table = table.assign(error=[0.125, np.nan], n_images=[3, 4])
    path = tmp_path / f"table{suffix}"
    storage.write_table(path, table)
    pd.testing.assert_frame_equal(storage.read_table(path), table)


def test_csv_tables_hold_whole_numbers_in_full_beside_missing_ones(tmp_path):
    columns = {
        "macs": [828411176.0, np.nan, 3.0],
        "ratio": [1e9, 0.5, np.nan],
        "limit": [np.inf, 1e9, np.nan],
    }
    table = pd.DataFrame(columns | {"none": np.nan, "n_images": [123456789, 4, 5]})
    storage.write_table(tmp_path / "t.csv", table)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[1:] == ["828411176,1e+09,inf,,123456789", ",0.5,1e+09,,4", "3,,,,5"]
    pd.testing.assert_frame_equal(storage.read_table(tmp_path / "t.csv"), table)


def test_a_table_is_appended_to_and_read_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "BLOCK_ROWS", 5)
    parts = [
        pd.DataFrame({"kind": "a" if n < 4 else "b", "number": np.arange(n) / 3})
        for n in (3, 4, 1, 6, 2)
    ]
    path = tmp_path / "table.parquet"
    with storage.appending_table(path) as append:
        for part in parts:
            append(part)
    whole = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(storage.read_table(path), whole)
    blocks = list(storage.read_blocks(path))
    assert [len(block) for block in blocks] == [7, 7, 2]
    pd.testing.assert_frame_equal(pd.concat(blocks, ignore_index=True), whole)
    assert storage.read_distinct(path, ["kind"]).kind.tolist() == ["a", "b"]
    assert list(next(storage.read_blocks(path, ["kind"]))) == ["kind"]
    for content in (path.read_bytes()[:-9], b"no table"):
        path.write_bytes(content)
        assert "table.parquet: truncated or corrupt table" in fault_of(
            next, storage.read_blocks(path)
        )
