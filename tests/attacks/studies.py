"""Studies spoilt at random: keys, values, names and the text of the file."""

import copy
import datetime
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import yaml
from attacks.cases import Case

from resiliency.study.files import load, read_places
from resiliency.study.model import Study
from resiliency.study.resources import minutes

TEXT = (Path(__file__).parents[2] / "config.yaml").read_text(encoding="utf-8")
CONFIG = yaml.safe_load(TEXT)
FREE = ("arguments", "training")  # mappings of which the keys are checked elsewhere
ODD_VALUES = [
    *(None, True, -1, 0, 10**18, 10**400, 0.5, 1e308, -1e-320, float("nan"), float("inf")),
    *("", " ", "auto", "x" * 100_000, "\x85", "a\nb", "</script><script>alert(1)</script>", "=1+1", "../..", "/"),
    *("{seed}", "ü", "01", "1e5", "+", "-s0", datetime.date(2020, 1, 1), b"\xff", {1, 2}),
    *([], {}, [[]], [None], [0, 0], ["x"], [1] * 1000, {"a": 1}, {1: 2}, {"": {}}, [[[[[[1]]]]]]),
    {str(key): key for key in range(1000)},
]


def elsewhere(external: dict) -> dict:
    """The default study of members that these files tell of, for pairs of them under one corruption."""
    rules = ["mean_probability"] if external.keys() & {"logits", "probabilities"} else ["plurality_vote"]
    config = {"dataset": None, "joint": None, "search": None, "external": external}
    config |= {"members": {"designs": [], "baseline": "one"}, "ensembles": {"sizes": [2], "rules": rules}}
    return copy.deepcopy(CONFIG) | config | {"corruptions": {"names": ["fog"], "severities": [1]}}


def plan(study: Study) -> None:
    """Ask of `study` what the rules ask of it."""
    for members in (study.independent_members(), study.joint_members(), study.searched_members()):
        assert not any("+" in member or "/" in member for member in members)
    for method in (study.pictured_members, study.dataset.resolved, study.corruptions.pictured):
        method()
    json.dumps(study.model_dump(mode="json"))
    for design in study.trained_designs():
        for method in (study.recipe, study.family):
            method(design)
        study.designs[design].description(study.dataset.side)
    minutes(study)


def spoilt(count: int, seed: int = 0) -> Iterator[Case]:
    """`count` cases, the same for the same seed."""
    for index in range(count):
        random = Random(f"{seed} {index}")
        spoil = random.choice(SPOILERS)
        name, text, refused = spoil(random)
        yield Case(f"{index}: {name}", partial(_read, text=text), "" if refused else None)


def _read(folder: Path, text: str) -> None:
    """Read a study as the Snakefile does."""
    file = folder / "study.yaml"
    file.write_text(text, encoding="utf-8")
    places = read_places([file])
    plan(load(yaml.safe_load(text) or {}, places))


Spoilt = tuple[str, str, bool]


def _paths(config: Any, path: tuple = ()) -> Iterator[tuple]:
    """Paths of all keys and list items."""
    items = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def _at(config: Any, path: tuple) -> Any:
    for key in path:
        config = config[key]
    return config


def _changed(random: Random, change: Callable[[Any, Any], None]) -> tuple[dict, tuple]:
    """The default study after `change` of the holder of a random key, and its path."""
    config = copy.deepcopy(CONFIG)
    path = random.choice(list(_paths(config)))
    change(_at(config, path[:-1]), path[-1])
    return config, path


def _odd(random: Random) -> Any:
    return copy.deepcopy(random.choice(ODD_VALUES))


def _dump(config: dict) -> str:
    return yaml.safe_dump(config, allow_unicode=True, sort_keys=False)


def other_value(random: Random) -> Spoilt:
    value = _odd(random)
    config, path = _changed(random, lambda holder, key: holder.__setitem__(key, value))
    return f"{path} becomes {value!r:.40}", _dump(config), False


