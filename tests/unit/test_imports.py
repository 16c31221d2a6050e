"""What takes long to load is loaded when it is needed, in a process in which nothing is loaded beforehand."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import resiliency.study.preflight, resiliency.study.records, resiliency.report.registry
heavy = {"torch", "timm", "numba", "cv2", "altair", "scipy.optimize", "scipy.sparse", "scipy.stats"}
assert not heavy & sys.modules.keys()
"""


@pytest.mark.slow
def test_planning_loads_neither_torch_nor_numba():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
