"""Reading the YAML files of a study: strictly, and with the line that each key stands in.

Snakemake merges them and forgets where a key came from; of a key given twice it takes the last, without a word. What it
cannot read itself it does not name: `python -m resiliency.study.files studies/mine.yaml` does.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from resiliency.base.faults import Fault, one_line_faults, parser

DEEPEST = 20
MOST_VALUES = 100_000
MERGE, TEXT = "tag:yaml.org,2002:merge", "tag:yaml.org,2002:str"
TEMPLATES = "__use_yte__"

Keys = tuple[str | int, ...]


class Place(NamedTuple):
    """Where a key is given: the file, the line from 1, and its value; None where that is a mapping."""

    file: str
    line: int
    value: Any


def read_places(files: Iterable[str | Path]) -> dict[Keys, Place]:
    """Path of each key or list item in `files` -> its place; in the last of them that gives it.

    Raises:
        Fault: one line for each fault: a file that is not YAML in UTF-8, a key that is given twice, or values nested
            deeper than `DEEPEST` or, with aliases written out, more than `MOST_VALUES`.
    """
    places, faults = {}, []
    for file in files:
        try:
            places |= _places(Path(file))
        except Fault as fault:
            faults.append(str(fault))
    if faults:
        raise Fault("\n".join(faults))
    return places


def _places(file: Path) -> dict[Keys, Place]:
    name = str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
    try:
        text = file.read_bytes().decode("utf-8-sig")
        _check_depth(name, text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise Fault(f"{name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Fault(f"{name}, line {line}: not in UTF-8; save the file in that encoding") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it holds control characters"
        raise Fault(f"{name}{line}: not YAML: {problem}") from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise Fault(f"{name}, line 1: expected a mapping of keys, e.g. `study: mine`, got none")
    _check_size(name, root)
    if faults := [*_odd_keys(name, root, set()), *_odd_values(name, root, set())]:
        raise Fault("\n".join(faults))
    if others := [key for key, _ in root.value if key.tag not in (TEXT, MERGE)]:
        raise Fault(f"{name}, line {others[0].start_mark.line + 1}: {others[0].value[:60]}: keys must be words")
    if any(key.value == TEMPLATES for key, _ in root.value):
        raise Fault(f"{name}: {TEMPLATES}: a study must be plain YAML; Snakemake has run the Python in this file")
    return {path: Place(name, line, value) for path, line, value in _walk(root, ())}


def with_place(line: str, config: dict[str, Any], places: dict[Keys, Place]) -> str:
    """`line`, which begins with the path of a key of `config`, with file and line of that key or one that holds it.

    As it is, where the key is not from a file, such as one from the command line.
    """
    paths = {".".join(map(str, path)): path for path in places}
    key = line.partition(": ")[0]
    while key and key not in paths:
        key = key.rpartition(".")[0]
    if not key:
        return line
    file, number, value = places[paths[key]]
    for part in paths[key]:
        config = config[part] if isinstance(config, list) or part in config else None
    given = value if value is not None or not isinstance(config, dict) else config
    return f"{line} ({file}, line {number})" if given == config else line


def _check_depth(name: str, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise Fault(f"{name}, line {event.start_mark.line + 1}: values nested deeper than {DEEPEST} levels")


def _check_size(name: str, root: yaml.Node) -> None:
    """Refuse what aliases blow up, and those that hold themselves."""
    sizes: dict[int, int] = {}
    within: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in within:
            raise Fault(f"{name}, line {node.start_mark.line + 1}: an anchor that holds an alias of itself")
        if id(node) not in sizes:
            within.add(id(node))
            sizes[id(node)] = 1 + sum(map(size, _inner(node)))
            within.discard(id(node))
        return sizes[id(node)]

    if size(root) > MOST_VALUES:
        raise Fault(f"{name}: holds {size(root):.3g} values, its aliases written out; {MOST_VALUES:,} are allowed")


def _inner(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [inner for pair in node.value for inner in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _odd_keys(name: str, node: yaml.Node, seen: set[int]) -> Iterator[str]:
    """A line for each key that is given twice in one mapping, or is a list or mapping."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                yield f"{name}, line {line}: a list or mapping as a key; write a word, or quote it"
            elif key.value in lines:
                yield f"{name}, line {line}: {key.value[:60]}: given twice, first in line {lines[key.value]}; keep one"
            else:
                lines[key.value] = line
    for inner in _inner(node):
        yield from _odd_keys(name, inner, seen)


def _odd_values(name: str, node: yaml.Node, seen: set[int]) -> Iterator[str]:
    """A line for each key or value that cannot be what it looks like, such as the date 2024-02-30."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        try:
            if node.tag != MERGE:
                yaml.SafeLoader("").construct_object(node)
        except (ValueError, yaml.YAMLError) as error:
            problem = " ".join(str(getattr(error, "problem", None) or error).split())
            line = node.start_mark.line + 1
            yield f"{name}, line {line}: {node.value[:60]}: cannot be read ({problem[:100]}); quote it"
    for inner in _inner(node):
        yield from _odd_values(name, inner, seen)


def _walk(node: yaml.Node, path: Keys) -> Iterator[tuple[Keys, int, Any]]:
    """Path, line and value of each key and list item; what is merged in comes first, so that others replace it."""
    if isinstance(node, yaml.MappingNode):
        pairs = sorted(node.value, key=lambda pair: pair[0].tag != MERGE)
        for key, value in pairs:
            if key.tag == MERGE:
                for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    yield from _walk(merged, path)
            elif isinstance(key, yaml.ScalarNode):
                yield (*path, key.value), key.start_mark.line + 1, _value(value)
                yield from _walk(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, index), value.start_mark.line + 1, _value(value)
            yield from _walk(value, (*path, index))


def _value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return None
    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (ValueError, yaml.YAMLError):
        return None


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("files", nargs="+", help="files of studies, e.g. studies/mine.yaml")
    with one_line_faults():
        read_places(arguments.parse_args().files)
