"""Folders of results from elsewhere: what describes a member or a run is of another kind, or names
code and files."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from attacks.cases import ACCEPTED, EITHER, Area, Expected, Wrong
from attacks.finished import write_network

from resiliency.comparison import difference_table, printed, read_studies
from resiliency.designs.networks import read_member
from resiliency.export.loading import chosen_row
from resiliency.export.settings import checked_ensemble
from resiliency.metrics.classification import cost_matrix, read_costs
from resiliency.prediction.reading import all_conditions
from resiliency.storage import write_csv, write_json, write_table


@cache
def _member() -> tuple[bytes, dict]:
    """The weights of a small network, and its description."""
    write_network(Path("good/weights.safetensors"))
    return Path("good/weights.safetensors").read_bytes(), json.loads(
        Path("good/member.json").read_text()
    )


def _described(folder: Path, changes: dict[str, object]) -> None:
    weights, described = _member()
    Path("weights.safetensors").write_bytes(weights)
    Path("evil.py").write_text(
        "from os import system\nfrom pathlib import Path\nPath('ran').touch()\n"
    )
    write_json("member.json", described | changes)
    try:
        network, member = read_member(folder)
    finally:
        if Path("ran").exists():
            raise Wrong("code of the folder was run")
    if network(torch.zeros(1, 3, 32, 32)).shape != (
        1,
        len(member.outputs or range(member.network_outputs)),
    ):
        raise Wrong("another number of outputs")


RAN = {"command": "touch ran"}
ALLOW = "if you trust it, name it in the study, or in load_ensemble(..., allow={'os:system'})"
ARCHITECTURES = ("local-dir:.", "resnet0", "..", "", "resnet34", "resnet18.nonsense", "resnet18\n")
ARGUMENTS = {
    "pretrained": True,
    "pretrained_cfg": {"file": "evil.pth"},
    "features_only": True,
    "num_classes": 3,
}
ARGUMENTS |= {"act_layer": "evil", "block": "evil:system", "in_chans": 4}
DESCRIBED: dict[str, tuple[dict, Expected]] = {
    "as it is": ({}, ACCEPTED),
    "factory of a package": ({"factory": "os:system", "arguments": RAN}, ALLOW),
    **{
        f"factory {of!r}": ({"factory": of, "arguments": RAN}, "")
        for of in ("evil:system", "evil:x", "a")
    },
    "factory of the library": (
        {"factory": "resiliency.storage:write_json", "arguments": {}},
        "would run code",
    ),
    "factory of the search, of another kind": (
        {"factory": "resiliency.search.network:residual"},
        "",
    ),
    "factory beside that of the search": (
        {"factory": "resiliency.search.network:residual:x"},
        "would run code",
    ),
    "architecture of a hub": (
        {"architecture": "hf-hub:a/b"},
        "timm has no architecture 'hf-hub:a/b'",
    ),
    **{f"architecture {name!r}": ({"architecture": name}, "") for name in ARCHITECTURES},
    "a file as an argument": (
        {"arguments": {"checkpoint_path": "evil.pth"}},
        "must not contain checkpoint_path",
    ),
    **{
        f"argument {name}": ({"arguments": {"channels": [2] * 4, name: of}}, "")
        for name, of in ARGUMENTS.items()
    },
    "huge channels": ({"arguments": {"channels": [10**9] * 4}}, ""),
    "a list of arguments": ({"arguments": [1]}, "not the description of a member"),
    "no outputs": ({"network_outputs": None}, ""),
    "another number of outputs": ({"network_outputs": 3}, ""),
    "an output that is not there": ({"outputs": [0, 5]}, ""),
    "a key unknown": ({"own": 1}, "not the description of a member"),
}
KEYS = (
    "member",
    "architecture",
    "arguments",
    "network_outputs",
    "outputs",
    "seed",
    "side",
    "stem",
    "mean",
    "view",
)
KEYS += ("factory", "input_size", "classes", "parameters", "family", "training_cost")
OF_ANOTHER_KIND = (True, -1, 1e308, "x" * 1000, [], {}, [None], {"a": [1]}, "</script>")
DESCRIBED |= {
    f"{key}: {value!r:.20}": ({key: value}, EITHER) for key in KEYS for value in OF_ANOTHER_KIND
}


IMAGES = 20


def _finished(folder: Path, study: dict, place: str) -> None:
    """The least of a finished study of imported members, or with a data set, that is compared."""
    write_table(
        folder / "conditions.csv", all_conditions(["fog"], [1], {"clean": IMAGES}, {"clean": 2})
    )
    write_csv(folder / "tables/members.csv", [{"member": "a"}])
    for path, values in {
        f"{place}/labels.npy": np.arange(IMAGES) % 2,
        "predictions/a/clean.npy": np.zeros((2, IMAGES), np.int16),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / path, values)
    if study.get("dataset"):
        write_json(
            folder / "data/card.json", {"classes": ["a", "b"], "splits": {"test": {"sha256": "0"}}}
        )
    write_json(folder / "provenance.json", {"study": study, "tables": ["members"]})


STUDY = {
    "seed": 0,
    "dataset": {},
    "corruptions": {"names": ["fog"]},
    "statistics": {"confidence": 0.95},
}


def _compared(_: Path, what: tuple[bool, Callable[[Path], object]]) -> None:
    imported, change = what
    study = STUDY | {"dataset": None if imported else {"name": "digits"}}
    for name in "ab":
        _finished(Path(name), study | {"study": name}, "data/clean" if imported else "data/test")
    change(Path("b"))
    table = difference_table(read_studies([Path("a"), Path("b")]))
    if printed(table).count("\n") != len(table):
        raise Wrong("a row is not printed in one line")


def _with(**changes: object) -> Callable[[Path], object]:
    """A run whose provenance says something else."""
    return lambda folder: write_json(
        folder / "provenance.json", json.loads((folder / "provenance.json").read_text()) | changes
    )


def _put(file: str, content: bytes | np.ndarray) -> Callable[[Path], object]:
    return lambda folder: (
        np.save(folder / file, content)
        if isinstance(content, np.ndarray)
        else (folder / file).write_bytes(content)
    )


GONE = "run the study to its end first"
NO_PROVENANCE = (b"null", b"[" * 100_000, b"\xff", b'{"study": 1}', b'{"study": {}, "tables": 3}')
CHANGES: dict[str, tuple[Callable[[Path], object], Expected]] = {
    "nothing": (lambda folder: None, ACCEPTED),
    "no predictions": (lambda folder: (folder / "predictions/a/clean.npy").unlink(), ACCEPTED),
    **{
        f"provenance of {text[:12]!r}": (_put("provenance.json", text), "provenance.json: ")
        for text in NO_PROVENANCE
    },
    **{
        f"a study without {key}": (
            _with(study={k: v for k, v in (STUDY | {"study": "b"}).items() if k != key}),
            "provenance.json: ",
        )
        for key in (*STUDY, "study")
    },
    "tables of an earlier version": (_with(tables={"members": 1}), ACCEPTED),
    "no provenance": (lambda folder: (folder / "provenance.json").unlink(), GONE),
    "tables that are not there": (_with(tables=["members", "deployment"]), GONE),
    "a table of nothing": (_put("tables/members.csv", b""), ""),
}
COMPARED = {
    f"{'imported' if imported else 'with images'}: {name}": ((imported, change), expected)
    for imported in (True, False)
    for name, (change, expected) in CHANGES.items()
}
COMPARED |= {
    f"labels {name}": ((True, _put("data/clean/labels.npy", values)), expected)
    for name, (values, expected) in {
        "too few": (np.arange(3), ""),
        "of bytes": (b"\x80\x04K\x01.", "corrupt .npy array"),
        "of floats": (np.zeros(IMAGES), EITHER),
    }.items()
}

DEPLOYMENT = pd.DataFrame(
    {"number": [1, 2], "members": ["a", "a+b"], "size": [1, 2], "macs": [1e6, 2e6], "fit": True}
)
ERRORS = {name: [0.2, 0.1] for name in ("error", "corrupted_error", "selection_error")}
DEPLOYMENT = DEPLOYMENT.assign(instead=[1, 2], **ERRORS)
NAMES = {
    **dict.fromkeys(
        ("1", 2, "best", "most_accurate", "best under 1.5 M MACs", "best of at most 1 member"),
        ACCEPTED,
    ),
    "3": "ensemble: expected a number from 1 to 2 (tables/deployment.csv), got 3",
    **dict.fromkeys(
        ("0", "01", "best ", "BEST", 1.5, "1\n", True), "ensemble: must be best, best under N MACs"
    ),
    **dict.fromkeys(
        (f"best of at most {'9' * 5000} members", f"best under {'9' * 400} MACs", "9" * 5000), ""
    ),
    **dict.fromkeys(
        (
            "best under 0 MACs",
            "best of at most 0 members",
            "best under 1e6 MACs",
            "best under ٣ MACs",
        ),
        "",
    ),
}


def _choose(_: Path, name: str | int) -> None:
    chosen_row(DEPLOYMENT, name)
    checked_ensemble(name)


COSTS: dict[str, tuple[str, Expected]] = {
    "with gaps": (",cat,dog\ncat,,2\n", ACCEPTED),
    **{
        f"a cost of {cell!r}": (f",cat,dog\ncat,0,{cell}\n", "expected a number of 0 or more")
        for cell in ("-1", "nan", "inf", "1e400", "x", "1_0", "٣", "0x1", "True")
    },
    "a row twice": (",cat\ncat,1\ncat,2\n", "expected one row per class"),
    "a column twice": (",cat,cat\ndog,1,2\n", "expected one column per class"),
    "a cost too many": (",cat\ncat,0,3\n", "cat: expected 1 costs"),
    "a class unknown": (",cats\ncat,0\n", "cats"),
    "semicolons": (";cat\ndog;1\n", "expected costs, got none"),
    "nothing": ("", "cannot be read"),
    "a header alone": (",cat,dog\n", "expected costs, got none"),
    "a cell beyond the limit of csv": (f",cat\n{'x' * 200_000},1\n", "cannot be read"),
}


def _priced(_: Path, content: str) -> None:
    Path("costs.csv").write_text(content, encoding="utf-8")
    cost_matrix(read_costs("costs.csv"), ["cat", "dog"])


AREAS = (
    Area("descriptions of networks in results", _described, DESCRIBED),
    Area("results that are compared", _compared, COMPARED),
    Area(
        "names of ensembles",
        _choose,
        {f"{name!r:.40}": (name, expected) for name, expected in NAMES.items()},
    ),
    Area("tables of costs", _priced, COSTS),
)
