"""Published data sets, made tiny and served from this machine: as written, cut off, refused,
damaged, put by hand."""

import hashlib
import inspect
import io
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from fault_messages import fault_of
from PIL import Image
from torchvision import datasets
from torchvision.datasets.utils import download_url

from resiliency.data import reading
from resiliency.data.reading import CLASSES, imagenette_folder
from resiliency.data.source import downloading


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        site = self.server.site
        site.requests.append(self.path)
        path = site.folder / self.path.strip("/")
        content = path.read_bytes() if path.is_file() else b""
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: site.drops.pop(0) if site.drops else None])
        self.wfile.flush()
        site.release.wait(20)


class Site:
    """A folder on this machine whose files are at `url`, and that answers as a test says: late, or
    in part.

    `requests` are the paths that were asked for. `drops` says after how many bytes the connections
    of the next answers close. Unless `release` is set, they stay open when all is sent.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        self.requests, self.drops = [], []
        self.release = threading.Event()
        self.release.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.site = self
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def put(self, name: str, content: bytes) -> str:
        """Serve `content` under `name`; its md5."""
        (self.folder / name).write_bytes(content)
        return md5(content)

    def put_tar(self, name: str, files: dict[str, bytes]) -> str:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for path, content in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return self.put(name, packed.getvalue())


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def site(tmp_path) -> Iterator[Site]:
    """A site in a folder of the test."""
    site = Site(tmp_path / "site")
    yield site
    site.release.set()
    site.server.shutdown()
    site.server.server_close()


Written = dict[str, tuple[np.ndarray, np.ndarray]]
ARCHIVES = tuple(reading.ARCHIVES)
PPM = b"P6 32 32 255\n"


def put_zip(site: Site, name: str, files: dict[str, bytes]) -> str:
    """Serve a zip archive of `files`; its SHA-256."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    site.put(name, packed.getvalue())
    return hashlib.sha256(packed.getvalue()).hexdigest()


def put_gtsrb(site: Site, patch) -> Written:
    """As the benchmark lays out its archives: tracks of two frames, and annotations beside them."""
    rng, written = np.random.default_rng(0), {}
    for part, count in (("train", 20), ("test", 7)):
        labels = np.sort([0, len(CLASSES) - 1, *rng.integers(0, len(CLASSES), count - 2)])
        written[part] = rng.integers(0, 256, (count, 32, 32, 3), np.uint8), labels
    training, test = (
        {"GTSRB/Readme-Images.txt": b"read me"},
        {"GTSRB/Final_Test/Images/GT-final_test.test.csv": b"x"},
    )
    for label in np.unique(written["train"][1]):
        training[f"GTSRB/Final_Training/Images/{label:05}/GT-{label:05}.csv"] = b"Filename;Width\n"
        for number, index in enumerate(np.flatnonzero(written["train"][1] == label)):
            path = f"GTSRB/Final_Training/Images/{label:05}/{number // 2:05}_{number % 2:05}.ppm"
            training[path] = PPM + written["train"][0][index].tobytes()
    rows = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
    for index, (image, label) in enumerate(zip(*written["test"], strict=True)):
        test[f"GTSRB/Final_Test/Images/{index:05}.ppm"] = PPM + image.tobytes()
        rows.append(f"{index:05}.ppm;32;32;5;5;27;27;{label}")
    contents = (training, test, {"GT-final_test.csv": "\r\n".join(rows).encode()})
    archives = {
        name: put_zip(site, name, files) for name, files in zip(ARCHIVES, contents, strict=True)
    }
    patch.setattr(reading, "ARCHIVES", archives)
    patch.setattr(reading, "_URL", site.url)
    return written


def test_traffic_signs_come_back_and_a_second_study_asks_nobody(site, monkeypatch, tmp_path):
    written = put_gtsrb(site, monkeypatch)
    source = reading.published_source("gtsrb", 32, tmp_path / "gtsrb")
    assert (source.classes, list(source.parts)) == (list(CLASSES), ["train", "test"])
    for part, (images, labels) in written.items():
        read = source.parts[part]
        assert (len(read.images), read.images[:].dtype, read.labels.dtype) == (
            len(images),
            np.uint8,
            np.int64,
        )
        np.testing.assert_array_equal(read.images[:], images)
        np.testing.assert_array_equal(read.images[np.array([5, 0])], images[[5, 0]])
        np.testing.assert_array_equal(read.labels, labels)
        assert len(set(zip(labels.tolist(), read.names, strict=True))) == len(labels)
    assert [source.parts[part].names[0] for part in ("train", "test")] == ["00000_00000", "00000"]
    assert {path.strip("/") for path in site.requests} == {
        file.name for file in site.folder.iterdir()
    }
    asked = len(site.requests)
    stamps = {
        path: path.stat().st_mtime_ns
        for path in tmp_path.glob("gtsrb/**/*")
        if path.name != ".lock"
    }
    resized = reading.published_source("gtsrb", 48, tmp_path / "gtsrb").parts["test"].images
    assert len(site.requests) == asked
    assert stamps == {path: path.stat().st_mtime_ns for path in stamps}
    chosen, side = np.array([3, 1]), (48, 48)
    larger = [
        Image.fromarray(image).resize(side, Image.Resampling.BILINEAR)
        for image in written["test"][0][chosen]
    ]
    np.testing.assert_array_equal(resized[chosen], np.stack(larger))
    assert resized[:0].shape == (0, *side, 3)


