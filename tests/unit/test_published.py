"""Published data sets, made tiny in their published formats and served from this machine, come back as written."""

import gzip
import hashlib
import io
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image
from torchvision import datasets

from resiliency.data import download, published
from resiliency.data.published import Resized, imagenette_folder
from resiliency.data.source import Source
from resiliency.faults import Fault

Written = dict[str, tuple[np.ndarray, np.ndarray]]


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        super().do_GET()


class Site:
    """A folder whose files are at `url`, and the paths that were asked for."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.asked = self.server.asked = []
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

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
def site(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0)
    site = Site(tmp_path / "site")
    yield site
    site.server.shutdown()
    site.server.server_close()


def drawn(size: int, channels: int, classes: int) -> Written:
    """Random images NxHxWxchannels and labels that hold the first and the last class."""
    rng = np.random.default_rng(0)
    written = {}
    for part, count in (("train", 20), ("test", 7)):
        labels = rng.integers(0, classes, count)
        labels[:2] = 0, classes - 1
        written[part] = rng.integers(0, 256, (count, size, size, channels), np.uint8), labels
    return written


def put_cifar(site: Site, patch, reader: type, key: str, classes: list[str]) -> Written:
    written = drawn(32, 3, len(classes))
    files = {}
    for part in ("train", "test"):
        lists = []
        listed = getattr(reader, f"{part}_list")
        images, labels = (np.array_split(values, len(listed)) for values in written[part])
        for (name, _), some, named in zip(listed, images, labels, strict=True):
            rows = some.transpose(0, 3, 1, 2).reshape(len(some), -1)
            files[name] = pickle.dumps({"data": rows, key: named.tolist()})
            lists.append([name, md5(files[name])])
        patch.setattr(reader, f"{part}_list", lists)
    name = reader.meta["filename"]
    files[name] = pickle.dumps({reader.meta["key"]: classes})
    patch.setattr(reader, "meta", reader.meta | {"md5": md5(files[name])})
    folder = {f"{reader.base_folder}/{name}": content for name, content in files.items()}
    patch.setattr(reader, "url", site.url + reader.filename)
    patch.setattr(reader, "tgz_md5", site.put_tar(reader.filename, folder))
    return written


def put_svhn(site: Site, patch) -> Written:
    written = drawn(32, 3, 10)
    listed = {}
    for part, (images, labels) in written.items():
        name = f"{part}_32x32.mat"
        packed = io.BytesIO()
        ten_for_zero = np.where(labels == 0, 10, labels).astype(np.uint8)[:, None]
        scipy.io.savemat(packed, {"X": images.transpose(1, 2, 3, 0), "y": ten_for_zero}, do_compression=True)
        listed[part] = [site.url + name, name, site.put(name, packed.getvalue())]
    patch.setattr(datasets.SVHN, "split_list", listed)
    return written


def put_fashion_mnist(site: Site, patch) -> Written:
    written = drawn(28, 1, 10)
    resources = []
    for part, (images, labels) in written.items():
        for what, values in (("images-idx3", images[..., 0]), ("labels-idx1", labels.astype(np.uint8))):
            header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">i4").tobytes()
            name = f"{'t10k' if part == 'test' else part}-{what}-ubyte.gz"
            resources.append((name, site.put(name, gzip.compress(header + values.tobytes()))))
    patch.setattr(datasets.FashionMNIST, "resources", resources)
    patch.setattr(datasets.FashionMNIST, "mirrors", [site.url])
    return {part: (np.repeat(images, 3, axis=3), labels) for part, (images, labels) in written.items()}


STL10_CLASSES = [f"class {letter}" for letter in "abcdefghij"]


def put_stl10(site: Site, patch, first_label: int = 1) -> Written:
    written = drawn(96, 3, 10)
    files = {"class_names.txt": "\n".join(STL10_CLASSES).encode() + b"\n", "unlabeled_X.bin": bytes(3 * 96 * 96)}
    for part, (images, labels) in written.items():
        # Channel by channel, and in each column by column.
        files[f"{part}_X.bin"] = images.transpose(0, 3, 2, 1).tobytes()
        files[f"{part}_y.bin"] = (labels + first_label).astype(np.uint8).tobytes()
    for listed in ("train_list", "test_list"):
        names = [name for name, _ in getattr(datasets.STL10, listed)]
        patch.setattr(datasets.STL10, listed, [[name, md5(files[name])] for name in names])
    folder = {f"stl10_binary/{name}": content for name, content in files.items()}
    patch.setattr(datasets.STL10, "url", site.url + "stl10_binary.tar.gz")
    patch.setattr(datasets.STL10, "tgz_md5", site.put_tar("stl10_binary.tar.gz", folder))
    return written


CIFAR10_CLASSES = [f"kind {letter}" for letter in "jihgfedcba"]
CIFAR100_CLASSES = [f"kind {number}" for number in range(100)]
PUT: dict[str, tuple[Callable[..., Written], int, list[str]]] = {
    "cifar10": (
        partial(put_cifar, reader=datasets.CIFAR10, key="labels", classes=CIFAR10_CLASSES),
        32,
        CIFAR10_CLASSES,
    ),
    "cifar100": (
        partial(put_cifar, reader=datasets.CIFAR100, key="fine_labels", classes=CIFAR100_CLASSES),
        32,
        CIFAR100_CLASSES,
    ),
    "svhn": (put_svhn, 32, list("0123456789")),
    "fashion_mnist": (put_fashion_mnist, 28, datasets.FashionMNIST.classes),
    "stl10": (put_stl10, 96, STL10_CLASSES),
}
each = pytest.mark.parametrize("name", PUT)


def put(name: str, site: Site, patch) -> tuple[Written, int, list[str]]:
    function, size, classes = PUT[name]
    return function(site=site, patch=patch), size, classes


def assert_as_written(source: Source, written: Written) -> None:
    assert list(source.parts) == ["train", "test"]
    for part, (images, labels) in written.items():
        read = source.parts[part]
        assert len(read.images) == len(images)
        assert read.images[:].dtype == np.uint8
        np.testing.assert_array_equal(read.images[:], images)
        np.testing.assert_array_equal(read.images[np.array([5, 0])], images[[5, 0]])
        assert read.labels.dtype == np.int64
        np.testing.assert_array_equal(read.labels, labels)
        assert read.names == [str(position) for position in range(len(labels))]


def fault_of(function, *arguments) -> str:
    with pytest.raises(Fault) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


@each
def test_images_labels_and_classes_come_back(name, site, monkeypatch, tmp_path):
    written, size, classes = put(name, site, monkeypatch)
    source = published.published(name, size, tmp_path)
    assert source.classes == classes
    assert_as_written(source, written)
    for file in site.folder.iterdir():
        assert f"{site.url}{file.name} (md5 {md5(file.read_bytes())})" in source.told


@each
def test_a_second_study_asks_nobody(name, site, monkeypatch, tmp_path):
    written, size, _ = put(name, site, monkeypatch)
    published.published(name, size, tmp_path)
    files = sorted(file.name for file in site.folder.iterdir())
    assert sorted(path.strip("/") for path in site.asked) == files
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob(f"{name}/**/*") if path.name != ".lock"}
    assert_as_written(published.published(name, size, tmp_path), written)
    assert len(site.asked) == len(files)
    assert stamps == {path: path.stat().st_mtime_ns for path in stamps}


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "fashion_mnist", "stl10"])
def test_what_is_extracted_needs_no_archive(name, site, monkeypatch, tmp_path):
    written, size, _ = put(name, site, monkeypatch)
    published.published(name, size, tmp_path)
    for archive in site.folder.iterdir():
        (tmp_path / name / archive.name).unlink()
    site.asked.clear()
    assert_as_written(published.published(name, size, tmp_path), written)
    assert site.asked == []


@each
def test_two_studies_at_once_download_once(name, site, monkeypatch, tmp_path):
    written, size, _ = put(name, site, monkeypatch)
    with ThreadPoolExecutor(2) as pool:
        for source in pool.map(lambda _: published.published(name, size, tmp_path), range(2)):
            assert_as_written(source, written)
    assert sorted(path.strip("/") for path in site.asked) == sorted(file.name for file in site.folder.iterdir())


@each
def test_archives_put_by_hand_are_read_without_network(name, site, monkeypatch, tmp_path):
    written, size, _ = put(name, site, monkeypatch)
    shutil.copytree(site.folder, tmp_path / name)
    assert_as_written(published.published(name, size, tmp_path), written)
    assert site.asked == []


@each
def test_an_interrupted_extraction_is_done_again(name, site, monkeypatch, tmp_path):
    written, size, _ = put(name, site, monkeypatch)
    published.published(name, size, tmp_path)
    for path in tmp_path.glob(f"{name}/**/*"):
        if path.is_file() and path.name not in (".lock", "class_names.txt"):
            path.write_bytes(path.read_bytes()[:-5])
    assert_as_written(published.published(name, size, tmp_path), written)


@each
def test_other_sizes_are_resized_where_indexed(name, site, monkeypatch, tmp_path):
    written, _, _ = put(name, site, monkeypatch)
    images = published.published(name, 48, tmp_path).parts["test"].images
    assert isinstance(images, Resized)
    assert len(images) == len(written["test"][0])
    chosen = np.array([3, 1])
    expected = [
        np.asarray(Image.fromarray(image).resize((48, 48), Image.Resampling.BILINEAR))
        for image in written["test"][0][chosen]
    ]
    np.testing.assert_array_equal(images[chosen], expected)
    assert images[:0].shape == (0, 48, 48, 3)


def test_shrinking_averages_and_keeps_what_is_uniform():
    fine = np.zeros((1, 64, 64, 3), np.uint8)
    fine[:, ::2] = 200
    assert np.ptp(Resized(fine, 16)[:].astype(int)) <= 20
    colours = np.broadcast_to(np.array([10, 120, 250], np.uint8), (2, 64, 64, 3))
    np.testing.assert_array_equal(Resized(colours, 33)[1:], np.broadcast_to(colours[0, 0, 0], (1, 33, 33, 3)))


def test_formats_are_read_as_their_publishers_describe_them(site, monkeypatch, tmp_path):
    """CIFAR: the first 32 bytes are the red values of the first row. STL-10: channels by columns."""
    put("cifar10", site, monkeypatch)
    put("stl10", site, monkeypatch)
    image = published.published("cifar10", 32, tmp_path).parts["train"].images[:1][0]
    row = pickle.loads((tmp_path / "cifar10/cifar-10-batches-py/data_batch_1").read_bytes())["data"][0]
    assert (row[1], row[32], row[1024]) == (image[0, 1, 0], image[1, 0, 0], image[0, 0, 1])
    image = published.published("stl10", 96, tmp_path).parts["train"].images[:1][0]
    stored = (tmp_path / "stl10/stl10_binary/train_X.bin").read_bytes()
    assert (stored[1], stored[96], stored[96 * 96]) == (image[1, 0, 0], image[0, 1, 0], image[0, 0, 1])


def test_labels_outside_the_classes_are_refused(site, monkeypatch, tmp_path):
    put_stl10(site, monkeypatch, first_label=0)
    message = fault_of(published.published, "stl10", 96, tmp_path)
    assert message.startswith(f"{tmp_path / 'stl10'}: train: labels are 0 to 255, not within 0 to 9;")


def test_images_of_another_kind_are_refused(site, monkeypatch, tmp_path):
    listed = {}
    for part in ("train", "test"):
        packed = io.BytesIO()
        scipy.io.savemat(packed, {"X": np.zeros((32, 32, 3, 4), np.float32), "y": np.ones((4, 1))})
        listed[part] = [site.url + part, part, site.put(part, packed.getvalue())]
    monkeypatch.setattr(datasets.SVHN, "split_list", listed)
    message = fault_of(published.published, "svhn", 32, tmp_path)
    assert "train: images are float32 (4, 32, 32, 3), not uint8 (4, 32, 32, 3)" in message


@pytest.mark.parametrize("name", ["cifar10", "stl10"])
def test_an_archive_of_other_files_is_named(name, site, monkeypatch, tmp_path):
    put(name, site, monkeypatch)
    reader = datasets.CIFAR10 if name == "cifar10" else datasets.STL10
    monkeypatch.setattr(reader, "tgz_md5", site.put_tar(reader.filename, {"elsewhere/readme": b"nothing"}))
    message = fault_of(published.published, name, 32, tmp_path)
    assert message.startswith(f"{tmp_path / name}: does not hold what was published (")
    assert message.endswith("delete it and run again")


def test_without_network_one_line_tells(site, monkeypatch, tmp_path):
    put("cifar10", site, monkeypatch)
    site.server.shutdown()
    site.server.server_close()
    message = fault_of(published.published, "cifar10", 32, tmp_path)
    assert message.startswith(f"cifar-10-python.tar.gz: cannot be downloaded from {site.url}cifar-10-python.tar.gz (")
    assert message.endswith(f"put the file at {tmp_path / 'cifar10' / 'cifar-10-python.tar.gz'}")


def put_imagenette(site: Site, patch, extra: dict[str, bytes] | None = None) -> dict[str, bytes]:
    files = dict(extra or {})
    for number, (split, synset) in enumerate(
        (s, c) for s in ("train", "val") for c in datasets.Imagenette._WNID_TO_CLASS
    ):
        packed = io.BytesIO()
        Image.new("RGB", (30, 20), (number, 2 * number, 3 * number)).save(packed, "JPEG")
        files[f"imagenette2/{split}/{synset}/{synset}_{number}.JPEG"] = packed.getvalue()
    digest = site.put_tar("imagenette2.tgz", files)
    patch.setattr(datasets.Imagenette, "_ARCHIVES", {"full": (site.url + "imagenette2.tgz", digest)})
    return files


def run_alone(code: str, cache: Path) -> subprocess.CompletedProcess:
    """Run `code`, then `imagenette_folder`, in a process that is spared the import of the real torchvision."""
    code = f"""
