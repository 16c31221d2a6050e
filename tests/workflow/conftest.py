"""Runs of the tiny study through Snakemake, shared by the tests."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


class Workflow:
    """The tiny study, run in a directory of its own."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.results = directory / "results" / "tiny"

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run Snakemake as a user would, on the tiny study; the output of both streams is in `stdout`."""
        command = [sys.executable, "-m", "snakemake", "--directory", str(self.directory)]
        command += ["--configfile", "studies/tiny.yaml", *arguments]
        return subprocess.run(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )

    def planned(self, *arguments: str) -> dict[str, int]:
        """Rule -> number of jobs that a run would execute, from a dry run; the targets themselves left out."""
        output = self.snakemake("--dry-run", "--cores", "2", *arguments).stdout
        if "Nothing to be done" in output:
            return {}
        lines = output.split("Job stats:")[1].split("total")[0].splitlines()[3:]
        jobs = {line.split()[0]: int(line.split()[1]) for line in lines if line.strip()}
        return {rule: count for rule, count in jobs.items() if rule != "all"}


@pytest.fixture(scope="session")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The tiny study, finished on two cores."""
    finished = Workflow(tmp_path_factory.mktemp("two_cores"))
    run = finished.snakemake("--cores", "2")
    assert run.returncode == 0, run.stdout
    return finished
