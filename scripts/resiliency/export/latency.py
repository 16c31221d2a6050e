"""How long each member of a study takes for one image, as the program that an export of it alone would write."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from resiliency.base.names import SEARCH
from resiliency.designs.members import Member
from resiliency.export.loading import Deployable, read_networks
from resiliency.export.programs import milliseconds, onnx_runner, quartiles, write_program
from resiliency.provenance import machine

LATENCIES = ["member", "measured", "threads", "rounds", "median_ms", "low_ms", "high_ms", "machine"]


def measured_members(members: Iterable[Member]) -> dict[str, str]:
    """Member -> the member whose program is timed for it: the first of its design and size, for weights cost no time.

    Each sub-network of a search is timed.
    """
    first: dict[tuple, str] = {}
    measured = {}
    for member in members:
        alike = member.design, member.parameters, member.macs, member.member if member.origin == SEARCH else ""
        measured[member.member] = first.setdefault(alike, member.member)
    return measured


def latencies(measured: dict[str, str], folders: dict[str, Path], image: np.ndarray, files: Path) -> pd.DataFrame:
    """The rows of latencies.csv: milliseconds that onnxruntime takes for one image on one thread, interleaved.

    Args:
        measured: as from `measured_members`.
        folders: member -> its folder.
        image: uint8 1 x H x W x 3.
        files: folder for the programs.

    Raises:
        Fault: a network cannot be exported.
    """
    names, runs = list(dict.fromkeys(measured.values())), []
    for name in names:
        model = Deployable(read_networks([folders[name]]), [1.0], "mean_probability", 1).eval()
        write_program(model, image.shape[1], files / f"{name}.onnx")
        runs.append(onnx_runner(files / f"{name}.onnx", 1))
    times = milliseconds(runs, image)
    of_names = dict(zip(names, quartiles(times).T, strict=True))
    rows = [[member, name, 1, len(times), *of_names[name], machine()] for member, name in measured.items()]
    return pd.DataFrame(rows, columns=LATENCIES)
