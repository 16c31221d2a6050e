"""Extensions of the registries by installed packages: corruptions, diversity metrics and charts.

A package offers each as an entry point of the group `resiliency.corruptions`, `resiliency.metrics` or
`resiliency.charts`, under the name that studies, tables and files use (docs/own_extensions.md has an example).
"""

import io
from collections.abc import Collection, Iterator
from contextlib import redirect_stdout
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from resiliency.base.faults import Fault, brief, short

KINDS = ("corruptions", "metrics", "charts")


@cache
def extensions(kind: str) -> dict[str, EntryPoint]:
    """Name -> entry point of the extensions of a kind, one of `KINDS`, in the order of the names."""
    return {entry.name: entry for entry in offered(kind)}


def offered(kind: str) -> list[EntryPoint]:
    """The entry points of a kind, in the order of their names; several packages may offer the same name."""
    return sorted(_entry_points().select(group=f"resiliency.{kind}"))


_entry_points = cache(entry_points)


def loaded(kind: str, taken: Collection[str]) -> Iterator[tuple[str, object]]:
    """The name of each extension of a kind, and the object that it refers to.

    The fingerprint of a script that calls this counts the code of these extensions.

    Args:
        taken: names of the built-in corruptions, metrics or charts.

    Raises:
        Fault: a name is taken, or an object cannot be loaded.
    """
    for name in extensions(kind):
        if name in taken:
            raise refused(kind, name, f"there is a {kind.removesuffix('s')} of this name already; rename it")
        yield name, load(kind, name)


def load(kind: str, name: str) -> object:
    """The object that an extension refers to.

    Raises:
        Fault: the object cannot be loaded, or its import prints or ends Python.
    """
    with redirect_stdout(io.StringIO()) as printed:
        try:
            extension = extensions(kind)[name].load()
        except SystemExit as error:
            raise refused(kind, name, f"calls exit at import ({error!r}); delete the call") from error
        except Exception as error:
            raise refused(kind, name, f"cannot be loaded ({brief(error)})") from error
    if text := printed.getvalue().strip():
        reason = f"prints {short(text)} at import, which would end up in output of Snakemake; delete the print"
        raise refused(kind, name, reason)
    return extension


def require(kind: str, names: list[str]) -> None:
    """Refuse to compute without extensions that the workflow has.

    Raises:
        Fault: the environment of this job lacks some of these extensions.
    """
    if missing := [name for name in names if name not in extensions(kind)]:
        raise Fault(f"resiliency.{kind}: {', '.join(missing)}: not in this job's environment; install the package")


def refused(kind: str, name: str, reason: str) -> Fault:
    """The fault of an extension; the reason says what would be right."""
    entry = extensions(kind)[name]
    package = f" of the package {entry.dist.name}" if entry.dist else ""
    named = f"{short(name, quote=False)} = {short(entry.value, quote=False)}"
    return Fault(f"resiliency.{kind}: {named}{package}: {reason}")


@cache
def code(kind: str) -> bytes:
    """Names of the extensions of a kind, what they refer to, and all Python files of the packages that hold them."""
    parts = [f"{name}={entry.value}\n".encode() for name, entry in extensions(kind).items()]
    packages = sorted({entry.module.partition(".")[0] for entry in extensions(kind).values()})
    return b"".join(parts + [path.read_bytes() for package in packages for path in _files(package)])


def _files(package: str) -> list[Path]:
    spec = find_spec(package)
    if spec is None:
        return []
    folders = spec.submodule_search_locations or []
    return sorted(path for folder in folders for path in Path(folder).rglob("*.py")) or [Path(spec.origin)]


def packages() -> list[str]:
    """The distributions that extensions of any kind come from."""
    return sorted({entry.dist.name for kind in KINDS for entry in extensions(kind).values() if entry.dist})
