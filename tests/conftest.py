"""Runs of small studies through Snakemake, shared by the tests."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import forking
import pytest
import yaml

from resiliency.study.stage import CHECKED
from snakemake_internals.server import PACKAGES

REPOSITORY = Path(__file__).parents[1]

# Tests run beside each other, and threads of one wait for cores that another's have.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ[CHECKED] = "1"
PATH = os.environ.get("PYTHONPATH", "")
UNIT = Path(__file__).with_name("unit")
# Fixtures of tests that start programs.
STARTING = {"workflow", "workflow_in", "snakemake", "python", "forked_programs"}
# Where processes listen of which programs are forks, and with which process they end.
FOLDER, OWNER = "FORKING_FOLDER", "FORKING_OWNER"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden",
        action="store_true",
        help="write tests/golden again, to be reviewed as a difference",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Set what the processes of these tests share, in the first of them."""
    if not hasattr(config, "workerinput"):
        os.environ |= {FOLDER: tempfile.mkdtemp(), OWNER: str(os.getpid())}


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ[FOLDER])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark unit tests that are quick; files with the most others come first, lest a long one is
    alone at the end."""
    others = Counter()
    for item in items:
        if UNIT in item.path.parents:
            starts = STARTING & {*getattr(item, "fixturenames", ())}
            if (
                starts
                or item.get_closest_marker("slow")
                or hasattr(getattr(item, "obj", None), "hypothesis")
            ):
                others[item.path] += 1
            else:
                item.add_marker(pytest.mark.quick)
    most = max(others.values(), default=0) + 1
    items.sort(key=lambda item: most - others[item.path] if UNIT in item.path.parents else 0)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one of the processes of these tests at a time into the block."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def forks(imported: tuple[str, ...], needed: bool = True) -> str:
    """The address of what runs programs that import these modules, started where it is needed and
    is not there."""
    address = Path(os.environ[FOLDER]) / imported[0]
    with locked(address.with_name(f"{imported[0]}.lock")):
        if needed and not address.exists():
            command = [
                sys.executable,
                forking.__file__,
                "--serve",
                address,
                os.environ[OWNER],
                *imported,
            ]
            subprocess.run(command, env=os.environ | {"PYTHONPATH": PATH}, check=True)
    return str(address)


def in_forks(environment: dict[str, str], dry: bool = False) -> dict[str, str]:
    """The environment in which forking.py, as a program, starts forks, and so do the Snakemakes
    that it starts."""
    addresses = {
        forking.OF_SNAKEMAKE: forks(forking.SNAKEMAKE),
        forking.OF_SCRIPTS: forks(PACKAGES, not dry),
    }
    return environment | addresses | {forking.PYTHON: sys.executable, "RESILIENCY_WARM_START": "0"}


def fork_snakemake(
    arguments: list[str], cwd: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess:
    """Run Snakemake and its jobs as forks; what it prints of any kind is in `stdout`."""
    dry = bool({"-n", "--dry-run"} & {*arguments})
    environment = in_forks(dict(os.environ) if environment is None else environment, dry)
    return run_fork(
        environment[forking.OF_SNAKEMAKE], ["-m", "snakemake", *arguments], cwd, environment
    )


def run_fork(
    address: str, arguments: list[str], cwd: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess:
    """Run what Python runs with these arguments as a fork; what it prints of any kind is in
    `stdout`."""
    request = {"arguments": arguments, "cwd": str(cwd), "environment": environment}
    with tempfile.TemporaryFile("w+") as output:
        status = forking.request_status(address, request, output.fileno(), output.fileno())
        output.seek(0)
        return subprocess.CompletedProcess(arguments, status, output.read())


class Workflow:
    """A study, run in a directory of its own by the code in `repository`.

    Args:
        study: file of the study, or what such a file holds, which is written into the directory.
        environment: variables that Snakemake sees; by default those of this process.
        forked: whether Snakemake and the scripts of its jobs are forks of processes that have
            imported what they import, which saves most of the time of a small study, or processes
            as a user has them; always where no environment is given.
    """

    def __init__(
        self,
        directory: Path,
        study: Path | Mapping = REPOSITORY / "studies/tiny.yaml",
        repository: Path = REPOSITORY,
        environment: dict[str, str] | None = None,
        forked: bool = False,
    ):
        self.directory = directory
        self.study = study if isinstance(study, Path) else directory / f"{study['study']}.yaml"
        if not isinstance(study, Path):
            self.study.write_text(yaml.safe_dump(study), encoding="utf-8")
        self.repository = repository
        self.environment = environment
        self.forked = forked or environment is None
        self.results = (
            directory / "results" / yaml.safe_load(self.study.read_text(encoding="utf-8"))["study"]
        )

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run Snakemake as a user would; the output of both streams is in `stdout`."""
        if self.forked:
            return fork_snakemake(self._arguments(arguments), self.repository, self.environment)
        command = [sys.executable, "-m", "snakemake", *self._arguments(arguments)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.run(
            command, cwd=self.repository, env=self.environment, check=False, **streams
        )

    def finish(self, *arguments: str) -> str:
        """Run Snakemake as `snakemake` does, which must succeed; what it printed."""
        run = self.snakemake(*arguments)
        assert run.returncode == 0, run.stdout
        return run.stdout

    def copied(self, directory: Path) -> "Workflow":
        """The same study, with what it has made, in a directory that is not there yet."""
        shutil.copytree(self.directory, directory)
        return Workflow(directory, self.study, self.repository, self.environment, self.forked)

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start Snakemake in a session of its own; its output goes to snakemake.log in the
        directory.

        Forks of Snakemake and of scripts are killed with the programs that stand in for them.
        """
        log, python, environment = (
            self.directory / "snakemake.log",
            sys.executable,
            self.environment,
        )
        if self.forked:
            python, environment = forking.__file__, in_forks(environment or dict(os.environ))
        command = [python, "-m", "snakemake", *self._arguments(arguments)]
        with log.open("w") as output:
            streams = {"stdout": output, "stderr": subprocess.STDOUT, "start_new_session": True}
            return subprocess.Popen(command, cwd=self.repository, env=environment, **streams)

    def _arguments(self, arguments: tuple[str, ...]) -> list[str]:
        return ["--directory", str(self.directory), *arguments, "--configfile", str(self.study)]

    def planned(self, *arguments: str) -> dict[str, int]:
        """Rule -> number of jobs that a run would execute, from a dry run; the targets themselves
        left out."""
        return self.planned_in(self.finish("--dry-run", "--cores", "2", *arguments))

    @staticmethod
    def planned_in(output: str) -> dict[str, int]:
        """Rule -> number of jobs, from what a dry run printed; the targets themselves left out."""
        if "Nothing to be done" in output:
            return {}
        lines = output.split("Job stats:")[1].split("total")[0].splitlines()[3:]
        jobs = {line.split()[0]: int(line.split()[1]) for line in lines if line.strip()}
        return {rule: count for rule, count in jobs.items() if rule != "all"}


@pytest.fixture(scope="session")
def lacking() -> Callable[[str, str], None]:
    """Skips a test, saying what this machine lacks; fails it where RESILIENCY_REQUIRE, a list, has
    its word."""

    def stop(word: str, reason: str) -> None:
        required = word in os.environ.get("RESILIENCY_REQUIRE", "").split(",")
        (pytest.fail if required else pytest.skip)(reason)

    return stop


@pytest.fixture(scope="session")
def workflow_in() -> Callable[..., Workflow]:
    """Makes a workflow of a directory and a study."""
    return Workflow


@pytest.fixture(scope="session")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The tiny study, finished on two cores: run once, by the first of the processes of these tests
    that needs it."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    finished = Workflow(shared / "two_cores")
    finished.directory.mkdir(exist_ok=True)
    with locked(finished.directory / "lock"):
        if not (finished.results / "report.html").exists():
            imported = imports_of(finished)
            imported.mkdir(exist_ok=True)
            recording = os.environ | {forking.IMPORTED: str(imported)}
            traced = Workflow(finished.directory, environment=recording, forked=True)
            traced.finish("--cores", "2")
    return finished


def imports_of(workflow: Workflow) -> Path:
    """The folder that has a file for each job of the tiny study, with the modules that it
    imported."""
    return workflow.directory.with_name("imported")


@pytest.fixture(scope="session")
def imported(workflow: Workflow) -> dict[str, set[str]]:
    """Script of a stage -> modules of the library that its jobs of the tiny study had imported at
    their ends."""
    modules: dict[str, set[str]] = {}
    for file in imports_of(workflow).iterdir():
        script = file.suffixes[-2].removeprefix(".")
        modules.setdefault(script, set()).update(file.read_text().splitlines())
    return modules


@pytest.fixture(scope="session")
def snakemake() -> Callable[[list[str], Path], subprocess.CompletedProcess]:
    """Runs Snakemake with arguments in a directory; what it prints of any kind is in `stdout`."""
    return fork_snakemake


@pytest.fixture(scope="session")
def python() -> Callable[..., subprocess.CompletedProcess]:
    """Runs a program, given as text, with arguments in a directory; what it prints of any kind is
    in `stdout`."""

    def run(program: str, cwd: Path, *arguments: object) -> subprocess.CompletedProcess:
        return run_fork(
            forks(PACKAGES), ["-c", program, *map(str, arguments)], cwd, dict(os.environ)
        )

    return run


@pytest.fixture(scope="session")
def forked_programs(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[dict[str, str]], dict[str, str]]:
    """Changes an environment so that the program `snakemake`, and the scripts of its jobs, are
    forks."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "snakemake").write_text(f'#!/bin/sh\nexec {forking.__file__} -m snakemake "$@"\n')
    (folder / "snakemake").chmod(0o755)
    return lambda environment: in_forks(
        environment | {"PATH": os.pathsep.join([str(folder), environment["PATH"]])}
    )
