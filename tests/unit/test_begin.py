"""A study that fits a folder of images."""

import re
from pathlib import Path

import numpy as np
import pytest
from fault_messages import fault_of
from PIL import Image

from resiliency.begin import Found, begin, look, sentences, study_text
from resiliency.data.folder import image_folder
from resiliency.study.loading import load
from resiliency.study.merging import read_merged

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


def test_it_counts_classes_splits_sizes_and_copies(tmp_path):
    folder = photos(tmp_path / "photos", [f"photo{number}" for number in range(20)])
    (folder / "dog/copy.jpg").write_bytes((folder / "dog/photo3.jpg").read_bytes())
    found = seen(folder)
    assert found.classes == {"cat": 20, "dog": 21}
    assert found.images == {"train": 25, "validation": 4, "test": 12}
    assert (found.side, len(found.twice), found.films) == (100, 1, "")
    (line,) = (line for line in sentences(found) if "twice" in line)
    assert line.startswith(f"1 image twice, e.g. {folder}/dog/photo3.jpg is {folder}/dog/copy.jpg; the study refuses")


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
    assert (f"groups: {pattern}" in study_text("a", "data/a", found)) == bool(pattern)


@pytest.mark.parametrize(("images", "side", "tuned"), [(600, 300, True), (600, 32, False), (60_000, 300, False)])
def test_few_images_are_fine_tuned_on(tmp_path, images, side, tuned):
    found = Found({"train": images, "validation": 100, "test": 300}, {"a": images, "b": 500}, side, 0, "")
    file = tmp_path / "a.yaml"
    file.write_text(study_text("a", "data/a", found))
    study = load(read_merged([CONFIG, file]))
    assert bool(study.fine_tuned_designs()) == tuned
    assert len(study.independent_members()) == 6


def test_it_writes_a_study_and_an_estimate_and_replaces_no_file(tmp_path, capsys):
    folder, file = photos(tmp_path / "photos", [f"photo{number}" for number in range(20)]), tmp_path / "mine.yaml"
    begin(str(folder), file)
    last = capsys.readouterr().out.splitlines()[-2:]
    assert re.search(r"6 members; about .*(s|min) on this machine, [\d.]+ GiB per concurrent job", last[0])
    assert last[1] == f"snakemake --cores all --configfile {file}"
    assert load(read_merged([CONFIG, file])).study == "mine"
    assert str(file) in fault_of(begin, str(folder), file)


@pytest.mark.parametrize("name", ["2024", "null", "photos, new", "a: b", "it's [x]", 'a "b" #c', "größe"])
def test_folders_of_any_name_get_a_study(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("resiliency.begin.estimate", lambda study, images: (1.0, 1.0))
    photos(tmp_path / name, [f"photo{number}" for number in range(20)])
    file = Path("studies", f"{name}.yaml")
    begin(name, file)
    assert load(read_merged([CONFIG, file])).dataset.folder == name


def test_too_few_images_are_refused_and_a_study_that_is_none_is_not_left(tmp_path, monkeypatch):
    folder, file = photos(tmp_path / "photos", ["1", "2", "3"]), tmp_path / "mine.yaml"
    assert fault_of(begin, str(folder), file) == f"{folder}: expected 4 test images or more, got 2; add images"
    folder = photos(tmp_path / "more", [f"photo{number}" for number in range(20)])
    monkeypatch.setattr("resiliency.begin.study_text", lambda *of: "study: a\nnonsense: 1\n")
    assert "nonsense: unknown key" in fault_of(begin, str(folder), file)
    assert not file.exists()
