"""The fingerprint of a script: what its results depend on in code.

Snakemake sees a change in a script but not in what the script imports. So each rule carries, as a parameter, a hash of
its script and of every module of this library that the script imports, transitively. It is taken from the parsed
syntax, so that comments, docstrings and layout do not count; nor does what tells of progress. Of extensions, which are
other packages, every byte of their Python files counts. The modules of a factory of networks are followed likewise,
unless it belongs to an installed package: every byte of that package's Python files counts.
"""

import ast
import hashlib
import os
import sys
import sysconfig
import zlib
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path

from resiliency.base import extensions
from resiliency.storage.kept import kept

PACKAGE = "resiliency"
FIELD = "Field"  # of pydantic; the description of a key is documentation, as a docstring is
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
LOADS = f"{PACKAGE}.base.extensions.loaded"  # the function whose callers load extensions
EXTENDED = "loaded:"  # before a kind of extensions, in a list of modules that are imported
UNFOLLOWED = "unfollowed:"  # before the name of a function that runs other code, in such a list
IMPORTING = ("importlib.import_module", "__import__", "runpy.run_module")  # a module that they are given by its name
RUNNING = ("runpy.run_path", "exec", "torch.hub.load", "importlib.machinery.SourceFileLoader")
RUNNING += ("importlib.util.spec_from_file_location",)
SILENT = "resiliency/base/progress.py"  # only prints: other words of it are no reason to make results again
INSTALLED = {"site-packages", "dist-packages"}


def fingerprint(script: Path, *files: Path, root: Path | None = None) -> str:
    """A hash of the syntax of `script` and of all modules of the package beside it that it imports, transitively.

    Args:
        files: others that the script's results depend on: modules that it loads by their names, which count as it does,
            and files of other kinds, of which every byte counts.
        root: the folder that holds the package; by default that of the script.
    """
    root = root or script.parent
    modules = [file for file in files if file.suffix == ".py"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files if file not in modules))
    paths = _closure([script, *modules], (root,), PACKAGE)
    _add(digest, paths)
    for kind in extensions.KINDS:
        if any(EXTENDED + kind in _syntax(path)[1] for path in paths.values()):
            digest.update(extensions.code(kind))
    return digest.hexdigest()[:16]


def factory_code(factory: str, folder: Path) -> str:
    """A hash of the code that makes the network of `factory`, "package.module:function"; empty if there is none.

    These are its module and all that this imports, transitively, from `folder`, the working folder, or from other
    folders that Python searches, libraries aside; or the package that is installed and holds it.
    """
    module = factory.partition(":")[0]
    if paths := _paths_of_factory(module, folder):
        _add(digest := hashlib.sha256(), paths)
    else:
        package = _installed(module.partition(".")[0])
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in package)) if package else None
    return digest.hexdigest()[:16] if digest else ""


def unfollowed_code(factory: str, folder: Path) -> list[str]:
    """File and function of each call, in the code of `factory`, that runs code which `factory_code` cannot find."""
    paths = _paths_of_factory(factory.partition(":")[0], folder)
    own = [name for name in sorted(paths) if not name.startswith(f"{PACKAGE}/")]
    calls = ((name, imported) for name in own for imported in _syntax(paths[name])[1])
    found = (f"{name}: {call.removeprefix(UNFOLLOWED)}" for name, call in calls if call.startswith(UNFOLLOWED))
    return list(dict.fromkeys(found))


def _paths_of_factory(module: str, folder: Path) -> dict[str, Path]:
    """Path relative to its root -> path, of a module of `folder` and all that it imports; none of other modules."""
    roots = (folder, *_own_roots())
    files = _files(module, roots)
    return _closure(files, roots) if files else {}


def _own_roots() -> list[Path]:
    """The folders that Python searches, without those of libraries."""
    standard = Path(sysconfig.get_path("stdlib"))
    folders = [Path(place).absolute() for place in sys.path if place and os.path.isdir(place)]
    return [path for path in folders if not INSTALLED & set(path.parts) and not path.is_relative_to(standard)]


