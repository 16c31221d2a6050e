"""Names of test sets, members, designs and studies by each road that they come, and the columns that they give."""

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from attacks.cases import Case, Wrong, allowed
from attacks.studies import CONFIG, elsewhere, plan
from expand import expanded

from resiliency.corruptions.settings import HELD_OUT, MAIN
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.study.files import load
from resiliency.study.model import Study
from resiliency.tables import TABLES

IMAGES = 4
# Texts that cannot be names, or that would be read as something else.
FORMLESS = (
    *("", " ", ".", "..", ".a", "-a", "a b", "a/b", "/a", "../a", "a\nb", "a\r", "a\x00b", "a\tb", "\x85", "a\u200bb"),
    *("a+b", "a|b", "a,b", "a;b", "a:b", "a*", "?", "{a}", "[a]", "<b>", "a&b", "a'b", 'a"b', "a`b", "a\\b", "$a"),
    *("=1+1", "@a", "#a", "~", "%s", "é", "\uff41", "\u202ea", "\U0001f98a", "a" * 101, "a" * 260, "a" * 5000),
)
# Parts of columns, around a name of images: each gives a name that could be read as another's column.
AROUND = (
    *("{}_raw", "{}_pairs", "{}_accuracy", "{}_accuracy_low", "{}_accuracy_high", "{}_nll", "{}_brier", "{}_ece"),
    *("{}_oracle", "clean_on_{}", "mean_member_{}", "first_stage_{}", "last_stage_{}", "entropy_{}", "error_{}"),
    *("{}_low", "{}_2", "{}_members", "difficulty_{}", "{}", "consistency_{}", "disagreement_{}", "{}_fog", "fog_{}"),
)
BASES = ("photos", "Photos", "clean", "corrupted", "validation", "mean", "fog")
TAKEN = {"clean", "corrupted", "validation", "mean", *MAIN, *HELD_OUT}
ALONE = ("raw", "pairs", "oracle", "nll", "accuracy", "mce", "size", "rule", "members", *METRICS, *ENSEMBLE_METRICS)


def names() -> Iterator[Case]:
    """Each name by each road; in pairs with what it could be taken for, in both orders; and some that are allowed."""
    for road, act in TEST_SETS.items():
        for name in ("photos", "Night_2", "imagenetv2", "photos_low"):
            yield Case(f"test set {name} by {road}", allowed(partial(act, names=[name])), None)
    around = [form.format(base) for base in BASES for form in AROUND]
    for name in dict.fromkeys([*around, *TAKEN, *ALONE, *FORMLESS]):
        refused = "" if name.lower() in TAKEN else None
        for road, act in TEST_SETS.items():
            reads_text = road == "a study"
            of_data = road != "a study" and name in ("clean", "fog")  # these are what the file is about
            message = "" if name in FORMLESS and reads_text else None if of_data else refused
            yield Case(f"test set {name!r:.40} by {road}", partial(act, names=[name]), message)
    for form in AROUND:
        for pair in (("photos", form.format("photos")), (form.format("photos"), "photos")):
            for road, act in TEST_SETS.items():
                yield Case(f"test sets {' and '.join(pair)} by {road}", partial(act, names=pair), None)
    for name in (*FORMLESS, "a-s0-m1", "A", "a_b", "1", "clean", "mean", "+", "oracle", "nan", "None", "true"):
        for road, act in MEMBERS.items():
            yield Case(f"{road} {name!r:.40}", partial(act, name=name), None)


def _judged(study: Study) -> None:
    """Raise `Wrong` if two columns of a table have one name, or a name of a member is no part of a file name."""
    external = study.contents()
    further = list(external.test_sets if external and not study.dataset else study.test_sets)
    corruptions = external.corruptions if external and not study.dataset else study.corruptions.names
    for table in TABLES.values():
        columns = [n for c in table.columns for n in expanded(table._replace(columns=[c]), further, corruptions)]
        if twice := [name for name, count in Counter(map(str.lower, columns)).items() if count > 1]:
            raise Wrong(f"{table.path} would have two columns {twice[0]}")
    members = study.independent_members() + (list(external.kinds) if external else [])
    if bad := [
        m for m in (*members, *further, study.study) if not m.isascii() or set("+/ \n\0") & set(m) or len(m) > 200
    ]:
        raise Wrong(f"{bad[0]!r:.60} is no part of a file name")
    if len({member.lower() for member in members}) < len(members):
        raise Wrong("two members have one file on some file systems")


def _accepted(config: dict) -> None:
    study = load(copy.deepcopy(CONFIG) | config)
    if study.dataset:
        plan(study)
    _judged(study)


def by_study(_: Path, names: list[str]) -> None:
    _accepted({"test_sets": {name: {"folder": "."} for name in names}})


def _csv(rows: list[list[object]]) -> str:
    return "\n".join(",".join('"' + str(cell).replace('"', '""') + '"' for cell in row) for row in rows) + "\n"


def by_decisions(_: Path, names: list[str], members: tuple[str, ...] = ("one", "two")) -> None:
    rows = [["test_set", "image", "label", *members]]
    for name in dict.fromkeys(["clean", "fog.1", *names]):
        rows += [[name, image, image % 2, *[image % 2] * len(members)] for image in range(IMAGES)]
    Path("own.csv").write_text(_csv(rows), encoding="utf-8")
    _accepted(elsewhere({"decisions": "own.csv"}))


def by_scores(_: Path, names: list[str], members: tuple[str, ...] = ("one", "two")) -> None:
    columns = list(dict.fromkeys(["clean", "fog.1", *names]))
    rows = [["member", *columns], *([member, *[80 + i for i in range(len(columns))]] for member in members)]
    Path("own.csv").write_text(_csv(rows), encoding="utf-8")
    _accepted(elsewhere({"scores": "own.csv"}))


def by_arrays(folder: Path, names: list[str], members: tuple[str, ...] = ("one", "two")) -> None:
    for name in dict.fromkeys(["clean", *names]):
        for owner in ("labels", *members):
            path = folder / "own" / owner / f"{name}.npy"
            values = np.arange(IMAGES) % 2 if owner == "labels" else np.eye(2)[np.arange(IMAGES) % 2] * 3 - 1.0
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, values)
            except (OSError, ValueError):
                return  # there cannot be such a file
    _accepted(elsewhere({"logits": "own"}))


def as_design(_: Path, name: str) -> None:
    designs = CONFIG["designs"] | {name: {"architecture": "resnet18", "stem": "original"}}
    members = CONFIG["members"] | {"designs": [*CONFIG["members"]["designs"], name]}
    _accepted({"designs": designs, "members": members})


def as_family(_: Path, name: str) -> None:
    designs = CONFIG["designs"] | {"mine": {"architecture": "resnet18", "family": name}}
    _accepted({"designs": designs})


def as_study(_: Path, name: str) -> None:
    _accepted({"study": name})


def _as_member(act: Callable, folder: Path, name: str) -> None:
    act(folder, [], members=("one", name))


TEST_SETS = {"a study": by_study, "decisions": by_decisions, "scores": by_scores, "arrays": by_arrays}
MEMBERS = {
    "a design": as_design,
    "a family": as_family,
    "a study": as_study,
    "a member of decisions": partial(_as_member, by_decisions),
    "a member of scores": partial(_as_member, by_scores),
    "a member of arrays": partial(_as_member, by_arrays),
}
