"""Jobs of a study on a CUDA device, or the pretended one, from the command line; and the page that tells of them."""

import os
from pathlib import Path

import gpu_steps
import torch
import yaml
from pretended import NAME

from resiliency.storage.files import read_json

REPOSITORY = Path(__file__).parents[2]
# So small that the pretended device, which is slow, trains and explains in seconds.
SMALLER = {"dataset": {"test_fraction": 0.8}, "training": {"epochs": 1, "warmup_epochs": 0.5}, "probe": {"images": 6}}
SMALLER |= {"attribution": {"steps": 2}, "joint": None, "search": None}


def test_a_study_trains_and_explains_on_the_device(tmp_path, workflow_in):
    environment, name = dict(os.environ), NAME
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
    else:
        path = [str(Path(__file__).parent / "site"), os.environ.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    tiny = yaml.safe_load((REPOSITORY / "studies/tiny.yaml").read_text(encoding="utf-8"))
    study = workflow_in(tmp_path, tiny | SMALLER | {"study": "smaller"}, environment=environment, forked=True)
    study.finish("--cores", "2", "results/smaller/attributions/convnext-s0/skipped.json")
    assert {read_json(path)["device"] for path in study.results.glob("members/*/member.json")} == {name}


def test_the_page_has_the_counts_of_today():
    page, study = gpu_steps.PAGE.read_text(), gpu_steps.study("cifar10")
    kernels, waits, moved = gpu_steps.step(study, "resnet18")
    batch = study.recipe("resnet18").batch_size
    assert f"| resnet18 | {batch} | {kernels:,} | {waits} | {moved / 1e9:.1f} |" in page
    assert "".join(f"| {row} |\n" for row in gpu_steps.rows_of_waits(study)) in page
