"""Studies spoilt at random, keys with values of another kind, files that cannot be read, and names
by every road."""

import copy
import datetime
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import yaml
from attacks.cases import ACCEPTED, EITHER, Area, Expected, Wrong
from jsonschema import Draft202012Validator

from resiliency.corruptions.settings import HELD_OUT, MAIN
from resiliency.study.files import load, merged, read
from resiliency.study.model import Study
from resiliency.study.plan import minutes

REPOSITORY = Path(__file__).parents[2]
CONFIG = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
SCHEMA = Draft202012Validator(
    json.loads((REPOSITORY / "studies/study.schema.json").read_text(encoding="utf-8"))
)
FREE = ("arguments", "training")  # mappings of which the keys are checked elsewhere
ODD_VALUES = [
    *(None, True, -1, 0, 10**18, 10**400, 0.5, 1e308, -1e-320, float("nan"), float("inf")),
    *(
        "",
        " ",
        "auto",
        "x" * 100_000,
        "\x85",
        "a\nb",
        "</script><script>alert(1)</script>",
        "=1+1",
        "../..",
        "/",
    ),
    *("{seed}", "ü", "01", "1e5", "+", "-s0", datetime.date(2020, 1, 1), b"\xff", {1, 2}),
    *([], {}, [[]], [None], [0, 0], ["x"], [1] * 1000, {"a": 1}, {1: 2}, {"": {}}, [[[[[[1]]]]]]),
    {str(key): key for key in range(1000)},
]


def elsewhere(external: dict) -> dict:
    """The default study of members that these files tell of, for pairs of them under one
    corruption."""
    rules = (
        ["mean_probability"]
        if external.keys() & {"logits", "probabilities"}
        else ["plurality_vote"]
    )
    config = {"dataset": None, "joint": None, "search": None, "external": external}
    config |= {
        "members": {"designs": [], "baseline": "one"},
        "ensembles": {"sizes": [2], "rules": rules},
    }
    return copy.deepcopy(CONFIG) | config | {"corruptions": {"names": ["fog"], "severities": [1]}}


def plan(study: Study) -> None:
    """Ask of `study` what the rules ask of it."""
    for members in (study.independent_members(), study.joint_members(), study.searched_members()):
        assert not any("+" in member or "/" in member for member in members)
    for method in (study.pictured_members, study.dataset.resolved, study.corruptions.pictured):
        method()
    json.dumps(study.model_dump(mode="json"))
    for design in study.trained_designs():
        study.recipe(design)
        assert study.designs[design].family_name
        study.designs[design].description(study.dataset.side)
    minutes(study)


def _read(folder: Path, text: str | bytes) -> Study:
    """Read a study as the Snakefile does."""
    file = folder / "study.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    plan(study := load(read(file)))
    return study


def _paths(config: Any, path: tuple = ()) -> Iterator[tuple]:
    items = (
        config.items()
        if isinstance(config, dict)
        else enumerate(config)
        if isinstance(config, list)
        else ()
    )
    for key, value in items:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def _at(config: Any, path: tuple) -> Any:
    for key in path:
        config = config[key]
    return config


def _set(config: dict, path: tuple, value: object) -> None:
    _at(config, path[:-1])[path[-1]] = value


def several_values(random: Random, config: dict) -> None:
    for _ in range(random.randint(1, 3) ** 2):
        _set(config, random.choice(list(_paths(config))), copy.deepcopy(random.choice(ODD_VALUES)))


def an_unknown_key(random: Random, config: dict) -> None:
    sections = [(), *(path for path in _paths(config) if isinstance(_at(config, path), dict))]
    named = {("designs",), ("joint", "objectives"), ("dataset", "images_per_class"), ("test_sets",)}
    path = random.choice([path for path in sections if path not in named and FREE[0] not in path])
    key = random.choice(["epoch", "Seed", "sedes", "", " ", "x" * 1000, "a.b", "ü"])
    _set(config, (*path, key), copy.deepcopy(random.choice(ODD_VALUES)))


def a_number(random: Random, config: dict) -> None:
    """Another number, far from what it was or hardly one, or one as text."""
    path = random.choice(
        [path for path in _paths(config) if isinstance(_at(config, path), int | float)]
    )
    number = _at(config, path)
    other = random.choice(
        [number * 10 ** random.randint(1, 40), number * 10.0 ** -random.randint(1, 320), -number]
    )
    written = random.choice([str, "{:_}".format, " {} ".format, "{:e}".format, hex, "{}.".format])
    if random.random() < 0.5:
        with suppress(TypeError):
            other = written(random.choice([number, other]))
    _set(config, path, other)


