"""The fingerprint of a script: the code on which its results depend.

Snakemake sees a change in a script but not in what the script imports. So each rule carries, as a
parameter, a hash of its script and of every definition of this library that the script can reach by
names. It also contains what runs when the modules are imported. It is taken from the parsed syntax,
so that comments, docstrings and layout do not count; nor does code that reports progress. The
modules of a factory of networks count as a whole, unless it belongs to an installed package: every
byte of that package's Python files counts.

A job compares the fingerprint that it was given with that of the code that it has imported: the
library may be edited while a run goes on, and put back.
"""

import hashlib
import os
import sys
import sysconfig
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from resiliency import ByContent
from resiliency.study.definitions import PACKAGE, SOURCES, UNFOLLOWED, Module, kept, module_at

# Modules and functions that print or check, and change no result.
SILENT = {"snakemake_internals", f"{PACKAGE}.base.faults.Progress", f"{PACKAGE}.tables.check"}
SILENT |= {f"{PACKAGE}.study.definitions", f"{PACKAGE}.study.fingerprint"}
DIGITS = 16  # of a fingerprint
NOTHING = Module([], {}, {}, [], False)
INSTALLED = {"site-packages", "dist-packages"}


def fingerprint(script: Path, *files: Path, root: Path | None = None) -> str:
    """A hash of the syntax of `script` and of all definitions that it can reach in the package
    beside it.

    Args:
        files: further files on which the script's results depend: modules that it loads by name,
            which count as a whole, and other files, of which every byte counts.
        root: folder that holds the package; by default that of the script.
    """
    root = root or script.parent
    modules = [file for file in files if file.suffix == ".py"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files if file not in modules))
    names = [
        script.stem,
        *(".".join(module.relative_to(root).with_suffix("").parts) for module in modules),
    ]
    digest.update(_Reached(names, *dict.fromkeys([str(script.parent), str(root)])).counted())
    return digest.hexdigest()[:DIGITS]


def imported_fingerprint(script: Path, text: bytes) -> str:
    """The fingerprint of a script with this text, and of the library as this process has imported
    it.

    What it has not imported is taken as it is at the first call. It is kept beside the byte code,
    for the jobs of the same script and library.
    """
    package = sys.modules[PACKAGE].__path__[0]
    root = script.parent if (script.parent / PACKAGE).is_dir() else Path(package).parent
    for path in (root / PACKAGE).rglob("*.py"):
        SOURCES.setdefault(str(path), path.read_bytes())
    SOURCES[str(script)] = text
    for loader in [
        module.__loader__ for name, module in sys.modules.items() if name.startswith(f"{PACKAGE}.")
    ]:
        if isinstance(loader, ByContent) and loader.source is not None:
            place = os.path.relpath(loader.path, package)  # of a copy elsewhere too
            SOURCES[f"{root}/{PACKAGE}/{place}"] = loader.source
    key = b"\0".join(
        part for path, source in sorted(SOURCES.items()) for part in (os.fsencode(path), source)
    )

    def computed() -> bytes:
        for cached in (_loaded, _split, _modules, _meant):
            cached.cache_clear()
        return fingerprint(script, root=root).encode()

    return kept(script, ".code", key, computed).decode()


def factory_code(factory: str, folder: Path) -> str:
    """A hash of the code that makes the network of `factory`, "package.module:function"; empty if
    there is none.

    These are its module and all that this imports, transitively, from `folder`, the working folder,
    or from other folders that Python searches, libraries aside; or the package that is installed
    and holds it.
    """
    module = factory.partition(":")[0]
    installed = _installed(module.partition(".")[0])
    content = _of_factory(factory, folder).counted() or b"".join(
        path.read_bytes() for path in installed
    )
    return hashlib.sha256(content).hexdigest()[:DIGITS] if content else ""


def unfollowed_code(factory: str, folder: Path) -> list[str]:
    """File and function of each call, in the code of `factory`, that runs code which `factory_code`
    cannot find."""
    entered = sorted(_of_factory(factory, folder).entered.values(), key=lambda loaded: loaded.place)
    own = [loaded for loaded in entered if not loaded.name.startswith(f"{PACKAGE}.")]
    found = (
        (loaded.place, use)
        for loaded in own
        for one in loaded.module.definitions
        for use in one.uses
    )
    return [
        f"{place}: {use.removeprefix(UNFOLLOWED)}"
        for place, use in found
        if use.startswith(UNFOLLOWED)
    ]


def _of_factory(factory: str, folder: Path) -> "_Reached":
    """What a factory reaches in `folder` and the folders that Python searches, without those of
    libraries."""
    standard = Path(sysconfig.get_path("stdlib"))
    paths = [Path(place).absolute() for place in sys.path if place and os.path.isdir(place)]
    own = [
        str(path)
        for path in paths
        if not INSTALLED & set(path.parts) and not path.is_relative_to(standard)
    ]
    return _Reached([factory.partition(":")[0]], str(folder), *own)


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


class _Loaded(NamedTuple):
    """A module that can be imported.

    Attributes:
        place: path relative to the folder that is searched.
        module: content of the module.
        lines: for each definition, the text that enters the fingerprint.
    """

    name: str
    place: str
    module: Module
    lines: list[str]

    def names(self) -> list[str]:
        """The full names of all that can be asked of it."""
        return [f"{self.name}.{name}" for name in {**self.module.names, **self.module.aliases}]


