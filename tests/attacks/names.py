"""Names of test sets, members, designs and studies by each road that they come."""

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
from attacks.cases import ACCEPTED, EITHER, Area, Wrong
from attacks.elsewhere import IMAGES
from attacks.studies import CONFIG, elsewhere, plan

from resiliency.corruptions.settings import HELD_OUT, MAIN
from resiliency.study.files import load
from resiliency.study.model import Study

# Texts that cannot be names, or that would be read as something else.
FORMLESS = (
    *("", " ", ".", "..", ".a", "-a", "a b", "a/b", "/a", "../a", "a\nb", "a\x00b", "a\tb", "\x85", "a\u200bb"),
    *("a+b", "a,b", "a:b", "a*", "?", "{a}", "[a]", "<b>", 'a"b', "a\\b", "=1+1", "~", "%s", "é", "\u202ea", "a" * 260),
)
TAKEN = ("clean", "corrupted", "validation", "mean", "Fog", *MAIN, *HELD_OUT)


def _judged(study: Study) -> None:
    """Raise `Wrong` if a name is no part of a file name."""
    external = study.contents()
    further = list(external.test_sets if external and not study.dataset else study.test_sets)
    members = study.independent_members() + (list(external.kinds) if external else [])
    for name in (*members, *further, study.study):
        if not name.isascii() or set("+/ \n\0") & set(name) or len(name) > 200:
            raise Wrong(f"{name!r:.60} is no part of a file name")
    if len({member.lower() for member in members}) < len(members):
        raise Wrong("two members have one file on some file systems")


def _accepted(config: dict) -> None:
    study = load(copy.deepcopy(CONFIG) | config)
    if study.dataset:
        plan(study)
    _judged(study)


def by_decisions(_: Path, names: tuple[str, ...], member: str) -> None:
    rows = [["test_set", "image", "label", "one", member]]
    for name in dict.fromkeys(["clean", "fog.1", *names]):
        rows += [[name, image, image % 2, image % 2, image % 2] for image in range(IMAGES)]
    pd.DataFrame(rows).to_csv("own.csv", header=False, index=False)
    _accepted(elsewhere({"decisions": "own.csv"}))


def as_design(_: Path, name: str) -> None:
    designs = CONFIG["designs"] | {name: {"architecture": "resnet18", "stem": "original"}}
    _accepted({"designs": designs, "members": CONFIG["members"] | {"designs": [*CONFIG["members"]["designs"], name]}})


def as_family(_: Path, name: str) -> None:
    _accepted({"designs": CONFIG["designs"] | {"mine": {"architecture": "resnet18", "family": name}}})


def as_study(_: Path, name: str) -> None:
    _accepted({"study": name})


def as_test_sets(_: Path, *names: str) -> None:
    _accepted({"test_sets": {name: {"folder": "."} for name in names}})


MEMBERS = {"a design": as_design, "a family": as_family, "a study": as_study}


def _table() -> dict[str, tuple[Callable[[Path], None], object]]:
    """Each name by each road."""
    table = {}
    for name in (*FORMLESS, *TAKEN):
        table[f"test set {name!r:.40}"] = (lambda folder, n=name: as_test_sets(folder, n)), ""
    for name in (*FORMLESS, "A", "1", "mean", "nan", "true"):
        for road, act in MEMBERS.items():
            table[f"{road} {name!r:.40}"] = (lambda folder, a=act, n=name: a(folder, n)), EITHER
        table[f"member {name!r:.40} of a file"] = partial(by_decisions, names=(), member=name), EITHER
    for name in ("corrupted", "validation", "mean", "Fog"):
        table[f"test set {name} of a file"] = partial(by_decisions, names=(name,), member="two"), ""
    for name in ("photos", "Night_2", "imagenetv2", "photos_low"):
        table[f"test set {name}"] = (lambda folder, n=name: as_test_sets(folder, n)), ACCEPTED
    return table


AREAS = (Area("names", lambda folder, act: act(folder), _table()),)
