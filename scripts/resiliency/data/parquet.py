"""Datasets of Hugging Face on disk: Parquet files, unpacked into folders of images that `image_folder` reads.

A file has a column of structs with the fields bytes and path, of which bytes are an image file, and a column of labels:
numbers, whose names the schema has under the key `huggingface`, or texts.
"""

import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image
from tqdm import tqdm

from resiliency.base.faults import Fault, brief, excerpt, expected, short
from resiliency.data.download import cache_folder, locked
from resiliency.data.pictures import FORMATS, decoding_fault, printable

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SPLIT = re.compile(r"(train|validation|test)(-.*)?\.parquet")
LABELS = ("label", "labels")
ORDER = ".classes"
SUFFIX = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}
PLAIN = re.compile(r"\w[\w .()+-]{0,99}")  # a name that any file system allows
ROWS, SHOWN_AFTER = 128, 2  # rows at a time; seconds after which a bar shows how far it is
TIME = (0, 0)  # modification time of all unpacked files, so that unpacking again changes nothing


class Columns(NamedTuple):
    """Columns of images and labels, whether labels are texts, and names of the classes, if there are any."""

    image: str
    label: str
    texts: bool
    names: list[str] | None


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files in `folder` or in its folder data, sorted, if any has the name of a split; else none.

    Raises:
        Fault: there are also other Parquet files, or folders of images.
    """
    found = sorted([*folder.glob("*.parquet"), *folder.glob("data/*.parquet")])
    others = [file for file in found if not SPLIT.fullmatch(file.name)]
    if len(others) == len(found):
        return []
    wanted = "a name that begins with train, validation or test"
    if others:
        raise Fault(f"{printable(others[0])}: {expected(wanted, 'another')}; rename or remove it")
    beside = [path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != "." and path.name != "data"]
    if beside:
        raise Fault(
            f"{printable(folder)}: {expected('Parquet files or folders of images', 'both')} "
            f"({excerpt(sorted(beside), 3)}); move one of them"
        )
    return found


def unpacked(folder: Path) -> Path:
    """The folder in the cache with the images of the Parquet files in `folder`; `folder` itself if it has none.

    It is named by the places, sizes and times of the files and made once: <split>/<class>/<image>, or <class>/<image>
    if all are training images, which a study then splits. Images keep their names, if these are plain and different.

    Raises:
        Fault: as from `parquet_files`; or a file cannot be read, has other columns, a row without image or label, or a
            class without images in a split.
    """
    files = parquet_files(folder)
    if not files:
        return folder
    states = [(str(file.absolute()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    cache = cache_folder() / "parquet"
    path = cache / hashlib.sha256(json.dumps(states).encode()).hexdigest()[:16]
    if not path.exists():
        with locked(cache):
            if not path.exists():
                _unpack(folder, files, path)
    return path


def class_order(folder: Path, classes: set[str]) -> list[str]:
    """`classes` in the order of their labels, if Parquet files were unpacked into `folder`; else sorted."""
    order = folder.with_name(f"{folder.name}{ORDER}")
    known = order.read_text(encoding="utf-8").split("\n") if order.is_file() else []
    return known if set(known) == classes else sorted(classes)


def _unpack(folder: Path, files: list[Path], path: Path) -> None:
    scratch = path.with_name(".unpacking")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        columns = _columns(files)
        classes = _classes(folder, files, columns)
        splits = [SPLIT.fullmatch(file.name)[1] for file in files]
        with tqdm(desc=f"Unpacking {printable(folder)}", delay=SHOWN_AFTER) as progress:
            for file, split in zip(files, splits, strict=True):
                _write_images(file, columns, classes, scratch / split, progress)
        for split in dict.fromkeys(splits):
            if empty := [name for name in classes if not (scratch / split / name).exists()]:
                raise Fault(f"{printable(folder)}: {split}: class {empty[0]!r} has no image; add one or remove it")
        path.with_suffix(ORDER).write_text("\n".join(classes), encoding="utf-8")
        os.replace(scratch / "train" if set(splits) == {"train"} else scratch, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _columns(files: list[Path]) -> Columns:
    """The columns of all files, which have the same.

    Raises:
        Fault: a file has no column of a kind, several of them, or other columns than the first.
    """
    found = {file: _columns_of(file, _opened(file).schema_arrow) for file in files}
    first = found[files[0]]
    if other := next((file for file in files if found[file] != first), None):
        raise Fault(f"{printable(other)}: {expected(f'columns and classes of {files[0].name}', 'others')}; use one set")
    return first._replace(names=None) if first.texts else first


def _columns_of(file: Path, schema: "pa.Schema") -> Columns:
    import pyarrow as pa

    features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    classes = {name: of["names"] for name, of in features.items() if dict(of).get("_type") == "ClassLabel"}
    image = _only(file, "images, structs of bytes and path", [of.name for of in schema if _holds_images(of.type)])
    label = _only(file, "labels", [name for name in schema.names if name in (classes or LABELS)])
    kind = schema.field(label).type
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if not texts and not pa.types.is_integer(kind):
        raise Fault(f"{printable(file)}: {label}: {expected('integers or texts', kind)}; write the labels so")
    return Columns(image, label, texts, classes.get(label))


def _holds_images(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return pa.types.is_struct(kind) and {field.name for field in kind} == {"bytes", "path"}


def _only(file: Path, kind: str, names: list[str]) -> str:
    if len(names) != 1:
        got = excerpt(names) or "none"
        raise Fault(f"{printable(file)}: {expected(f'one column of {kind}', got)}; write a file with one")
    return names[0]


def _classes(folder: Path, files: list[Path], columns: Columns) -> list[str]:
    """Names of the classes: as given, else the different texts or numbers of the column of labels.

    Raises:
        Fault: a label is missing or has no class, or a name cannot be that of a folder.
    """
    place, labels = f"{printable(folder)}: {columns.label}", set()
    for file in files:
        for batch in _batches(file, [columns.label]):
            labels.update(batch[columns.label])
    if None in labels or not labels:
        raise Fault(f"{place}: {expected('a label in each row', 'none')}; leave out rows without one")
    names = columns.names or (sorted(labels) if columns.texts else [str(label) for label in range(max(labels) + 1)])
    if wrong := [] if columns.texts else sorted(label for label in labels if not 0 <= label < len(names)):
        raise Fault(f"{place}: {expected(f'0 to {len(names) - 1}', wrong[0])}; leave out images without a class")
    if bad := [name for name in names if not name or name[0] == "." or set("/\0") & set(name) or "\n" in name]:
        raise Fault(f"{place}: class {short(bad[0])} cannot name a folder; rename it")
    if len(set(names)) < len(names):
        raise Fault(f"{place}: two classes have the same name; rename one")
    return names


def _write_images(file: Path, columns: Columns, classes: list[str], place: Path, progress: tqdm) -> None:
    """Write the images of a file to `place`/<class>."""
    row = 0
    for batch in _batches(file, [columns.image, columns.label]):
        for image, label in zip(batch[columns.image], batch[columns.label], strict=True):
            folder = place / (label if columns.texts else classes[label])
            folder.mkdir(parents=True, exist_ok=True)
            _write_image(file, row, image or {}, folder)
            row += 1
            progress.update()


def _write_image(file: Path, row: int, image: dict, folder: Path) -> None:
    content, where = image.get("bytes"), f"{file.stem}-{row:06}"
    if not content:
        raise Fault(
            f"{printable(file)}: row {row}: {expected('an image', 'a row without its bytes')}; embed all images"
        )
    if fault := decoding_fault(f"{file}: row {row}", content):
        raise Fault(fault)
    with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
        suffix = SUFFIX[opened.format]
    name = os.path.splitext(os.path.basename(image.get("path") or ""))[0]
    target = folder / f"{name if PLAIN.fullmatch(name) else where}{suffix}"
    if target.exists():
        target = folder / f"{target.stem}_{where}{suffix}"
    target.write_bytes(content)
    os.utime(target, TIME)


def _batches(file: Path, columns: list[str]) -> Iterator[dict[str, list[Any]]]:
    """Some rows at a time: column -> its values."""
    try:
        for batch in _opened(file).iter_batches(ROWS, columns=columns):
            yield batch.to_pydict()
    except (OSError, ValueError) as error:
        raise _broken(file, error) from error


def _opened(file: Path) -> "pq.ParquetFile":
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file)
    except (OSError, ValueError) as error:
        raise _broken(file, error) from error


def _broken(file: Path, error: Exception) -> Fault:
    return Fault(f"{printable(file)}: truncated or corrupt Parquet file ({brief(error)}); replace it")
