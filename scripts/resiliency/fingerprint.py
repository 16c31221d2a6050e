"""The fingerprint of a script: what its results depend on in code.

Snakemake sees a change in a script but not in what the script imports. So each rule carries, as a parameter, a hash of
its script and of every module of this library that the script imports, transitively. It is taken from the parsed
syntax, so that comments, docstrings and layout do not count; nor does what tells of progress. Of extensions, which are
other packages, every byte of their Python files counts.
"""

import ast
import hashlib
import zlib
from functools import cache
from pathlib import Path

from resiliency import extensions
from resiliency.storage.kept import kept

PACKAGE = "resiliency"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
EXTENDED = "loaded:"  # before a kind of extensions, in a list of modules that are imported
SILENT = "resiliency/progress.py"  # only prints: other words of it are no reason to make results again


def fingerprint(script: Path, *files: Path) -> str:
    """A hash of the syntax of `script` and of all modules of the package beside it that it imports, transitively.

    Args:
        files: others that the script's results depend on: modules that it loads by their names, which count as it does,
            and files of other kinds, of which every byte counts.
    """
    root = script.parent
    modules = [file for file in files if file.suffix == ".py"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files if file not in modules))
    paths = sorted(_closure([script, *modules], root), key=lambda path: path.relative_to(root).as_posix())
    for path in paths:
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(_syntax(path)[0])
    for kind in extensions.KINDS:
        if any(EXTENDED + kind in _syntax(path)[1] for path in paths):
            digest.update(extensions.code(kind))
    return digest.hexdigest()[:16]


def _closure(modules: list[Path], root: Path) -> set[Path]:
    paths: set[Path] = set()
    pending = [*modules]
    while pending:
        path = pending.pop()
        if path not in paths:
            paths.add(path)
            pending += [file for name in _syntax(path)[1] for file in _files(name, root)]
    return {path for path in paths if path.relative_to(root).as_posix() != SILENT}


@cache
def _files(module: str, root: Path) -> list[Path]:
    """The files that run when `module` is imported: it and its parent packages."""
    parts = module.split(".")
    candidates = [root.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts) + 1)]
    return [path for path in [*candidates, root.joinpath(*parts).with_suffix(".py")] if path.exists()]


@cache
def _syntax(path: Path) -> tuple[bytes, list[str]]:
    """The syntax tree of `path` as text, without docstrings, and the modules and extensions that it may import.

    They are kept beside the byte code, compressed: to parse all modules takes almost half of a dry run.
    """
    source = path.read_bytes()

    def make() -> bytes:
        names: list[str] = []
        text = _tree_text(ast.parse(source, filename=str(path)), names)
        names = [name for name in names if name.split(".")[0] == PACKAGE or name.startswith(EXTENDED)]
        return zlib.compress("\n".join([" ".join(names), text]).encode())

    imported, text = zlib.decompress(kept(path, ".syntax", b"\0".join([_own_source(), source]), make)).split(b"\n", 1)
    return text, imported.decode().split()


@cache
def _own_source() -> bytes:
    return Path(__file__).read_bytes()


def _tree_text(node: object, imported: list[str]) -> str:
    """A syntax tree as text, the same in all versions of Python: the empty fields that some add are left out.

    The modules that it may import are added to `imported`.
    """
    kind = type(node)
    if kind is list:
        return f"[{','.join([_tree_text(item, imported) for item in node])}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if kind in DOCUMENTED:
        _drop_docstring(node)
    elif kind is ast.Import:
        imported += [alias.name for alias in node.names]
    elif kind is ast.ImportFrom and node.module:
        imported += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    elif kind is ast.Call and getattr(node.func, "id", "") == "loaded":
        imported += [f"{EXTENDED}{argument.value}" for argument in node.args if isinstance(argument, ast.Constant)]
    values = [(name, getattr(node, name, None)) for name in node._fields]
    fields = [f"{name}={_tree_text(value, imported)}" for name, value in values if value is not None and value != []]
    return f"{kind.__name__}({','.join(fields)})"


def _drop_docstring(node: ast.AST) -> None:
    if node.body and isinstance(node.body[0], ast.Expr):
        value = node.body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            node.body = node.body[1:]
