"""What a module imports, by its text, and the part of the text on which results depend.

The modules that a module reaches are those that it imports, and what these import: at the top,
inside of functions, relative, by a call of `import_module`, or by a full name in a table of names.
The packages that hold them count too. Of each module the parsed syntax counts, without comments,
docstrings, layout, and descriptions of keys.
"""

import ast
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.util import cache_from_source, resolve_name
from pathlib import Path
from typing import NamedTuple

PACKAGE = "resiliency"
IMPORTING = {"import_module", "__import__", "run_module"}
# Functions that run code from elsewhere.
RUNNING = {"exec", "run_path", "torch.hub.load", "SourceFileLoader", "spec_from_file_location"}
OWN_NAME = re.compile(rf"{PACKAGE}(\.\w+)+")
FIELD = "Field"  # of pydantic, whose description of a key is documentation, like a docstring
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
OWN_SOURCE = Path(__file__).read_bytes()


class Module(NamedTuple):
    """Content of a module.

    Attributes:
        digest: hash of its syntax.
        imports: full names of what it imports: of modules, or of what is in them.
        unfollowed: functions that it calls to run code which cannot be found by its text.
    """

    digest: str
    imports: list[str]
    unfollowed: list[str]


def reached(
    names: Sequence[str],
    roots: Sequence[Path],
    read: Callable[[Path, str], Module],
    only: str = "",
) -> dict[str, Module]:
    """All modules that these reach in the folders `roots`, by their paths there.

    Args:
        names: full names of modules.
        read: returns the content of the module at a path, with this full name.
        only: package whose modules alone are followed, if any.
    """
    modules: dict[str, Module] = {}
    seen: set[str] = set()
    pending = [*names]
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        pending += filter(None, [name.rpartition(".")[0]])
        found = _located(name, roots)
        if found is None:
            continue
        root, place = found
        modules[place] = read(root / place, name)
        for imported in modules[place].imports:
            if not only or imported.partition(".")[0] == only:
                pending.append(imported)
    return modules


def digest_of(modules: dict[str, Module]) -> str:
    """A hash of the syntax of modules and of where they are."""
    lines = [f"{place} {module.digest}" for place, module in sorted(modules.items())]
    return _digest("\n".join(lines).encode())


def module_of(source: bytes, path: Path, name: str) -> Module:
    """The content of a module with this source, path and full name.

    It is kept beside the byte code, because to parse all modules takes almost half of a dry run. A
    hash in the file shows whether it is whole and of this source. A module that cannot be parsed
    counts with every byte.
    """
    kept = Path(cache_from_source(str(path))).with_suffix(".imports")
    key = b"\0".join([OWN_SOURCE, name.encode(), source])
    with suppress(OSError, ValueError):
        digest, content = kept.read_bytes().split(b"\n", 1)
        if digest == _digest(key + content).encode():
            return Module(*json.loads(content))
    module = _parsed(source, name, path.stem == "__init__")
    content = json.dumps(module).encode()
    temporary = kept.with_suffix(f".{os.getpid()}")
    with suppress(OSError):  # where nothing can be written, it is parsed each time
        kept.parent.mkdir(exist_ok=True)
        try:
            temporary.write_bytes(_digest(key + content).encode() + b"\n" + content)
            temporary.replace(kept)
        finally:
            temporary.unlink(missing_ok=True)
    return module


def _located(name: str, roots: Sequence[Path]) -> tuple[Path, str] | None:
    """The first of the folders that has a module, and the module's path there; None if none has.

    In a folder of installed packages, where a wheel puts this one with its workflow, this one alone
    is looked for.
    """
    place = name.replace(".", "/")
    own = name.partition(".")[0] == PACKAGE
    for root in roots:
        if not own and (root / PACKAGE / "workflow").is_dir():
            continue
        for file in (f"{place}/__init__.py", f"{place}.py"):
            if (root / file).is_file():
                return root, file
    return None


def _parsed(source: bytes, name: str, is_package: bool) -> Module:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return Module(_digest(source), [], [])
    package = name if is_package else name.rpartition(".")[0]
    imports: dict[str, None] = {}
    unfollowed: dict[str, None] = {}
    meanings = _meanings(tree)
    for node in _run(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports |= dict.fromkeys(_imported(node, package))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if OWN_NAME.fullmatch(node.value):
                imports[node.value] = None
        elif isinstance(node, ast.Call):
            function = _called(node.func, meanings)
            if function.rpartition(".")[2] in IMPORTING:
                module = _named(node, package)
                (imports if module else unfollowed)[module or function] = None
            elif _runs_unfollowed(node, function):
                unfollowed[function] = None
    return Module(_digest(_tree_text(tree).encode()), [*imports], [*unfollowed])


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, without what only type checkers read."""
    yield node
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        children: Sequence[ast.AST] = node.orelse
    else:
        children = [*ast.iter_child_nodes(node)]
    for child in children:
        yield from _run(child)


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    """Full names of what a statement in a module of `package` imports."""
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.Import):
        return names
    module = node.module or ""
    if node.level:
        parents = package.split(".")
        module = ".".join(filter(None, [*parents[: len(parents) + 1 - node.level], module]))
    return [module] + [f"{module}.{name}" for name in names if name != "*"]


def _meanings(tree: ast.AST) -> dict[str, str]:
    """Full names of what imports bind to other names: `load` in `import import_module as load`."""
    meanings = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                if alias.asname or prefix:
                    meanings[alias.asname or alias.name] = prefix + alias.name
    return meanings


def _called(function: ast.expr, meanings: dict[str, str]) -> str:
    """The full name of a function that is called."""
    root, dot, rest = ast.unparse(function).partition(".")
    return meanings.get(root, root) + dot + rest


def _named(call: ast.Call, package: str) -> str:
    """The full name of the module that a call imports; empty if the name is not in the text."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    texts = [argument.value if isinstance(argument, ast.Constant) else "" for argument in given]
    name = texts[0] if texts and isinstance(texts[0], str) else ""
    if not name.startswith("."):
        return name
    anchor = texts[1] if len(texts) > 1 and isinstance(texts[1], str) else ""
    with suppress(ImportError):  # beyond the outermost package
        return resolve_name(name, anchor or package)
    return ""


def _runs_unfollowed(call: ast.Call, function: str) -> bool:
    if function == "exec":
        return not (call.args and isinstance(call.args[0], ast.Constant))
    return function in RUNNING or function.rpartition(".")[2] in RUNNING - {"exec"}


def _tree_text(node: object) -> str:
    """A syntax tree as text, the same in all versions of Python: the empty fields that some add are
    left out."""
    if isinstance(node, list):
        return f"[{','.join([_tree_text(item) for item in node])}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    values = {name: getattr(node, name, None) for name in node._fields}
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        values["body"] = node.body[1:]
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == FIELD:
        values["keywords"] = [given for given in node.keywords if given.arg != "description"]
    fields = []
    for name, value in values.items():
        if value is not None and value != []:
            fields.append(f"{name}={_tree_text(value)}")
    return f"{type(node).__name__}({','.join(fields)})"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:24]
