"""Finished results: damaged, left over, written again since the run ended; and two studies side by side that differ."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import torch
from attacks.cases import ACCEPTED, Area, Wrong
from ended_runs import end_run

from resiliency.data.pictures import read_items, write_items
from resiliency.designs.members import Member
from resiliency.designs.networks import build, read_member, write_member
from resiliency.designs.settings import Design
from resiliency.storage.files import read_array, read_json, write_array, write_json
from resiliency.storage.runs import ABOUT, CARD, FILES, Run, hashes
from resiliency.storage.tables import read_table, write_table

DAMAGED = ": damaged, not as it was written; delete it and run again"
TABLE = pd.DataFrame({"member": ["a-s0", "b-s1"] * 50, "error": np.arange(100) / 7})


def _write_network(path: Path) -> None:
    design = Design(architecture="resnet18", stem="original", arguments={"channels": [2, 2, 2, 2]})
    description = design.description(32)
    torch.manual_seed(0)
    write_member(path.parent, build(description, 2, 0), Member("a", network_outputs=2, **description))


FORMATS: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "predictions.npy": (lambda path: write_array(path, np.arange(600.0).reshape(3, 200)), read_array),
    "card.json": (lambda path: write_json(path, {"classes": ["a", "b"], "mean": [0.1, 0.2]}), read_json),
    "members.csv": (lambda path: write_table(path, TABLE), read_table),
    "ensembles.parquet": (lambda path: write_table(path, TABLE), read_table),
    "items.csv": (lambda path: write_items(path, ["a"] * 50, [str(i) for i in range(50)]), read_items),
    "weights.safetensors": (_write_network, lambda path: read_member(path.parent)),
}


def _flipped(content: bytes) -> bytes:
    place = Random(len(content)).randrange(len(content))
    return content[:place] + bytes([content[place] ^ 8]) + content[place + 1 :]


DAMAGES = {
    "a bit": (_flipped, DAMAGED),
    "no damage": (bytes, ACCEPTED),
}


def _damaged(folder: Path, what: tuple[str, Callable[[bytes], bytes]]) -> None:
    name, damage = what
    write, read = FORMATS[name]
    write(folder / name)
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    read(folder / name)


FOLDER = "results/mine"
MADE, OTHER = "tables/members.csv", "another.csv"
USED = ("tables/deployment.csv", "tables/thresholds.csv", "members/a-s0/weights.safetensors")


def _finished(paths: tuple[str, ...]) -> Path:
    """Results of a run that made these files."""
    folder = Path(FOLDER)
    for path in paths:
        _write(folder, path)
    write_json(folder / "provenance.json", {"study": {}})
    return end_run(folder)


def _write(folder: Path, path: str, content: str = "as the run made it") -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    write_json(folder / path, {"content": content})


def _read(_: Path, act: Callable[[Path, str], object]) -> None:
    folder = _finished((MADE, OTHER))
    act(folder, MADE)
    if Run(folder).file(MADE).read_text() != '{\n  "content": "as the run made it"\n}\n':
        raise Wrong(f"{MADE} is read as one of the run")


def _forgotten(folder: Path, path: str) -> None:
    """A later run made all but this file."""
    provenance = read_json(folder / "provenance.json")
    provenance[FILES].pop(path)
    write_json(folder / "provenance.json", provenance)


EARLIER, CHANGED, GONE = "is of an earlier run", "has changed since the run", "run the study to its end first"
WAYS: dict[str, tuple[Callable[[Path, str], object], object]] = {
    "left over": (_forgotten, EARLIER),
    "made again": (lambda folder, path: _write(folder, path, "later"), CHANGED),
    "deleted": (lambda folder, path: (folder / path).unlink(), GONE),
    "in a run that has not ended": (lambda folder, _: (folder / "provenance.json").unlink(), GONE),
    "made again, the same": (_write, ACCEPTED),
}


def _exported(_: Path, what: tuple[Callable[[Path], object], bool]) -> None:
    """Raise `Wrong` if the card of an export is kept that is not of the run, or left out though it is."""
    act, kept = what
    folder = _finished((*USED, "tables/costs.csv"))
    (folder / "export").mkdir()
    _write(folder, CARD)
    used = [folder / path for path in (*USED, CARD)]
    write_json(folder / ABOUT, {"members": ["a-s0"], FILES: hashes(folder, used)})
    act(folder)
    if (Run(folder).card() is not None) != kept:
        raise Wrong("the card of an earlier export is kept" if not kept else "the card of the export is left out")


def _ended_again(folder: Path, path: str) -> None:
    _write(folder, path, "later")
    end_run(folder)


EXPORTS: dict[str, tuple[Callable[[Path], object], bool]] = {
    "another table changed": (lambda folder: _ended_again(folder, "tables/costs.csv"), True),
    "other thresholds": (lambda folder: _ended_again(folder, USED[1]), False),
    "other weights": (lambda folder: _ended_again(folder, USED[2]), False),
    "no deployment any more": (lambda folder: _forgotten(folder, USED[0]), False),
    "another card": (lambda folder: _write(folder, CARD, "a placeholder"), False),
    "no ensemble": (lambda folder: (folder / ABOUT).unlink(), False),
}


BITTEN = {f"{name}: {how}": ((name, act), words) for name in FORMATS for how, (act, words) in DAMAGES.items()}
AREAS = (
    Area("damaged results", _damaged, BITTEN),
    Area("leftovers of earlier runs", _read, WAYS),
    Area("exports of earlier runs", _exported, {way: (what, ACCEPTED) for way, what in EXPORTS.items()}),
)
