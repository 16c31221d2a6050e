"""Images that are numbers, written in many ways and in an order of rows that labels do not betray."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from random import Random

import pandas as pd
from attacks.cases import Case, allowed
from attacks.elsewhere import CONDITIONS, judge, read, rows

SPELLED: dict[str, Callable[[int], str]] = {
    "numbers": str,
    "from 1": lambda image: str(image + 1),
    "zero-padded": lambda image: f"{image:05}",
    "with a point": lambda image: f"{image}.0",
    "with a suffix": lambda image: f"{image:03}.png",
    "with spaces": lambda image: f" {image} ",
    "Arabic digits": lambda image: "".join(chr(0x660 + int(digit)) for digit in str(image)),
}
# Some are no numbers, or two are one: refused where the others are numbers.
WRONG: dict[str, Callable[[int], str]] = {
    "one with a letter": lambda image: "l0" if image == 10 else str(image),
    "one number twice": lambda image: "03" if image == 4 else str(image),
    "below 0": lambda image: str(image - 6),
    "fractions": lambda image: f"{image}.5",
    "with an exponent": lambda image: f"{image}e1",
}
FILES: dict[str, Callable[[pd.DataFrame, str], object]] = {
    "csv": lambda table, path: table.to_csv(path, index=False),
    "parquet": lambda table, path: table.to_parquet(path),
}


def numbered() -> Iterator[Case]:
    """The second file has the answers of the first, its images spelled otherwise and its rows in another order."""
    for first, second, kind, is_named in product(SPELLED, SPELLED, FILES, (False, True)):
        named = ", another test set named" if is_named else ""
        act = partial(_agree, first=SPELLED[first], second=SPELLED[second], kind=kind, is_named=is_named)
        yield Case(f"{kind}: {first}, then {second}{named}", allowed(act), None)
    for first, second, kind in product(("numbers", "zero-padded"), WRONG, FILES):
        act = partial(_agree, first=SPELLED[first], second=WRONG[second], kind=kind, is_named=False)
        yield Case(f"{kind}: {first}, then {second}", act, "expected images that other members are tested on")


def _agree(_: Path, first: Callable, second: Callable, kind: str, is_named: bool) -> None:
    for place, (name, spell) in enumerate((("one", first), ("two", second))):
        table = pd.DataFrame((values := rows(name))[1:], columns=values[0]).astype({"label": int, name: int})
        if is_named:
            spelled = table["image"].where(table["test_set"] == CONDITIONS[-1], table["image"].str[1:].map(_as(spell)))
        else:
            spelled = table["image"].str[1:].map(_as(spell))
        table = table.assign(image=spelled)
        FILES[kind](_within_labels(table, Random(7)) if place else table, f"{name}.{kind}")
    judge(read({"decisions": [f"one.{kind}", f"two.{kind}"]}))


def _as(spell: Callable[[int], str]) -> Callable[[str], str]:
    return lambda number: spell(int(number))


def _within_labels(table: pd.DataFrame, random: Random) -> pd.DataFrame:
    """The rows of each test set in an order in which labels come as before."""
    order = list(range(len(table)))
    for _, places in table.groupby(["test_set", "label"], sort=False).indices.items():
        shuffled = random.sample(list(places), len(places))
        for place, other in zip(places, shuffled, strict=True):
            order[place] = int(other)
    return table.iloc[order]
