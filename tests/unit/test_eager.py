"""What takes long to load is loaded when it is needed, in a process in which nothing is loaded beforehand."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import resiliency.study.preflight, resiliency.study.records, resiliency.report.registry
heavy = {"torch", "timm", "numba", "cv2", "altair", "scipy.optimize", "scipy.sparse", "scipy.stats"}
assert not heavy & sys.modules.keys()
from resiliency.devices.eager import without_compiler
from resiliency.training.optimizer import make_optimizer
from resiliency.training.settings import Recipe
import resiliency.prediction.writing, resiliency.prediction.attributions, resiliency.training.member
import torch
network = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU())
with without_compiler():
    for name in ("adamw", "muon", "sgd"):
        network(torch.ones(1, 2)).sum().backward()
        make_optimizer([network], Recipe(epochs=1, optimizer=name)).step()
assert "torchvision.ops.roi_align" in sys.modules
assert not [name for name in sys.modules if name.startswith("torch._dynamo")]
with without_compiler():
    graphs = []
    compiled = torch.compile(network, backend=lambda graph, inputs: graphs.append(graph) or graph)
    assert torch.equal(compiled(torch.ones(1, 2)), network(torch.ones(1, 2)))
assert len(graphs) == 1
from torch._dynamo.utils import is_compile_supported
assert sys.modules["torchvision.ops.roi_align"].is_compile_supported("cpu") == is_compile_supported("cpu")
"""


@pytest.mark.slow
def test_planning_loads_neither_torch_nor_numba_and_training_no_compiler():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
