"""Exported ensembles run where neither this project nor the libraries that it trains with are."""

import json
import re
import shlex
import subprocess
import venv
from importlib.metadata import distribution, files, requires
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from packaging.requirements import Requirement
from PIL import Image

from resiliency.api import load_ensemble
from resiliency.reference.contract import EXPORTED

REPOSITORY = Path(__file__).parents[2]

NEEDS = ["onnxruntime", "numpy", "pillow"]  # as model.py says


def environment(folder: Path, packages: list[str]) -> str:
    """The Python of a new virtual environment with these packages, what they require, and nothing else.

    It links to what is installed here: installing torch afresh would download gigabytes.
    """
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages"))
    pending, done = [Requirement(package) for package in packages], set()
    while pending:
        requirement = pending.pop()
        if str(requirement) in done:
            continue
        done.add(str(requirement))
        for name in {file.parts[0] for file in files(requirement.name)} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(distribution(requirement.name).locate_file(name))
        for line in requires(requirement.name) or []:
            wanted = Requirement(line)
            extras = {"", *requirement.extras}
            if not wanted.marker or any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
                pending.append(wanted)
    return str(folder / "bin/python")


def run(python: str, folder: Path, *images: str) -> list[str]:
    """The lines that model.py prints of these images."""
    done = subprocess.run(
        [python, "-I", str(folder / "model.py"), *images], cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def with_onnxruntime(tmp_path_factory) -> str:
    """The Python of an environment with what `model.py` needs, and what this requires."""
    return environment(tmp_path_factory.mktemp("environments") / "onnxruntime", NEEDS)


@pytest.fixture(scope="module")
def workflow(workflow, tmp_path_factory):
    """A copy of the tiny study to export into, because other tests copy and compare the study meanwhile."""
    return workflow.copied(tmp_path_factory.mktemp("exports") / "copy")


@pytest.fixture(scope="module")
def exported(workflow):
    """The jointly trained ensemble of the tiny study, exported."""
    deployment = pd.read_csv(workflow.results / "tables/deployment.csv")
    row = deployment[deployment.origin == "joint"].iloc[0]
    printed = workflow.finish("export", "--cores", "2", "--config", f"ensemble={row.number}")
    assert printed.rstrip().endswith(f"Export: results/{workflow.results.name}/export")
    assert all((workflow.results / "export" / name).stat().st_size for name in EXPORTED)
    return workflow.results / "export", row


def test_it_answers_image_files_without_this_project(workflow, exported, with_onnxruntime, tmp_path):
    folder, row = exported
    images = np.load(workflow.results / "data/test/images.npy")
    paths = [str(tmp_path / f"{index}.png") for index in range(12)]
    for image, path in zip(images, paths, strict=False):
        Image.fromarray(image).save(path)
    logits = [np.load(workflow.results / f"predictions/{name}/clean.npy")[0] for name in row.members.split("+")]
    shares = [np.exp(of - of.max(axis=1, keepdims=True)) for of in np.float64(logits)]
    mean = np.mean([of / of.sum(axis=1, keepdims=True) for of in shares], axis=0)
    classes = json.loads((folder / "ensemble.json").read_text())["classes"]
    answers, expected = run(with_onnxruntime, folder, *paths), load_ensemble(workflow.results, int(row.number))
    with torch.inference_mode():
        outputs = [values.numpy() for values in expected(torch.from_numpy(images[:12]))]
    for index, line in enumerate(answers):
        answer, *numbers = re.fullmatch(r".*: (.+), probability ([\d.]+), mutual information ([\d.]+)", line).groups()
        assert answer == classes[mean[index].argmax()]
        assert list(map(float, numbers)) == pytest.approx([outputs[0][index].max(), outputs[1][index]], abs=2e-4)
    assert len(answers) == 12


def blocks(page: str) -> list[str]:
    """The programs on a page."""
    return re.findall(r"```python\n(.*?)```", (REPOSITORY / page).read_text(encoding="utf-8"), re.DOTALL)


PROGRAMS = [("README.md", 0), *(("docs/deploying.md", number) for number in range(4))]


@pytest.mark.parametrize(("page", "number"), PROGRAMS)
def test_the_lines_of_the_pages_run(workflow, exported, python, tmp_path, page, number):
    code = blocks(page)[number]
    for folder in ("export", "data", "tables"):
        code = code.replace(f"results/digits/{folder}", str(workflow.results / folder))
    Image.new("RGB", (50, 40), "white").save(tmp_path / "photo.png")
    (tmp_path / "docs").symlink_to(REPOSITORY / "docs")
    done = python(code, tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout


def test_the_command_of_the_card_plans_nothing_else(workflow, exported, snakemake):
    """The study and the ensemble are those of the card: all that it names is there."""
    text = (exported[0] / "card.md").read_text().rpartition("```sh\n")[2].partition("\n```")[0]
    _, *words = shlex.split(text.replace("$CHECKOUT", str(REPOSITORY)))
    assert "--configfile" in words
    done = snakemake([*words, "--dry-run"], workflow.directory)
    assert done.returncode == 0, done.stdout
    assert "Nothing to be done" in done.stdout


def test_members_without_networks_are_told_in_one_line(workflow_in, tmp_path):
    (tmp_path / "studies").symlink_to(REPOSITORY / "studies")
    refused = workflow_in(tmp_path, tmp_path / "studies/cifar10_published.yaml").snakemake("export", "--dry-run")
    assert refused.returncode != 0
    line = "export: cannot export: only predictions of the members are available, not their networks"
    assert refused.stdout.splitlines()[-1] == line
