"""The last run of a study.

A folder keeps what a study no longer makes, such as tables that need corruptions after these were removed from it. So
provenance.json lists the tables and charts of its run, and whoever reads a folder of results takes these alone."""

from pathlib import Path

from resiliency.base.faults import Fault
from resiliency.storage.files import read_json

PROVENANCE = "provenance.json"


class Run:
    """The run that made a folder of results last: a container of the names of its tables.

    Attributes:
        folder: folder of the results, results/<study>.
        provenance: content of provenance.json.

    Raises:
        Fault: the study has not been run to its end.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.provenance = read_json(self.file(PROVENANCE))

    def __contains__(self, table: str) -> bool:
        return table in self.provenance["tables"]

    def file(self, path: str) -> Path:
        """The file of this path in the folder.

        Raises:
            Fault: there is none.
        """
        file = self.folder / path
        if not file.is_file():
            raise Fault(f"{self.folder}: has no {path}; run the study to its end first")
        return file