@pytest.mark.parametrize("name", reading._KINDS)
def test_each_reader_of_torchvision_is_asked_for_both_parts(name, monkeypatch, tmp_path):
    """By arguments that it has; grey pictures get three channels, and classes without names are
    digits."""
    reader = reading._KINDS[name].reader
    signature = inspect.signature(getattr(datasets, reader))
    classes = {} if name == "svhn" else {"classes": ["zero", "one", "two"]}

    def read(*arguments: object, **named: object) -> list[tuple[Image.Image, int]]:
        given = signature.bind(*arguments, **named).arguments
        assert (given["root"], given["download"]) == (tmp_path, True)
        part = given["split"] if "split" in given else "train" if given["train"] else "test"
        pictures = [
            (Image.new("L", (28, 28), grey), grey // 100)
            for grey in {"train": (0, 100), "test": (200,)}[part]
        ]
        return type("Read", (list,), classes)(pictures)

    monkeypatch.setattr(datasets, reader, read)
    source = reading.published_source(name, 32, tmp_path)
    assert source.classes == classes.get("classes", list("0123456789"))
    for part, greys in (("train", [0, 100]), ("test", [200])):
        expected = np.full((len(greys), 32, 32, 3), np.array(greys)[:, None, None, None], np.uint8)
        np.testing.assert_array_equal(source.parts[part].images[:], expected, strict=True)
        assert source.parts[part].labels.tolist() == [grey // 100 for grey in greys]
        assert source.parts[part].names == ["0", "1"][: len(greys)]


def test_an_archive_with_another_checksum_is_downloaded_again_and_refused(
    site, monkeypatch, tmp_path
):
    put_gtsrb(site, monkeypatch)
    forged = next(iter(reading.ARCHIVES))
    (tmp_path / forged).write_bytes(b"cut off")
    reading.published_source("gtsrb", 32, tmp_path)
    monkeypatch.setitem(reading.ARCHIVES, forged, "0" * 64)
    message = fault_of(reading.published_source, "gtsrb", 32, tmp_path)
    assert f"(ValueError: {forged}: expected SHA-256 {'0' * 64}, got " in message
    assert message.endswith("delete what is damaged")


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


@pytest.mark.parametrize(
    "left", [None, CONTENT[:-1], CONTENT[:-1] + b"x"], ids=["none", "a part", "a damaged file"]
)
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
    for split, (number, synset) in product(
        ("train", "val"), enumerate(datasets.Imagenette._WNID_TO_CLASS)
    ):
        packed = io.BytesIO()
        Image.new("RGB", (30, 20), (number, 2 * number, 3 * number)).save(packed, "JPEG")
        files[f"imagenette2/{split}/{synset}/{synset}_{number}.JPEG"] = packed.getvalue()
    digest = site.put_tar("imagenette2.tgz", files)
    monkeypatch.setattr(
        datasets.Imagenette, "_ARCHIVES", {"full": (site.url + "imagenette2.tgz", digest)}
    )
    # What an extraction left.
    killed = tmp_path / "imagenette/.extracting/imagenette2/train/n00000001/0.JPEG"
    killed.parent.mkdir(parents=True)
    killed.touch()
    folder = imagenette_folder(tmp_path / "imagenette")
    assert sorted(path.name for path in folder.iterdir()) == ["train", "val"]
    paths = {f"imagenette2/{path.relative_to(folder)}": path for path in folder.rglob("*.JPEG")}
    assert {name: path.read_bytes() for name, path in paths.items()} == files
    (tmp_path / "imagenette" / "imagenette2.tgz").unlink()
    asked = len(site.requests)
    assert imagenette_folder(tmp_path / "imagenette") == folder
    assert len(site.requests) == asked
