"""Folders of results that look as a run leaves them."""

from pathlib import Path

from resiliency.storage import PROVENANCE, read_json, read_table, write_json, write_table
from resiliency.tables import TABLES, described

PUBLISHED = Path(__file__).parents[1] / "published/results"


def end_run(folder: Path, provenance: dict | None = None) -> Path:
    """Write provenance.json, or complete the one that is there, with all tables and charts in the
    folder."""
    made = [name for name, table in TABLES.items() if (folder / table.path).is_file()]
    charts = [path.name.removesuffix(".vl.json") for path in folder.glob("charts/*.vl.json")]
    written = provenance or read_json(folder / PROVENANCE)
    write_json(folder / PROVENANCE, written | {"tables": made, "charts": charts})
    return folder


def run_as_published(study: str, folder: Path) -> Path:
    """A finished run in `folder` with the tables that published/results keeps of a study, but for
    old columns."""
    (folder / "tables").mkdir(parents=True)
    for path in (PUBLISHED / study).iterdir():
        if path.suffix in (".csv", ".parquet"):
            table = read_table(path)
            known = [name for name in table if described(TABLES[path.stem], name)]
            write_table(folder / f"tables/{path.stem}.csv", table[known])
    return end_run(folder, read_json(PUBLISHED / study / PROVENANCE))
