"""Damage to a result is found where it is read; what merely took another file's place in time is not damage."""

import os
import zlib

import numpy as np
import pytest
from fault_messages import fault_of

from resiliency.base.faults import Fault
from resiliency.storage import files
from resiliency.storage.files import (
    FOLDER,
    StoredArray,
    appending,
    forget,
    read_json,
    record,
    replacing,
    verified,
    write_json,
)


def test_death_between_checksum_and_file_loses_nothing(tmp_path):
    path, coming = tmp_path / "card.json", tmp_path / "coming"
    write_json(path, {"classes": ["a", "b"], "images": 12})
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
    assert "damaged" in fault_of(verified, path)
    forget(path)
    assert verified(path) == path


BLOCK = 256


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """The file of an array of twelve items of 320 bytes, appended in uneven parts, in blocks of 256 bytes."""
    monkeypatch.setattr(files, "BLOCK_BYTES", BLOCK)
    values = np.random.default_rng(0).integers(0, 255, (12, 320), dtype=np.uint8)
    with appending(tmp_path / "a.npy", values.shape, np.uint8) as append:
        for start, end in ((0, 1), (1, 1), (1, 8), (8, 12)):
            append(np.asfortranarray(values[start:end]))
    return tmp_path / "a.npy", values


def test_the_checksum_of_what_is_appended_is_that_of_the_file(stored):
    path, values = stored
    np.testing.assert_array_equal(np.load(path), values)
    content = path.read_bytes()
    blocks = [f"{zlib.crc32(content[start : start + BLOCK]):08x}" for start in range(0, len(content), BLOCK)]
    assert (path.parent / FOLDER / path.name).read_text() == f"{','.join(blocks)} {len(content)}\n"


def test_every_byte_of_an_item_is_verified(stored):
    path, _ = stored
    whole = path.read_bytes()
    for place in (*range(128 + 320, 128 + 2 * 320), 0, 127):  # the second item, and the header
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        with pytest.raises(Fault, match="damaged"):
            StoredArray(path)[1]
