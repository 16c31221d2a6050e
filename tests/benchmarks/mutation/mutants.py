"""Mutants of the library: small faults, drawn once, that are found again in later versions and put in their places.

A mutant is a statement before and after, and its function: it outlives a move of the function, another layout and
other names. Text, types, what programs print and the look of charts are never mutated: no test need notice.

`mutants.py` prints how many of the sample have a place in the library of this repository;
`mutants.py --draw SEED COUNT > sample.json` draws another.
"""

import argparse
import ast
import copy
import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[3]
FEWEST = 12  # mutants of a package

COMPARISONS = {ast.Lt: (ast.LtE, ast.GtE), ast.GtE: (ast.Gt, ast.Lt), ast.Gt: (ast.GtE, ast.LtE)}
COMPARISONS |= {ast.LtE: (ast.Lt, ast.Gt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,)}
COMPARISONS |= {ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,)}
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult}
ARITHMETIC |= {ast.Mod: ast.Mult, ast.FloorDiv: ast.Div, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
# Calls that only make messages, and those whose first two arguments may change places.
MESSAGES = {"print", "warn", "Fault", "ValueError", "expected", "available", "duplicate", "short", "brief", "_fault"}
SYMMETRIC = {"isinstance", "issubclass", "getattr", "hasattr", "min", "max", "minimum", "maximum", "isclose", "gcd"}
SYMMETRIC |= {"suppress", "array", "asarray", "full"}  # the last three refuse another order
CHECKED = {"strict", "copy", "check", "stacklevel", "indent"}  # arguments that change no value
TINY = 1e-3  # A number below is a tolerance, which may double without a difference.

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
KEPT = (ast.Import, ast.ImportFrom, ast.Assert, ast.ClassDef, ast.Match, ast.Try, ast.Global, ast.Nonlocal, ast.Pass)
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


def package(path: Path, repository: Path) -> str:
    """The package of a file, below `resiliency`; its few modules beside packages are one, and so are the plugins."""
    parts = path.relative_to(repository).parts
    return parts[2] if len(parts) > 3 else parts[-2].split("_")[0]


def places(repository: Path) -> list[Place]:
    """All statements that may change."""
    found = []
    for path in modules(repository):
        for node, function, inside in _statements(ast.parse(path.read_text(encoding="utf-8")), ""):
            found.append(Place(path, path.stem, function, node, header(node), inside))
    return found


def _statements(parent: ast.AST, function: str, inside: bool = False) -> Iterator[tuple[ast.stmt, str, bool]]:
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
        return any(isinstance(n, ast.Name) and n.id in ("__name__", "TYPE_CHECKING") for n in ast.walk(node.test))
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


def faults(before: ast.stmt, charts: bool) -> Iterator[tuple[str, ast.stmt]]:
    """Each operator that applies to a header, and the header after it.

    Args:
        charts: whether numbers given by name are the look of a chart.
    """
    if not isinstance(before, ast.Raise):
        for index, node in enumerate(_parts(before, charts)):
            for operator, field, value in _changes(node):
                after = copy.deepcopy(before)
                setattr(list(_parts(after, charts))[index], field, copy.deepcopy(value))
                yield "default" if isinstance(before, (*FUNCTIONS, ast.AnnAssign)) else operator, after
    if isinstance(before, ast.Return) and not isinstance(before.value, ast.Constant | None):
        yield "return", ast.Return(ast.Constant(None))
    if _removable(before):
        yield "removal", ast.Pass()


def _parts(node: ast.AST, charts: bool) -> Iterator[ast.AST]:
    """A header and all parts of it that are no text, type or look."""
    yield node
    for field, value in ast.iter_fields(node):
        for part in value if isinstance(value, list) else [value]:
            look = charts and field in ("value", "values") and isinstance(part, ast.Constant)
            look = look and isinstance(node, ast.keyword | ast.Dict | ast.Assign)
            text = isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Call) and _called(part) in MESSAGES)
            text |= isinstance(part, ast.keyword) and part.arg in CHECKED
            if isinstance(part, ast.AST) and field != "annotation" and not look and not text:
                yield from _parts(part, charts)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _changes(node: ast.AST) -> Iterator[tuple[str, str, object]]:
    """Operator, field of the node, and what takes its place."""
    match node:
        case ast.Compare(ops=[first, *others]):
            for other in COMPARISONS[type(first)]:
                yield "comparison", "ops", [other(), *others]
        case ast.BinOp(op=op) if type(op) in ARITHMETIC and not _is_text(node.left) and not _is_text(node.right):
            yield "arithmetic", "op", ARITHMETIC[type(op)]()
        case ast.BoolOp():
            yield "negation", "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.If() | ast.IfExp():
            yield from (("negation", "test", test) for test in _negated(node.test))
        case ast.comprehension(ifs=[first, *others]):
            yield from (("negation", "ifs", [test, *others]) for test in _negated(first))
        case ast.Constant(value=bool()):
            yield "negation", "value", not node.value
        case ast.Constant(value=int()):
            yield from (("constant", "value", node.value + step) for step in (1, -1))
        case ast.Constant(value=float()) if not 0 < abs(node.value) < TINY:
            yield "constant", "value", node.value * 2 or 1.0
        case ast.Call(args=[first, second, *others]) if _called(node) not in SYMMETRIC and not _is_text(second):
            if ast.dump(first) != ast.dump(second) and not any(isinstance(n, ast.Starred) for n in (first, second)):
                yield "swap", "args", [second, first, *others]


