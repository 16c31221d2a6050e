"""What is meant for use from Python: its examples, its numbers, its errors, and that it is there
without a clone."""

import doctest
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name", [pytest.param("", marks=pytest.mark.slow), ".evaluating", ".transforms"]
)
def test_the_examples_of_the_functions(name):
    failed, tried = doctest.testmod(import_module(f"resiliency.api{name}"), extraglobs={"np": np})
    assert (failed, tried > 0) == (0, True)


def test_the_examples_of_the_page():
    """Its fences become blank lines, at which doctest ends what it expects."""
    page = REPOSITORY / "docs/python.md"
    text = re.sub(r"^```.*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    results = doctest.DocTestRunner().run(examples)
    assert (results.failed, results.attempted > 15) == (0, True)


def test_it_needs_neither_the_files_of_the_workflow_nor_torch(tmp_path):
    shutil.copytree(REPOSITORY / "scripts/resiliency", tmp_path / "resiliency")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import resiliency.api as api
assert api.__file__.startswith({str(tmp_path)!r}), api.__file__
assert not set(sys.modules) & {{"torch", "timm", "snakemake"}}
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
