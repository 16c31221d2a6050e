"""Damage to a result is found where it is read; what merely took another file's place in time is not damage."""

import os
import random
import zlib

import numpy as np
import pandas as pd
import pytest

from resiliency.data.images import read_items
from resiliency.faults import Fault
from resiliency.storage.checksums import FOLDER, forget, record, verified
from resiliency.storage.files import read_array, read_json, replacing, write_array, write_csv, write_json
from resiliency.storage.tables import read_table, write_table

TABLE = pd.DataFrame({"corruption": ["fog", "snow"], "error": [0.25, 0.5]})
RESULTS = {
    "array.npy": (lambda path: write_array(path, np.arange(500, dtype=np.float16)), read_array),
    "card.json": (lambda path: write_json(path, {"classes": ["a", "b"], "images": 12}), read_json),
    "table.csv": (lambda path: write_table(path, TABLE), read_table),
    "table.parquet": (lambda path: write_table(path, TABLE), read_table),
    "items.csv": (lambda path: write_csv(path, [{"class": "a", "name": "1.png"}]), read_items),
}


def written(folder, name):
    path = folder / name
    RESULTS[name][0](path)
    return path


@pytest.mark.parametrize("name", RESULTS)
def test_a_flipped_bit_is_found_wherever_it_is(tmp_path, name):
    path = written(tmp_path, name)
    whole = path.read_bytes()
    places = random.Random(0).sample(range(8 * len(whole)), min(60, 8 * len(whole)))
    for place in places:
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(Fault, match=rf"{name}: damaged, not as it was written; delete it and run again"):
            RESULTS[name][1](path)
    path.write_bytes(whole)
    RESULTS[name][1](path)


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:-1], lambda b: b[: len(b) // 2], lambda b: b + b"\0"])
def test_lost_and_added_bytes_are_found(tmp_path, name, damage):
    path = written(tmp_path, name)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(Fault, match="damaged"):
        RESULTS[name][1](path)


def test_zeros_in_place_of_a_block_are_found(tmp_path):
    path = tmp_path / "array.npy"
    write_array(path, np.random.default_rng(0).integers(1, 255, 100_000, dtype=np.uint8))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(4096))
    with pytest.raises(Fault, match="damaged"):
        read_array(path)


def test_the_checksum_is_that_of_zlib(tmp_path):
    path = written(tmp_path, "array.npy")
    content = path.read_bytes()
    assert (tmp_path / FOLDER / "array.npy").read_text() == f"{zlib.crc32(content):08x} {len(content)}\n"


def test_a_file_of_the_user_is_not_checked(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("a,b\n1,2\n")
    assert verified(path) == path
    path.write_text("a,b\n1,3\n")
    assert verified(path) == path


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Fault, match=r"none\.npy: cannot be read \(No such file or directory\)"):
        verified(tmp_path / "none.npy")


def test_death_between_checksum_and_file_loses_nothing(tmp_path):
    path, coming = written(tmp_path, "card.json"), tmp_path / "coming"
    before = path.read_bytes()
    coming.write_text("{}\n")
    record(coming, path)
    assert verified(path).read_bytes() == before
    os.replace(coming, path)
    assert read_json(path) == {}


def test_only_the_last_two_files_count(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("one", "two", "three"):
        with replacing(path) as temporary:
            temporary.write_text(text)
    path.write_text("one")
    with pytest.raises(Fault, match="damaged"):
        verified(path)
    forget(path)
    assert verified(path) == path


def test_a_checksum_that_is_no_text_is_no_checksum(tmp_path):
    write_json(tmp_path / "a.json", {"a": 1})
    (tmp_path / ".checksums/a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Fault, match=r"a\.json: damaged, not as it was written; delete it and run again"):
        read_json(tmp_path / "a.json")
    write_json(tmp_path / "a.json", {"a": 2})
    assert read_json(tmp_path / "a.json") == {"a": 2}
