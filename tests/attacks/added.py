"""Files of decisions that are added to a study, with some of its test sets, in other orders and forms."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from pathlib import Path
from random import Random

from attacks.cases import Case, Wrong, allowed
from attacks.elsewhere import CONDITIONS, judge, read, rows, text, write_arrays

Table = list[list[str]]
Change = Callable[[Table, Random], Table]
SETS = [names for count in (1, 2, 3) for names in combinations(CONDITIONS, count)]
FORMS: dict[str, Change] = {
    "as they are": lambda table, random: table,
    "shuffled": lambda table, random: [table[0], *random.sample(table[1:], len(table) - 1)],
    "backwards": lambda table, random: [table[0], *table[:0:-1]],
    "with another set": lambda table, random: [*table, *([["own", *row[1:]] for row in table[1:13]])],
    "with columns in another order": lambda table, random: [[row[3], row[2], row[0], row[1]] for row in table],
}
WRONG: dict[str, Change] = {
    "lacks an image": lambda table, random: table[:-1],
    "has an image twice": lambda table, random: [*table, table[-1]],
    "has other labels": lambda table, random: [*table[:-1], [*table[-1][:2], "7", table[-1][3]]],
    "has other images": lambda table, random: [
        [row[0], row[1] + "x" * (row is not table[0]), *row[2:]] for row in table
    ],
    "has no class": lambda table, random: [*table[:-1], [*table[-1][:3], "cat"]],
    "has no rows": lambda table, random: table[:1],
    "names no set of the study": lambda table, random: [table[0], *(["own", *row[1:]] for row in table[1:13])],
    "misspells its set": lambda table, random: [table[0], *([row[0] + "s", *row[1:]] for row in table[1:])],
}


def added() -> Iterator[Case]:
    """The added member is that of the study, so that both must agree on every image of the sets that are left."""
    for names in SETS:
        called = " and ".join(names)
        for form, change in FORMS.items():
            for separator in ",;\t":
                act = partial(_added, names=names, change=change, separator=separator)
                yield _case(f"{called} {form}, by {separator!r}", act, names)
        for spoilt, change in WRONG.items():
            yield Case(f"{called}: {spoilt}", partial(_added, names=names, change=change, separator=","))
        yield _case(f"arrays: {called}", partial(_added_arrays, names=names), names)


def _case(name: str, act: Callable[[Path], None], names: tuple[str, ...]) -> Case:
    """One that is accepted if the study has one of the sets, and refused if not."""
    if {"clean", "photos"} & set(names):
        return Case(name, allowed(act), None)
    return Case(name, act, "expected a test set of the study")


def _study() -> dict:
    Path("first.csv").write_text(text(rows("one")), encoding="utf-8")
    return {"decisions": "first.csv", "test_sets": ["photos"]}


def _judge(file: str, names: tuple[str, ...]) -> None:
    external = _study()
    found = read(external, add=[file])
    judge(found)
    (lengths,) = {len(of_member) for of_member in found.values()}
    if len(found) < 2 or lengths != len(set(names) - ({"fog.1"} if "clean" not in names else set())):
        raise Wrong(f"{len(found)} members under {lengths} conditions")


def _added(_: Path, names: tuple[str, ...], change: Change, separator: str) -> None:
    table = [row for row in rows("two") if row[0] in ("test_set", *names)]
    Path("mine.csv").write_text(text(change(table, Random(0)), separator), encoding="utf-8")
    _judge("mine.csv", names)


def _added_arrays(_: Path, names: tuple[str, ...]) -> None:
    write_arrays(Path("mine"), "logits", ("two",))
    for name in set(CONDITIONS) - set(names):
        for path in Path("mine").rglob(f"{name}.npy"):
            path.unlink()
    _judge("mine", names)
