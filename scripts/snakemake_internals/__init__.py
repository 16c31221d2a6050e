"""All that touches the inside of Snakemake, which its documentation does not describe; read from
version 9.27.1.

These are what a run knows of itself (`Run`), files below `.snakemake`, copies of scripts, and what
replaces methods of Snakemake: jobs of this machine as forks of one process that has imported the
packages (`server.py`), so that they start at once, and a memory of checksums. Where Snakemake's
methods are not as expected, nothing is replaced.

Python and torch take seconds of CPU time to start, for each of a hundred jobs. A fork imports the
library itself, and so runs the code of its moment. Forks have the environment, streams, exit status
and measurements that processes of their own would have, and end with Snakemake. Jobs in conda
environments, in containers or on other machines start as usual, and so do all with
`RESILIENCY_WARM_START=0`.
"""

import atexit
import inspect
import json
import os
import socket
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

RECORDS = Path(".snakemake")  # in the working folder
SWITCH = "RESILIENCY_WARM_START"
FEWEST = 4  # jobs; the imports of a server cost as much as those of two or three
# What shells of Snakemake set to the threads of a job, and to its folder for temporary files.
_THREADS: tuple[str, ...] = (
    "OMP_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)
_THREADS += ("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")
_TEMPORARY = ("TMPDIR", "TMP", "TEMPDIR", "TEMP")
_ATTRIBUTES = {
    "bench_record",
    "conda_env",
    "container_img",
    "env_modules",
    "log",
    "resources",
    "threads",
}
PREAMBLE = b"######## snakemake preamble end #########\n"  # before the text of a script in its copy


class Run:
    """The run of Snakemake that reads the rules.

    Attributes:
        main: whether these rules are its own, and not those of a module.
        imported: whether another workflow imports them as a module and gives the configuration.
        plans: whether this process plans the run, and is none of its jobs.
        named: configuration files on the command line.
        files: all configuration files, each of which changes those before it.
        given: configuration on the command line.
        elsewhere: whether jobs run on other machines.
    """

    def __init__(self, workflow: Any):
        self._workflow = workflow
        self.main, self.imported = (
            workflow.modifier.is_main_snakefile(),
            workflow.modifier.skip_configfile,
        )
        self.plans, self.elsewhere = workflow.is_main_process, workflow.non_local_exec
        self.named = workflow.overwrite_configfiles
        # Snakemake lists files of the command line first, and merges them last.
        self.files = [*workflow.configfiles[len(self.named) :], *self.named]
        self.given = workflow.config_settings.config

    def makes(self, path: str) -> bool:
        """Whether a rule makes the file."""
        return any(rule.is_producer(path) for rule in self._workflow.rules)

    def forces(self, rule: str) -> bool:
        """Whether the command line asks to run the rule, whatever there is."""
        settings = self._workflow.dag_settings
        return settings.forcetargets or rule in settings.forcerun

    def ran(self) -> set[str]:
        """Names of the rules whose jobs the run has made."""
        return {job.rule.name for job in self._workflow.dag.jobs}

    def begin(self) -> None:
        """Have the jobs that are planned run sooner, if this process runs them."""
        if self.plans:
            remember_checksums()
        if self.plans and not self.elsewhere:
            install(sum(1 for job in self._workflow.dag.needrun_jobs()))
        # With a limit, each job that ends leaves one more timer that looks at all ready jobs every
        # second.
        if not self.elsewhere:
            self._workflow.scheduler.job_rate_limiter = None


def kept(kind: str) -> dict[str, str]:
    """Path of a result -> file that Snakemake keeps about it: its name in Base64, long ones in
    parts.

    Args:
        kind: `metadata` of finished jobs, or `incomplete` for what jobs are making.
    """
    folder, found = str(RECORDS / kind), {}
    for path, _, files in os.walk(folder):
        parts = [part.removeprefix("@") for part in path.removeprefix(folder).split("/")]
        for name in files:
            if not name.startswith("."):
                with suppress(ValueError):
                    found[urlsafe_b64decode("".join([*parts, name])).decode()] = f"{path}/{name}"
    return found


def kept_in_database() -> bool:
    """Whether Snakemake keeps its records in the other of its two ways."""
    return Path(RECORDS, "metadata.db").exists()


def job_start(record: str) -> float:
    """The time, in seconds since 1970, at which the job of a record started.

    Raises:
        OSError, ValueError, KeyError, TypeError: the record is damaged.
    """
    return float(json.loads(Path(record).read_bytes())["starttime"])


def running_script() -> tuple[Path, bytes]:
    """Path of the script that this process runs, and its text as Snakemake read it."""
    script: Any = sys.modules["__main__"]
    text = Path(getattr(script, "__real_file__", script.__file__)).read_bytes()
    return Path(os.path.realpath(script.__file__)), text.rpartition(PREAMBLE)[2]


def remember_checksums() -> None:
    """Have Snakemake read a file once for its checksum, and not for each output of each job that
    reads it."""
    from snakemake.io import _IOFile

    compute: Callable = _IOFile.checksum
    if [*inspect.signature(compute).parameters] != ["self", "threshold", "force", "algorithm"]:
        return
    known: dict[tuple, str | None] = {}

    async def checksum(self: _IOFile, *args: Any, **options: Any) -> str | None:
        if self.is_storage or not os.path.isfile(self.file):
            return await compute(self, *args, **options)
        state = os.stat(self.file)
        key = self.file, state.st_ino, state.st_size, state.st_mtime_ns, args, *options.items()
        if key not in known:
            known[key] = await compute(self, *args, **options)
        return known[key]

    _IOFile.checksum = checksum


def install(jobs: int) -> None:
    """Have Snakemake fork the scripts of a run with `jobs` jobs, if that is worthwhile and
    possible.

    With `RESILIENCY_WARM_START=0`, or if Snakemake's internals are not as expected, jobs start as
    usual. Another value than 0 and 1 ends the program.
    """
    from snakemake.benchmark import benchmarked
    from snakemake.script import PythonScript

    switch = os.environ.get(SWITCH) or "1"
    if switch not in ("0", "1"):
        sys.exit(
            f"{SWITCH}: expected 0 or 1, got {switch!r}; unset it, or set it to 0 for jobs without "
            "forks"
        )
    if switch == "0" or jobs < FEWEST:
        return
    method, attributes, timer = map(
        inspect.signature, (PythonScript.execute_script, PythonScript, benchmarked)
    )
    expected = (
        list(method.parameters) == ["self", "fname", "edit"]
        and {*attributes.parameters} >= _ATTRIBUTES
    )
    if expected and [*timer.parameters][:2] == ["pid", "benchmark_record"]:
        PythonScript.execute_script = forking(PythonScript.execute_script, start_server())


def start_server() -> str:
    """Start a server of forks, which ends with this process; the name of its socket, which leaves
    no file."""
    from snakemake.shell import STDOUT

    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        address = f"resiliency-{os.urandom(8).hex()}"
        listener.bind(f"\0{address}")
        listener.listen(1024)
        program, end = Path(__file__).with_name("server.py"), listener.fileno()
        # The last argument is room for the name of a job's script.
        command = [sys.executable, str(program), str(end), " " * 1000]
        environment = os.environ | dict.fromkeys(_THREADS, "1")
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=STDOUT, pass_fds=[end], env=environment
        )
    # Ends it, and waits, so that its CPU time counts as Snakemake's.
    atexit.register(server.communicate)
    return address


