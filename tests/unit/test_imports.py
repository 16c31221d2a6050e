"""What processes of their own import: what takes long when it is needed, and no other code than
that of the source."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
import resiliency.study.checks, resiliency.study.records, resiliency.report.settings
heavy = {"torch", "timm", "numba", "cv2", "altair", "scipy.optimize", "scipy.sparse", "scipy.stats"}
assert not heavy & sys.modules.keys()
"""


@pytest.mark.slow
def test_planning_loads_neither_torch_nor_numba():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


LIBRARY = Path(__file__).parents[2] / "scripts/resiliency"
KERNEL = """
from resiliency.base.machine import compiled

PLAIN = 1

@compiled()
def kernel(x: int) -> int:
    return x + 1
"""


def test_byte_code_and_kept_kernels_are_those_of_a_source_of_equal_size_and_time(tmp_path):
    package, environment = tmp_path / "resiliency", os.environ | {"PYTHONPATH": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    (package / "base").mkdir(parents=True)
    for name in ("__init__.py", "base/__init__.py", "base/machine.py"):
        shutil.copy(LIBRARY / name, package / name)
    printed = (
        "from resiliency.own import PLAIN, kernel; print(PLAIN, kernel(0), "
        "sum(kernel.stats.cache_hits.values()))"
    )

    def run(text: str) -> str:
        (package / "own.py").write_text(text)
        os.utime(package / "own.py", (1e9, 1e9))
        command = [sys.executable, "-c", printed]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert run(KERNEL) == "1 1 0\n"
    assert run(KERNEL) == "1 1 1\n"  # kept
    assert run(KERNEL.replace("1", "2")) == "2 2 0\n"
    assert run(KERNEL) == "1 1 1\n"
