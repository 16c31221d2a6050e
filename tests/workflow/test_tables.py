"""docs/tables.md describes the columns that the tables of a finished study have, and no others."""

import pandas as pd
import pytest

from resiliency.reference.table import expanded
from resiliency.reference.tables import TABLES
from resiliency.storage.tables import read_table

# Columns that a study of digits without further test sets, all of whose members can be compared, does not have.
ELSEWHERE = ("<further>", "_pairs")


def described(table, results):
    """Name of each column that may be in a table of this study -> its description; the table; and what it has."""
    conditions = pd.read_csv(results / "conditions.csv")
    corruptions = conditions.loc[conditions.severity > 0, "corruption"].unique()
    further = [name for name in conditions.test_set.unique() if name != "clean"]
    return expanded(table, further, corruptions), set(read_table(results / table.path))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.path)
def test_columns_are_described_and_there(table, workflow):
    names, there = described(table, workflow.results)
    assert there - names.keys() == set()
    columns = {names[name] for name in there}
    missing = [column.name for column in table.columns if column not in columns]
    assert [name for name in missing if not any(part in name for part in ELSEWHERE)] == []


def test_every_table_is_described(workflow):
    written = {f"tables/{path.name}" for path in (workflow.results / "tables").iterdir() if path.is_file()}
    assert written == {table.path for table in TABLES if table.path.startswith("tables/")}