def forking(start: Callable, address: str) -> Callable:
    """The method of scripts that has the server at `address` run one, or calls `start` if it
    cannot."""
    from snakemake.benchmark import benchmarked

    def execute_script(self: Any, fname: str, edit: bool = False) -> None:
        elsewhere = (
            self.container_img is not None
            or self.conda_env is not None
            or self.env_modules is not None
        )
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            job = (
                None
                if elsewhere or edit
                else _request(connection, address, fname, _environment(self))
            )
            if job is None:
                return start(self, fname, edit)
            with benchmarked(job, self.bench_record) if self.bench_record else nullcontext():
                # Without an answer, the job ended with the server.
                status = int(connection.recv(100) or -9)
        if status < 0 and self.log:
            with suppress(OSError), open(self.log[0], "a", encoding="utf-8") as log:
                remedy = "if memory ran out, run fewer jobs at once, e.g. --cores 2"
                log.write(f"error: killed by signal {-status}; {remedy}\n")
        if status:
            raise subprocess.CalledProcessError(status, f"{sys.executable} {fname}")

    return execute_script


def _request(
    connection: socket.socket, address: str, script: str, environment: dict[str, str]
) -> int | None:
    """The process that runs a script for us; None if there is no server."""
    request = os.memfd_create("job")
    try:
        os.write(
            request, json.dumps([script, os.getcwd(), environment]).encode(errors="surrogateescape")
        )
        connection.connect(f"\0{address}")
        socket.send_fds(connection, [b"job"], [request])
        return int(connection.recv(100) or 0) or None
    except OSError:
        return None
    finally:
        os.close(request)


def _environment(script: Any) -> dict[str, str]:
    """The environment that a shell of Snakemake would give to a script."""
    folder = script.resources.get("tmpdir", None)
    temporary = dict.fromkeys(_TEMPORARY, folder) if folder else {}
    return os.environ | dict.fromkeys(_THREADS, str(script.threads)) | temporary
