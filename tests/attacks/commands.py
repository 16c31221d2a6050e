"""Command lines of `resiliency`: arguments, folders and files that cannot be, in a folder with
photographs."""

import sys
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import numpy as np
from attacks.cases import ACCEPTED, Area, Expected, Wrong
from PIL import Image

from resiliency import cli
from resiliency.base.faults import Fault


def levels(images: np.ndarray) -> np.ndarray:
    """Logits of two classes: dark and light."""
    light = images.mean(axis=(1, 2, 3))[:, None] / 255
    return np.hstack([1 - light, light]) * 9


def _photos(folder: Path, classes: int = 2) -> None:
    for name in "ab"[:classes]:
        for index in range(3):
            path = folder / name / f"{index}_{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 40), (index, 200 * (name == "b"), index)).save(path)


def _run(folder: Path, words: list[str]) -> None:
    """Run a command that must not begin a study: what it writes is whole, or nothing."""
    _photos(Path("photos"))
    _photos(Path("split/train"))
    _photos(Path("one"), classes=1)
    Path("empty/a").mkdir(parents=True)
    Path("file.yaml").write_text("study: a\nstudy: b\n")
    Path("binary.yaml").write_bytes(b"\xff\x00")
    Path("own.onnx").write_bytes(b"\x08\x07")
    Path("exits.py").write_text("raise SystemExit(0)")
    Path("template.yaml").write_text("__use_yte__: true\nstudy: ?open('ran', 'w')\n")
    before, started = set(folder.rglob("*")), Wrong("Snakemake was started")
    with (
        patch.object(cli.os, "execvp", side_effect=started),
        patch.object(cli.subprocess, "run", side_effect=started),
        patch.object(sys, "path", [*sys.path, str(folder)]),
        patch.object(sys, "dont_write_bytecode", True),
        redirect_stderr(StringIO()),
    ):
        try:
            cli.main(words)
        except SystemExit as end:
            if written := {*folder.rglob("*")} - before:
                raise Wrong(f"{written} were written") from end
            raise Fault(end.code if isinstance(end.code, str) else f"usage {end.code}") from end


MODEL = f"{__name__}:levels"
COMMANDS: dict[str, Expected] = {
    f"evaluate {MODEL} photos --size 32": ACCEPTED,
    f"evaluate {MODEL} photos --size 32 --csv errors.csv": ACCEPTED,
    f"evaluate {MODEL} photos --size 32 --csv photos": "",
    f"evaluate {MODEL} photos --size 32 --csv no/where/errors.csv": "",
    **{
        f"evaluate {MODEL} {folder} --size 32": ""
        for folder in ("nowhere", "file.yaml", "empty", "split", "photos/a")
    },
    **{
        f"evaluate {MODEL} photos --size {size}": ""
        for size in ("0", "-1", "31", "x", "1e3", "99999999999", "32.0")
    },
    **{
        f"evaluate {MODEL} photos --size 32 --batch-size {size}": ""
        for size in ("0", "-1", "x", "1.5")
    },
    "evaluate os:getcwd photos --size 32": "predict: fails on 6 images: TypeError: ",
    **{
        f"evaluate {model} photos --size 32": ""
        for model in ("nowhere.onnx", "own.onnx", "os", "os:", ":x")
    },
    "evaluate os:sep photos --size 32": "os:sep: expected a function, got str",
    "evaluate exits:net photos --size 32": "exits:net: cannot be imported (SystemExit: 0)",
    **{
        f"begin {folder}": ""
        for folder in ("nowhere", "file.yaml", "empty", "one", "photos", "split", "photos/a", "")
    },
    "begin photos --study file.yaml": "expected a new file, got one that exists",
    "begin photos --study file.yaml/new.yaml": "",
    **{
        f"compare {folders}": ""
        for folders in ("", "photos", "photos photos/.", "photos one", "no where")
    },
    "compare photos one --output table.txt": "expected a name that ends in .csv",
    **{
        f"{of} {file}": ""
        for of in ("run", "check", "export")
        for file in ("nowhere.yaml", "photos", "binary.yaml")
    },
    **{
        f"{of} template.yaml": "__use_yte__: Snakemake would run code"
        for of in ("run", "check", "export")
    },
    **dict.fromkeys(
        ("", "ru photos", "--versio", "begin photos -- -n", "compare a b -- x", "run --core 1"),
        "usage 2",
    ),
}
AREAS = (
    Area(
        "command lines",
        _run,
        {line: (line.split(), expected) for line, expected in COMMANDS.items()},
    ),
)
