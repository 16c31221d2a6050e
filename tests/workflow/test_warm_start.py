"""Jobs that are forks of one process: what they see, what they leave, and when jobs start as usual."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from snakemake_warm_start import client, server

SCRIPTS = Path(__file__).parents[2] / "scripts"
SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(SCRIPTS)!r})
from snakemake_warm_start import client

onstart:
    client.install(100)

rule job:
    output: touch("out")
    benchmark: "benchmark.tsv"
    threads: 2
    params: value="a value"
    script: "job.py"
"""
FORKED = "import os, sys, time\nassert 'torch' in sys.modules\n"
PATIENCE = 600  # s; beside other programs a run may get a tenth of a core


@pytest.fixture(scope="module")
def addresses() -> list[str]:
    """The address of a server that these tests share; none if there is none any more."""
    return []


@pytest.fixture
def address(addresses: list[str]) -> str:
    """Of the server, which is started if need be."""
    if not addresses:
        addresses.append(client.start_server())
    return addresses[0]


@pytest.fixture
def execute(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Runs a program as Snakemake would run the script of a job of two threads."""
    monkeypatch.chdir(tmp_path)
    job = SimpleNamespace(bench_record=None, conda_env=None, container_img=None, env_modules=None, threads=2)
    job.resources = {"tmpdir": "/tmp/own"}

    def run(program: str) -> None:
        Path("job.py").write_text(FORKED + program)
        client.forking(lambda *_: pytest.fail("not forked"), address)(job, str(tmp_path / "job.py"))

    return run


def start(folder: Path, program: str) -> subprocess.Popen:
    """Start Snakemake with one job in a folder and a session of its own."""
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "job.py").write_text(FORKED + program)
    environment = {name: value for name, value in os.environ.items() if name != client.SWITCH}
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **streams)


def processes_in(folder: Path) -> list[psutil.Process]:
    """Processes that run in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_job_of_snakemake_is_a_fork_with_measurements_of_its_own(tmp_path):
    job = (
        "assert snakemake.params.value == 'a value' and snakemake.threads == 2\n"
        "held, end = b'1' * 300_000_000, time.process_time() + 1.5\n"
        "while time.process_time() < end: pass\n"
        "print('said', flush=True); print('complained', file=sys.stderr, flush=True)"
    )
    run = start(tmp_path, job)
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, output
    assert "said" in output
    assert "complained" in output
    names, values = (line.split("\t") for line in (tmp_path / "benchmark.tsv").read_text().splitlines())
    measured = dict(zip(names, values, strict=True))
    assert float(measured["cpu_time"]) > 0.5
    assert float(measured["max_uss"]) > 280
    assert processes_in(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_behind_by_a_run_that_is_ended(tmp_path, number):
    run = start(tmp_path, "open('began', 'w').close(); time.sleep(600)")
    wait_until((tmp_path / "began").exists)
    if number == signal.SIGINT:  # Ctrl-C goes to all processes of a terminal
        os.killpg(run.pid, number)
    else:
        run.send_signal(number)
    run.communicate(timeout=PATIENCE)
    wait_until(lambda: processes_in(tmp_path) == [])
    assert not (tmp_path / "out").exists()


def test_a_fork_has_folder_environment_and_path_of_a_process_of_its_own(execute, monkeypatch):
    monkeypatch.setenv("OWN", "ü\n=\udcff")
    execute(
        f"assert os.getcwd() == {os.getcwd()!r} == sys.path[0] and sys.argv == [__file__]\n"
        "assert __name__ == '__main__'\n"
        "assert os.environ['OMP_NUM_THREADS'] == '2' and os.environ['TMPDIR'] == '/tmp/own'\n"
        "assert os.environ['OWN'] == 'ü\\n=\\udcff' and sys.stdin.read() == ''"
    )


@pytest.mark.parametrize(
    ("end", "status"),
    [("raise ValueError", 1), ("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", -9)],
)
def test_a_fork_ends_with_the_status_of_a_process_of_its_own(execute, end, status):
    with pytest.raises(subprocess.CalledProcessError) as failure:
        execute(end)
    assert failure.value.returncode == status


def test_a_job_ends_with_its_server(execute, addresses):
    addresses.clear()
    with pytest.raises(subprocess.CalledProcessError) as failure:
        execute("import signal\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)")
    assert failure.value.returncode == -signal.SIGKILL


def test_requests_of_other_users_are_not_served(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: -1)
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    socket.send_fds(left, [b"job"], [0])
    assert server._accepted(SimpleNamespace(accept=lambda: (right, None)))[1] == []