import sys
from pathlib import Path
from types import SimpleNamespace
from resiliency.data.published import imagenette_folder
from resiliency.faults import Fault
imagenette = SimpleNamespace(_ARCHIVES={datasets.Imagenette._ARCHIVES})
sys.modules["torchvision.datasets"] = SimpleNamespace(Imagenette=imagenette)
{code}
try:
    imagenette_folder(Path({str(cache)!r}))
except Fault as fault:
    print(fault)
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, text=True)


def assert_extracted(folder: Path, files: dict[str, bytes]) -> None:
    found = {f"imagenette2/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in found.items()} == files


def test_imagenette_is_extracted_once(site, monkeypatch, tmp_path):
    files = put_imagenette(site, monkeypatch)
    folder = imagenette_folder(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["train", "val"]
    assert_extracted(folder, files)
    (tmp_path / "imagenette" / "imagenette2.tgz").unlink()
    assert imagenette_folder(tmp_path) == folder
    assert site.asked == ["/imagenette2.tgz"]


def test_an_extraction_that_was_killed_is_not_taken_for_whole(site, monkeypatch, tmp_path):
    files = put_imagenette(site, monkeypatch)
    killed = """
import os, tarfile
extract, count = tarfile.TarFile._extract_one, []
def kill_at_the_fifth(*arguments, **options):
    count.append(1)
    if len(count) == 5:
        os.kill(os.getpid(), 9)
    return extract(*arguments, **options)
tarfile.TarFile._extract_one = kill_at_the_fifth
"""
    assert run_alone(killed, tmp_path).returncode == -9
    assert len(list((tmp_path / "imagenette").rglob("*.JPEG"))) == 4
    assert_extracted(imagenette_folder(tmp_path), files)
    assert sorted(os.listdir(tmp_path / "imagenette")) == [".lock", "imagenette2", "imagenette2.tgz"]
    assert site.asked == ["/imagenette2.tgz"]


def test_members_outside_the_folder_are_refused(site, monkeypatch, tmp_path):
    put_imagenette(site, monkeypatch, {"../../escaped": b"x"})
    message = fault_of(imagenette_folder, tmp_path / "a" / "b")
    assert message.startswith(f"{tmp_path / 'a' / 'b' / 'imagenette'}: does not hold what was published (Outside")
    assert not list(tmp_path.rglob("escaped"))
    assert not (tmp_path / "a" / "b" / "imagenette" / "imagenette2").exists()


def test_a_full_disk_is_told_as_one(site, monkeypatch, tmp_path):
    put_imagenette(site, monkeypatch, {"imagenette2/large": bytes(400_000)})
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    run = run_alone(limited, tmp_path)
    told = f"{tmp_path / 'imagenette'}: cannot be written (File too large); make room for it and run again"
    assert run.stdout.splitlines()[-1] == told
    assert sorted(os.listdir(tmp_path / "imagenette")) == [".lock", "imagenette2.tgz"]


def test_torch_is_loaded_only_where_it_is_needed():
    code = "import sys, resiliency.data.published; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
