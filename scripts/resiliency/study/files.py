"""Reading the YAML files of a study: strictly, and with the line of each key.

Snakemake merges them and forgets where a key came from; of a key given twice it takes the last, without a word. What it
cannot read itself it does not name: `python -m resiliency.study.files studies/mine.yaml` does."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError
from snakemake.utils import update_config

from resiliency.base.faults import Fault, one_line_faults, parser
from resiliency.study.checks import cross_checks
from resiliency.study.model import Study, booleans_for_numbers, messages

CHECKOUT = "$CHECKOUT"  # stands for the folder of the repository where the study ran in another one


def command(target: str, files: Iterable[Path], given: Mapping[str, Any], repository: Path, folder: Path) -> str:
    """The command that makes `target` again when it is given in `folder`.

    Args:
        target: rule without wildcards, such as export.
        files: absolute paths of the configuration files on the command line, in their order.
        given: content of --config on the command line, as Snakemake parses it.
        repository: folder of the Snakefile.
        folder: working folder of the study.
    """
    words = ["snakemake", target, "--cores", "all"]
    if folder != repository:
        words += ["--snakefile", f"{CHECKOUT}/Snakefile"]
    if names := [_file_argument(file, repository, folder) for file in files]:
        words += ["--configfile", *names]
    if given:
        words += ["--config", *(f"{key}={_config_value(value)}" for key, value in given.items())]
    return " ".join(map(_quoted, words))


def _file_argument(file: Path, repository: Path, folder: Path) -> str:
    if file.is_relative_to(folder):
        return str(file.relative_to(folder))
    return f"{CHECKOUT}/{file.relative_to(repository)}" if file.is_relative_to(repository) else str(file)


def _config_value(value: object) -> str:
    """A value as --config takes it: nothing for None, mappings and lists as JSON."""
    return "" if value is None else json.dumps(value) if isinstance(value, dict | list) else str(value)


def _quoted(word: str) -> str:
    if not word.startswith(CHECKOUT):
        return shlex.quote(word)
    rest = word.removeprefix(CHECKOUT)
    return f'"{CHECKOUT}"{shlex.quote(rest)}'


MOST_VALUES = 100_000
MERGE, TEXT = "tag:yaml.org,2002:merge", "tag:yaml.org,2002:str"
TEMPLATES = "__use_yte__"

Keys = tuple[str | int, ...]


class Place(NamedTuple):
    """The place of a key: the file, the line from 1, and its value; None for a mapping."""

    file: str
    line: int
    value: Any


def read_places(files: Iterable[str | Path]) -> dict[Keys, Place]:
    """Path of each key or list item in `files` -> its place; in the last of them that gives it.

    Raises:
        Fault: one line for each fault: a file that is not YAML in UTF-8, a key that is given twice, or values nested
            too deeply or, with aliases written out, more than `MOST_VALUES`.
    """
    places, faults = {}, []
    for file in files:
        try:
            places = _later(places, _places(Path(file)))
        except Fault as fault:
            faults.append(str(fault))
        except RecursionError:
            faults.append(f"{file}: values nested too deeply, or an anchor that holds an alias of itself")
    if faults:
        raise Fault("\n".join(faults))
    return places


def _places(file: Path) -> dict[Keys, Place]:
    name = str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
    try:
        text = file.read_bytes().decode("utf-8-sig")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise Fault(f"{name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise Fault(f"{name}, line {number}: not in UTF-8; save the file in that encoding") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it holds control characters"
        raise Fault(f"{name}{line}: not YAML: {problem}") from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise Fault(f"{name}, line 1: expected a mapping of keys, e.g. `study: mine`, got none")
    nodes = list(_nodes(root, set()))
    if faults := [fault for check in (_odd_keys, _odd_value) for node in nodes for fault in check(name, node)]:
        raise Fault("\n".join(faults))
    if others := [key for key, _ in root.value if key.tag not in (TEXT, MERGE)]:
        raise Fault(f"{name}, line {others[0].start_mark.line + 1}: {others[0].value[:60]}: keys must be words")
    if any(key.value == TEMPLATES for key, _ in root.value):
        raise Fault(f"{name}: {TEMPLATES}: a study must be plain YAML; Snakemake has run the Python in this file")
    values = list(islice(_walk(root, ()), MOST_VALUES))
    if len(values) == MOST_VALUES:
        raise Fault(f"{name}: holds {MOST_VALUES:,} values or more, its aliases written out")
    return {path: Place(name, line, value) for path, line, value in values}


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


def _nodes(node: yaml.Node, seen: set[int]) -> Iterator[yaml.Node]:
    """`node` and all that it holds, each once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    yield node
    if not isinstance(node, yaml.ScalarNode):
        for inner in node.value:
            for part in inner if isinstance(inner, tuple) else [inner]:
                yield from _nodes(part, seen)


def _odd_keys(name: str, node: yaml.Node) -> Iterator[str]:
    """A line for each key of a mapping that is given twice, or is a list or mapping."""
    lines: dict[str, int] = {}
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else []:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            yield f"{name}, line {line}: a list or mapping as a key; write a word, or quote it"
        elif key.value in lines:
            yield f"{name}, line {line}: {key.value[:60]}: given twice, first in line {lines[key.value]}; keep one"
        else:
            lines[key.value] = line


