"""Archives are extracted once and whole, inside their folder."""

import io
import os
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


def assert_extracted(folder: Path, files: dict[str, bytes]) -> None:
    paths = {f"imagenette2/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in paths.items()} == files


def test_imagenette_is_extracted_once(site, monkeypatch, tmp_path):
    files = put_imagenette(site, monkeypatch)
    killed = tmp_path / "imagenette/.extracting/imagenette2/train/n00000001/0.JPEG"  # what an extraction left
    killed.parent.mkdir(parents=True)
    killed.touch()
    folder = imagenette_folder(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["train", "val"]
    assert_extracted(folder, files)
    assert sorted(os.listdir(tmp_path / "imagenette")) == [".lock", "imagenette2", "imagenette2.tgz"]
    (tmp_path / "imagenette" / "imagenette2.tgz").unlink()
    assert imagenette_folder(tmp_path) == folder
    assert site.requests == ["/imagenette2.tgz"]
