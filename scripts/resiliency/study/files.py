"""Reading the YAML files of a study.

Of a key given twice Snakemake takes the last, without a word. What it cannot read itself it does
not name: `resiliency check studies/mine.yaml` does."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from snakemake.utils import update_config
from yaml.composer import ComposerError

from resiliency.base.faults import Fault, brief, short
from resiliency.base.settings import Keys
from resiliency.study.checks import cross_checks
from resiliency.study.model import Study, messages, odd_numbers

INSTALLED = Path(__file__).parents[1] / "workflow"  # where a wheel has the workflow
CHECKOUT = "$CHECKOUT"  # stands for the folder of the repository where the study ran in another one


def home() -> Path:
    """The folder of the Snakefile, the defaults, studies and profiles: that of the package, or else
    the clone."""
    return INSTALLED if INSTALLED.is_dir() else INSTALLED.parents[2]


def export_command(files: Iterable[Path], given: Keys, repository: Path, folder: Path) -> str:
    """The command that exports an ensemble when it is given in `folder`.

    Args:
        files: absolute paths of the configuration files on the command line, in their order.
        given: content of --config on the command line, as Snakemake parses it.
        repository: folder of the Snakefile.
        folder: working folder of the study.
    """
    names = [_file_argument(file, repository, folder) for file in files]
    values = {
        key: json.dumps(value) if isinstance(value, dict | list) else value
        for key, value in given.items()
    }
    texts = [f"{key}={'' if value is None else value}" for key, value in values.items()]
    config = ["--config", *texts] if texts else []
    if repository == INSTALLED:
        words = ["resiliency", "export", *(name.removeprefix(f"{CHECKOUT}/") for name in names)]
        return shlex.join([*words, *(["--", *config] if config else [])])
    words = ["snakemake", "export", "--cores", "all"]
    if folder != repository:
        words += ["--snakefile", f"{CHECKOUT}/Snakefile"]
    words += [*(["--configfile", *names] if names else []), *config]
    return " ".join(map(_quoted, words))


def _file_argument(file: Path, repository: Path, folder: Path) -> str:
    if file.is_relative_to(folder):
        return str(file.relative_to(folder))
    return (
        f"{CHECKOUT}/{file.relative_to(repository)}"
        if file.is_relative_to(repository)
        else str(file)
    )


def _quoted(word: str) -> str:
    if not word.startswith(CHECKOUT):
        return shlex.quote(word)
    rest = word.removeprefix(CHECKOUT)
    return f'"{CHECKOUT}"{shlex.quote(rest)}'


MOST_VALUES = 100_000
TEMPLATE = "__use_yte__"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """YAML in which no mapping gives a key twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                words = f"{short(key.value, quote=False)}: given twice; keep one"
                raise ComposerError(None, None, words, key.start_mark)
            seen.add(str(key.value))
        return node


def read(file: str | Path) -> Keys:
    """The configuration in a file of YAML.

    Raises:
        Fault: the file is no such file, gives a key twice, or has values nested too deeply or, with
            aliases written out, more than `MOST_VALUES`.
    """
    try:
        with open(file, encoding="utf-8-sig") as opened:
            content = yaml.load(opened, _Loader)
        content = {} if content is None else content
        if not isinstance(content, dict):
            raise ValueError("expected a mapping of keys, e.g. `study: mine`")
        if content.get(TEMPLATE) is not None:
            raise ValueError(
                f"{TEMPLATE}: Snakemake would run code in the file; write values in its place"
            )
        if len(list(islice(_values(content), MOST_VALUES))) == MOST_VALUES:
            raise ValueError(f"holds {MOST_VALUES:,} values or more, its aliases written out")
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise Fault(f"{file}: cannot be read ({brief(error)})") from error
    return content


def _values(value: Any) -> Iterator[Any]:
    """`value` and all that it holds."""
    yield value
    for inner in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from _values(inner)


NAME = "*"  # matches any key

# Mappings that a later file replaces whole: entries of catalogues, and mappings from names to
# values.
REPLACED = (
    ("designs", NAME),
    ("test_sets", NAME),
    ("members", "seeds"),
    ("joint", "objectives"),
    ("dataset", "images_per_class"),
    ("external", "n_images"),
    ("external", "clean_on"),
)


def merged(parts: Iterable[Keys], given: Keys | None = None) -> Keys:
    """The configuration in `parts`, each of which changes those before it, but for mappings of
    `REPLACED`.

    Args:
        given: configuration on the command line, which changes single keys of these mappings, too.
    """
    config: Keys = {}
    for part in parts:
        for path in REPLACED:
            _remove(config, part, path)
        update_config(config, part)
    update_config(config, given or {})
    return config


def _remove(config: Any, part: Any, path: Sequence[str]) -> None:
    """Remove from `config` what `part` gives at `path`."""
    name, *rest = path
    if not isinstance(config, dict) or not isinstance(part, Mapping):
        return
    for key in [key for key in part if name in (NAME, key) and key in config]:
        if rest:
            _remove(config[key], part[key], rest)
        else:
            del config[key]


def read_merged(files: Iterable[Path]) -> Keys:
    """The configuration in `files`, each of which changes those before it.

    Raises:
        Fault: as from `read`.
    """
    return merged(map(read, files))


MOST_FAULTS = 20


def load(config: Keys) -> Study:
    """The study that `config`, as read from YAML, describes.

    Raises:
        Fault: one line for each fault: the key's path, its value and what is allowed.
    """
    try:
        study = Study.model_validate(config)
    except ValidationError as error:
        lines = list(messages(error))
    else:
        lines = list(odd_numbers(config, study)) or cross_checks(study)
    if lines:
        left = len(lines) - MOST_FAULTS
        raise Fault(
            "\n".join(lines[:MOST_FAULTS] + ([f"and {left:,} more faults"] if left > 0 else []))
        )
    return study
