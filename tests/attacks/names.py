"""Names of test sets, members, designs and studies by each road that they come."""

import copy
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
        rows += [[name, image, image % 2, image % 2, image % 2] for image in range(IMAGES)]
    pd.DataFrame(rows).to_csv("own.csv", header=False, index=False)
    return elsewhere({"decisions": "own.csv"})


def _with_design(name: str) -> dict:
    designs = CONFIG["designs"] | {name: {"architecture": "resnet18", "stem": "original"}}
    return {"designs": designs, "members": CONFIG["members"] | {"designs": [*CONFIG["members"]["designs"], name]}}


ROADS = {
    "a design": _with_design,
    "a family": lambda name: {"designs": CONFIG["designs"] | {"a": {"architecture": "resnet18", "family": name}}},
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
    "a test set": dict.fromkeys((*FORMLESS, *TAKEN), "") | dict.fromkeys(("photos", "Night_2", "photos_low"), ACCEPTED),
}
TABLE = {f"{road}: {name!r:.40}": ((road, name), of) for road, names in NAMES.items() for name, of in names.items()}
AREAS = (Area("names", _named, TABLE),)
