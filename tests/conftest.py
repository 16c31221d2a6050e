"""Runs of small studies through Snakemake, shared by the tests."""

import fcntl
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]

# Tests run beside each other, and threads of one wait for cores that another's have.
os.environ.setdefault("OMP_NUM_THREADS", "1")


class Workflow:
    """A study, run in a directory of its own by the code in `repository`.

    Args:
        environment: variables that Snakemake sees; by default those of this process.
    """

    def __init__(
        self,
        directory: Path,
        study: Path = REPOSITORY / "studies/tiny.yaml",
        repository: Path = REPOSITORY,
        environment: dict[str, str] | None = None,
    ):
        self.directory = directory
        self.study = study
        self.repository = repository
        self.environment = environment
        self.results = directory / "results" / yaml.safe_load(study.read_text())["study"]

    def snakemake(self, *arguments: str, largest_file: int | None = None) -> subprocess.CompletedProcess:
        """Run Snakemake as a user would; the output of both streams is in `stdout`.

        Args:
            largest_file: bytes beyond which no file can grow, as if the disk were full.
        """
        limit = (largest_file, resource.RLIM_INFINITY)
        return subprocess.run(
            self._command(arguments),
            cwd=self.repository,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)) if largest_file else None,
        )

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start Snakemake in a session of its own; its output goes to snakemake.log in the directory."""
        log = self.directory / "snakemake.log"
        with log.open("w") as output:
            return subprocess.Popen(
                self._command(arguments),
                cwd=self.repository,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        command = [sys.executable, "-m", "snakemake", "--directory", str(self.directory)]
        return [*command, *arguments, "--configfile", str(self.study)]

    def planned(self, *arguments: str) -> dict[str, int]:
        """Rule -> number of jobs that a run would execute, from a dry run; the targets themselves left out."""
        run = self.snakemake("--dry-run", "--cores", "2", *arguments)
        assert run.returncode == 0, run.stdout
        if "Nothing to be done" in run.stdout:
            return {}
        lines = run.stdout.split("Job stats:")[1].split("total")[0].splitlines()[3:]
        jobs = {line.split()[0]: int(line.split()[1]) for line in lines if line.strip()}
        return {rule: count for rule, count in jobs.items() if rule != "all"}


@pytest.fixture(scope="session")
def lacking() -> Callable[[str, str], None]:
    """Skips a test, saying what this machine lacks; fails it where RESILIENCY_REQUIRE, a list, has its word."""

    def stop(word: str, reason: str) -> None:
        required = word in os.environ.get("RESILIENCY_REQUIRE", "").split(",")
        (pytest.fail if required else pytest.skip)(reason)

    return stop


@pytest.fixture(scope="session")
def workflow_in() -> Callable[..., Workflow]:
    """Makes a workflow of a directory and the file of a study."""
    return Workflow


@pytest.fixture(scope="session")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The tiny study, finished on two cores: run once, by the first of the processes of these tests that needs it."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    finished = Workflow(shared / "two_cores")
    finished.directory.mkdir(exist_ok=True)
    with (finished.directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (finished.results / "report.html").exists():
            run = finished.snakemake("--cores", "2")
            assert run.returncode == 0, run.stdout
    return finished
