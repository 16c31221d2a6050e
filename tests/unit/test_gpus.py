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


def test_each_process_sees_a_gpu_of_its_own_which_is_free_again_if_it_is_killed(machine):
    with ExitStack() as running:

        def start() -> subprocess.Popen:
            command, pipe = [sys.executable, "-c", CLAIM, str(machine)], subprocess.PIPE
            started = subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe)
            running.callback(started.communicate, timeout=20)
            return started

        processes = [start() for _ in range(3)]
        held = [process.stdout.readline().strip() for process in processes]
        assert sorted(held) == ["0", "1", "2"]
        waiting = start()
        assert waiting.stdout.readline() == "GPU 0, 1, 2 is in use; waiting for a free slot\n"
        processes[1].kill()
        assert waiting.stdout.readline().strip() == held[1]


@pytest.mark.parametrize(("visible", "job"), [("", None), ("-1", None), ("0", "7")])
def test_no_gpu_is_claimed_where_none_is_seen_or_slurm_gave_it(machine, monkeypatch, visible, job):
    """Jobs of SLURM all call their GPU 0, and would wait for each other."""
    monkeypatch.setenv(VISIBLE, visible)
    if job:
        monkeypatch.setenv("SLURM_JOB_ID", job)
    claim_gpu(machine / "dev", machine / "claims")
    assert os.environ[VISIBLE] == visible
    assert not (machine / "claims").exists()
