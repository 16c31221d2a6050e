"""docs/tables.md describes the columns that the tables of a finished study have, and no others, and what they hold."""

from pathlib import Path

import pandas as pd
import pytest
from bounds import expanded, outside
from tiny_tables import TABLES

from resiliency.storage.tables import read_table

PAGE = (Path(__file__).parents[2] / "docs/tables.md").read_text(encoding="utf-8")
# Columns that a study of digits without further test sets, all of whose members can be compared, does not have.
ELSEWHERE = ("<further>", "_pairs", "shifted_error", "clean_effective_images")
OF_CHOICES = {"latency_ms", "front_latency_ms", "cost", "cost_low", "cost_high"}  # by latency or costs, and limits
OF_CHOICES |= {f"limit_{key}" for key in ("members", "macs", "milliseconds")}


def conditions_of(results):
    """The names of the further test sets, and of the corruptions, of a finished study."""
    conditions = pd.read_csv(results / "conditions.csv")
    further = [name for name in conditions["test_set"].unique() if name != "clean"]
    return further, list(conditions.loc[conditions["severity"] > 0, "corruption"].unique())


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_columns_are_described_and_there_and_keep_to_their_bounds(table, workflow):
    names, frame = expanded(table, *conditions_of(workflow.results)), read_table(workflow.results / table.path)
    assert outside(table, frame, *conditions_of(workflow.results)) == []
    there = set(frame)
    assert there - names.keys() == set()
    assert [name for name in there if f"`{name}`" not in PAGE] == []
    columns = {names[name] for name in there}
    missing = [column.name for column in table.columns if column not in columns]
    missing = [name for name in missing if name not in (OF_CHOICES if table is TABLES["deployment"] else ())]
    assert [name for name in missing if not any(part in name for part in ELSEWHERE)] == []


def test_every_table_is_described(workflow):
    written = {f"tables/{path.name}" for path in (workflow.results / "tables").iterdir() if path.is_file()}
    assert written == {table.path for table in TABLES.values() if table.path.startswith("tables/")}
