"""The changes that docs/touches.md shows apply to the library, do what the page says, and touch few files."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/touches.md").read_text(encoding="utf-8")
CHANGES = dict(re.findall(r"^## (.*?)\n.*?```diff\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))
FILES = {"A joint objective": 2, "A data set": 2, "A rule for verdicts": 1, "A column of a table": 2}
# Programs that fail without the change.
TRIALS = {
    "A joint objective": """
import torch, yaml
from resiliency.study.loading import load
from resiliency.training.objectives import OBJECTIVES, independent

config = yaml.safe_load(open("config.yaml"))
config["joint"]["objectives"]["jensen_shannon"] = [0.5]
assert "jensen_shannon-l0.5" in load(config).joint_settings()
logits, labels = torch.randn(3, 8, 4, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 4
p = logits.softmax(dim=2)
mean = p.mean(dim=0, keepdim=True)
gain = sum((one * (one / mean[0]).log()).sum(dim=1).mean() for one in p) / 3
loss = OBJECTIVES["jensen_shannon"](logits, labels, 0.5)
torch.testing.assert_close(loss, independent(logits, labels) - 0.5 * gain)
""",
    "A data set": """
import yaml
from torchvision import datasets
from resiliency.data.published import _KINDS, _archives
from resiliency.study.loading import load

config = yaml.safe_load(open("config.yaml"))
assert load(config | {"dataset": {"name": "kmnist"}}).data.side == 32
assert len(_archives(getattr(datasets, _KINDS["kmnist"].reader))) == 4
""",
    "A rule for verdicts": """
import numpy as np
from resiliency.analysis.parts import Part
from resiliency.analysis.verdicts import Observation, verdict_of

part = Part.left_out("a", np.array([0.15, 0.149, 0.151, 0.15]))
for margin, verdict in ((0.1, "supported"), (0.2, "equivalent")):
    observation = Observation(1, "", "", 1, margin, "designs", 2, "", [part])
    assert verdict_of(observation, 0.95)[0] == verdict
    assert f"above {margin}" in observation.rule
""",
    "A column of a table": """
import pandas as pd
from resiliency.analysis.best_ensembles import best_table
from resiliency.reference.tables import TABLES

row = {"origin": "independent", "macs": 7, "mean_corruption_error": 0.2, "clean_accuracy": 0.9}
members, ensembles = pd.DataFrame([{"member": "a"} | row]), pd.DataFrame([{"members": "a+b", "size": 2} | row])
best = best_table(members, ensembles, {"clean": 100}, 0.95)
assert best["macs"].tolist() == [7, 7]
described = next(table for table in TABLES if table.path == "tables/best_ensembles.csv")
assert [column.name for column in described.columns][:7] == best.columns[:7].tolist()
""",
}


def test_every_change_is_tried():
    assert CHANGES.keys() == TRIALS.keys() == FILES.keys()


@pytest.mark.parametrize("name", FILES)
def test_the_change_touches_few_files_and_does_what_it_says(name, tmp_path):
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "scripts", ignore=ignored)
    shutil.copy(REPOSITORY / "config.yaml", tmp_path)
    arguments = {"cwd": tmp_path, "capture_output": True, "text": True, "check": False}
    applied = subprocess.run(["git", "apply", "-p0", "--verbose", "-"], input=CHANGES[name], **arguments)
    assert applied.returncode == 0, f"write the change of docs/touches.md anew\n{applied.stderr}"
    assert len(re.findall(r"^\+\+\+ ", CHANGES[name], re.MULTILINE)) == FILES[name]
    program = f"import sys\nsys.path.insert(0, 'scripts')\n{TRIALS[name]}"
    tried = subprocess.run([sys.executable, "-c", program], **arguments)
    assert tried.returncode == 0, tried.stderr
