"""Folders of results that look as a run leaves them."""

from pathlib import Path

from resiliency.storage.files import read_json, write_json
from resiliency.storage.runs import FILES, PROVENANCE, hashes
from resiliency.storage.tables import read_table, write_table

PUBLISHED = Path(__file__).parents[1] / "published/results"
LEFT_OUT = (PROVENANCE, "report.html")


def end_run(folder: Path, provenance: dict | None = None) -> Path:
    """Write provenance.json, or complete the one that is there, with all files that are in the folder now."""
    files = [path for path in folder.rglob("*") if path.is_file() and ".checksums" not in path.parts]
    kept = [path for path in files if path.name not in LEFT_OUT and "export" not in path.parts]
    written = provenance or read_json(folder / PROVENANCE)
    write_json(folder / PROVENANCE, written | {FILES: hashes(folder, sorted(kept))})
    return folder


def run_as_published(study: str, folder: Path) -> Path:
    """A finished run in `folder` whose tables are those that published/results keeps of a study."""
    (folder / "tables").mkdir(parents=True)
    for path in (PUBLISHED / study).iterdir():
        if path.suffix in (".csv", ".parquet"):
            write_table(folder / f"tables/{path.stem}.csv", read_table(path))
    return end_run(folder, read_json(PUBLISHED / study / PROVENANCE))
