"""A new table touches four files and docs/tables.md; the workflow makes it, and the report offers it."""

import os

import pandas as pd
from test_staleness import LIBRARY, edited_code

RECORD = """
WORST = Table(
    "tables/worst_corruptions.csv",
    "Worst corruptions",
    "Members",
    "The corruption under which each member has its largest error.",
    "member",
    [Column("member", "name of the member", NAME), Column("corruption", "the corruption", NAME)],
    needs=frozenset({"corruptions"}),
)
"""
MODULE = '''"""The corruption under which each member has its largest error."""

import pandas as pd


def worst_table(errors: pd.DataFrame) -> pd.DataFrame:
    """Columns member and corruption, from corruption_errors.csv."""
    largest = errors.groupby(["member", "corruption"], as_index=False)["error"].mean()
    return largest.sort_values("error", ascending=False).drop_duplicates("member")[["member", "corruption"]]
'''
SCRIPT = '''"""Name the worst corruption of each member."""

from resiliency.analysis.worst import worst_table
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    write_table(snakemake.output[0], worst_table(read_table(snakemake.input[0])))
'''
RULE = """

rule worst_corruptions:
    input:
        TABLES["corruption_errors"],
    output:
        in_report(TABLES["worst_corruptions"]),
    log:
        log_of("worst_corruptions"),
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(1000, 5),
    params:
        code=code("worst_corruptions"),
    script:
        "../scripts/worst_corruptions.py"
"""
ADDED = {
    f"{LIBRARY}/tables/members.py": RECORD,
    f"{LIBRARY}/analysis/worst.py": MODULE,
    "scripts/worst_corruptions.py": SCRIPT,
    "rules/analysis.smk": RULE,
}


def test_a_new_table_touches_five_files(workflow, tmp_path):
    code = edited_code(tmp_path / "code", {name: (lambda text, more=more: text + more) for name, more in ADDED.items()})
    copy = workflow.copied(tmp_path / "copy")
    copy.repository, copy.environment = code, os.environ | {"PYTHONPATH": str(code / "scripts")}
    assert copy.planned() == {"worst_corruptions": 1, "report": 1}
    copy.finish("--cores", "2", str(copy.results.relative_to(copy.directory) / "tables/worst_corruptions.csv"))
    table = pd.read_csv(copy.results / "tables/worst_corruptions.csv")
    assert set(table["member"]) == set(pd.read_csv(copy.results / "tables/members.csv")["member"])
