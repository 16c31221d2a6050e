"""The command `resiliency`: its help, what it hands on to Snakemake, and a study that fits a folder
of images."""

import itertools
import os
import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import yaml
from fault_messages import fault_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from resiliency import cli
from resiliency.cli import MEAN, STD, begin, model_of
from resiliency.designs.weights import is_available, pretrained_config
from resiliency.study.files import load, read_merged

REPOSITORY = Path(__file__).parents[2]
TINY = REPOSITORY / "studies/tiny.yaml"


@pytest.mark.parametrize("name", ["begin", "check", "run", "export", "compare", "evaluate"])
def test_the_example_of_a_subcommand_is_understood(name, capsys):
    with pytest.raises(SystemExit):
        cli.main([name, "--help"])
    example = (
        capsys.readouterr()
        .out.partition("example:\n")[2]
        .splitlines()[0]
        .partition(f" {cli.ENDS} ")[0]
    )
    program, *words = shlex.split(example)
    assert (program, cli.program().parse_args(words).subcommand) == ("resiliency", name)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (
            "run studies/tiny.yaml -- --keep-going -n",
            "--cores all --configfile studies/tiny.yaml --keep-going -n",
        ),
        ("run --profile profiles/slurm", "--profile profiles/slurm"),
        ("export --ensemble most_accurate", "export --cores all --config ensemble=most_accurate"),
        (
            "export --ensemble 12 --force",
            "export --cores all --config ensemble=12 --forcerun write_export",
        ),
    ],
)
def test_a_study_is_run_by_the_command_that_is_printed(
    words, command, monkeypatch, tmp_path, capsys
):
    called = []
    monkeypatch.setattr(cli.os, "execvp", lambda _, words: called.append(words))
    monkeypatch.chdir(REPOSITORY)
    cli.main(words.split())
    assert capsys.readouterr().out == f"snakemake {command}\n"
    monkeypatch.chdir(tmp_path)
    cli.main(["run", "--cores", "1"])
    elsewhere = ["snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "1"]
    assert called == [["snakemake", *command.split()], elsewhere]


def test_a_check_says_what_a_run_takes(monkeypatch, capsys):
    monkeypatch.setattr(begin, "estimate", lambda study, images: (90, 2**30))
    begin.check([TINY])
    images, members, uncounted, disk = capsys.readouterr().out.splitlines()
    assert images == "train 1,437, validation 180, test 180 images"
    assert uncounted == "the time of joint training and of the search is not counted"
    assert (
        members
        == "4 independent members; about 1 min 30 s on this machine, 1.0 GiB per concurrent job"
    )
    assert disk.startswith("about 0.0 GiB of ")
    monkeypatch.setattr(begin.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    assert "disk: results take about 0.0 GiB, 0.0 GiB are free; make room" in fault_of(
        begin.check, [TINY]
    )


def test_images_of_a_folder_are_counted_by_its_splits(put_pictures, tmp_path):
    put_pictures(*(f"{name}/{n % 10}_{n}.jpg" for name in "ab" for n in range(20)))
    dataset = {
        "name": "image_folder",
        "folder": str(tmp_path),
        "groups": "<film>_*",
        "test_fraction": 0.525,
    }
    study = load(read_merged([REPOSITORY / "config.yaml", TINY]) | {"dataset": dataset})
    assert begin.counted(study) == {"train": 16, "validation": 4, "test": 20}


def mean_colour(images: np.ndarray) -> np.ndarray:
    return images.mean(axis=(1, 2))[:, :2].astype(float)


class MeanColour(nn.Module):
    """`mean_colour` of images uint8 B x H x W x 3, or of normalised ones, float32 B x 3 x H x W."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().mean(dim=(1, 2) if images.dtype == torch.uint8 else (2, 3))[:, :2]


@pytest.mark.parametrize(
    "example", [torch.zeros(2, 32, 32, 3, dtype=torch.uint8), torch.zeros(2, 3, 32, 32)]
)
def test_an_onnx_file_is_evaluated_on_pixels_or_normalised_images(tmp_path, example):
    path, free = tmp_path / "model.onnx", ({0: torch.export.Dim("images")},)
    torch.onnx.export(
        MeanColour().eval(), (example,), path, dynamo=True, dynamic_shapes=free, verbose=False
    )
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    seen = images if example.dtype == torch.uint8 else (images / 255 - MEAN) / STD
    np.testing.assert_allclose(
        model_of(str(path), 32)(images), mean_colour(seen), rtol=1e-4, atol=1e-4
    )
    assert "expected images of 32 pixels a side, got --size 48; give --size 32" in fault_of(
        model_of, str(path), 48
    )


def test_a_function_is_evaluated_on_a_folder(tmp_path, capsys):
    for name, colour in {"green": (0, 200, 0), "red": (200, 0, 0)}.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.new("RGB", (40, 40), colour).save(tmp_path / "photos" / name / "a.png")
    words = ["evaluate", f"{__name__}:mean_colour", str(tmp_path / "photos"), "--size", "32"]
    cli.main([*words, "--csv", str(tmp_path / "errors.csv")])
    assert "clean" in capsys.readouterr().out
    clean, *rows = (tmp_path / "errors.csv").read_text().splitlines()[1:]
    assert clean.startswith("clean,0,2,1,")  # green is class 0, and the first channel red
    assert len(rows) == 75 + 15 + 1  # conditions, means over severities, mean over corruptions


FILMS = "add images of other films, or rename the images if they are no frames"


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
    fault = fault_of(begin.begin, str(tmp_path / "photos"), tmp_path / "new.yaml", True)
    assert re.fullmatch(rf".*photos: [^;.]*class 'cat' [^;.]*; {remedy}", fault)
    assert not (tmp_path / "new.yaml").exists()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RESILIENCY_CACHE", str(tmp_path / "cache"))


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_only_networks_that_can_be_had_are_fine_tuned(tmp_path, capsys, monkeypatch, count):
    had = [pretrained_config(architecture).hf_hub_id for architecture in begin.PRETRAINED.values()]
    monkeypatch.setattr("resiliency.designs.weights.is_available", had[:count].__contains__)
    file = tmp_path / "mine.yaml"
    begin.begin(str(photos(tmp_path / "photos", list(map(str, range(40))))), file)
    assert Path(file.read_text().splitlines()[0].partition("$schema=")[2]).is_file()
    study = load(read_merged([REPOSITORY / "config.yaml", file]))
    assert len(study.fine_tuned_designs()) == (count if count > 1 else 0)
    assert len(study.independent_members()) == (2 * count if count > 1 else 6)
    assert (begin.OFFLINE in capsys.readouterr().out.splitlines()) == (count < 2)


@pytest.mark.slow
def test_a_folder_of_any_name_gets_a_study_with_an_estimate(tmp_path, monkeypatch, capsys):
    name = "größe\nb: {a}%(c)s" + "x" * 100
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / name, list(map(str, range(20))), side=40)
    cli.main(["begin", name])
    (file,) = Path("studies").iterdir()
    study = load(read_merged([REPOSITORY / "config.yaml", file]))
    assert (study.study[:13], study.dataset.folder) == ("gr_e_b_a_c_sx", name)
    *_, estimated, command = capsys.readouterr().out.splitlines()
    assert re.search(
        r"6 members; about .*(s|min) on this machine, [\d.]+ GiB per concurrent job", estimated
    )
    assert shlex.split(command) == ["resiliency", "run", str(file)]
    assert str(file) in fault_of(begin.begin, name, file)
    assert "is not named in UTF-8" in fault_of(begin.begin, "caf\udce9", Path("new.yaml"))


def test_an_estimate_counts_steps_predictions_corruptions_and_jobs(monkeypatch):
    """A batch of eight takes 4 s: 0.5 s for an image of 32 pixels, of which 2,000 are corrupted per
    second."""
    times = itertools.count(0, 4)
    monkeypatch.setattr("resiliency.cli.begin.time.process_time", lambda: next(times))
    settings = {
        "training": {"epochs": 20},
        "corruptions": {"names": ["fog", "snow"], "severities": [1, 3]},
    }
    members = {"designs": ["resnet18"], "seeds": 3, "baseline": "resnet18-s0"}
    settings |= {
        "designs": {"resnet18": {"architecture": "resnet18"}},
        "members": members,
        "ensembles": {"sizes": [2]},
    }
    study = load({"study": "a", "dataset": {"name": "digits"}} | settings)
    seconds, _ = begin.estimate(study, {"train": 100, "validation": 10, "test": 40})
    of_members = 3 * 0.5 * (20 * 3 * 100 + 1.5 * 40 * 5)
    assert seconds * os.cpu_count() == pytest.approx(
        of_members + 40 * 4 / 2000 + 0.5 * (30 + 3 * 3 + 2)
    )


def test_a_study_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    folder, file = (
        photos(tmp_path / "photos", list(map(str, range(4))), side=40),
        tmp_path / "studies/mine.yaml",
    )
    assert "got 2 for train, 3 for validation and 3 for test; add" in fault_of(
        begin.begin, str(folder), file
    )
    folder = photos(tmp_path / "more", list(map(str, range(20))), side=40)
    for failing in ("estimate", "quoted", "load"):
        with monkeypatch.context() as patched:
            patched.setattr(f"resiliency.cli.begin.{failing}", lambda *of: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                begin.begin(str(folder), file)
    assert not file.parent.exists()


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=[])))
@example("null")
@example("2024")
@example("a\u2028b\x85c\ud83d")
def test_any_text_is_one_line_of_yaml(text):
    line = begin.quoted(text)
    assert len(line.splitlines()) == 1
    assert yaml.safe_load(f"{{a: {line}}}") == {"a": text}


def test_the_hub_is_asked_only_for_what_is_not_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "resiliency.designs.weights.get_hf_file_metadata", Mock(side_effect=OSError("no network"))
    )
    assert not is_available("timm/resnet18.a1_in1k")
    (tmp_path / "cache/hub/resnet18.a1_in1k").mkdir(parents=True)
    (tmp_path / "cache/hub/resnet18.a1_in1k/model.safetensors").touch()
    assert is_available("timm/resnet18.a1_in1k")
