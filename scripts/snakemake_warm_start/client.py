"""Have Snakemake run scripts in forks of a server."""

import atexit
import inspect
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

from snakemake.benchmark import benchmarked
from snakemake.script import PythonScript
from snakemake.shell import STDOUT

SWITCH = "RESILIENCY_WARM_START"
FEWEST = 4  # jobs; the imports of a server cost as much as those of two or three
# What shells of Snakemake set to the threads of a job, and to its folder for temporary files.
_THREADS = ("OMP_NUM_THREADS", "GOTO_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_THREADS += ("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")
_TEMPORARY = ("TMPDIR", "TMP", "TEMPDIR", "TEMP")
_ATTRIBUTES = {"bench_record", "conda_env", "container_img", "env_modules", "log", "resources", "threads"}


def install(jobs: int) -> None:
    """Have Snakemake fork the scripts of a run with `jobs` jobs, if that is worthwhile and possible.

    With `RESILIENCY_WARM_START=0`, or if Snakemake's internals are not as expected, jobs start as usual. Another value
    than 0 and 1 ends the program.
    """
    switch = os.environ.get(SWITCH) or "1"
    if switch not in ("0", "1"):
        sys.exit(f"{SWITCH}: expected 0 or 1, got {switch!r}; unset it, or set it to 0 for jobs without forks")
    if switch == "1" and jobs >= FEWEST and replaceable():
        PythonScript.execute_script = forking(PythonScript.execute_script, start_server())


def replaceable() -> bool:
    """Whether this Snakemake runs scripts by the method that `install` replaces."""
    method, attributes, timer = map(
        inspect.signature, (PythonScript.execute_script, PythonScript.__init__, benchmarked)
    )
    expected = list(method.parameters) == ["self", "fname", "edit"] and {*attributes.parameters} >= _ATTRIBUTES
    return expected and [*timer.parameters][:2] == ["pid", "benchmark_record"]


def start_server() -> str:
    """Start a server of forks, which ends with this process; the name of its socket, which leaves no file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        address = f"resiliency-{os.urandom(8).hex()}"
        listener.bind(f"\0{address}")
        listener.listen(1024)
        program, end = Path(__file__).with_name("server.py"), listener.fileno()
        # The last argument is room for the name of a job's script.
        command = [sys.executable, str(program), str(end), " " * 1000]
        environment = os.environ | dict.fromkeys(_THREADS, "1")
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=STDOUT, pass_fds=[end], env=environment)
    atexit.register(server.communicate)  # ends it, and waits, so that its CPU time counts as Snakemake's
    return address


def forking(start: Callable, address: str) -> Callable:
    """The method of scripts that has the server at `address` run one, or calls `start` if it cannot."""

    def execute_script(self: PythonScript, fname: str, edit: bool = False) -> None:
        elsewhere = self.container_img is not None or self.conda_env is not None or self.env_modules is not None
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            job = None if elsewhere or edit else _request(connection, address, fname, _environment(self))
            if job is None:
                return start(self, fname, edit)
            with benchmarked(job, self.bench_record) if self.bench_record else nullcontext():
                status = int(connection.recv(100) or -9)  # without an answer, the job ended with the server
        if status < 0 and self.log:
            with suppress(OSError), open(self.log[0], "a", encoding="utf-8") as log:
                remedy = "if memory ran out, run fewer jobs at once, e.g. --cores 2"
                log.write(f"error: killed by signal {-status}; {remedy}\n")
        if status:
            raise subprocess.CalledProcessError(status, f"{sys.executable} {fname}")

    return execute_script


def _request(connection: socket.socket, address: str, script: str, environment: dict[str, str]) -> int | None:
    """The process that runs a script for us; None if there is no server."""
    request = os.memfd_create("job")
    try:
        os.write(request, json.dumps([script, os.getcwd(), environment]).encode(errors="surrogateescape"))
        connection.connect(f"\0{address}")
        socket.send_fds(connection, [b"job"], [request])
        return int(connection.recv(100) or 0) or None
    except OSError:
        return None
    finally:
        os.close(request)


def _environment(script: PythonScript) -> dict[str, str]:
    """The environment that a shell of Snakemake would give to a script."""
    folder = script.resources.get("tmpdir", None)
    temporary = dict.fromkeys(_TEMPORARY, folder) if folder else {}
    return os.environ | dict.fromkeys(_THREADS, str(script.threads)) | temporary
