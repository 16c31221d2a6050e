"""GPUs of a machine are shared out among processes, without any GPU."""

import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from resiliency.devices.machine import VISIBLE, claim_gpu

CLAIM = """
import os, sys
from pathlib import Path
from resiliency.devices.machine import claim_gpu
claim_gpu(Path(sys.argv[1], "dev"), Path(sys.argv[1], "claims"))
print(os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A folder that stands in for a machine with three GPUs."""
    monkeypatch.delenv(VISIBLE, raising=False)
    (tmp_path / "dev").mkdir()
    for name in ("nvidia0", "nvidia1", "nvidia2", "nvidiactl", "nvidia-uvm"):
        (tmp_path / "dev" / name).touch()
    return tmp_path


@pytest.fixture
def process(machine):
    """Starts a process that claims a GPU, prints which, and holds it to the end of the test."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with ExitStack() as running:

        def start(**environment) -> subprocess.Popen:
            command = [sys.executable, "-c", CLAIM, str(machine)]
            started = subprocess.Popen(command, env=os.environ | environment, text=True, **pipes)
            running.callback(started.communicate, timeout=20)
            return started

        yield start


def test_each_process_sees_a_gpu_of_its_own(process):
    processes = [process() for _ in range(3)]
    assert sorted(p.stdout.readline().strip() for p in processes) == ["0", "1", "2"]


def test_the_gpu_of_a_killed_process_is_free_again(process):
    processes = [process() for _ in range(3)]
    held = [p.stdout.readline().strip() for p in processes]
    waiting = process()
    assert waiting.stdout.readline() == "GPU 0, 1, 2 is in use; waiting for a free slot\n"
    processes[1].kill()
    assert waiting.stdout.readline().strip() == held[1]


@pytest.mark.parametrize("visible", ["", "-1"])
def test_where_no_gpu_is_seen_none_is_claimed(machine, monkeypatch, visible):
    monkeypatch.setenv(VISIBLE, visible)
    claim_gpu(machine / "dev", machine / "claims")
    assert os.environ[VISIBLE] == visible
    assert not (machine / "claims").exists()


def test_the_gpu_that_slurm_gave_is_kept(machine, monkeypatch):
    """Its jobs all call their GPU 0, and would wait for each other."""
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv(VISIBLE, "0")
    claim_gpu(machine / "dev", machine / "claims")
    assert os.environ[VISIBLE] == "0"
    assert not (machine / "claims").exists()
