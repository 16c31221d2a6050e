"""Downloads from servers on this machine: cut off, refused, damaged, put there by hand, shared, and extracted once."""

import io
import socket
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from fault_messages import fault_of
from PIL import Image
from torchvision import datasets
from torchvision.datasets.utils import download_url

from resiliency.data.published import imagenette_folder
from resiliency.data.source import downloading

CONTENT = np.random.default_rng(0).bytes(2_500_001)


@pytest.fixture
def job(site, tmp_path) -> tuple:
    """Address, folder and md5 of an archive."""
    return f"{site.url}a.bin", tmp_path / "cache", site.put("a.bin", CONTENT)


@pytest.fixture(autouse=True)
def _usual_timeout():
    yield
    socket.setdefaulttimeout(None)


def fetched(url: str, folder: Path, md5: str) -> bytes:
    with downloading(folder, "a.bin"):
        download_url(url, folder, md5=md5)
        return (folder / "a.bin").read_bytes()


@pytest.mark.parametrize("left", [None, CONTENT[:-1], CONTENT[:-1] + b"x"], ids=["none", "a part", "a damaged file"])
def test_a_file_is_downloaded_until_it_is_whole_and_not_again(site, job, left):
    if left:
        job[1].mkdir()
        (job[1] / "a.bin").write_bytes(left)
    assert fetched(*job) == CONTENT
    asked = len(site.requests)
    assert fetched(*job) == CONTENT
    assert len(site.requests) == asked > 0


def test_what_is_cut_off_or_damaged_is_a_fault_of_one_line_and_another_run_gets_it(site, job):
    site.drops = [1_000_000] * 2
    message = fault_of(fetched, *job)
    assert message.startswith(
        f"{job[1]}: cannot download or read a.bin (RuntimeError: File not found or corrupted.); run"
    )
    assert fetched(*job) == CONTENT
    assert "File not found or corrupted" in fault_of(fetched, *job[:2], "0" * 32)


def test_without_a_network_a_file_that_was_put_there_is_used(site, job):
    site.server.shutdown()
    site.server.server_close()
    message = fault_of(fetched, *job)
    assert message.startswith(f"{job[1]}: cannot download or read a.bin (URLError: ")
    assert "or put there by hand what is missing" in message
    (job[1] / "a.bin").write_bytes(CONTENT)
    assert fetched(*job) == CONTENT


def test_a_server_that_falls_silent_is_given_up(site, job, monkeypatch):
    monkeypatch.setattr("resiliency.data.source.TIMEOUT", 0.3)
    site.drops = [1_000_000] * 2
    site.release.clear()
    assert "timed out" in fault_of(fetched, *job)


def test_two_studies_download_once(site, job):
    with ThreadPoolExecutor() as studies:
        contents = [studies.submit(fetched, *job) for _ in range(2)]
        assert [content.result() for content in contents] == [CONTENT] * 2
    assert len(site.requests) == 2  # the first is of where the address leads


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
    (tmp_path / "imagenette" / "imagenette2.tgz").unlink()
    asked = len(site.requests)
    assert imagenette_folder(tmp_path) == folder
    assert len(site.requests) == asked
