"""Folders of results that look as a run leaves them."""

from pathlib import Path

from resiliency.storage.files import read_json, write_json
from resiliency.storage.runs import FILES, PROVENANCE, hashes

LEFT_OUT = (PROVENANCE, "report.html")


def end_run(folder: Path, provenance: dict | None = None) -> Path:
    """Write provenance.json, or complete the one that is there, with all files that are in the folder now."""
    files = [path for path in folder.rglob("*") if path.is_file() and ".checksums" not in path.parts]
    kept = [path for path in files if path.name not in LEFT_OUT and "export" not in path.parts]
    written = provenance or read_json(folder / PROVENANCE)
    write_json(folder / PROVENANCE, written | {FILES: hashes(folder, sorted(kept))})
    return folder