class _Reached:
    """Code that modules can reach: the definitions that they use by name, and those that run when a
    module is imported.

    Attributes:
        entered: full name -> imported module.
        names: full names of all that is used.
        ran: texts of the definitions that run when their module is imported, in the order of
            imports.
        used: texts of all definitions that are used.
    """

    def __init__(self, modules: list[str], *roots: str):
        self.roots = roots
        self.entered: dict[str, _Loaded] = {}
        self.names: set[str] = set()
        self.ran: list[str] = []
        self.used: set[str] = set()
        self.pending: list[str] = []
        self.follow(modules[::-1])
        if any(loaded.module.hooks for loaded in self.entered.values()):
            while (
                more := {name for one in self.entered.values() for name in one.names()} - self.names
            ):
                self.follow(sorted(more))

    def enter(self, modules: list[_Loaded]) -> None:
        """Import modules, with those that they import."""
        for loaded in modules:
            if loaded.name not in self.entered:
                self.entered[loaded.name] = loaded
                self.enter(_modules(tuple(loaded.module.imports), self.roots))
                for definition, line in zip(loaded.module.definitions, loaded.lines, strict=True):
                    if definition.runs:
                        self.ran.append(line)
                        self.pending += definition.uses
                        self.enter(_modules(tuple(definition.imports), self.roots))

    def follow(self, names: list[str]) -> None:
        """Use names, and all that their definitions use."""
        self.pending += names
        while self.pending:
            name = self.pending.pop()
            if name not in self.names:
                self.names.add(name)
                modules, lines, uses = _meant(name, self.roots)
                self.enter(modules)
                self.used.update(lines)
                self.pending += uses

    def counted(self) -> bytes:
        """The texts that enter the fingerprint, the same in each process."""
        return "\n".join([*self.ran, *sorted(self.used)]).encode()


@cache
def _meant(name: str, roots: tuple[str, ...]) -> tuple[list[_Loaded], list[str], list[str]]:
    """The meaning of a full name: modules that are imported, texts of its definition, and names
    that it uses.

    A module that is a value itself, or of which an unknown name is used, counts as a whole, with
    all that it imports. A package may give another meaning to the name of a module in it: both
    count.
    """
    if name in SILENT:
        return [], [], []
    parts, modules = name.split("."), _split(name, roots)
    lines, uses, imports, known = [], [], [], False
    for number, (loaded, part) in enumerate(zip(modules, parts[1:], strict=False), 1):
        known = number == len(modules) and part in {*loaded.module.names, *loaded.module.aliases}
        if part in loaded.module.names:
            definition = loaded.module.definitions[loaded.module.names[part]]
            lines.append(loaded.lines[loaded.module.names[part]])
            uses += definition.uses
            imports += definition.imports
        for full in loaded.module.aliases.get(part, []):
            lines.append(f"{loaded.place} {part}={full}")
            uses.append(".".join([full, *parts[number + 1 :]]))
    if modules and not known:
        uses += [*modules[-1].names(), *_below(modules[-1], roots)]
    return [*modules, *_modules(tuple(imports), roots)], lines, uses


@cache
def _modules(imports: tuple[str, ...], roots: tuple[str, ...]) -> list[_Loaded]:
    """The modules along full names, in order."""
    followed = [name for name in imports if name not in SILENT]
    return list(
        {loaded.name: loaded for name in followed for loaded in _split(name, roots)}.values()
    )


@cache
def _split(name: str, roots: tuple[str, ...]) -> list[_Loaded]:
    """The modules along a full name, from the outermost package on."""
    holder = name.rpartition(".")[0]
    modules = _split(holder, roots) if holder else []
    inside = len(modules) == name.count(".") and not (modules and _is_file(modules[-1]))
    return [*modules, *filter(None, [_loaded(name, roots) if inside else None])]


def _is_file(loaded: _Loaded) -> bool:
    """Whether a module is no package."""
    return loaded.place.endswith(".py") and not loaded.place.endswith("__init__.py")


@cache
def _loaded(name: str, roots: tuple[str, ...]) -> _Loaded | None:
    """The module of a full name in the first of the folders that has it; None if there is none.

    In a folder of installed packages, where a wheel puts this one with its workflow, this one alone
    is looked for.
    """
    place, own = name.replace(".", "/"), name.partition(".")[0] == PACKAGE
    for root in [root for root in roots if own or not os.path.isdir(f"{root}/{PACKAGE}/workflow")]:
        for file in (f"{place}/__init__.py", f"{place}.py"):
            if os.path.isfile(f"{root}/{file}"):
                module = NOTHING if name in SILENT else module_at(Path(root, file), name)
                return _Loaded(
                    name, file, module, [f"{file} {one.digest}" for one in module.definitions]
                )
        if os.path.isdir(f"{root}/{place}"):
            return _Loaded(name, place, NOTHING, [])
    return None


def _below(loaded: _Loaded, roots: tuple[str, ...]) -> list[str]:
    """The full names of the modules of a package, none of another module."""
    if _is_file(loaded):
        return []
    folders = [f"{root}/{loaded.place.removesuffix('/__init__.py')}" for root in roots]
    paths = [
        f"{folder}/{file}"
        for folder in folders
        if os.path.isdir(folder)
        for file in sorted(os.listdir(folder))
    ]
    modules = [
        path for path in paths if path.endswith(".py") or os.path.isfile(f"{path}/__init__.py")
    ]
    return [
        f"{loaded.name}.{Path(path).stem}" for path in modules if not path.endswith("__init__.py")
    ]
