"""Finished results that are damaged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from attacks.cases import ACCEPTED, Area

from resiliency.data.pictures import read_items, write_items
from resiliency.designs.members import Member
from resiliency.designs.networks import build, read_member, write_member
from resiliency.designs.settings import Design
from resiliency.storage import (
    read_array,
    read_json,
    read_table,
    write_array,
    write_json,
    write_table,
)

AGAIN = "delete it and run again"
TABLE = pd.DataFrame({"member": ["a-s0", "b-s1"] * 50, "clean_accuracy": np.arange(100) / 700})


def write_network(path: Path) -> None:
    design = Design(architecture="resnet18", stem="original", arguments={"channels": [2, 2, 2, 2]})
    description = design.description(32)
    torch.manual_seed(0)
    member = Member("a", network_outputs=2, **description)
    write_member(path.parent, build(member, 2, 0), member)


FORMATS: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "predictions.npy": (
        lambda path: write_array(path, np.arange(600.0).reshape(3, 200)),
        read_array,
    ),
    "card.json": (
        lambda path: write_json(path, {"classes": ["a", "b"], "mean": [0.1, 0.2]}),
        read_json,
    ),
    "members.csv": (lambda path: write_table(path, TABLE), read_table),
    "ensembles.parquet": (lambda path: write_table(path, TABLE), read_table),
    "items.csv": (
        lambda path: write_items(path, ["a"] * 50, [str(i) for i in range(50)]),
        read_items,
    ),
    "weights.safetensors": (write_network, lambda path: read_member(path.parent)),
}


DAMAGES = {
    "emptied": (lambda content: b"", AGAIN),
    "not what it is": (lambda content: b"\xff\xfe\x00" * 9, AGAIN),
    "no damage": (bytes, ACCEPTED),
}


def _damaged(folder: Path, what: tuple[str, Callable[[bytes], bytes]]) -> None:
    name, damage = what
    write, read = FORMATS[name]
    write(folder / name)
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    read(folder / name)


BITTEN = {
    f"{name}: {how}": ((name, act), words)
    for name in FORMATS
    for how, (act, words) in DAMAGES.items()
}
AREAS = (Area("damaged results", _damaged, BITTEN),)
