"""A clone of the repository, for tests that follow a page of the documentation to the letter."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@dataclass
class Clone:
    folder: Path
    environment: dict[str, str]

    def run(self, commands: str) -> subprocess.CompletedProcess:
        """Run commands of a reader until one fails; what they print of any kind is in `stdout`."""
        return subprocess.run(
            ["bash", "-ec", commands],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def clone(tmp_path_factory, forked_programs) -> Clone:
    """A fresh clone, in which the package is installed already, and jobs are forks, else they take minutes."""
    folder = tmp_path_factory.mktemp("clone") / "resiliency"
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, folder], check=True)
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return Clone(folder, forked_programs(os.environ | {"PATH": programs, "PYTHONPATH": str(folder / "scripts")}))
