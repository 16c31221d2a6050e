"""A change of a module makes every stage stale that imports it: what the jobs of the tiny study had
imported at their ends is among the modules of their fingerprints."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from resiliency.base.imports import Module, _parsed, digest_of, module_of
from resiliency.study.fingerprint import module_at, modules_of

pytestmark = pytest.mark.staleness

SCRIPTS = Path(__file__).parents[2] / "scripts"
STAGES = {script.stem: script for script in sorted(SCRIPTS.glob("*.py"))}
MODULES = sorted((SCRIPTS / "resiliency").rglob("*.py"))
RULES = "".join(path.read_text() for path in (SCRIPTS.parent / "rules").glob("*.smk"))
AT_THE_TOP = """
import ast, sys
tree = ast.parse(open(sys.argv[1]).read())
tree.body = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
exec(compile(tree, sys.argv[1], "exec"))
print(*[name for name in sys.modules if name.partition(".")[0] == "resiliency"])
"""


# Stages that load networks of the search by their names, as the rules say.
LOADING = re.findall(r'code\(\s*"(\w+)",[^()]*loads_networks=True', RULES)


def name_of(path: Path) -> str:
    """The full name of the module at a path."""
    return ".".join(path.relative_to(SCRIPTS).with_suffix("").parts).removesuffix(".__init__")


def missed(
    imported: dict[str, set[str]], read: Callable[[Path, str], Module], folder: Path
) -> list[tuple[str, str]]:
    """Stages, and modules that they import, of which a change does not change the fingerprint.

    Args:
        imported: stage -> names of the modules that it imports.
        read: returns the content of a module, as for `modules_of`.
        folder: gets what is kept of the changed modules.
    """
    by_name = SCRIPTS / "resiliency/search/network.py"
    counted = {}
    for stage in imported:
        files = [by_name] if stage in LOADING else []
        counted[stage] = modules_of(STAGES[stage], *files, read=read)
    found = []
    for path in MODULES:
        name, place = name_of(path), str(path.relative_to(SCRIPTS))
        changed = module_of(path.read_bytes() + b"\nEDITED = 1\n", folder / path.name, name)
        for stage, modules in counted.items():
            after = {**modules, place: changed} if place in modules else modules
            if name in imported[stage] and digest_of(after) == digest_of(modules):
                found.append((stage, name))
    return found


def without_functions(path: Path, name: str) -> Module:
    """A module as if nothing were imported inside of functions."""
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = [ast.Pass()]
    return Module(
        "", _parsed(ast.unparse(tree).encode(), name, path.stem == "__init__").imports, []
    )


def test_a_change_of_any_module_makes_the_stages_stale_that_import_it(imported, tmp_path):
    assert len(imported) > 20
    assert {"predict", "attribute"} <= {*LOADING}
    assert missed(imported, module_at, tmp_path) == []


def test_imports_inside_of_functions_are_needed_for_that(imported, tmp_path):
    """A negative control."""
    assert missed(imported, without_functions, tmp_path) != []


def test_stages_that_the_tiny_study_lacks_count_what_they_import_at_the_top(
    imported, python, tmp_path
):
    others = {}
    for stage in STAGES.keys() - imported.keys():
        others[stage] = {*python(AT_THE_TOP, tmp_path, STAGES[stage]).stdout.split()}
    assert {"load", "import_source", "test_set"} <= others.keys()
    assert all("resiliency.study.stage" in names for names in others.values())
    assert missed(others, module_at, tmp_path) == []