def _odd_value(name: str, node: yaml.Node) -> Iterator[str]:
    """A line for a key or value that cannot be what it seems, such as the date 2024-02-30."""
    if isinstance(node, yaml.ScalarNode) and node.tag != MERGE:
        try:
            yaml.SafeLoader("").construct_object(node)
        except (ValueError, yaml.YAMLError) as error:
            problem = " ".join(str(getattr(error, "problem", None) or error).split())
            line = node.start_mark.line + 1
            yield f"{name}, line {line}: {node.value[:60]}: cannot be read ({problem[:100]}); quote it"


def _walk(node: yaml.Node, path: Keys) -> Iterator[tuple[Keys, int, Any]]:
    """Path, line and value of each key and list item; merged ones come first, so that others replace them."""
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


NAME = "*"  # matches any key
NOTHING: Mapping[str, Any] = MappingProxyType({})

# Mappings that a later file replaces whole: entries of catalogues, and mappings from names to values.
REPLACED = (
    ("designs", NAME),
    ("test_sets", NAME),
    ("members", "seeds"),
    ("joint", "objectives"),
    ("dataset", "images_per_class"),
    ("external", "images"),
    ("external", "clean_on"),
)


def read_merged(files: Iterable[Path]) -> dict[str, Any]:
    """The configuration in `files`, each of which changes those before it.

    Raises:
        Fault: as from `read_places`.
    """
    files = list(files)
    places = read_places(files)
    config: dict[str, Any] = {}
    for file in files:
        update_config(config, yaml.safe_load(file.read_text(encoding="utf-8-sig")) or {})
    return without_inherited(config, places)[0]


def over_defaults(config: dict[str, Any], file: Path) -> dict[str, Any]:
    """The defaults in `file` as `config` changes them, which another workflow gives to this one as a module."""
    merged = yaml.safe_load(file.read_text(encoding="utf-8"))
    update_config(merged, config)
    places = _later(read_places([file]), {path: Place("", 0, value) for path, value in _given(config, ())})
    return without_inherited(merged, places)[0]


def _later(places: dict[Keys, Place], own: dict[Keys, Place]) -> dict[Keys, Place]:
    """`places` and those of a later file, which come last."""
    return {path: place for path, place in places.items() if path not in own} | own


def _given(value: Any, path: Keys) -> Iterator[tuple[Keys, Any]]:
    """Path and value of all keys in nested mappings."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield (*path, key), None if isinstance(inner, dict) else inner
        yield from _given(inner, (*path, key))


def without_inherited(
    config: dict[str, Any], places: dict[Keys, Place], given: Mapping[str, Any] = NOTHING
) -> tuple[dict[str, Any], dict[Keys, Place]]:
    """`config` and `places` without what a mapping of `REPLACED` has from earlier files than the last that gives it.

    Args:
        config: configuration as Snakemake merges it.
        places: last place of each key, from `read_places` of the files in the order in which they are merged.
        given: configuration on the command line, which may change single keys of these mappings, too.
    """
    inherited = {path for path, place in places.items() if _replacing(path, places) not in (None, place.file)}
    own = {path: place for path, place in places.items() if path not in inherited}
    return _without(config, inherited, (), given), own


def _replacing(path: Keys, places: dict[Keys, Place]) -> str | None:
    """The last file that gives the mapping of `REPLACED` that the key at `path` is in; None if it is in none."""
    for pattern in REPLACED:
        if len(path) > len(pattern) and all(name in (NAME, key) for name, key in zip(pattern, path, strict=False)):
            return places[path[: len(pattern)]].file
    return None


def _without(value: Any, paths: set[Keys], path: Keys, given: Mapping[str, Any]) -> Any:
    """`value`, which is at `path`, without the keys at `paths` that are not `given`, too."""
    if not isinstance(value, dict):
        return value
    return {
        key: _without(inner, paths, (*path, str(key)), _within(given, key))
        for key, inner in value.items()
        if key in given or (*path, str(key)) not in paths
    }


def _within(given: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = given.get(key)
    return inner if isinstance(inner, Mapping) else NOTHING


MOST_FAULTS = 20


def load(config: dict[str, Any], places: dict[Keys, Place] | None = None) -> Study:
    """The study that `config`, as read from YAML, describes.

    Args:
        places: place of each key, from `read_places`.

    Raises:
        Fault: one line for each fault: the key's path, its value and what is allowed, and its place if that is known.
    """
    if not all(isinstance(key, str) for key in config):
        raise Fault("keys must be words")
    try:
        study = Study(**config)
    except ValidationError as error:
        lines = messages(Study, error)
    else:
        lines = list(booleans_for_numbers(config, study)) or cross_checks(study)
    if lines:
        located_lines = [with_place(line, config, places or {}) for line in lines[:MOST_FAULTS]]
        left = len(lines) - MOST_FAULTS
        raise Fault("\n".join(located_lines + ([f"and {left:,} more faults"] if left > 0 else [])))
    return study


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("files", nargs="+", help="files of studies, e.g. studies/mine.yaml")
    with one_line_faults():
        read_places(arguments.parse_args().files)
