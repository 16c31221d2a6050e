"""Members known by their scores: a table with a row for each member and a column for each condition."""

from collections.abc import Mapping

import pandas as pd

from resiliency.conditions import CLEAN
from resiliency.external.names import check_members, corrupted
from resiliency.external.tables import numbers, read_foreign
from resiliency.faults import Fault

MEMBER = "member"
PERCENT = 100


def read_scores(
    file: str, clean: str = CLEAN, are: str = "accuracy", test_sets: list[str] | None = None
) -> pd.DataFrame:
    """Top-1 errors in 0..1: a row for each member, under its name, a column for each condition, `clean` first.

    Conditions are `clean`, corruptions such as `fog.3`, and further test sets, on which a member may lack a score.

    Args:
        clean: the column that counts as clean.
        are: `accuracy` or `error`, in per cent.
        test_sets: the further ones that are read; all unless given.

    Raises:
        Fault: something is wrong with the file; the line names column and row.
    """
    table = read_foreign(file, [MEMBER, clean])
    check_members(file, table[MEMBER])
    for name in test_sets or ():
        if name not in table:
            raise Fault(f"{file}: column {name!r} is missing; there are {', '.join(list(table)[:10])}")
    corruptions = [name for name in table if corrupted(name)]
    further = test_sets
    if further is None:
        further = [name for name in table if name not in (MEMBER, clean, *corruptions)]
    found = {}
    for name in (clean, *corruptions, *further):
        values = numbers(file, table, name, 0, PERCENT, may_lack=name in further) / PERCENT
        found[CLEAN if name == clean else name] = values if are == "error" else 1 - values
    return pd.DataFrame(found, index=pd.Index(table[MEMBER].astype(str), name=MEMBER))


def condition_table(conditions: list[str], images: Mapping[str, int]) -> pd.DataFrame:
    """The columns of conditions.csv for conditions that are known by scores; images are 0 where nobody says.

    Args:
        conditions: as columns of `read_scores`.
        images: test set -> number of images.
    """
    rows = []
    for name in conditions:
        corruption, severity = corrupted(name) or (CLEAN, 0)
        test_set = CLEAN if corruption != CLEAN else name
        rows.append((test_set, corruption, severity, images.get(test_set, 0)))
    return pd.DataFrame(rows, columns=["test_set", "corruption", "severity", "images"])
