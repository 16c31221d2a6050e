"""Mutants of the library: small faults, drawn once, that are found again in later versions and put
in their places.

A mutant is a statement before and after, and its function: it outlives a move of the function,
another layout and other names. Text, types, what programs print and the look of charts were never
mutated: no test need notice. Commit aea9f467 has the program that drew them.
"""

import ast
import copy
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[3]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
KEPT = (
    ast.Import,
    ast.ImportFrom,
    ast.Assert,
    ast.ClassDef,
    ast.Match,
    ast.Try,
    ast.Global,
    ast.Nonlocal,
    ast.Pass,
)
BLOCKS = ("body", "orelse", "finalbody", "handlers", "decorator_list")


@dataclass(frozen=True)
class Mutant:
    """A small fault; `nth` counts the statements of its function that are alike."""

    number: int
    package: str
    module: str
    function: str
    operator: str
    before: str
    after: str
    nth: int


class Place(NamedTuple):
    """A statement of the library, and its `header`: its syntax without the statements in it."""

    path: Path
    module: str
    function: str
    node: ast.stmt
    header: ast.stmt
    inside: bool  # a function, and so not run by an import


def modules(repository: Path) -> list[Path]:
    """The files of the library, and of the programs of published studies, once a part of it."""
    return sorted([*repository.glob("scripts/*/**/*.py"), *repository.glob("published/*.py")])


def places(repository: Path) -> list[Place]:
    """All statements that may change."""
    found = []
    for path in modules(repository):
        for node, function, inside in _statements(ast.parse(path.read_text(encoding="utf-8")), ""):
            found.append(Place(path, path.stem, function, node, header(node), inside))
    return found


def _statements(
    parent: ast.AST, function: str, inside: bool = False
) -> Iterator[tuple[ast.stmt, str, bool]]:
    for node in ast.iter_child_nodes(parent):
        if not isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case) or _is_guard(node):
            continue
        scope = isinstance(node, (*FUNCTIONS, ast.ClassDef))
        name = f"{function}.{node.name}".lstrip(".") if scope else function
        if isinstance(node, ast.stmt) and not isinstance(node, KEPT):
            yield node, name, inside
        yield from _statements(node, name, inside or isinstance(node, FUNCTIONS))


def _is_guard(node: ast.AST) -> bool:
    """Whether what is in it runs only in programs, only for types, or is how an object is shown."""
    if isinstance(node, ast.If):
        return any(
            isinstance(n, ast.Name) and n.id in ("__name__", "TYPE_CHECKING")
            for n in ast.walk(node.test)
        )
    return isinstance(node, ast.FunctionDef) and node.name in ("__repr__", "__str__")


def header(node: ast.stmt) -> ast.stmt:
    """A copy of a statement without the statements in it, decorators and types of arguments."""
    bare = copy.copy(node)
    for block in BLOCKS:
        if hasattr(bare, block):
            setattr(bare, block, [ast.Pass()] if block == "body" else [])
    if isinstance(bare, FUNCTIONS):
        bare = copy.deepcopy(bare)
        bare.returns = None
        for argument in ast.walk(bare.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
    return bare


def read_sample(path: Path) -> list[Mutant]:
    return [Mutant(**one) for one in json.loads(path.read_text(encoding="utf-8"))]


class Library:
    """The statements of the library, by the kinds of syntax in them."""

    def __init__(self, repository: Path):
        self.places = places(repository)
        self._of_kinds = defaultdict(list)
        for place in self.places:
            self._of_kinds[_kinds(place.header)].append(place)

    def find(self, mutant: Mutant) -> Place | None:
        """The statement of a mutant, perhaps moved or with other names; None if it is gone, or may
        be several."""
        before = header(ast.parse(mutant.before).body[0])
        text, shape = ast.dump(before), _shape(before)[0]
        alike = [
            place for place in self._of_kinds[_kinds(before)] if _shape(place.header)[0] == shape
        ]
        exact = [place for place in alike if ast.dump(place.header) == text]
        return _nearest(exact, mutant, True) or _nearest(alike, mutant, False)

    def source(self, mutant: Mutant, place: Place) -> str:
        """The text of the module with the fault."""
        before, after = (ast.parse(text).body[0] for text in (mutant.before, mutant.after))
        names = dict(zip(_shape(header(before))[1], _shape(place.header)[1], strict=True))
        after = _renamed(after, names)
        if isinstance(after, FUNCTIONS):
            defaults, after = after.args, copy.copy(place.node)
            after.args = copy.copy(place.node.args)
            after.args.defaults, after.args.kw_defaults = defaults.defaults, defaults.kw_defaults
        else:
            for block in BLOCKS:
                if hasattr(after, block):
                    setattr(after, block, getattr(place.node, block))
        tree = ast.parse(place.path.read_text(encoding="utf-8"))
        return ast.unparse(ast.fix_missing_locations(_Replacing(place.node, after).visit(tree)))


def _kinds(statement: ast.stmt) -> tuple[type, ...]:
    return tuple(map(type, ast.walk(statement)))


def _nearest(candidates: list[Place], mutant: Mutant, anywhere: bool) -> Place | None:
    """Of statements that are alike, the one in the function of a mutant, else in its module, else
    the only one."""
    named = [place for place in candidates if place.function == mutant.function]
    there = [place for place in candidates if place.module == mutant.module]
    both = [place for place in named if place.module == mutant.module]
    for near in (both, named, there, candidates if anywhere else []):
        if len({(place.path, place.function) for place in near}) == 1:
            return near[mutant.nth] if mutant.nth < len(near) else None
    return None


class _Replacing(ast.NodeTransformer):
    """Puts a statement in the place of the one that stands there."""

    def __init__(self, node: ast.stmt, after: ast.stmt):
        self.at, self.after = (type(node), node.lineno, node.col_offset), after

    def visit(self, node: ast.AST) -> ast.AST:
        at = (type(node), getattr(node, "lineno", None), getattr(node, "col_offset", None))
        return self.after if at == self.at else self.generic_visit(node)


def _shape(statement: ast.stmt) -> tuple[str, list[str]]:
    """The syntax of a statement with numbers in place of names, and the names."""
    names = {}
    for node in ast.walk(statement):
        for field in ("id", "attr", "arg", "name"):
            if isinstance(name := getattr(node, field, None), str):
                names.setdefault(name, str(len(names)))
    return ast.dump(_renamed(statement, names)), list(names)


def _renamed(statement: ast.stmt, names: dict[str, str]) -> ast.stmt:
    statement = copy.deepcopy(statement)
    for node in ast.walk(statement):
        for field in ("id", "attr", "arg", "name"):
            if isinstance(name := getattr(node, field, None), str):
                setattr(node, field, names.get(name, name))
    return statement
