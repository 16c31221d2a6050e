"""The command that makes something of a study again, as one would type it in a shell."""

import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

CHECKOUT = "$CHECKOUT"  # stands for the folder of the repository where the study ran in another one


def command(target: str, files: Iterable[Path], given: Mapping[str, Any], repository: Path, folder: Path) -> str:
    """The command that makes `target` again when it is given in `folder`.

    Args:
        target: a rule without wildcards, such as export.
        files: absolute paths of the configuration files of the command line, in their order.
        given: what its --config gave, as Snakemake parses it.
        repository: folder of the Snakefile.
        folder: where the study runs.
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
