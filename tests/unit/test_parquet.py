"""Data sets of Hugging Face on disk are read as folders of images, with the labels that their files give."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from image_folders import read, refusal
from PIL import Image

from resiliency.data.folder import count_images, folder_classes
from resiliency.data.source import ALL

NAMES = ["zebra", "ant"]
PIXELS = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("RESILIENCY_CACHE", str(folder))
    return folder / "parquet"


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def described(names: list[str] | None) -> dict[bytes, bytes]:
    """Metadata of a schema as `datasets` writes them."""
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": names}}
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()} if names else {}


def write(file: Path, labels: list, names: list[str] | None = NAMES, paths: list | None = None, **columns) -> Path:
    """A Parquet file of the first images; `columns` replace its own."""
    images = [{"bytes": png(pixels), "path": None} for pixels in PIXELS[: len(labels)]]
    images = [image | {"path": path} for image, path in zip(images, paths or [None] * len(images), strict=True)]
    table = {"image": pa.array(images, IMAGE), "label": pa.array(labels)} | columns
    file.parent.mkdir(parents=True, exist_ok=True)
    made = pa.table({name: column for name, column in table.items() if column is not None})
    pq.write_table(made.replace_schema_metadata(described(names)), file)
    return file.parent


def contents(part) -> dict[bytes, int]:
    """Pixels of each image -> its label."""
    return dict(zip([image.tobytes() for image in part.images[:]], part.labels.tolist(), strict=True))


def expected(labels: list[int]) -> dict[bytes, int]:
    return {pixels.tobytes(): label for pixels, label in zip(PIXELS, labels, strict=False)}


def test_files_are_the_splits_that_their_names_say(tmp_path):
    write(tmp_path / "train-00000-of-00002.parquet", [0, 1, 0])
    write(
        tmp_path / "train-00001-of-00002.parquet", [1], image=pa.array([{"bytes": png(PIXELS[3]), "path": ""}], IMAGE)
    )
    write(tmp_path / "validation-00000-of-00001.parquet", [1, 0])
    write(tmp_path / "test-00000-of-00001.parquet", [1, 0, 0])
    source = read(tmp_path)
    assert source.classes == NAMES  # in the order of the labels, which is not that of the names
    assert list(source.parts) == ["train", "validation", "test"]
    assert contents(source.parts["train"]) == expected([0, 1, 0, 1])
    assert contents(source.parts["validation"]) == expected([1, 0])
    assert contents(source.parts["test"]) == expected([1, 0, 0])
    assert folder_classes(tmp_path) == NAMES
    assert count_images(tmp_path, 100) == {"train": 4, "validation": 2, "test": 3}


def test_training_images_alone_are_one_part_whose_names_can_form_groups(tmp_path):
    paths = ["film_1.png", "film_1.png", None, ".hidden.png", "../../film_2.png", "a\nb.png"]
    folder = write(tmp_path / "data/train.parquet", [0, 0, 0, 1, 1, 0], paths=paths).parent
    part = read(folder).parts[ALL]
    assert contents(part) == expected([0, 0, 0, 1, 1, 0])
    zebras = ["film_1", "film_1_train-000001", "train-000002", "train-000005"]
    assert part.names == [*zebras, "film_2", "train-000003"]


def test_classes_are_named_by_texts_or_by_numbers(tmp_path):
    of_texts = write(tmp_path / "texts/train.parquet", ["zebra", "ant"], names=None)
    of_numbers = write(tmp_path / "numbers/train.parquet", [8, 0, 1, 2, 3, 4, 5, 6], names=None)
    assert read(of_texts).classes == ["ant", "zebra"]
    assert contents(read(of_texts).parts[ALL]) == expected([1, 0])
    assert "class '7' has no image" in refusal(of_numbers)


def test_they_are_unpacked_once_and_again_when_they_change(tmp_path, cache):
    folder = write(tmp_path / "animals/train.parquet", [0, 1])
    before = read(folder).parts[ALL].images
    read(folder)
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 1
    write(tmp_path / "animals/train.parquet", [0, 1], names=NAMES[::-1])
    os.utime(tmp_path / "animals/train.parquet", (1, 1))
    assert read(folder).classes == NAMES[::-1]
    np.testing.assert_array_equal(before[:], PIXELS[:2])  # a study that listed them still has them


@pytest.mark.parametrize(
    ("labels", "changed", "message"),
    [
        ([0, 2], {}, "label: expected 0 to 1, got 2; leave out images without a class"),
        ([0, None], {}, "label: expected a label in each row, got none; leave out rows without one"),
        ([0, 0], {}, "train: class 'ant' has no image; add one or remove it"),
        ([0, 1], {"names": ["a/b", "c"]}, "label: class 'a/b' cannot name a folder; rename it"),
        ([0, 1], {"image": None}, "train.parquet: expected one column of images, structs of bytes and path, got none"),
        (
            [0],
            {"image": pa.array([{"bytes": png(PIXELS[0])[:900], "path": None}], IMAGE)},
            "train.parquet: row 0: cannot be decoded",
        ),
    ],
)
def test_what_is_no_such_data_set_is_named_and_leaves_nothing(tmp_path, cache, labels, changed, message):
    folder = write(tmp_path / "animals/train.parquet", labels, **changed)
    assert message in refusal(folder)
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_files_of_other_classes_are_named(tmp_path):
    write(tmp_path / "train.parquet", [0, 1])
    folder = write(tmp_path / "test.parquet", [0, 1], names=NAMES[::-1])
    assert "train.parquet: expected columns and classes of test.parquet, got others; use one set" in refusal(folder)