@cache
def _installed(package: str) -> list[Path]:
    """The Python files of a package that is installed; none if there is no such package."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return []
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return files or ([Path(spec.origin)] if spec and spec.has_location else [])


def _add(digest: "hashlib._Hash", paths: dict[str, Path]) -> None:
    for name in sorted(paths):
        digest.update(name.encode())
        digest.update(_syntax(paths[name])[0])


def _closure(modules: Iterable[Path], roots: tuple[Path, ...], package: str = "") -> dict[str, Path]:
    """Path relative to its root -> path, of `modules` and all that they import from `roots`; of `package` if given."""
    seen: dict[Path, str] = {}
    pending = [*modules]
    while pending:
        path = pending.pop()
        if path not in seen:
            seen[path] = next(path.relative_to(root).as_posix() for root in roots if path.is_relative_to(root))
            imported = [_absolute(name, seen[path]) for name in _syntax(path)[1] if name.startswith((package, "."))]
            pending += [file for name in imported for file in _files(name, roots)]
    return {name: path for path, name in seen.items() if name != SILENT}


def _absolute(module: str, importer: str) -> str:
    """The name of a module that the file `importer`, relative to its root, imports as `module`, such as "..other"."""
    if not module.startswith("."):
        return module
    name = module.lstrip(".")
    return ".".join([*Path(importer).parts[: len(name) - len(module)], name])


@cache
def _files(module: str, roots: tuple[Path, ...]) -> list[Path]:
    """The files that run when `module` is imported from the first of `roots` that has it: it and its parent packages.

    None if it is in no root.
    """
    parts = module.split(".")
    for root in roots:
        candidates = [root.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts) + 1)]
        candidates.append(root.joinpath(*parts).with_suffix(".py"))
        if files := [path for path in candidates if path.is_file()]:
            return files
    return []


@cache
def _syntax(path: Path) -> tuple[bytes, list[str]]:
    """The syntax tree of `path` as text, without docstrings, and the modules and extensions that it may import.

    They are kept beside the byte code, compressed: to parse all modules takes almost half of a dry run. What cannot be
    parsed counts with every byte.
    """
    source = path.read_bytes()

    def make() -> bytes:
        try:
            tree = ast.parse(source, filename=str(path))
        except (SyntaxError, ValueError):
            return zlib.compress(b"\n" + source)
        return zlib.compress("\n".join([" ".join(_imported(tree)), _tree_text(tree)]).encode())

    imported, text = zlib.decompress(kept(path, ".syntax", b"\0".join([_own_source(), source]), make)).split(b"\n", 1)
    return text, imported.decode().split()


def _imported(tree: ast.Module) -> list[str]:
    """Modules that `tree` may import, relative ones with their dots, by a statement or by a name in a call.

    And `EXTENDED` kinds of extensions that it loads, and `UNFOLLOWED` functions that run code of another name or place.
    """
    nodes = list(ast.walk(tree))
    names, aliases = [], {}
    for node in nodes:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
            aliases |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            joint = "" if module.endswith(".") else "."
            names += [module] if joint else []
            names += [f"{module}{joint}{alias.name}" for alias in node.names]
            aliases |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names}
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    return names + [name for call in calls for name in _run_by_call(_called(call.func, aliases), call)]


def _run_by_call(function: str, call: ast.Call) -> list[str]:
    """What `_imported` has of a call of a function."""
    if function == LOADS:
        return [f"{EXTENDED}{argument.value}" for argument in call.args if isinstance(argument, ast.Constant)]
    if function not in (*IMPORTING, *RUNNING):
        return []
    given = [*call.args[:2], *(keyword.value for keyword in call.keywords if keyword.arg == "package")]
    texts = [one.value if isinstance(one, ast.Constant) and isinstance(one.value, str) else "" for one in given]
    name = texts[0] if texts else ""
    if name.startswith(".") and texts[1:] and texts[1]:
        with suppress(ImportError):  # beyond the outermost package
            name = resolve_name(name, texts[1])
    if name and function in IMPORTING:
        return [name]
    return [] if name and function == "exec" else [f"{UNFOLLOWED}{function}"]


def _called(function: ast.expr, aliases: dict[str, str]) -> str:
    """The full name of what is called, by the names under which modules and what is in them are imported."""
    text = ast.unparse(function) if isinstance(function, ast.Name | ast.Attribute) else ""
    fitting = [name for name in aliases if text == name or text.startswith(f"{name}.")]
    return aliases[name] + text.removeprefix(name) if (name := max(fitting, key=len, default="")) else text


@cache
def _own_source() -> bytes:
    return Path(__file__).read_bytes()


def _tree_text(node: object) -> str:
    """A syntax tree as text, the same in all versions of Python: the empty fields that some add are left out."""
    kind = type(node)
    if kind is list:
        return f"[{','.join([_tree_text(item) for item in node])}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if kind in DOCUMENTED:
        _drop_docstring(node)
    if kind is ast.Call and getattr(node.func, "id", "") == FIELD:
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
    values = [(name, getattr(node, name, None)) for name in node._fields]
    fields = [f"{name}={_tree_text(value)}" for name, value in values if value is not None and value != []]
    return f"{kind.__name__}({','.join(fields)})"


def _drop_docstring(node: ast.AST) -> None:
    if node.body and isinstance(node.body[0], ast.Expr):
        value = node.body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            node.body = node.body[1:]
