"""Results that were damaged since they were written: bits that flipped, ends that were lost, files that are gone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import torch
from attacks.cases import Case

from resiliency.data.pictures import read_items, write_items
from resiliency.designs.members import Member
from resiliency.designs.networks import build, read_member, write_member
from resiliency.designs.settings import Design
from resiliency.storage.files import read_array, read_json, write_array, write_json
from resiliency.storage.tables import read_table, write_table

BITS = 40
DAMAGED = ": damaged, not as it was written; delete it and run again"
TABLE = pd.DataFrame({"member": ["a-s0", "b-s1"] * 50, "error": np.arange(100) / 7})


def _write_network(path: Path) -> None:
    design = Design(architecture="resnet18", stem="original", arguments={"channels": [2, 2, 2, 2]})
    description = design.description(32)
    write_member(path.parent, build(description, 2, 0), Member("a", network_outputs=2, **description))


FORMATS: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "predictions.npy": (lambda path: write_array(path, np.arange(600.0).reshape(3, 200)), read_array),
    "card.json": (lambda path: write_json(path, {"classes": ["a", "b"], "mean": [0.1, 0.2]}), read_json),
    "members.csv": (lambda path: write_table(path, TABLE), read_table),
    "ensembles.parquet": (lambda path: write_table(path, TABLE), read_table),
    "items.csv": (lambda path: write_items(path, ["a"] * 50, [str(i) for i in range(50)]), read_items),
    "weights.safetensors": (_write_network, lambda path: read_member(path.parent)),
}


def damaged(*names: str) -> Iterator[Case]:
    """Each of these formats, or of all: as it was written, with a bit flipped in many places, cut, emptied."""
    for name in names or FORMATS:
        yield Case(f"{name} as written", lambda folder, n=name: _read(folder, n, lambda content: content), None)
        for index in range(BITS):
            yield Case(
                f"{name}: bit {index}", lambda folder, n=name, i=index: _read(folder, n, lambda c: _flip(c, i)), DAMAGED
            )
        for share in (0, 0.1, 0.5):
            kept = lambda content, share=share: content[: int(share * len(content))]  # noqa: E731
            yield Case(f"{name}: {share:.0%} left", lambda folder, n=name, k=kept: _read(folder, n, k), DAMAGED)
        for what, change in (("the last byte lost", lambda c: c[:-1]), ("a byte too many", lambda c: c + b"\0")):
            yield Case(f"{name}: {what}", lambda folder, n=name, c=change: _read(folder, n, c), DAMAGED)


def _flip(content: bytes, index: int) -> bytes:
    place = Random(index).randrange(len(content) * 8)
    return content[: place // 8] + bytes([content[place // 8] ^ 1 << place % 8]) + content[place // 8 + 1 :]


def _read(folder: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    write, read = FORMATS[name]
    path = folder / name
    torch.manual_seed(0)
    write(path)
    path.write_bytes(damage(path.read_bytes()))
    read(path)
