"""The files of the last run of a study, with a hash of each.

A folder keeps what a study no longer makes, such as tables that need corruptions after these were removed from it, and
holds what was made again by a run that has not ended. So provenance.json lists the files of its run with a hash of
each, and whoever reads a folder of results from outside the workflow takes these files alone."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from resiliency.base.faults import Fault
from resiliency.storage.files import FOLDER, read_json, sha256

PROVENANCE, FILES = "provenance.json", "files"
ABOUT, CARD = "export/ensemble.json", "export/card.md"


class Run:
    """The run that made a folder of results last: a container of the paths of its files, relative to the folder.

    Attributes:
        folder: folder of the results, results/<study>.
        provenance: content of provenance.json.
        hashes: path of each file -> its hash when the run ended.

    Raises:
        Fault: the study has not been run to its end, or was run by an earlier version of this project.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        if not (self.folder / PROVENANCE).is_file():
            raise Fault(f"{folder}: has no {PROVENANCE}; run the study to its end first")
        self.provenance = read_json(self.folder / PROVENANCE)
        if FILES not in self.provenance:
            raise Fault(f"{folder}: an earlier version made {PROVENANCE}, which lists no files; run the study again")
        self.hashes: dict[str, str] = self.provenance[FILES]

    def __contains__(self, path: str) -> bool:
        return path in self.hashes

    def file(self, path: str) -> Path:
        """The file of this path.

        Raises:
            Fault: the file is missing, not of the run, or has changed since.
        """
        file = self.folder / path
        if not file.is_file():
            raise Fault(f"{self.folder}: has no {path}; run the study to its end first")
        if path not in self:
            raise Fault(f"{file}: is of an earlier run, not of the one that {PROVENANCE} tells of; delete it")
        if hash_of(file) != self.hashes[path]:
            raise Fault(f"{file}: has changed since the run that {PROVENANCE} tells of; run the study to its end first")
        return file

    def card(self) -> Path | None:
        """The card of the ensemble that was exported from the files of the run; None if there is none."""
        about, card = (self.folder / path for path in (ABOUT, CARD))
        used = dict(read_json(about).get(FILES, {})) if about.is_file() and card.is_file() else {}
        is_own = used.pop(CARD, None) == hash_of(card)
        return card if used and is_own and all(self.hashes.get(path) == used[path] for path in used) else None


def hashes(folder: str | Path, paths: Iterable[str | Path]) -> dict[str, str]:
    """Path relative to `folder`, in which all are -> hash of the file."""
    return {Path(path).relative_to(folder).as_posix(): hash_of(Path(path)) for path in paths}


def hash_of(path: Path) -> str:
    """A hash of a file: of its checksum, which is verified where the file is read, or of its content if it has none.

    Empty if there is no such file.
    """
    try:
        checksum, *_ = (path.parent / FOLDER / path.name).read_bytes().splitlines()
        return hashlib.sha256(checksum).hexdigest()[:16] if path.is_file() else ""
    except (OSError, ValueError):
        return sha256(path)[:16] if path.is_file() else ""
