"""The fingerprint of a script: the code on which its results depend.

Snakemake sees a change in a script but not in what the script imports. So each rule carries, as a
parameter, a hash of its script and of every module of this library that the script reaches by
imports (`resiliency.base.imports`): of their syntax, so that comments, docstrings and layout do not
count. The modules of a factory of networks count likewise, unless it belongs to an installed
package: every byte of that package's Python files counts.

A job compares the fingerprint that it was given with that of the code that it has imported: the
library may be edited while a run goes on, and put back.
"""

import hashlib
import os
import sys
import sysconfig
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from resiliency import ByContent
from resiliency.base.imports import PACKAGE, Module, digest_of, module_of, reached

DIGITS = 16  # of a fingerprint
INSTALLED = {"site-packages", "dist-packages"}
# Path of a module -> its source when this process first asked for a fingerprint of its own code.
FIRST: dict[Path, bytes] = {}


@cache
def module_at(path: Path, name: str) -> Module:
    """The module of this full name at a path, which is read once."""
    return module_of(path.read_bytes(), path, name)


def modules_of(
    script: Path,
    *files: Path,
    root: Path | None = None,
    read: Callable[[Path, str], Module] = module_at,
) -> dict[str, Module]:
    """The script, and the modules of the library that it and `files` reach, by their paths.

    Args:
        files: modules that the script loads by name.
        root: folder that holds the library; by default that of the script.
        read: returns the content of the module at a path, with this full name.
    """
    root = root or script.parent
    own = read(script, script.stem)
    loaded = [".".join(file.relative_to(root).with_suffix("").parts) for file in files]
    names = [name for name in own.imports if name.partition(".")[0] == PACKAGE]
    return {script.name: own} | reached(names + loaded, [root], read, only=PACKAGE)


def fingerprint(script: Path, *files: Path, root: Path | None = None) -> str:
    """A hash of the syntax of `script` and of all modules of the library that it reaches.

    Args:
        files: further files on which the script's results depend: modules that it loads by name,
            and other files, of which every byte counts.
        root: folder that holds the library; by default that of the script.
    """
    modules = [file for file in files if file.suffix == ".py"]
    others = [file.read_bytes() for file in files if file.suffix != ".py"]
    digest = hashlib.sha256(b"".join(others))
    digest.update(digest_of(modules_of(script, *modules, root=root)).encode())
    return digest.hexdigest()[:DIGITS]


def imported_fingerprint(script: Path, text: bytes) -> str:
    """The fingerprint of a script with this text, and of the library as this process has imported
    it.

    What it has not imported is taken as it is at the first call.
    """
    package = sys.modules[PACKAGE].__path__[0]
    root = script.parent if (script.parent / PACKAGE).is_dir() else Path(package).parent
    for path in (root / PACKAGE).rglob("*.py"):
        FIRST.setdefault(path, path.read_bytes())
    sources = {**FIRST, script: text}
    for name, module in [*sys.modules.items()]:
        loader = getattr(module, "__loader__", None)
        if name.startswith(PACKAGE) and isinstance(loader, ByContent) and loader.source is not None:
            place = os.path.relpath(loader.path, package)  # of a copy elsewhere too
            sources[root / PACKAGE / place] = loader.source

    def read(path: Path, name: str) -> Module:
        return module_of(sources[path], path, name)

    modules = modules_of(script, root=root, read=read)
    return hashlib.sha256(digest_of(modules).encode()).hexdigest()[:DIGITS]


def factory_code(factory: str, folder: Path) -> str:
    """A hash of the code that makes the network of `factory`, "package.module:function"; empty if
    there is none.

    These are its module and all that this imports, transitively, from `folder`, the working folder,
    or from other folders that Python searches, libraries aside; or the package that is installed
    and holds it.
    """
    if modules := _of_factory(factory, folder):
        return digest_of(modules)[:DIGITS]
    package = factory.partition(":")[0].partition(".")[0]
    content = b"".join(path.read_bytes() for path in _installed(package))
    return hashlib.sha256(content).hexdigest()[:DIGITS] if content else ""


def unfollowed_code(factory: str, folder: Path) -> list[str]:
    """File and function of each call, in the code of `factory`, that runs code which `factory_code`
    cannot find."""
    calls = []
    for place, module in sorted(_of_factory(factory, folder).items()):
        if not place.startswith(f"{PACKAGE}/"):
            calls += [f"{place}: {function}" for function in module.unfollowed]
    return calls


def _of_factory(factory: str, folder: Path) -> dict[str, Module]:
    """What a factory reaches in `folder` and the folders that Python searches, without those of
    libraries."""
    standard = Path(sysconfig.get_path("stdlib"))
    roots = [folder]
    for place in sys.path:
        path = Path(place).absolute()
        of_library = INSTALLED & set(path.parts) or path.is_relative_to(standard)
        if place and path.is_dir() and not of_library:
            roots.append(path)
    return reached([factory.partition(":")[0]], roots, module_at)


@cache
def _installed(package: str) -> list[Path]:
    """The Python files of a package that is installed; none if there is no such package."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return []
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return files or ([Path(spec.origin)] if spec and spec.origin and spec.has_location else [])
