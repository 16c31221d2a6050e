"""Jobs that are forks of one process: what they see, what they leave, and when jobs start as
usual."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from edits import edited_job
from snakemake.script import PythonScript

import snakemake_internals as client
from snakemake_internals import server

SCRIPTS = Path(__file__).parents[2] / "scripts"
SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(SCRIPTS)!r})
import snakemake_internals as client

onstart:
    client.install(100)

rule job:
    output: touch("out")
    benchmark: "benchmark.tsv"
    threads: 2
    params: value="a value"
    script: "job.py"

rule edited:
    output: touch("edited")
    script: "scripts/job.py"
"""
FORKED = "import os, sys, tempfile, time\nassert 'torch' in sys.modules\n"
# With this as its sitecustomize, a server finds few packages to import, which takes a third of the
# time.
FEW_PACKAGES = """
import sys
lacking = ("timm", "torch._dynamo", "torchvision", "altair", "vl_convert", "captum", "pymoo", "skimage")
sys.modules |= dict.fromkeys(lacking)
"""  # noqa: E501
PATIENCE = 600  # s; beside other programs a run may get a tenth of a core


def start(folder: Path, program: str) -> subprocess.Popen:
    """Start Snakemake with one job in a folder and a session of its own."""
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "job.py").write_text(FORKED + program)
    environment = {name: value for name, value in os.environ.items() if name != client.SWITCH}
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **streams)


@pytest.fixture
def few_packages(tmp_path, monkeypatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(FEW_PACKAGES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)


def processes_in(folder: Path) -> list[psutil.Process]:
    running = [
        of
        for of in psutil.process_iter(["status", "cwd"])
        if of.info["status"] != psutil.STATUS_ZOMBIE
    ]
    return [process for process in running if process.info["cwd"] == str(folder)]


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
        "print('said', flush=True); print('complained', file=sys.stderr, flush=True)\n"
        "os._exit(0)"  # as stages do
    )
    run = start(tmp_path, job)
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, output
    assert "said" in output
    assert "complained" in output
    assert "leaked" not in output  # of which triton 3.9 complains in the tear-down of a process
    assert "DeprecationWarning" not in output  # of forks beside the thread of jemalloc
    names, values = (
        line.split("\t") for line in (tmp_path / "benchmark.tsv").read_text().splitlines()
    )
    measured = dict(zip(names, values, strict=True))
    assert float(measured["cpu_time"]) > 0.5
    assert float(measured["max_uss"]) > 280
    assert processes_in(tmp_path) == []


@pytest.mark.usefixtures("few_packages")
def test_nothing_is_left_behind_by_a_run_that_is_killed(tmp_path):
    run = start(tmp_path, "open('began', 'w').close(); time.sleep(600)")
    wait_until((tmp_path / "began").exists)
    run.kill()
    run.communicate(timeout=PATIENCE)
    wait_until(lambda: processes_in(tmp_path) == [])
    assert not (tmp_path / "out").exists()


LIKE_A_PROCESS = """
assert os.getcwd() == {folder!r} == sys.path[0] and sys.argv == [__file__]
assert __name__ == '__main__'
assert os.environ['OMP_NUM_THREADS'] == '2' and os.environ['TMPDIR'] == {folder!r} == tempfile.gettempdir()
assert os.environ['OWN'] == 'ü\\n=\\udcff' and sys.stdin.read() == ''
open('drawn', 'a').write(f'{{sys.modules["torch"].initial_seed()}} ')
"""  # noqa: E501
ENDS = (
    (LIKE_A_PROCESS, 0),
    (LIKE_A_PROCESS, 0),
    ("raise ValueError", 1),
    ("sys.exit(3)", 3),
    ("os.kill(os.getpid(), 9)", -signal.SIGKILL),
    ("os.kill(os.getppid(), 9)\ntime.sleep(60)", -signal.SIGKILL),  # that of the server
)


@pytest.mark.usefixtures("few_packages")
def test_a_fork_sees_what_a_process_of_its_own_does_and_ends_so_and_with_its_server(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OWN", "ü\n=\udcff")
    job = SimpleNamespace(
        bench_record=None, conda_env=None, container_img=None, env_modules=None, threads=2
    )
    job.resources, job.log = {"tmpdir": str(tmp_path)}, ["job.log"]
    execute = client.forking(lambda *_: pytest.fail("not forked"), client.start_server())
    for program, status in ENDS:
        Path("job.py").write_text(FORKED + program.format(folder=str(tmp_path)))
        with pytest.raises(subprocess.CalledProcessError) if status else nullcontext() as failure:
            execute(job, str(tmp_path / "job.py"))
        assert not status or failure.value.returncode == status
        assert status >= 0 or Path("job.log").read_text().startswith("error: killed by signal 9; ")
        Path("job.log").unlink(missing_ok=True)
    assert len({*Path("drawn").read_text().split()}) == 2


@pytest.mark.usefixtures("few_packages")
def test_a_fork_refuses_code_that_was_edited_and_put_back(tmp_path):
    """As a job of its own does, which tests/unit/test_stage.py tries."""
    edited_job(tmp_path, "def stream(*_): return 0", "")
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    path = os.pathsep.join([str(tmp_path / "scripts"), os.environ["PYTHONPATH"]])
    environment = os.environ | {client.SWITCH: "1", "PYTHONPATH": path}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "edited"]
    assert subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, check=False
    ).returncode
    assert (
        (tmp_path / "job.log")
        .read_text()
        .startswith("error: job.py: this job has other code than the run began")
    )
    assert not (tmp_path / "edited").exists()


def test_a_connection_that_says_nothing_does_not_keep_others_waiting(monkeypatch):
    monkeypatch.setattr(server, "PATIENCE", 0.1)
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    assert server._accepted(SimpleNamespace(accept=lambda: (right, None)))[1] == []
    left.close()


@pytest.mark.parametrize("safe", ["", "1"])
def test_a_fork_searches_modules_where_python_does(tmp_path, safe):
    (tmp_path / "job.py").write_text("import os, sys; print([*map(os.path.abspath, sys.path)])")
    path = {"PYTHONPATH": f"{tmp_path / 'own'}:{SCRIPTS}", "PYTHONSAFEPATH": safe}
    fork = (
        "import numpy, os; from snakemake_internals import server; server.run_script('job.py', "
        "'.', {**os.environ})"
    )
    printed = [
        subprocess.run(
            [sys.executable, *of], cwd=tmp_path, env=os.environ | path, stdout=-1, check=True
        ).stdout
        for of in (["job.py"], ["-c", fork, " " * 1000])
    ]
    assert printed[0] == printed[1]


@pytest.mark.parametrize(("value", "forks"), [("", True), ("1", True), ("0", False), ("yes", None)])
def test_the_switch_takes_no_other_values(monkeypatch, value, forks):
    monkeypatch.setenv(client.SWITCH, value)
    monkeypatch.setattr(client, "start_server", lambda: "address")
    monkeypatch.setattr(PythonScript, "execute_script", before := PythonScript.execute_script)
    with (
        nullcontext()
        if forks is not None
        else pytest.raises(SystemExit, match="expected 0 or 1, got 'yes'")
    ):
        client.install(client.FEWEST)
    assert (PythonScript.execute_script is not before) == bool(forks)


def test_requests_of_other_users_are_not_served(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: -1)
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    socket.send_fds(left, [b"job"], [0])
    assert server._accepted(SimpleNamespace(accept=lambda: (right, None)))[1] == []
