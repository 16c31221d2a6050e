"""Exported ensembles run where neither this project nor the libraries that it trains with are."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from resiliency.analysis.choices import shortcomings
from resiliency.api import load_ensemble

REPOSITORY = Path(__file__).parents[2]

# Whatever a user of an exported ensemble need not install.
LACKING = ("resiliency", "snakemake", "torch", "torchvision", "timm", "onnx", "scipy", "sklearn", "pandas", "cv2")
PROGRAM = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({LACKING}))
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


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
    assert all((workflow.results / "export" / name).stat().st_size for name in ("card.md", "ensemble.json", "model.py"))
    card = (workflow.results / "export/card.md").read_text(encoding="utf-8")
    assert "not the β of hardware in IEC 61508" in card
    assert re.search(r"\n\| corrupted \| \d\.\d\d \[.*%.*%", card)
    assert ("\n> **Read with care.** Do not use" in card) == bool(shortcomings(row))
    return workflow.results / "export", row


def test_it_answers_image_files_without_this_project(workflow, exported, tmp_path):
    folder, row = exported
    images = np.load(workflow.results / "data/test/images.npy")
    paths = [str(tmp_path / f"{index}.png") for index in range(12)]
    for image, path in zip(images, paths, strict=False):
        Image.fromarray(image).save(path)
    logits = [np.load(workflow.results / f"predictions/{name}/clean.npy")[0] for name in row.members.split("+")]
    shares = [np.exp(of - of.max(axis=1, keepdims=True)) for of in np.float64(logits)]
    mean = np.mean([of / of.sum(axis=1, keepdims=True) for of in shares], axis=0)
    classes = json.loads((folder / "ensemble.json").read_text())["classes"]
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, folder / "model.py", *paths], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    answers, expected = done.stdout.splitlines(), load_ensemble(workflow.results, int(row.number))
    with torch.inference_mode():
        outputs = [values.numpy() for values in expected(torch.from_numpy(images[:12]))]
    for index, line in enumerate(answers):
        answer, *numbers = re.fullmatch(r".*: (.+), probability ([\d.]+), mutual information ([\d.]+)", line).groups()
        assert answer == classes[mean[index].argmax()]
        assert list(map(float, numbers)) == pytest.approx([outputs[0][index].max(), outputs[1][index]], abs=2e-4)
    assert len(answers) == 12


@pytest.mark.parametrize(("page", "number"), [("README.md", 0), *(("docs/deploying.md", n) for n in range(4))])
def test_the_lines_of_the_pages_run(workflow, exported, python, tmp_path, page, number):
    code = re.findall(r"```python\n(.*?)```", (REPOSITORY / page).read_text(encoding="utf-8"), re.DOTALL)[number]
    for folder in ("export", "data", "tables"):
        code = code.replace(f"results/digits/{folder}", str(workflow.results / folder))
    Image.new("RGB", (50, 40), "white").save(tmp_path / "photo.png")
    (tmp_path / "docs").symlink_to(REPOSITORY / "docs")
    done = python(code, tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout


def test_another_export_says_what_it_replaces(workflow, exported):
    printed = workflow.finish("export", "--cores", "2", "--config", "ensemble=1")
    assert f"It replaces the export of {exported[1].members};" in printed
