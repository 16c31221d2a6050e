"""A study that fits a folder of images."""

import itertools
import os
import re
import shlex
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import yaml
from fault_messages import fault_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from resiliency.cli import main
from resiliency.cli.begin import OFFLINE, PRETRAINED, begin, estimate, look, quoted, study_text
from resiliency.data.folder import image_folder
from resiliency.designs.weights import is_available, pretrained_config
from resiliency.study.files import load, read_merged

FILMS = "add images of other films, or rename the images if they are no frames"
CONFIG = Path(__file__).parents[2] / "config.yaml"


def photos(folder: Path, names: list[str], side: int = 100) -> Path:
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for image in names:
            pixels = random.integers(256, size=(side, side + 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{image}.jpg")
    return folder


@pytest.mark.parametrize(
    ("names", "kept", "remedy"),
    [
        ([f"{film}_{index}" for film in "abcde" for index in range(10)], 20, FILMS),
        ([f"{index:02}" for index in range(60)], 1, "add images"),
    ],
)
def test_advice_is_about_images_as_no_study_is_written(tmp_path, names, kept, remedy):
    """There are too few films, or images, of one class."""
    photos(tmp_path / "photos", names)
    for image in sorted((tmp_path / "photos/cat").iterdir())[kept:]:
        image.unlink()
    fault = fault_of(begin, str(tmp_path / "photos"), tmp_path / "new.yaml", True)
    assert re.fullmatch(rf".*photos: [^;.]*class 'cat' [^;.]*; {remedy}", fault)
    assert not (tmp_path / "new.yaml").exists()


def test_it_counts_classes_splits_and_sizes(tmp_path):
    folder = photos(tmp_path, [f"IMG_{number:04}" for number in range(20)])
    found = look(image_folder(folder, 64, 0.875))
    assert found.classes == {"cat": 20, "dog": 20}
    assert found.n_images == {"train": 18, "validation": 10, "test": 12}
    assert found.shares == {"validation": 0.25, "test": 0.3}
    assert (found.side, found.films) == (100, "")
    assert "groups:" not in study_text("a", "data/a", found, {})


def test_frames_of_films_are_grouped(tmp_path):
    folder = photos(tmp_path, [f"clip{film}_{frame:03}" for film in range(4) for frame in range(5)], 32)
    found = look(image_folder(folder, 64, 0.875))
    assert found.films == "<film>_*"
    assert "groups: <film>_*" in study_text("a", "data/a", found, {})


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RESILIENCY_CACHE", str(tmp_path / "cache"))


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_only_networks_that_can_be_had_are_fine_tuned(tmp_path, capsys, monkeypatch, count):
    had = [pretrained_config(architecture).hf_hub_id for architecture in PRETRAINED.values()]
    monkeypatch.setattr("resiliency.designs.weights.is_available", had[:count].__contains__)
    file = tmp_path / "mine.yaml"
    begin(str(photos(tmp_path / "photos", list(map(str, range(40))))), file)
    assert Path(file.read_text().splitlines()[0].partition("$schema=")[2]).is_file()
    study = load(read_merged([CONFIG, file]))
    assert len(study.fine_tuned_designs()) == (count if count > 1 else 0)
    assert len(study.independent_members()) == (2 * count if count > 1 else 6)
    assert (OFFLINE in capsys.readouterr().out.splitlines()) == (count < 2)


@pytest.mark.slow
def test_a_folder_of_any_name_gets_a_study_with_an_estimate(tmp_path, monkeypatch, capsys):
    name = "größe\nb: c"
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / name, list(map(str, range(20))), side=40)
    main(["begin", name])
    (file,) = Path("studies").iterdir()
    study = load(read_merged([CONFIG, file]))
    assert (study.study, study.dataset.folder) == ("gr_e_b_c", name)
    *_, estimated, command = capsys.readouterr().out.splitlines()
    assert re.search(r"6 members; about .*(s|min) on this machine, [\d.]+ GiB per concurrent job", estimated)
    assert shlex.split(command) == ["resiliency", "run", str(file)]
    assert str(file) in fault_of(begin, name, file)


def test_an_estimate_counts_steps_predictions_corruptions_and_jobs(monkeypatch):
    """A batch of eight takes 4 s: 0.5 s for an image of 32 pixels, of which 2,000 are corrupted per second."""
    times = itertools.count(0, 4)
    monkeypatch.setattr("resiliency.cli.begin.time.process_time", lambda: next(times))
    settings = {"training": {"epochs": 20}, "corruptions": {"names": ["fog", "snow"], "severities": [1, 3]}}
    members = {"designs": ["resnet18"], "seeds": 3, "baseline": "resnet18-s0"}
    settings |= {"designs": {"resnet18": {"architecture": "resnet18"}}, "members": members, "ensembles": {"sizes": [2]}}
    study = load({"study": "a", "dataset": {"name": "digits"}} | settings)
    seconds, _ = estimate(study, {"train": 100, "validation": 10, "test": 40})
    of_members = 3 * 0.5 * (20 * 3 * 100 + 1.5 * 40 * 5)
    assert seconds * os.cpu_count() == pytest.approx(of_members + 40 * 4 / 2000 + 0.5 * (30 + 3 * 3 + 2))


def test_a_study_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    folder, file = photos(tmp_path / "photos", list(map(str, range(4))), side=40), tmp_path / "studies/mine.yaml"
    assert "got 2 for train, 3 for validation and 3 for test; add" in fault_of(begin, str(folder), file)
    folder = photos(tmp_path / "more", list(map(str, range(20))), side=40)
    for failing in ("estimate", "quoted", "load"):
        with monkeypatch.context() as patched:
            patched.setattr(f"resiliency.cli.begin.{failing}", lambda *of: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                begin(str(folder), file)
    assert not file.parent.exists()


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=[])))
@example("null")
@example("2024")
@example("a\u2028b\x85c\ud83d")
def test_any_text_is_one_line_of_yaml(text):
    line = quoted(text)
    assert len(line.splitlines()) == 1
    assert yaml.safe_load(f"{{a: {line}}}") == {"a": text}


def test_the_hub_is_asked_only_for_what_is_not_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr("resiliency.designs.weights.get_hf_file_metadata", Mock(side_effect=OSError("no network")))
    assert not is_available("timm/resnet18.a1_in1k")
    (tmp_path / "cache/hub/resnet18.a1_in1k").mkdir(parents=True)
    (tmp_path / "cache/hub/resnet18.a1_in1k/model.safetensors").touch()
    assert is_available("timm/resnet18.a1_in1k")