def mapping_for_a_value(random: Random) -> Spoilt:
    config = copy.deepcopy(CONFIG)
    plain = [p for p in _paths(config) if not isinstance(_at(config, p), dict | list) and not set(FREE) & set(p)]
    *holder, key = random.choice(plain)
    _at(config, holder)[key] = {"a": 1}
    return f"{(*holder, key)} becomes a mapping", _dump(config), True


def unknown_key(random: Random) -> Spoilt:
    config = copy.deepcopy(CONFIG)
    sections = [(), *(p for p in _paths(config) if isinstance(_at(config, p), dict))]
    named = {("designs",), ("joint", "objectives"), ("dataset", "images_per_class"), ("test_sets",)}
    path = random.choice([p for p in sections if p not in named and not set(FREE[:1]) & set(p)])
    key = random.choice(["epoch", "Seed", "sedes", "", " ", "x" * 1000, "a.b", "ü"])
    _at(config, path)[key] = _odd(random)
    return f"unknown key {key!r:.20} in {path}", _dump(config), True


def removed_key(random: Random) -> Spoilt:
    config, path = _changed(random, lambda holder, key: holder.__delitem__(key))
    return f"{path} removed", _dump(config), path in {("study",), ("designs",), ("members",), ("members", "baseline")}


def swapped(random: Random) -> Spoilt:
    config = copy.deepcopy(CONFIG)
    (*one, first), (*two, second) = random.sample([p for p in _paths(config) if len(p) == 2], 2)
    a, b = _at(config, one), _at(config, two)
    a[first], b[second] = b[second], a[first]
    return f"{(*one, first)} and {(*two, second)} swapped", _dump(config), False


def several(random: Random) -> Spoilt:
    config = copy.deepcopy(CONFIG)
    for _ in range(random.randint(2, 6)):
        path = random.choice(list(_paths(config)))
        _at(config, path[:-1])[path[-1]] = _odd(random)
    return "several values replaced", _dump(config), False


def renamed_design(random: Random) -> Spoilt:
    name = random.choice(["a/b", "a b", "a+b", "a-s0", "-", "", "{x}", "ü", "1", "01", "x" * 300, "a\nb", "*"])
    config = copy.deepcopy(CONFIG)
    config["designs"][name] = config["designs"].pop("vit")
    config["members"]["designs"] = [name if design == "vit" else design for design in config["members"]["designs"]]
    return f"a design called {name!r:.20}", _dump(config), name not in ("1", "01")


def loss_weights(random: Random) -> Spoilt:
    config = copy.deepcopy(CONFIG)
    objective = random.choice(["ncl", "adp", "attribution", "activation", "balanced", "gncl", "kl"])
    numbers = [0, 1, 1e6, 2.5e22, 1e-7, 0.3, 1e300, 5e-324, 123456789]
    values = [random.choice(numbers) for _ in range(random.randint(1, 4))]
    config["joint"]["objectives"] = {objective: values}
    return f"{objective} at {values}", _dump(config), False


def key_twice(random: Random) -> Spoilt:
    lines = TEXT.splitlines()
    sections = [index for index, line in enumerate(lines) if line and line[0].isalpha()]
    which = random.randrange(1, len(sections))
    start, end = sections[which - 1], sections[which]
    inner = [line for line in lines[start + 1 : end] if re.match(r"  \w+:", line)]
    again = random.choice(inner or [lines[start]]).partition(":")[0] + ": {}"
    return f"{again.strip()} once more", "\n".join([*lines[:end], again, *lines[end:]]), True


def spoilt_text(random: Random) -> Spoilt:
    text, characters = TEXT, "{}[]:,&*!|>'\"%@`#\t\n -?\x00\x85é"
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(text))
        kind = random.choice(["insert", "delete", "cut"])
        added = random.choice(characters) if kind == "insert" else ""
        text = text[:place] + added + text[place + (0 if kind == "insert" else random.randint(1, 30)) :]
    return "characters inserted and deleted", text, False


SPOILERS = (
    *(other_value, other_value, other_value, mapping_for_a_value, unknown_key, removed_key, swapped, several),
    *(renamed_design, loss_weights, key_twice, spoilt_text),
)