SPOILING: dict[Callable, Expected] = {several_values: EITHER, an_unknown_key: "", a_number: EITHER}


def _spoilt(folder: Path, change: tuple[Callable, int]) -> None:
    spoil, number = change
    config = copy.deepcopy(CONFIG)
    spoil(Random(number), config)
    study = _read(
        folder, yaml.dump(config, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
    )
    resolved = study.model_dump(mode="json")
    for name, design in resolved["designs"].items():
        design["training"] = study.recipe(name).model_dump()
    for name, recipe in (("joint", study.joint_recipe), ("search", study.search_recipe)):
        if resolved[name]:
            resolved[name]["training"] = recipe().model_dump()
    if fault := next(SCHEMA.iter_errors(resolved), None):
        raise Wrong(f"{fault.json_path}: {fault.message:.200}")


def spoilt(count: int) -> Area:
    """So many studies, the same ones for the same number."""
    table = {}
    for number in range(count):
        spoil, expected = [*SPOILING.items()][number % len(SPOILING)]
        table[f"{number}: {spoil.__name__}"] = (spoil, number), expected
    return Area("studies spoilt at random", _spoilt, table)


def _keys(_: Path, changes: dict[tuple, object]) -> None:
    config = copy.deepcopy(CONFIG)
    for path, value in changes.items():
        _set(config, path, value)
    load(config)


def _numbers() -> Iterator[tuple]:
    for path in _paths(CONFIG):
        value = _at(CONFIG, path)
        if isinstance(value, int | float) and not isinstance(value, bool) and FREE[0] not in path:
            yield path


KEYS = {f"{'.'.join(map(str, path))}: true": ({path: True}, "") for path in _numbers()}
# Numbers that no study means but the schema allows, and texts that pydantic takes for numbers.
NONSENSE = {
    ("joint", "objectives", "balanced"): ([1e-320], [0.5, "1_0"]),
    ("joint", "objectives", "ncl"): ([1e300],),
    ("attribution", "steps"): ("1_000", " 50", "5e1x"),
    ("members", "seeds"): ("1_0", " 2", "\u0662", {"vit": "1_0"}),
    ("designs", "vit", "architecture"): ("..",),
    ("dataset", "images_per_class"): (10**18, {"test": 0}),
    ("ensemble",): (-1,),
}
KEYS |= {
    f"{'.'.join(path)}: {value!r:.40}": ({path: value}, "")
    for path, values in NONSENSE.items()
    for value in values
}
KEYS |= {
    f"{text!r} as text": ({("attribution", "steps"): text}, ACCEPTED) for text in ("50", "50.0")
}


def _bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    return "\n".join([*lines, "designs: {vit: {arguments: {x: *a8}}}"])


FILES = {
    "a key given twice": (
        "seed: 1\nstudy: a\nseed: 2\n",
        "ComposerError: seed: given twice; keep one",
    ),
    "two merges": ("a: &a {b: 1}\nc:\n  <<: *a\n  <<: *a\n", "<<: given twice; keep one"),
    "an open bracket": ("a: [1\nb: 2\n", "ParserError: while parsing a flow sequence"),
    "Latin-1": ("a: 1\nb: caf\xe9\n".encode("latin-1"), "UnicodeDecodeError: "),
    "a circle": ("a: &a [*a]\n", "RecursionError: "),
    "an alias bomb": (_bomb(), "holds 100,000 values or more, its aliases written out"),
    "a number as a key": ("a: 1\n2: b\n", "2: 2: Keys should be strings"),
    "a tag of Python": (
        "a: !!python/object/apply:os.system [touch ran]\n",
        "could not determine a constructor",
    ),
    "a list": ("- a\n", "expected a mapping of keys, e.g. `study: mine`"),
    "a template by a merge": (
        "a: &a {__use_yte__: true}\n<<: *a\n",
        "__use_yte__: Snakemake would run code",
    ),
    "a set": ("designs: !!set {vit}\n", "Input should be"),
    "false": ("false", "expected a mapping of keys"),
}
# What a second file gives in place of a section of the first, and a third adds to.
IN_PLACE = ("null", "[]", "{}", "'a'", "0", "true", "[1, [2]]", "{own: 1}", "2020-01-01")


def _merged(folder: Path, what: tuple[str, str]) -> None:
    section, value = what
    files = folder / "second.yaml", folder / "third.yaml"
    for file, of_section in zip(files, (value, "{}"), strict=True):
        file.write_text(f"{section}: {of_section}\n")
    plan(load(merged([copy.deepcopy(CONFIG), *map(read, files)])))


MERGED = {
    f"{section}: {value}": ((section, value), EITHER) for section in CONFIG for value in IN_PLACE
}


def _groups(_: Path, text: str) -> None:
    Path("groups.csv").write_text(text, encoding="utf-8")
    load(copy.deepcopy(CONFIG) | {"dataset": CONFIG["dataset"] | {"groups": "groups.csv"}})


GROUPS: dict[str, tuple[str, Expected]] = {
    "columns in another order": ("own,group,image\n3,a,0/1\n", ACCEPTED),
    "a column twice": ("image,group,group\n0/1,a,b\n", "expected one column"),
    "no rows": ("image,group\n", "has no rows"),
    "a short row": ("image,group\n0/1\n", "expected a name, got nothing"),
    "semicolons": ("image;group\n0/1;a\n", "expected one column"),
    "a cell beyond the limit of csv": (f"image,group\n0/1,{'x' * 200_000}\n", "cannot be read"),
}
# Texts that cannot be names, or that would be read as something else.
FORMLESS = (
    *(
        "",
        " ",
        ".",
        "..",
        ".a",
        "-a",
        "a b",
        "a/b",
        "/a",
        "../a",
        "a\nb",
        "a\x00b",
        "a\tb",
        "\x85",
        "a\u200bb",
    ),
    *(
        "a+b",
        "a,b",
        "a:b",
        "a*",
        "?",
        "{a}",
        "[a]",
        "<b>",
        'a"b',
        "a\\b",
        "=1+1",
        "~",
        "%s",
        "é",
        "\u202ea",
        "a" * 260,
    ),
)
TAKEN = ("clean", "corrupted", "validation", "mean", "Fog", *MAIN, *HELD_OUT)


def _judged(study: Study) -> None:
    """Raise `Wrong` if a name is no part of a file name."""
    further = study.test_sets if study.dataset else study.elsewhere.test_sets
    members = study.independent_members() + list(study.elsewhere.kinds)
    for name in (*members, *further, study.study):
        if not name.isascii() or set("+/ \n\0") & set(name) or len(name) > 200:
            raise Wrong(f"{name!r:.60} is no part of a file name")
    if len({member.lower() for member in members}) < len(members):
        raise Wrong("two members have one file on some file systems")


def _in_decisions(further: str, member: str) -> dict:
    """The study of a table of decisions with these names in it."""
    rows = [["test_set", "image", "label", "one", member]]
    for name in ("clean", "fog.1", further):
        rows += [[name, image, image % 2, image % 2, image % 2] for image in range(12)]
    pd.DataFrame(rows).to_csv("own.csv", header=False, index=False)
    return elsewhere({"decisions": "own.csv"})


def _with_design(name: str) -> dict:
    designs = CONFIG["designs"] | {name: {"architecture": "resnet18", "stem": "original"}}
    return {
        "designs": designs,
        "members": CONFIG["members"] | {"designs": [*CONFIG["members"]["designs"], name]},
    }


ROADS = {
    "a design": _with_design,
    "a family": lambda name: {
        "designs": CONFIG["designs"] | {"a": {"architecture": "resnet18", "family": name}}
    },
    "a study": lambda name: {"study": name},
    "a member of a file": lambda name: _in_decisions("photos", name),
    "a test set of a file": lambda name: _in_decisions(name, "two"),
    "a test set": lambda name: {"test_sets": {name: {"folder": "."}}},
}


def _named(_: Path, what: tuple[str, str]) -> None:
    road, name = what
    study = load(copy.deepcopy(CONFIG) | ROADS[road](name))
    if study.dataset:
        plan(study)
    _judged(study)


# Road -> names, and what must come of each.
NAMES = {
    **{road: dict.fromkeys((*FORMLESS, "A", "1", "nan", "true"), EITHER) for road in [*ROADS][:4]},
    "a test set of a file": dict.fromkeys(("corrupted", "validation", "mean", "Fog"), ""),
    "a test set": dict.fromkeys((*FORMLESS, *TAKEN), "")
    | dict.fromkeys(("photos", "Night_2", "photos_low"), ACCEPTED),
}
TABLE = {
    f"{road}: {name!r:.40}": ((road, name), of)
    for road, names in NAMES.items()
    for name, of in names.items()
}
AREAS = (
    Area("names", _named, TABLE),
    Area("merged studies", _merged, MERGED),
    Area("tables of groups", _groups, GROUPS),
    Area("keys", _keys, KEYS),
    Area("files of studies", _read, FILES),
)
