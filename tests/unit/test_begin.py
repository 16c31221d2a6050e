"""A study that fits a folder of images."""

import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from fault_messages import fault_of, lines_of
from PIL import Image

from resiliency.base.names import FEWEST_IMAGES
from resiliency.cli import main
from resiliency.cli.begin import OFFLINE, PRETRAINED, Found, begin, is_tuned, look, quoted, study_text
from resiliency.data import card
from resiliency.data.folder import image_folder
from resiliency.designs.weights import is_available, pretrained_config
from resiliency.study.files import load, read_merged

CONFIG = Path(__file__).parents[2] / "config.yaml"


def photos(folder: Path, names: list[str], side: int = 100, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    random = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for image in names:
            pixels = random.integers(256, size=(side, side + 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{image}.jpg")
    return folder


def seen(folder: Path) -> Found:
    return look(image_folder(folder, 64, 0.875))


def test_it_counts_classes_splits_and_sizes(tmp_path):
    folder = photos(tmp_path / "photos", [f"photo{number}" for number in range(20)])
    found = seen(folder)
    assert found.classes == {"cat": 20, "dog": 20}
    assert found.images == {"train": 18, "validation": 10, "test": 12}
    assert found.shares == {"validation": 0.25, "test": 0.3}
    assert (found.side, found.films) == (100, "")


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        ([f"clip{film}_{frame:03}" for film in range(4) for frame in range(5)], "<film>_*"),
        ([f"a-{film}-{frame}" for film in range(4) for frame in range(5)], "<film>-*"),
        ([f"IMG_{number:04}" for number in range(20)], ""),
        ([f"{number}" for number in range(20)], ""),
    ],
)
def test_frames_of_films_are_grouped(tmp_path, names, pattern):
    found = seen(photos(tmp_path, names, 32))
    assert found.films == pattern
    assert (f"groups: {pattern}" in study_text("a", "data/a", found, {})) == bool(pattern)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RESILIENCY_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def obtainable(monkeypatch) -> list[str]:
    """The repositories whose weights can be had."""
    had = [pretrained_config(architecture).hf_hub_id for architecture in PRETRAINED.values()]
    monkeypatch.setattr("resiliency.designs.weights.is_available", had.__contains__)
    return had


def begun(folder: Path, file: Path, *options: bool):
    """The study that `begin` writes of a folder."""
    begin(str(folder), file, *options)
    return load(read_merged([CONFIG, file]))


@pytest.mark.parametrize(("images", "side", "tuned"), [(600, 300, True), (600, 32, False), (60_000, 300, False)])
def test_few_large_images_are_fine_tuned_on(images, side, tuned):
    found = Found({"train": images, "validation": 100, "test": 300}, {}, {"a": images, "b": 500}, side, "")
    assert is_tuned(found) == tuned


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_only_networks_that_can_be_had_are_fine_tuned(tmp_path, capsys, obtainable, count):
    del obtainable[count:]
    study = begun(photos(tmp_path / "photos", list(map(str, range(40)))), tmp_path / "mine.yaml")
    assert len(study.fine_tuned_designs()) == (count if count > 1 else 0)
    assert len(study.independent_members()) == (2 * count if count > 1 else 6)
    assert (OFFLINE in capsys.readouterr().out.splitlines()) == (count < 2)


def test_all_networks_start_from_random_weights_if_asked(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("resiliency.designs.weights.is_available", lambda repository: pytest.fail("asked the hub"))
    study = begun(photos(tmp_path / "photos", list(map(str, range(40)))), tmp_path / "mine.yaml", True)
    assert study.fine_tuned_designs() == []
    assert OFFLINE not in capsys.readouterr().out


def test_the_hub_is_asked_only_for_what_is_not_on_this_machine(tmp_path, monkeypatch):
    def unreachable(*of, **options):
        raise OSError("no network")

    monkeypatch.setattr("resiliency.designs.weights.get_hf_file_metadata", unreachable)
    assert not is_available("timm/resnet18.a1_in1k")
    (tmp_path / "cache/hub/resnet18.a1_in1k").mkdir(parents=True)
    (tmp_path / "cache/hub/resnet18.a1_in1k/model.safetensors").touch()
    assert is_available("timm/resnet18.a1_in1k")
    monkeypatch.setattr("resiliency.designs.weights.get_hf_file_metadata", lambda url, timeout: timeout)
    assert is_available("timm/resnet18.a2_in1k")
    monkeypatch.setattr("resiliency.designs.weights.HF_HUB_OFFLINE", True)
    assert not is_available("timm/resnet18.a2_in1k")


@pytest.mark.slow
def test_it_writes_a_study_and_an_estimate_and_replaces_no_file(tmp_path, capsys, obtainable):
    folder, file = photos(tmp_path / "photos", list(map(str, range(20)))), tmp_path / "my photos.yaml"
    assert begun(folder, file).study == "my_photos"
    last = capsys.readouterr().out.splitlines()[-2:]
    assert re.search(r"6 members; about .*(s|min) on this machine, [\d.]+ GiB per concurrent job", last[0])
    assert shlex.split(last[1]) == ["resiliency", "run", str(file)]
    assert str(file) in fault_of(begin, str(folder), file)


ODD = [
    "2024",
    "null",
    "photos, new",
    "a: b",
    "it's [x]",
    'a "b" #c',
    "größe",
    "{x}",
    "-dash",
    "a\nb: c",
    "a\u2028b",
    "a\x85b",
]
ODD += ["\N{GRINNING FACE}", "\ttab", "back\\slash", "%s", "~", "!tag", "&a", "*", "`", "a\rb", "\x07"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD[3::5])
def test_folders_of_any_name_get_a_study(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("resiliency.cli.begin.estimate", lambda study, images: (1.0, 1.0))
    photos(tmp_path / name, list(map(str, range(20))), side=40)
    main(["begin", name])
    (file,) = Path("studies").iterdir()
    assert os.path.normpath(load(read_merged([CONFIG, file])).dataset.folder) == os.path.normpath(name)
    assert len(file.read_text(encoding="utf-8").splitlines()) == 14


def test_a_name_that_is_not_utf_8_is_refused_in_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"\xff\n")
    photos(tmp_path / name, list(map(str, range(20))), side=40)
    with pytest.raises(SystemExit, match=r"^'\\udcff\\n': is not named in UTF-8; rename it$"):
        main(["begin", name])
    assert not Path("studies").exists()


def test_all_broken_pictures_are_named_at_once_each_decoded_once(tmp_path, monkeypatch):
    folder, file = photos(tmp_path / "photos", list(map(str, range(30))), side=40), tmp_path / "mine.yaml"
    broken = sorted(folder.glob("*/*.jpg"))[:27]
    for picture in broken:
        picture.write_bytes(picture.read_bytes()[:-50])
    lines = lines_of(begin, str(folder), file)
    assert [line.partition(": cannot be decoded (")[0] for line in lines[:-1]] == list(map(str, broken[:20]))
    assert lines[-1] == "7 more pictures cannot be used either"
    assert not file.exists()
    decoded = []
    monkeypatch.setattr("resiliency.data.folder.decoding_fault", decoded.append)
    begin(str(folder), file)
    assert sorted(decoded) == list(map(str, broken))


def test_a_split_that_begin_allows_is_one_that_the_stage_accepts():
    assert card.FEWEST <= FEWEST_IMAGES


def test_a_study_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    folder, file = photos(tmp_path / "photos", list(map(str, range(4))), side=40), tmp_path / "studies/mine.yaml"
    message = "expected 10 images or more per split, got 2 for train, 3 for validation and 3 for test; add images"
    assert fault_of(begin, str(folder), file) == f"{folder}: {message}"
    folder = photos(tmp_path / "more", list(map(str, range(20))), side=40)
    with monkeypatch.context() as patched:
        patched.setattr("resiliency.cli.begin.study_text", lambda *of: "study: a\nnonsense: 1\n")
        assert "nonsense: unknown key" in fault_of(begin, str(folder), file)
    for failing in ("estimate", "quoted", "checked"):
        with monkeypatch.context() as patched:
            patched.setattr(f"resiliency.cli.begin.{failing}", lambda *of: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                begin(str(folder), file)
    assert not file.parent.exists()


def test_any_text_is_one_line_of_yaml():
    for text in (*ODD, "".join(map(chr, range(1, 256))), "\ud83d"):
        line = quoted(text)
        assert len(line.splitlines()) == 1
        assert yaml.safe_load(f"{{a: {line}}}") == {"a": text}
