"""How the files of a study are put together.

Snakemake merges all mappings of a later file into those of the earlier ones, key by key. That suits the sections of a
study, whose keys are settings. It does not suit mappings whose keys are names: a design would keep the arguments of an
earlier design of the same name, and become another network than its file says. These are replaced whole.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from snakemake.utils import update_config

from resiliency.study.files import Keys, Place, read_places

NAME = "*"  # any key
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
    """What `files`, each of which changes those before it, say together.

    Raises:
        Fault: as from `read_places`.
    """
    files = list(files)
    places = read_places(files)
    config: dict[str, Any] = {}
    for file in files:
        update_config(config, yaml.safe_load(file.read_text(encoding="utf-8-sig")) or {})
    return without_inherited(config, places)[0]


def without_inherited(
    config: dict[str, Any], places: dict[Keys, Place], given: Mapping[str, Any] = NOTHING
) -> tuple[dict[str, Any], dict[Keys, Place]]:
    """`config` and `places` without what a mapping of `REPLACED` has from earlier files than the last that gives it.

    Args:
        config: as Snakemake merges it.
        places: where its keys are given last, from `read_places` of the files in the order in which they are merged.
        given: what the command line gives, which changes single keys of these mappings, too.
    """
    inherited = {path for path, place in places.items() if _replacing(path, places) not in (None, place.file)}
    own = {path: place for path, place in places.items() if path not in inherited}
    return _without(config, inherited, (), given), own


def _replacing(path: Keys, places: dict[Keys, Place]) -> str | None:
    """The last file that gives the mapping of `REPLACED` that the key at `path` is in; None where it is in none."""
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
