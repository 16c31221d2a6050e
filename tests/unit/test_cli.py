"""The command `resiliency`, its help, and what it hands on to Snakemake."""

import shlex
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fault_messages import fault_of
from PIL import Image
from torch import nn

from resiliency import cli
from resiliency.cli import MEAN, STD, begin, model_of
from resiliency.study.files import load, read_merged

REPOSITORY = Path(__file__).parents[2]
TINY = REPOSITORY / "studies/tiny.yaml"


@pytest.mark.parametrize("name", ["begin", "check", "run", "export", "compare", "evaluate"])
def test_the_example_of_a_subcommand_is_understood(name, capsys):
    with pytest.raises(SystemExit):
        cli.main([name, "--help"])
    example = capsys.readouterr().out.partition("example:\n")[2].splitlines()[0].partition(f" {cli.ENDS} ")[0]
    program, *words = shlex.split(example)
    assert (program, cli.program().parse_args(words).subcommand) == ("resiliency", name)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("run studies/tiny.yaml -- --keep-going -n", "--cores all --configfile studies/tiny.yaml --keep-going -n"),
        ("run --profile profiles/slurm", "--profile profiles/slurm"),
        ("export --ensemble most_accurate", "export --cores all --config ensemble=most_accurate"),
        ("export --ensemble 12 --force", "export --cores all --config ensemble=12 --forcerun write_export"),
    ],
)
def test_a_study_is_run_by_the_command_that_is_printed(words, command, monkeypatch, tmp_path, capsys):
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
    assert members == "4 independent members; about 1 min 30 s on this machine, 1.0 GiB per concurrent job"
    assert disk.startswith("about 0.0 GiB of ")
    monkeypatch.setattr(begin.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    assert "disk: results take about 0.0 GiB, 0.0 GiB are free; make room" in fault_of(begin.check, [TINY])


@pytest.mark.parametrize(
    ("folder", "shares", "counts"),
    [
        (".", {}, {"train": 36, "validation": 4, "test": 40}),
        ("train", {"validation_fraction": 0.25, "test_fraction": 0.25}, {"train": 20, "validation": 10, "test": 10}),
        ("train", {"groups": "<film>_*", "test_fraction": 0.525}, {"train": 16, "validation": 4, "test": 20}),
        (".", {"images_per_class": {"train": 3}}, {"train": 6, "validation": 4, "test": 40}),
    ],
)
def test_images_of_a_folder_are_counted_by_its_splits(put_pictures, tmp_path, folder, shares, counts):
    classes = [f"{split}/{name}" for split in ("train", "test") for name in "ab"]
    put_pictures(*(f"{of_class}/{n % 10}_{n}.jpg" for of_class in classes for n in range(20)))
    dataset = {"name": "image_folder", "folder": str(tmp_path / folder)} | shares
    assert begin.counted(load(read_merged([REPOSITORY / "config.yaml", TINY]) | {"dataset": dataset})) == counts


def mean_colour(images: np.ndarray) -> np.ndarray:
    return images.mean(axis=(1, 2))[:, :2].astype(float)


class MeanColour(nn.Module):
    """`mean_colour` of images uint8 B x H x W x 3, or of normalised ones, float32 B x 3 x H x W."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().mean(dim=(1, 2) if images.dtype == torch.uint8 else (2, 3))[:, :2]


@pytest.mark.parametrize("example", [torch.zeros(2, 32, 32, 3, dtype=torch.uint8), torch.zeros(2, 3, 32, 32)])
def test_an_onnx_file_is_evaluated_on_pixels_or_normalised_images(tmp_path, example):
    path, free = tmp_path / "model.onnx", ({0: torch.export.Dim("images")},)
    torch.onnx.export(MeanColour().eval(), (example,), path, dynamo=True, dynamic_shapes=free, verbose=False)
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    seen = images if example.dtype == torch.uint8 else (images / 255 - MEAN) / STD
    np.testing.assert_allclose(model_of(str(path), 32)(images), mean_colour(seen), rtol=1e-4, atol=1e-4)
    assert "expected images of 32 pixels a side, got --size 48; give --size 32" in fault_of(model_of, str(path), 48)


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
