"""Words and booleans where numbers belong, and braces where Snakemake would take them for wildcards."""

import copy
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from attacks.cases import Case, allowed
from attacks.elsewhere import judge, read, rows, scores, text, write_arrays
from attacks.studies import CONFIG

from resiliency.study.files import load

BRACES = ("{a}", "{", "}", "a{{b}}", "{seed}")
KEYS = ("decisions", "logits", "probabilities", "scores", "members", "add")


def words() -> Iterator[Case]:
    """Each number of the default study, true or false; each path with braces; classes of any name."""
    for path in _numbers(CONFIG, ()):
        for value in (True, False):
            yield Case(f"{'.'.join(map(str, path))}: {value}", partial(_set, path=path, value=value), "")
    for recipe in ("designs.vit", "designs.resnet50", "joint", "search"):
        for key in ("epochs", "batch_size", "learning_rate", "weight_decay", "mixup"):
            path = (*recipe.split("."), "training")
            yield Case(f"{recipe}: {key}: true", partial(_set, path=path, value={key: True}), f".{key}")
    for key in KEYS:
        for braces in BRACES:
            yield Case(f"external.{key}: {braces}", partial(_path, key=key, braces=braces), "must not contain braces")
    for braces in BRACES:
        yield Case(f"array {braces}", partial(_array, braces=braces), "must not contain braces")
    for names in (["{a}", "}", "{"], [True, False, "x"], ["true", "false", "{seed}"], ["TRUE", "no", "False"]):
        for kind in ("list", "file"):
            yield Case(f"classes {names} in a {kind}", allowed(partial(_classes, names=names, kind=kind)), None)
    for names in (["a", "a", "b"], ["1", "2", "3"], [1, 2, 3], [None, "a", "b"], [True, "true", "x"], ["a"], [], {}):
        yield Case(f"classes {names}", partial(_classes, names=names, kind="list"), "classes")


def _numbers(value: Any, path: tuple) -> Iterator[tuple]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _numbers(inner, (*path, index))
    elif isinstance(value, int | float) and not isinstance(value, bool) and "arguments" not in path:
        yield path


def _set(_: Path, path: tuple, value: object) -> None:
    config = copy.deepcopy(CONFIG)
    inner = config
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    load(config)


def _path(_: Path, key: str, braces: str) -> None:
    good = {"decisions": "own.csv"}
    Path("own.csv").write_text(text(rows("one")), encoding="utf-8")
    Path(f"{braces}.csv").write_text(text(scores() if key == "scores" else rows("two")), encoding="utf-8")
    if key in ("logits", "probabilities"):
        write_arrays(Path(braces), key)
        read(good | {key: braces})
    elif key == "add":
        read(good, add=[f"{braces}.csv"])
    else:
        read(good | {key: ["own.csv", f"{braces}.csv"] if key == "decisions" else f"{braces}.csv"})


def _array(_: Path, braces: str) -> None:
    write_arrays(Path("own"), "logits")
    for owner in ("labels", "one", "two"):
        np.save(Path("own") / owner / f"{braces}.npy", np.load(Path("own") / owner / "photos.npy"))
    read({"logits": "own"})


def _classes(_: Path, names: Any, kind: str) -> None:
    """Answers by name, of the network whose answers by number are in the other file."""
    spelled = [str(name).lower() if isinstance(name, bool) else name for name in names]
    table = rows("two")
    for row in table[1:] if len(spelled) == 3 else ():
        row[2:] = [str(spelled[int(cell)]) for cell in row[2:]]
    Path("one.csv").write_text(text(rows("one")), encoding="utf-8")
    Path("two.csv").write_text(text(table), encoding="utf-8")
    Path("classes.txt").write_text("\n".join(map(str, spelled)), encoding="utf-8")
    judge(read({"decisions": ["one.csv", "two.csv"], "classes": names if kind == "list" else "classes.txt"}))
