"""Downloads from servers on this machine: broken off, continued, refused, damaged, shared, and extracted once."""

import hashlib
import io
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from fault_messages import fault_of
from PIL import Image
from torchvision import datasets

from resiliency.data.download import Archive, fetch, locked
from resiliency.data.published import imagenette_folder

CONTENT = np.random.default_rng(0).bytes(2_500_001)


@pytest.fixture
def archive(site) -> Archive:
    return Archive(site.url + "a.bin", "a.bin", site.put("a.bin", CONTENT))


def fetched(archive: Archive, folder: Path) -> bytes:
    with locked(folder):
        return fetch(archive, folder).read_bytes()


@pytest.mark.parametrize(
    ("knows_ranges", "drops", "part", "ranges"),
    [
        (True, [], b"", [None]),
        (True, [1_000_000, 700_000], b"", [None, "bytes=1000000-", "bytes=1700000-"]),
        (False, [1_000_000], b"", [None, "bytes=1000000-"]),
        (True, [], CONTENT + b"more", ["bytes=2500005-", None]),
        (True, [], CONTENT[:-1] + b"x", ["bytes=2500001-", None]),
    ],
    ids=["whole", "dropped twice", "without ranges", "a part too long", "a wrong part"],
)
def test_a_download_continues_where_it_can_and_else_starts_anew(
    site, archive, tmp_path, knows_ranges, drops, part, ranges
):
    site.knows_ranges, site.drops = knows_ranges, drops
    folder = tmp_path / "cache"
    folder.mkdir()
    if part:
        (folder / "a.bin.part").write_bytes(part)
    for _ in range(2):  # the second time it is there
        assert fetched(archive, folder) == CONTENT
        assert site.ranges == ranges
    assert sorted(file.name for file in folder.iterdir()) == [".lock", "a.bin"]


@pytest.mark.parametrize("kept", [False, True])
def test_a_sha_256_goes_before_an_md5(archive, tmp_path, kept):
    """Other bytes of the same md5 can be made; these are as published by it, but not by the SHA-256."""
    archive, folder = archive._replace(sha256="0" * 64), tmp_path / "cache"
    folder.mkdir()
    if kept:
        (folder / "a.bin").write_bytes(CONTENT)
    message = fault_of(fetched, archive, folder)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert [file.name for file in folder.iterdir() if file.name != "a.bin"] == [".lock"]
    assert f"a.bin: expected SHA-256 {'0' * 64} from {archive.url}, got SHA-256 {digest}; run again" in message
    assert fetched(archive._replace(md5="0" * 32, sha256=digest), folder) == CONTENT


def test_a_server_that_falls_silent_is_given_up(site, archive, tmp_path, monkeypatch):
    monkeypatch.setattr("resiliency.data.download.TIMEOUT", 0.3)
    site.drops = [1_000_000, *[0] * 50]
    site.release.clear()
    assert "(timed out); run again when it can" in fault_of(fetched, archive, tmp_path / "cache")
    part = tmp_path / "cache/a.bin.part"
    assert set(site.ranges[1:]) == {f"bytes={part.stat().st_size}-"}
    assert CONTENT.startswith(part.read_bytes())


def test_a_full_disk_keeps_the_part(site, archive, tmp_path):
    part, limits = tmp_path / "cache/a.bin.part", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        message = fault_of(fetched, archive, part.parent)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert message.startswith(f"{part}: cannot be written (File too large); make room")
    assert part.stat().st_size == 1_000_000
    assert fetched(archive, part.parent) == CONTENT
    assert site.ranges[-1] == "bytes=1000000-"


def test_two_studies_download_once(site, archive, tmp_path, capsys):
    site.drops = [1_000_000]
    site.release.clear()
    with ThreadPoolExecutor() as studies:
        contents = [studies.submit(fetched, archive, tmp_path / "cache") for _ in range(2)]
        while not contents[0].done() and "another process is downloading" not in capsys.readouterr().out:
            time.sleep(0.01)
        site.release.set()
        assert [content.result() for content in contents] == [CONTENT] * 2
    assert site.ranges == [None, "bytes=1000000-"]


def test_imagenette_is_extracted_once(site, monkeypatch, tmp_path):
    """From an archive of a picture per split and class."""
    files = {}
    for split, (number, synset) in product(("train", "val"), enumerate(datasets.Imagenette._WNID_TO_CLASS)):
        packed = io.BytesIO()
        Image.new("RGB", (30, 20), (number, 2 * number, 3 * number)).save(packed, "JPEG")
        files[f"imagenette2/{split}/{synset}/{synset}_{number}.JPEG"] = packed.getvalue()
    digest = site.put_tar("imagenette2.tgz", files)
    monkeypatch.setattr(datasets.Imagenette, "_ARCHIVES", {"full": (site.url + "imagenette2.tgz", digest)})
    killed = tmp_path / "imagenette/.extracting/imagenette2/train/n00000001/0.JPEG"  # what an extraction left
    killed.parent.mkdir(parents=True)
    killed.touch()
    folder = imagenette_folder(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["train", "val"]
    paths = {f"imagenette2/{path.relative_to(folder)}": path for path in folder.rglob("*.JPEG")}
    assert {name: path.read_bytes() for name, path in paths.items()} == files
    assert sorted(os.listdir(tmp_path / "imagenette")) == [".lock", "imagenette2", "imagenette2.tgz"]
    (tmp_path / "imagenette" / "imagenette2.tgz").unlink()
    assert imagenette_folder(tmp_path) == folder
    assert site.requests == ["/imagenette2.tgz"]


def test_members_outside_the_folder_are_refused(site, monkeypatch, tmp_path):
    digest = site.put_tar("imagenette2.tgz", {"../../escaped": b"x"})
    monkeypatch.setattr(datasets.Imagenette, "_ARCHIVES", {"full": (site.url + "imagenette2.tgz", digest)})
    message = fault_of(imagenette_folder, tmp_path / "a/b")
    assert message.startswith(f"{tmp_path}/a/b/imagenette: does not hold what was published (Outside")
    assert not list(tmp_path.rglob("escaped"))
