"""docs/stable_names.txt: the stable names (docs/contract.md), one a line, and what a change of them needs."""

import argparse
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resiliency import api
from resiliency.base.names import RENAMED_COLUMNS, RENAMED_KEYS
from resiliency.cli import commands
from resiliency.reference.pages import component, study_schema
from resiliency.study.model import REMOVED
from resiliency.tables import TABLES

FILE = "docs/stable_names.txt"
TARGETS = ("all", "members", "tables", "export")
FILES = (
    "conditions.csv",
    "data/card.json",
    "data/test/labels.npy",
    "members/<member>/member.json",
    "members/<member>/weights.safetensors",
    "predictions/<member>/<test set>.npy",
    "provenance.json",
    "report.html",
)
EXPORTED = ("card.md", "ensemble.json", "model.py")


def stable_names() -> str:
    """The names, a line each: keys, tables and their columns, files, functions, commands and targets."""
    lines = [f"key {key}" for key in _keys("", study_schema(), study_schema()["$defs"])]
    for name, table in TABLES.items():
        lines += [f"table {name}: {table.path}", f"version {name}: {table.version}"]
        lines += [f"column {name}: {column.name}, {column.values.type.__name__}" for column in table.columns]
    lines += [f"file results/<study>/{file}" for file in FILES]
    lines += [f"file results/<study>/export/{file}" for file in EXPORTED]
    for name in api.__all__:
        lines += [f"function {name}", *(f"function {name}: {parameter}" for parameter in _parameters(name))]
    lines += [f"target {name}" for name in TARGETS]
    return "\n".join([*lines, *_commands()]) + "\n"


def _keys(path: str, section: dict[str, Any], kinds: dict[str, Any]) -> Iterator[str]:
    """The paths of all keys under `path`."""
    for key, value in section["properties"].items():
        name = f"{path}{key}"
        yield name
        reference, by_name = component(value)
        if reference:
            under = f"{name}.<name>." if by_name else f"{name}."
            yield from _keys(under, kinds[reference.rpartition("/")[2]], kinds)


def _parameters(name: str) -> list[str]:
    thing = getattr(api, name)
    return list(inspect.signature(thing).parameters) if inspect.isfunction(thing) else []


def _commands() -> Iterator[str]:
    """The subcommands of `resiliency` with their arguments."""
    (chosen,) = (action for action in commands.program()._actions if isinstance(action, argparse._SubParsersAction))
    for name, parser in chosen.choices.items():
        yield f"command {name}"
        for action in parser._actions:
            if action.dest != "help":
                yield f"command {name}: {action.option_strings[-1] if action.option_strings else action.dest}"


def broken(before: str, now: str) -> list[str]:
    """The names that were stable and are gone without what that needs.

    A key may go into `RENAMED_KEYS` or `REMOVED`, a column into `RENAMED_COLUMNS` with its ends; columns also go, and
    change their type, where the version of their table is another.
    """
    lines, present = before.splitlines(), set(now.splitlines())
    raised = {line.split()[1] for line in lines if line.startswith("version ") and line not in present}
    return [line for line in lines if line not in present and not _allowed(line, present, raised)]


def _allowed(line: str, present: set[str], raised: set[str]) -> bool:
    """Whether a line may go: a table in `raised`, such as "members:", has another version now."""
    kind, _, name = line.partition(" ")
    table, _, column = name.partition(": ")
    if kind == "version":
        return any(other.startswith(f"version {table}: ") for other in present)
    return (
        (kind == "key" and (name in RENAMED_KEYS or name in REMOVED))
        or (kind == "column" and (f"{table}:" in raised or _renamed(table, column, present)))
    )  # fmt: skip


def _renamed(table: str, column: str, present: set[str]) -> bool:
    """Whether a column of a table, with its type, is there under the name that `RENAMED_COLUMNS` has for it."""
    name, _, kind = column.rpartition(", ")
    base = name.removesuffix("_low").removesuffix("_high")
    new = RENAMED_COLUMNS[base].new + name.removeprefix(base) if base in RENAMED_COLUMNS else None
    return f"column {table}: {new}, {kind}" in present


def check_contract(root: Path, now: str) -> list[str]:
    """Lines about broken names, compared with the file in the repository at `root`."""
    path = root / FILE
    return broken(path.read_text(encoding="utf-8"), now) if path.is_file() else []
