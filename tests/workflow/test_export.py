"""Exported ensembles run where neither this project nor the libraries that it trains with are."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[2]

# Stands for an environment that lacks packages: whoever imports one of them is told that it is not there.
WITHOUT = """
import importlib.util, runpy, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in {absent} else found(name, *more)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
HERE = ["resiliency", "timm", "pandas", "snakemake", "safetensors", "torchvision"]


def run(folder, absent: list[str], *images: str) -> list[str]:
    """The lines that model.py prints of these images, where packages are absent."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", WITHOUT.format(absent=HERE + absent), str(folder / "model.py"), *images]
    found = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout.splitlines()


@pytest.fixture(scope="module")
def exported(workflow):
    """The jointly trained ensemble of the tiny study, exported."""
    deployment = pd.read_csv(workflow.results / "tables/deployment.csv")
    row = deployment[deployment.origin == "joint"].iloc[0]
    done = workflow.snakemake("export", "--cores", "2", "--config", f"ensemble={row.number}")
    assert done.returncode == 0, done.stdout
    return workflow.results / "export", row


def test_it_answers_image_files_without_this_project(workflow, exported, tmp_path):
    folder, row = exported
    images = np.load(workflow.results / "data/test/images.npy")
    labels, paths = np.load(workflow.results / "data/test/labels.npy"), []
    for index in range(12):
        paths.append(str(tmp_path / f"{index}.png"))
        Image.fromarray(images[index]).save(paths[-1])
    logits = [np.load(workflow.results / f"predictions/{name}/clean.npy")[0] for name in row.members.split("+")]
    shares = [np.exp(of - of.max(axis=1, keepdims=True)) for of in np.float64(logits)]
    mean = np.mean([of / of.sum(axis=1, keepdims=True) for of in shares], axis=0)
    classes = json.loads((folder / "ensemble.json").read_text())["classes"]
    by_onnx, by_torch = run(folder, ["torch"], *paths), run(folder, ["onnxruntime", "onnx"], *paths)
    for index, lines in enumerate(zip(by_onnx, by_torch, strict=True)):
        answers = [
            re.fullmatch(r".*: (.+), probability ([\d.]+), disagreement ([\d.]+)", line).groups() for line in lines
        ]
        assert answers[0][0] == answers[1][0] == classes[mean[index].argmax()]
        assert [float(v) for v in answers[0][1:]] == pytest.approx([float(v) for v in answers[1][1:]], abs=2e-4)
    assert len(by_onnx) == 12
    assert len(set(labels[:12])) > 1


def test_a_fresh_environment_of_three_packages_runs_it(exported, tmp_path):
    folder, _ = exported
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    python = str(tmp_path / "env" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", "onnxruntime", "numpy", "pillow"], check=True)
    Image.new("RGB", (50, 40), "white").save(tmp_path / "photo.png")
    command = [python, "-I", str(folder / "model.py"), str(tmp_path / "photo.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'photo.png'}: ")


def test_the_lines_of_the_readme_run(exported, tmp_path):
    folder, _ = exported
    lines = (REPOSITORY / "README.md").read_text().partition("```python\nimport sys\n")[2].partition("```")[0]
    code = f"import sys\n{lines}".replace("results/digits/export", str(folder))
    Image.new("RGB", (50, 40), "white").save(tmp_path / "photo.png")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_card_tells_what_the_tables_tell(workflow, exported):
    folder, row = exported
    card = (folder / "card.md").read_text()
    assert row.members.replace("+", " + ") in card
    assert f"{100 * (1 - row.mean_corruption_error):.1f} %" in card
    temperatures = pd.read_csv(workflow.results / "tables/temperatures.csv")
    value = temperatures[temperatures.members == row.members].temperature.iloc[0]
    assert f"temperature {value:.3f}" in card
    assert json.loads((folder / "ensemble.json").read_text())["temperature"] == value
    for name in row.members.split("+"):
        assert f"| {name} |" in card
    assert "ensemble.onnx` answers" in card
    assert (
        f"{row.worst_corruption} at severity {row.worst_severity:.0f}, wrong on\n{100 * row.worst_error:.1f} %" in card
    )


def test_another_ensemble_exports_that_one_alone(workflow, exported):
    assert workflow.planned("export", "--config", "ensemble=best under 2 M MACs") == {"export": 1}
    refused = workflow.snakemake("export", "--cores", "1", "--config", "ensemble=999")
    assert refused.returncode != 0
    assert "ensemble: tables/deployment.csv has numbers 1 to" in (workflow.results / "logs/export/all.log").read_text()
    refused = workflow.snakemake("export", "--dry-run", "--config", "ensemble=worst")
    assert refused.returncode != 0
    assert "study: ensemble: " in refused.stdout
