"""A corruption, a metric and a chart are added as CONTRIBUTING.md says: a function and its line in
a registry."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from resiliency.corruptions.engine import corrupt
from resiliency.corruptions.registry import CORRUPTIONS
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS, Metric
from resiliency.report.settings import METRIC_LABELS

LIBRARY = Path(__file__).parents[2] / "scripts/resiliency"
VIGNETTING = '''

@corruption((0.2, 0.4, 0.6, 0.8, 1.0), (0.1, 0.2, 0.3, 0.4, 0.5), draws=False)
def vignetting(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Darker by `strength` in the corners."""
    down, across = np.meshgrid(*(np.linspace(-1, 1, side) ** 2 for side in images.shape[1:3]), indexing="ij")
    return np.rint(images * (1 - strength * (down + across)[..., None] / 2)).astype(np.uint8)
'''  # noqa: E501
HELLINGER = '''

def hellinger(probabilities: np.ndarray) -> np.ndarray:
    """Mean over images of sqrt(1 - sum over classes of sqrt(p q)): M x N x K -> M x M."""
    roots = np.sqrt(probabilities)
    return np.sqrt(np.maximum(1 - np.einsum("ink,jnk->ijn", roots, roots), 0)).mean(axis=2)
'''
FAMILIES = '''

def leading_family(members: pd.DataFrame) -> str:
    return f"{members.groupby('family')['clean_accuracy'].mean().idxmax()} leads."


@style.chart("A tick is a member.", leading_family)
def by_family(members: pd.DataFrame, colours: list[str]) -> style.Drawn:
    """A row of ticks for each family."""
    return alt.Chart(members).mark_tick().encode(x="clean_accuracy:Q", y="family:N"), []
'''
METRIC = (
    '"hellinger": Metric("prediction", "probabilities", predictions.hellinger, unchanged, (0, 1)),'
)
# File, and what a contributor adds to it: after a line, or at its end.
EDITS = [
    ("corruptions/digital.py", "", VIGNETTING),
    ("base/names.py", "HELD_OUT = (", '"vignetting", '),
    ("diversity/predictions.py", "", HELLINGER),
    ("diversity/metrics.py", "METRICS = {\n", METRIC),
    ("report/settings.py", "METRIC_LABELS = {\n", '"hellinger": "Hellinger distance",\n'),
    ("report/charts/robustness.py", "", FAMILIES),
    (
        "report/settings.py",
        "CHARTS = {\n",
        '"by_family": Chart("Accuracy by family", "designs", ("members",)),\n',
    ),
]
PROGRAM = """
import numpy as np, pandas as pd
from resiliency.api import corrupt, pair_diversity
from resiliency.corruptions.settings import Corruptions
from resiliency.report.drawing import draw, svg
from resiliency.report.words import label

grey = np.full((1, 33, 33, 3), 100, np.uint8)
print(corrupt(grey, 5, "vignetting")[0, [0, 16], [0, 16], 0].tolist(), Corruptions(names=["vignetting"]).names)
of_pair = pair_diversity(np.log([[[0.9, 0.1]], [[0.1, 0.9]]]), np.array([0])).set_index("metric").diversity
print(label("hellinger"), of_pair["hellinger"].round(6))
members = pd.DataFrame({"member": ["a", "b"], "family": ["x", "y"], "clean_accuracy": [0.5, 0.6]})
spec = draw("by_family", {"members": members}, [])
print(spec["usermeta"]["finding"], svg(spec)[:4])
"""  # noqa: E501


def test_a_function_and_its_line_in_a_registry_are_enough(tmp_path):
    copy = tmp_path / "resiliency"
    shutil.copytree(LIBRARY, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file, line, added in EDITS:
        text = (copy / file).read_text(encoding="utf-8")
        assert line in text
        (copy / file).write_text(
            text.replace(line, line + added, 1) if line else text + added, encoding="utf-8"
        )
    command = [sys.executable, "-c", PROGRAM]
    printed = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert printed.splitlines() == [
        "[50, 100] ['vignetting']",
        "Hellinger distance 0.632456",
        "Y leads. <svg",
    ]


def test_a_corruption_must_return_uint8(monkeypatch):
    of_floats = replace(
        CORRUPTIONS["contrast"], function=lambda images, streams, strength: images / 255
    )
    monkeypatch.setitem(CORRUPTIONS, "contrast", of_floats)
    with pytest.raises(TypeError, match="Cannot cast"):
        corrupt(np.zeros((1, 32, 32, 3), np.uint8), "contrast", 1, table="cifar-10-c", seed=0)


def test_a_metric_needs_a_source_of_its_kind_and_a_label():
    with pytest.raises(ValueError, match="kind 'prediction' cannot have source 'saliency'"):
        Metric("prediction", "saliency", None, None)
    assert METRIC_LABELS.keys() == METRICS.keys() | ENSEMBLE_METRICS.keys()