def _negated(test: ast.expr) -> list[ast.expr]:
    """The opposite of a condition, unless it is a comparison, which has operators of its own."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return [test.operand]
    return [] if isinstance(test, ast.Compare) else [ast.UnaryOp(ast.Not(), test)]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _removable(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Call() as call):
            return _called(call) not in MESSAGES and not (call.args and all(map(_is_text, call.args)))
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return True
        case ast.Raise():
            return "NotImplementedError" not in ast.dump(node)
    return isinstance(node, ast.AugAssign | ast.Continue)


def read_sample(path: Path) -> list[Mutant]:
    return [Mutant(**one) for one in json.loads(path.read_text(encoding="utf-8"))]


def draw(repository: Path, seed: int, count: int) -> list[Mutant]:
    """About `count` mutants, at most one of a statement; packages have shares by their statements, or `FEWEST`."""
    packages, generator, alike = defaultdict(list), random.Random(seed), defaultdict(int)
    for place in places(repository):
        of = package(place.path, repository)
        before = ast.unparse(ast.fix_missing_locations(place.header))
        key = (place.path, place.function, before)
        if mutants := [(kind, ast.unparse(after)) for kind, after in faults(place.header, of == "report")]:
            packages[of].append((place, before, mutants, alike[key]))
        alike[key] += 1
    total, drawn = sum(map(len, packages.values())), []
    for of, candidates in packages.items():
        share = max(FEWEST, round(count * len(candidates) / total))
        for place, before, mutants, nth in generator.sample(candidates, min(share, len(candidates))):
            by_operator = defaultdict(list)
            for kind, after in mutants:
                by_operator[kind].append(after)
            kind = generator.choice(sorted(by_operator))
            after = generator.choice(by_operator[kind])
            drawn.append(Mutant(len(drawn), of, place.module, place.function, kind, before, after, nth))
    return drawn


class Library:
    """The statements of the library, by what mutants know them by."""

    def __init__(self, repository: Path):
        self.places = places(repository)
        self._exact = _by(self.places, ast.dump)

    @cached_property
    def _shapes(self) -> dict[str, list[Place]]:
        return _by(self.places, lambda header: _shape(header)[0])

    def find(self, mutant: Mutant) -> Place | None:
        """The statement of a mutant, perhaps moved or with other names; None if it is gone, or may be several."""
        before = header(ast.parse(mutant.before).body[0])
        return _nearest(self._exact[ast.dump(before)], mutant, True) or _nearest(
            self._shapes[_shape(before)[0]], mutant, False
        )

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


def _by(places: list[Place], key: Callable[[ast.stmt], str]) -> dict[str, list[Place]]:
    of_key = defaultdict(list)
    for place in places:
        of_key[key(place.header)].append(place)
    return of_key


def _nearest(candidates: list[Place], mutant: Mutant, anywhere: bool) -> Place | None:
    """Of statements that are alike, the one in the function of a mutant, else in its module, else the only one."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw", type=int, nargs=2, metavar=("SEED", "COUNT"), help="print another sample")
    if drawn := parser.parse_args().draw:
        json.dump([asdict(mutant) for mutant in draw(REPOSITORY, *drawn)], sys.stdout, indent=1)
    else:
        library, sample = Library(REPOSITORY), read_sample(Path(__file__).with_name("sample.json"))
        print(f"{sum(bool(library.find(mutant)) for mutant in sample)} of {len(sample)} mutants have a place")


if __name__ == "__main__":
    main()
