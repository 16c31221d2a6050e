"""Imports go one way; processes of their own import what takes long when it is needed, and no other
code than that of the source."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from resiliency.base.imports import PACKAGE, _parsed

PROGRAM = """
import sys
import resiliency.study.checks, resiliency.study.records, resiliency.report.settings
heavy = {"torch", "timm", "numba", "cv2", "altair", "scipy.optimize", "scipy.sparse", "scipy.stats"}
assert not heavy & sys.modules.keys()
"""


@pytest.mark.slow
def test_planning_loads_neither_torch_nor_numba():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


LIBRARY = Path(__file__).parents[2] / "scripts/resiliency"
MODULES = {}  # full name -> path
for path in sorted(LIBRARY.rglob("*.py")):
    parts = path.relative_to(LIBRARY.parent).with_suffix("").parts
    MODULES[".".join(parts).removesuffix(".__init__")] = path


def graph(added: str = "") -> dict[str, set[str]]:
    """Module -> other modules of the library that it imports, inside of functions too; `added` is
    one more line of storage.py."""
    imported: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        source = path.read_bytes()
        if path.name == "storage.py":
            source += added.encode()
        imported[name] = set()
        for full in _parsed(source, name, path.stem == "__init__").imports:
            module = full if full in MODULES else full.rpartition(".")[0]
            if module in MODULES and module != name:
                imported[name].add(module)
    return imported


def of_folders(imported: dict[str, set[str]]) -> dict[str, set[str]]:
    """Folder, or module beside the folders -> the others that its modules import."""
    folders: dict[str, set[str]] = {}
    for name, others in imported.items():
        folder = folder_of(name)
        folders.setdefault(folder, set()).update(map(folder_of, others))
        folders[folder].discard(folder)
    return folders


def folder_of(module: str) -> str:
    return module.removeprefix(f"{PACKAGE}.").partition(".")[0]


def cycle(imported: dict[str, Iterable[str]]) -> list[str]:
    """Names each of which imports the next, the last of them the first again; empty if there are
    none."""
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_neither_modules_nor_folders_import_each_other_in_a_circle():
    assert cycle(graph()) == []
    assert cycle(of_folders(graph())) == []


def test_an_import_inside_of_a_function_closes_a_circle():
    imported = graph("def late():\n    from resiliency.prediction.reading import Truth")
    assert "resiliency.storage" in cycle(imported)
    assert "storage" in cycle(of_folders(imported))


KERNEL = """
from resiliency.base.machine import compiled

PLAIN = 1

@compiled()
def kernel(x: int) -> int:
    return x + 1
"""


def test_byte_code_and_kept_kernels_are_those_of_a_source_of_equal_size_and_time(tmp_path):
    package, environment = tmp_path / "resiliency", os.environ | {"PYTHONPATH": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    (package / "base").mkdir(parents=True)
    for name in ("__init__.py", "base/__init__.py", "base/imports.py", "base/machine.py"):
        shutil.copy(LIBRARY / name, package / name)
    printed = (
        "from resiliency.own import PLAIN, kernel; print(PLAIN, kernel(0), "
        "sum(kernel.stats.cache_hits.values()))"
    )

    def run(text: str) -> str:
        (package / "own.py").write_text(text)
        os.utime(package / "own.py", (1e9, 1e9))
        command = [sys.executable, "-c", printed]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert run(KERNEL) == "1 1 0\n"
    assert run(KERNEL) == "1 1 1\n"  # kept
    assert run(KERNEL.replace("1", "2")) == "2 2 0\n"
    assert run(KERNEL) == "1 1 1\n"


RANDOM = "import numpy as np\nrandom = np.random.default_rng(0)\n"
PAIRS = f"""{RANDOM}
from resiliency.analysis.pair_counts import _count as loop
zeros = np.zeros(1, np.int64)
result = np.zeros((1, 1, 512, 2), np.int64)
loop(np.float32([[[0.7, 0.3]], [[0.6, 0.4]]]), zeros, zeros, zeros, zeros + 1, result)
"""
BLUR = f"""{RANDOM}
from resiliency.corruptions.blur import _sum_steps as loop, defocus_blur
result = defocus_blur(random.integers(0, 255, (1, 16, 16, 3), np.uint8), None, 10, 0.5)
"""
ELASTIC = f"""{RANDOM}
from resiliency.corruptions.digital import _move as loop
result = np.zeros((1, 8, 8), np.int32)
pixels = random.integers(0, 2**24, (1, 8, 8), np.int32)
loop(pixels, np.full((1, 2, 8, 8), 0.3, np.float32), 0, result)
"""
TOLD = "print(sum(loop.stats.cache_hits.values()), result.tobytes().hex())"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "helper", "before", "after"),
    [
        (
            PAIRS,
            "ensembles/kernels.py",
            "(logit - LOWEST) / WIDTH)",
            "(logit - LOWEST) / WIDTH) + 1",
        ),
        (
            BLUR,
            "corruptions/filters.py",
            "values[i] + margin,",
            "values[i] + margin + margin * 3000,",
        ),
        (ELASTIC, "corruptions/filters.py", "ROUNDING_MARGIN = 2**-10", "ROUNDING_MARGIN = 0.5"),
    ],
)
def test_an_edited_helper_of_another_module_is_compiled_again(
    tmp_path, program, helper, before, after
):
    """The result after the edit is that of a process without kept code; without an edit, a second
    process compiles nothing."""
    library = tmp_path / "resiliency"
    shutil.copytree(LIBRARY, library, ignore=shutil.ignore_patterns("__pycache__"))

    def run(**variables: str) -> list[str]:
        environment = os.environ | {"PYTHONPATH": str(tmp_path)} | variables
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", program + TOLD]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    compiled, unedited = run()
    kept, again = run()
    text = (library / helper).read_text()
    assert text.count(before) == 1
    (library / helper).write_text(text.replace(before, after))
    compiled_again, edited = run()
    _, fresh = run(NUMBA_CACHE_DIR=str(tmp_path / "fresh"))
    assert (compiled, kept, compiled_again) == ("0", "1", "0")
    assert again == unedited != edited == fresh
