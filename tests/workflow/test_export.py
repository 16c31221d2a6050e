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
import torch
from PIL import Image

from resiliency.analysis.contenders import shortcomings
from resiliency.api import load_ensemble

REPOSITORY = Path(__file__).parents[2]

# Whatever a user of an exported ensemble need not install.
LACKING = (
    "resiliency",
    "snakemake",
    "torch",
    "torchvision",
    "timm",
    "onnx",
    "scipy",
    "sklearn",
    "pandas",
    "cv2",
)
PROGRAM = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({LACKING}))
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def workflow(workflow, tmp_path_factory):
    """A copy of the tiny study to export into, because other tests copy and compare the study
    meanwhile."""
    return workflow.copied(tmp_path_factory.mktemp("exports") / "copy")


@pytest.fixture(scope="module")
def exported(workflow):
    """The jointly trained ensemble of the tiny study, exported."""
    deployment = pd.read_csv(workflow.results / "tables/deployment.csv")
    row = deployment[deployment.origin == "joint"].iloc[0]
    printed = workflow.finish("export", "--cores", "2", "--config", f"ensemble={row.number}")
    folder = workflow.results / f"export/{row.number}"
    place = f"results/{workflow.results.name}/export/{row.number}"
    assert printed.rstrip().endswith(f"Export: {place}; open evidence.html there")
    assert all(
        (folder / name).stat().st_size for name in ("card.md", "ensemble.json", "watching.py")
    )
    card = (folder / "card.md").read_text(encoding="utf-8")
    found = json.loads((folder / "evidence.json").read_text())
    estimates = {claim["claim"]: claim["estimate"] for claim in found["claims"]}
    of_table = {"corrupted_error": row.corrupted_error, "clean_error": 1 - row.clean_accuracy}
    of_table |= {
        "worst_condition_error": row.worst_error,
        "worst_class_error": row.worst_class_error,
    }
    assert {name: estimates[name] for name in of_table} == pytest.approx(of_table, abs=1e-6)
    page = (folder / "evidence.html").read_text(encoding="utf-8")
    assert all(
        of in page for of in ("not the β of hardware in IEC 61508", "What this does not cover")
    )
    assert ("\n> **Read with care.** Do not use" in card) == bool(shortcomings(row))
    return folder, row


def test_it_answers_image_files_without_this_project(workflow, exported, tmp_path):
    folder, row = exported
    images = np.load(workflow.results / "data/test/images.npy")
    paths = [str(tmp_path / f"{index}.png") for index in range(12)]
    for image, path in zip(images, paths, strict=False):
        Image.fromarray(image).save(path)
    classes = json.loads((folder / "ensemble.json").read_text())["classes"]
    command = [sys.executable, "-I", "-c", PROGRAM, folder / "model.py", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers, expected = done.stdout.splitlines(), load_ensemble(workflow.results, int(row.number))
    with torch.inference_mode():
        outputs = [values.numpy() for values in expected(torch.from_numpy(images[:12]))]
    for index, line in enumerate(answers):
        said = re.fullmatch(
            r".*: (.+), probability ([\d.]+), mutual information ([\d.]+)(?:, .*)?", line
        )
        answer, *numbers = said.groups()
        assert answer == classes[outputs[0][index].argmax()]
        assert list(map(float, numbers)) == pytest.approx(
            [outputs[0][index].max(), outputs[1][index]], abs=2e-4
        )
    assert len(answers) == 12


@pytest.mark.parametrize(
    ("page", "number"), [("README.md", 0), *(("docs/deploying.md", n) for n in range(4))]
)
def test_the_lines_of_the_pages_run(workflow, exported, python, tmp_path, page, number):
    code = re.findall(
        r"```python\n(.*?)```", (REPOSITORY / page).read_text(encoding="utf-8"), re.DOTALL
    )[number]
    code = code.replace("results/digits/export/68", str(exported[0])).replace(
        "results/digits", str(workflow.results)
    )
    Image.new("RGB", (50, 40), "white").save(tmp_path / "photo.png")
    (tmp_path / "docs").symlink_to(REPOSITORY / "docs")
    done = python(code, tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout


def test_an_export_is_not_replaced_without_force(workflow, exported):
    arguments = "export", "--cores", "2", "--config", f"ensemble={exported[1].number}"
    (exported[0] / "mine.txt").write_text("kept")
    refused = workflow.snakemake(*arguments)
    assert refused.returncode
    assert (
        f"{exported[0].name} exists; move it elsewhere, or add --force to replace it"
        in refused.stdout
    )
    workflow.finish(*arguments, "--force")
    other = (
        pd.read_csv(workflow.results / "tables/deployment.csv")
        .number.drop(exported[1].name)
        .iloc[0]
    )
    workflow.finish("export", "--cores", "2", "--config", f"ensemble={other}")
    assert {path.name for path in exported[0].parent.iterdir()} == {
        str(other),
        str(exported[1].number),
    }
    assert (exported[0] / "mine.txt").read_text() == "kept"
    refused = workflow.snakemake(*arguments)  # after the job that chooses the row
    assert refused.returncode
    assert "1 × choose_export" in refused.stdout
    assert f"{exported[0].name} exists; move it elsewhere" in refused.stdout


def test_what_an_export_lacks_is_said_before_any_job(workflow, workflow_in, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['onnxscript'] = None\n")
    without = os.environ | {"PYTHONPATH": str(tmp_path)}
    alone = workflow_in(workflow.directory, workflow.study, environment=without)
    refused = alone.snakemake("export", "--cores", "2", "--config", "ensemble=1")
    assert refused.returncode
    assert "onnxscript: not installed; pip install -e '.[export]'" in refused.stdout
    assert "choose_export" not in refused.stdout
