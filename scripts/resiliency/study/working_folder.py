"""The working folder that results were made from: Snakemake keeps there, not beside them, what they were made with."""

import os
from contextlib import suppress
from pathlib import Path

from resiliency.base.faults import Fault

NAME = ".working_folder"


def check_working_folder(results: str) -> None:
    """Refuse results, a path relative to the working folder, that another working folder made and still reaches.

    Snakemake would compare with what it recorded in this folder, and not with what the other made since.

    Raises:
        Fault: the results are those of another folder too.
    """
    here = Path.cwd()
    with suppress(OSError):
        other = Path(os.fsdecode(Path(results, NAME).read_bytes()))
        if not other.samefile(here) and Path(other, results).samefile(results):
            raise Fault(
                f"{results}: expected results made in {here}, got those made in {other}, which has Snakemake's "
                f"records of them; run Snakemake in {other}, or use another folder for results"
            )


def sign(results: str) -> None:
    """Note that the results are made from this working folder, if they can be written at all."""
    with suppress(OSError):
        Path(results).mkdir(parents=True, exist_ok=True)
        Path(results, NAME).write_bytes(os.fsencode(Path.cwd()))
