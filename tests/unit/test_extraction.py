"""Archives are extracted once and whole, inside their folder."""

import io
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image
from sites import Site
from torchvision import datasets

from resiliency.data.published import imagenette_folder


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
from resiliency.base.faults import Fault
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
    paths = {f"imagenette2/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in paths.items()} == files


def test_imagenette_is_extracted_once(site, monkeypatch, tmp_path):
    files = put_imagenette(site, monkeypatch)
    folder = imagenette_folder(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["train", "val"]
    assert_extracted(folder, files)
    (tmp_path / "imagenette" / "imagenette2.tgz").unlink()
    assert imagenette_folder(tmp_path) == folder
    assert site.requests == ["/imagenette2.tgz"]


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
    assert site.requests == ["/imagenette2.tgz"]
