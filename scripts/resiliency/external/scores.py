"""Members known by their scores: a table with a row for each member and a column for each condition."""

from collections.abc import Mapping, Sequence

import pandas as pd

from resiliency.base.faults import Fault, available
from resiliency.base.names import CLEAN, CLEAN_ON
from resiliency.external.names import check_members, corruption_and_severity
from resiliency.external.tables import numbers, read_foreign

MEMBER = "member"
PERCENT = 100


def read_scores(
    file: str, clean: str = CLEAN, kind: str = "accuracy", test_sets: list[str] | None = None
) -> pd.DataFrame:
    """Top-1 errors in 0..1: a row for each member, under its name, a column for each condition, `clean` first.

    Conditions are `clean`, corruptions such as `fog.3`, and further test sets, on which a member may lack a score.

    Args:
        clean: the column that counts as clean.
        kind: `accuracy` or `error`, in per cent.
        test_sets: the further ones that are read; all unless given.

    Raises:
        Fault: something is wrong with the file; the line names column and row.
    """
    table = read_foreign(file, [MEMBER, clean])
    check_members(file, table[MEMBER])
    for name in test_sets or ():
        if name not in table:
            raise Fault(f"{file}: {available('column', name, table)}")
    corruptions = [name for name in table if corruption_and_severity(name)]
    further = test_sets
    if further is None:
        further = [name for name in table if name not in (MEMBER, clean, *corruptions)]
    if clean != CLEAN and CLEAN in further:
        raise Fault(f"{file}: columns {clean!r} and {CLEAN!r} would both be called {CLEAN}; rename {CLEAN!r}")
    columns = (clean, *corruptions, *further)
    scores = pd.DataFrame({name: numbers(file, table, name, 0, PERCENT, may_lack=name in further) for name in columns})
    scores.index = pd.Index(table[MEMBER].astype(str), name=MEMBER)
    _check_per_cent(file, scores, kind)
    errors = scores / PERCENT if kind == "error" else 1 - scores / PERCENT
    return errors.rename(columns={clean: CLEAN})


def _check_per_cent(file: str, scores: pd.DataFrame, kind: str) -> None:
    """Raise a Fault if accuracies of a member, or all errors of the file, are fractions: nobody errs so rarely."""
    most = scores.max(axis=1)
    fractions = most.index[most <= 1]
    if len(fractions) == len(most) or (kind == "accuracy" and len(fractions)):
        raise Fault(
            f"{file}: member {fractions[0]!r}: no {kind} above 1; expected per cent, got fractions; "
            f"multiply by {PERCENT}"
        )


def check_columns(
    file: str, errors: pd.DataFrame, others: Sequence[pd.DataFrame], kind: str, listed: Sequence[str]
) -> None:
    """Refuse a column of fractions beside columns in per cent, as far as numbers tell them apart.

    Values of up to 1 are fractions if other files have none so low under this condition. Without other files accuracies
    are, except of test sets that a study lists; and errors are, if the clean ones are all above 1.

    Args:
        errors: from `read_scores` of the file.
        others: those of the other files.
        kind: `accuracy` or `error`.
        listed: names of further test sets that the study lists, some of which may be as hard as ImageNet-A.

    Raises:
        Fault: a column holds fractions.
    """
    scores = [PERCENT * (table if kind == "error" else 1 - table) for table in (errors, *others)]
    own = scores[0].round(9)
    for column in own:
        if not 0 < own[column].max() <= 1 or own.max().max() <= 1:
            continue
        elsewhere = [table[column].min() for table in scores[1:] if column in table]
        if elsewhere:
            wrong = min(elsewhere) > 1
        else:
            wrong = column not in listed if kind == "accuracy" else column != CLEAN and own[CLEAN].min() > 1
        if wrong:
            further = kind == "accuracy" and not elsewhere and column != CLEAN and not corruption_and_severity(column)
            way_out = f", or list {column} in external.test_sets" if further else ""
            raise Fault(
                f"{file}: column {column!r}: no {kind} above 1, though there are in other columns; expected per cent, "
                f"got fractions; multiply by {PERCENT}{way_out}"
            )


def error_rows(
    scores: pd.DataFrame, layout: Mapping[str, list[str]], images: Mapping[str, int], clean_on: Mapping[str, str]
) -> pd.DataFrame:
    """A row per member and condition: member, test_set, corruption, severity, images (0 where unknown) and error.

    Last come the clean images of the classes that a further test set has, as `clean_on_<test set>`.

    Args:
        scores: from `read_scores`.
        layout: test set -> columns of the file, in the order of the conditions.
        images: test set, as named in the study -> number of images.
        clean_on: column of a further test set in the file -> that of the clean images of its classes.
    """
    rows = []
    for test_set, columns in layout.items():
        for column in columns:
            corruption, severity = corruption_and_severity(column) or (CLEAN, 0)
            rows.append((column if column in scores else CLEAN, test_set, corruption, severity))
    of_columns = {columns[0]: test_set for test_set, columns in layout.items()}
    rows += [(other, f"{CLEAN_ON}{of_columns[name]}", CLEAN, 0) for name, other in clean_on.items()]
    parts = [
        pd.DataFrame(
            {
                "member": scores.index,
                "test_set": test_set,
                "corruption": corruption,
                "severity": severity,
                "images": images.get(test_set, 0),
                "error": scores[column].to_numpy(),
            }
        )
        for column, test_set, corruption, severity in rows
    ]
    return pd.concat(parts, ignore_index=True).sort_values("member", kind="stable", ignore_index=True)
