"""docs/tables.md: all tables of a study, column by column."""

import re
from collections.abc import Iterator

from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.reference.markdown import table_row
from resiliency.report.words import KINDS, kind_of, label
from resiliency.tables import TABLES

INTRODUCTION = """# Tables

This page lists every table in `results/<study>/`, column by column. `python -m resiliency.reference` writes it; a test
compares it with the tables of real studies.

Tables are tidy: each row is one record. CSV files have floats with eight significant digits. An empty cell (NaN) means
that the value is undefined or unknown. Accuracies, errors and rates are fractions from 0 to 1, not per cent.
MACs are multiply–accumulate operations for one image.

Some names of columns contain a placeholder:

| Placeholder | Stands for |
|---|---|
| `<images>` | `clean`, `corrupted` (the mean over corruptions and severities) or the name of an additional test set |
| `<test set>` | `clean` or the name of an additional test set |
| `<further>` | the name of an additional test set |
| `<corruption>` | the name of a corruption, such as `fog` |
| `<pair metric>` | a diversity metric of pairs of members; the value of an ensemble is the mean over its pairs |
| `<ensemble metric>` | a diversity metric of whole ensembles |

The [metrics](#diversity-metrics) are listed at the end; [Metrics](formulae.md) has definitions and sources.
"""


def tables_page() -> str:
    """The text of docs/tables.md."""
    parts = [INTRODUCTION, "\n## The tables\n\n", table_row("Table", "Holds"), "|---|---|\n"]
    parts += [table_row(f"[{table.path}](#{_anchor(table.path)})", table.holds) for table in TABLES.values()]
    for table in TABLES.values():
        parts += [f"\n## `{table.path}`\n\n", f"{table.holds} One row per {table.row}.\n\n"]
        parts += [table_row("Column", "Meaning", "Unit and range"), "|---|---|---|\n"]
        parts += [table_row(f"`{column.name}`", column.meaning, column.values.words) for column in table.columns]
    return "".join([*parts, *_metrics()])


def _metrics() -> Iterator[str]:
    yield "\n## Diversity metrics\n\n"
    yield "In every column, larger means more diverse. *Sign reversed* marks the negative of a metric that decreases\n"
    yield "with diversity; columns that end in `_raw` have the value as the literature defines it.\n\n"
    yield table_row("Name", "Kind", "Of", "Metric") + "|---|---|---|---|\n"
    for name in (*METRICS, *ENSEMBLE_METRICS):
        of = "pairs" if name in METRICS else "ensembles"
        yield table_row(f"`{name}`", KINDS[kind_of(name)].lower(), of, label(name))


def _anchor(path: str) -> str:
    """The anchor that Markdown gives to the heading `path`."""
    return re.sub(r"[^\w-]", "", path.lower())
