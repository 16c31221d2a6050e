"""An edit of a function makes the scripts stale that can run it, which the objects in memory show,
and few others.

All that a function can reach is looked up after the imports, without the parsed syntax: the globals
that its byte code loads, attributes of modules, defaults, closures, what decorators wrap, items of
containers, fields of objects, and methods and bases of classes.
"""

import ast
import dis
import functools
import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from edits import with_edit

from resiliency.study.fingerprint import SILENT, fingerprint

SCRIPTS = Path(__file__).parents[2] / "scripts"
LIBRARY = "resiliency"
FUNCTIONS = 60


def test_an_edit_of_a_function_makes_those_scripts_stale_that_can_run_it():
    """Of the scripts that edits of 60 functions make stale, at most a tenth cannot run the edited
    function."""
    scripts = sorted(SCRIPTS.glob("*.py"))
    reached = {script.stem: reached_functions(script) for script in scripts}
    before = {script.stem: fingerprint(script) for script in scripts}
    functions = sorted({one for of in reached.values() for one in of}, key=drawn)
    missed, found, more = [], 0, 0
    for path, name in functions[:FUNCTIONS]:
        with with_edit(Path(path), name):
            stale = {
                script.stem for script in scripts if fingerprint(script) != before[script.stem]
            }
        running = {script for script, of in reached.items() if (path, name) in of}
        missed += [(script, path, name) for script in running - stale]
        found, more = found + len(stale), more + len(stale - running)
    assert missed == []
    assert more < found / 10


def drawn(function: tuple[str, str]) -> bytes:
    """A key that orders functions at random, each whatever others there are."""
    path, name = function
    return hashlib.sha256(f"{Path(path).relative_to(SCRIPTS)} {name}".encode()).digest()


def reached_functions(script: Path) -> set[tuple[str, str]]:
    """File and name of each function of the library that the code of a script can reach."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    imports = ast.Module(
        [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], []
    )
    namespace: dict[str, object] = {}
    exec(compile(imports, str(script), "exec"), namespace)
    found, seen = set(), {}
    pending = list(_used(compile(tree, str(script), "exec"), namespace))
    while pending:
        one = pending.pop()
        if id(one) in seen or isinstance(one, str | bytes | int | float | None):
            continue
        seen[id(one)] = one  # kept alive, so that no other object has its number
        if isinstance(one, FunctionType):
            if any(
                f"{one.__module__}.{one.__qualname__}.".startswith(f"{silent}.")
                for silent in SILENT
            ):
                continue
            found |= {(code.co_filename, code.co_name) for code in _codes(one.__code__)}
        pending += _parts(one)
    return {
        (file, name)
        for file, name in found
        if Path(file).is_relative_to(SCRIPTS / LIBRARY) and name.isidentifier()
    }


def _of_library(one: object) -> bool:
    return (getattr(one, "__module__", None) or "").partition(".")[0] == LIBRARY


def _parts(one: object) -> Iterator[object]:
    """The objects that one leads to, without those in other packages."""
    if isinstance(one, FunctionType):
        if _of_library(one):
            yield from _used(one.__code__, one.__globals__)
        yield from [
            one.__defaults__,
            one.__kwdefaults__,
            getattr(one, "__wrapped__", None),
            one.__annotations__,
        ]
        yield from [cell.cell_contents for cell in one.__closure__ or () if cell != type(cell)()]
    elif isinstance(one, Mapping):
        yield from [*one.keys(), *one.values()]
    elif isinstance(one, list | tuple | set | frozenset):
        yield from one
    elif isinstance(one, functools.partial):
        yield from [one.func, one.args, one.keywords]
    elif isinstance(one, type):
        if _of_library(one):
            yield from [*vars(one).values(), *one.__bases__]
    elif not isinstance(one, ModuleType):
        yield from [
            getattr(one, name, None)
            for name in ("__wrapped__", "__func__", "py_func", "fget", "func")
        ]
        if _of_library(type(one)):
            yield type(one)
            yield getattr(one, "__dict__", {})
    if isinstance(one, tuple) and _of_library(type(one)):
        yield type(one)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _used(code: CodeType, namespace: Mapping[str, object]) -> Iterator[object]:
    """What the names stand for that code loads or imports."""
    for part in _codes(code):
        modules: list[object] = []
        for instruction in dis.get_instructions(part):
            name, operation = instruction.argval, instruction.opname
            if operation in ("LOAD_GLOBAL", "LOAD_NAME"):
                modules = [namespace.get(name)]
            elif operation == "IMPORT_NAME":
                modules = [sys.modules.get(name)]
            elif operation in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM") and isinstance(
                modules[-1:], list
            ):
                modules = [_attribute(one, name) for one in modules if isinstance(one, ModuleType)]
            elif operation not in ("CACHE", "PRECALL", "PUSH_NULL", "STORE_NAME", "STORE_FAST"):
                modules = []
            yield from modules


def _attribute(module: ModuleType, name: str) -> object:
    return getattr(module, name, sys.modules.get(f"{module.__name__}.{name}"))
