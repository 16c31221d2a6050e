"""docs/tables.md: all tables of a study, column by column."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from resiliency.base.corruption_names import BUILT_IN
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.reference.markdown import table_row
from resiliency.report.words import KINDS, kind_of, label
from resiliency.tables import TABLES
from resiliency.tables.record import Column, Table

INTRODUCTION = """# Tables

This page lists every table in `results/<study>/`, column by column. `python -m resiliency.reference` writes it; a test
compares it with the tables of real studies.

Each row is one record. CSV files have floats with eight significant digits. An empty cell (NaN) means
that the value is undefined or unknown. Accuracies, errors and rates are fractions from 0 to 1, not per cent.
MACs are multiply–accumulate operations for one image.

`<further>` stands for the name of an additional test set, `corrupted` for the mean over corruptions and severities. The
[diversity metrics](#diversity-metrics) and their columns are listed at the end; [Metrics](formulae.md) defines them.
An interval has two columns, mostly `_low` and `_high` after the name of its value. If no method is named, it is a
bootstrap over units of test images.
"""
METRIC_COLUMNS = """
## Diversity metrics

In every column, larger means more diverse. *Sign reversed* marks the negative of a metric that decreases with
diversity. For metrics of pairs, `_pairs` counts the pairs in the mean, if some have no value. For metrics of whole
ensembles, `_raw` is the value as the literature defines it. Additional test sets have columns of their own.

"""
SHARED = 3  # tables with the same column, from which on it is described once
FURTHER = "<further>"
PLACEHOLDERS = {
    "<images>": (CLEAN, CORRUPTED, FURTHER),
    "<test set>": (CLEAN, FURTHER),
    "<corruption>": BUILT_IN,
}
ENDS = re.compile(r"lower end of the interval(?: \((.*)\))?$")
USUAL = "bootstrap over units of images"


def tables_page() -> str:
    """The text of docs/tables.md."""
    shared = _shared()
    links = ", ".join(f"[{name}](#{_anchor(table.path)})" for name, table in TABLES.items())
    parts = [INTRODUCTION, f"\n{links}.\n", "\n## Columns of several tables\n\n", *_rows(shared)]
    for table in TABLES.values():
        parts += [f"\n## `{table.path}`\n\n", f"{table.holds} One row per {table.row}.{_also(table, shared)}\n\n"]
        parts += _rows([column for column in table.columns if column not in shared])
    return "".join([*parts, *_metrics()])


def _shared() -> list[Column]:
    """The columns that several tables have, with the meaning that most give them; not those of intervals."""
    counts = Counter(column for table in TABLES.values() for column in table.columns)
    pairs = (pair for table in TABLES.values() for pair in pairwise(table.columns))
    values = {value for value, lower in pairs if ENDS.match(lower.meaning)}
    often = [column for column, count in counts.most_common() if count >= SHARED and column not in values]
    first = {column.name: column for column in reversed(often) if not re.search("(low|high)$|<", column.name)}
    return list(first.values())


def _also(table: Table, shared: list[Column]) -> str:
    names = [f"`{column.name}`" for column in table.columns if column in shared]
    return f" It also has {', '.join(names)}." if names else ""


def _rows(columns: list[Column]) -> Iterator[str]:
    """A table of columns, each interval in the row of its value if that is the column before."""
    yield table_row("Column", "Meaning", "Unit and range") + "|---|---|---|\n"
    rows: list[list] = []
    for column in columns:
        names = list(_names(column.name))
        if rows and (ends := ENDS.match(rows[-1][1])) and column.meaning == "upper end":
            lower = rows.pop()
            interval = "interval" if ends[1] in (None, USUAL) else f"interval: {ends[1]}"
            if rows and _of_value(lower[3], rows[-1][3]):
                rows[-1][0] += [*lower[0], *names]
                rows[-1][1] += f" ({interval})"
            else:
                rows.append([[*lower[0], *names], interval, *lower[2:]])
        else:
            rows.append([names, column.meaning, column.values.words, column.name])
    for names, meaning, values, _ in rows:
        yield table_row(", ".join(f"`{name}`" for name in names), meaning, values)


def _of_value(lower: str, value: str) -> bool:
    """Whether the column of a lower end belongs to that of a value."""
    return lower in ("low", f"{value}_low") or lower.removesuffix("_low") == value.removesuffix("_difference")


def _names(name: str) -> Iterator[str]:
    """The names that a column has, written out; those of metrics are listed with these."""
    placeholder = next((of for of in PLACEHOLDERS if of in name), None)
    if placeholder is None:
        yield name
        return
    for value in PLACEHOLDERS[placeholder]:
        yield name.replace(placeholder, value)


def _metrics() -> Iterator[str]:
    yield METRIC_COLUMNS
    yield table_row("Name", "Kind", "Metric", "Columns of `ensembles.parquet`") + "|---|---|---|---|\n"
    for name in (*METRICS, *ENSEMBLE_METRICS):
        kind, ending = kind_of(name), "_pairs" if name in METRICS else "_raw"
        images = (CLEAN, CORRUPTED) if kind == "prediction" else (CLEAN,)
        columns = ", ".join(f"`{name}_{of}`, `{name}_{of}{ending}`" for of in images)
        yield table_row(f"`{name}`", KINDS[kind].lower(), label(name), columns)


def _anchor(path: str) -> str:
    """The anchor that Markdown gives to the heading `path`."""
    return re.sub(r"[^\w-]", "", path.lower())
