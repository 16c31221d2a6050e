"""Inputs that are replaced by others that are not newer: results must be made again by content, whatever its time."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import onnx
from attacks.cases import ACCEPTED, Area, Wrong
from onnx import TensorProto, helper

from resiliency.designs.settings import Design
from resiliency.study import records
from resiliency.study.records import Inputs

DATA = "tensors/layer1.weight"  # as a program names it
HOUR = 3600 * 10**9  # nanoseconds
TICK = 0.02  # seconds after which a file system has another time


def _written(folder: Path) -> None:
    files = {f"photos/{name}/{index}.png": b"picture %d" % index for name in ("ant", "bee") for index in range(2)}
    files |= {"own.csv": b"test_set,image,label,one\nclean,0,1,1\n", "own.npy": bytes(300)}
    files |= {"set/fog/1/ant/0.JPEG": b"JPEG 0", "set/fog/1/bee/1.JPEG": b"JPEG 1"}
    files |= {"net.onnx": _onnx(DATA), DATA: bytes(120)}
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _onnx(name: str) -> bytes:
    """A model with a tensor in a file of this name."""
    tensor = helper.make_tensor(name, TensorProto.FLOAT, [30], bytes(120), raw=True)
    onnx.external_data_helper.set_external_data(tensor, name)
    tensor.ClearField("raw_data")
    return helper.make_model(helper.make_graph([], "graph", [], [], [tensor])).SerializeToString()


def _of_onnx() -> str:
    design = Design(weights="net.onnx", mean=[0.5] * 3, std=[0.5] * 3)
    return Inputs("kept").files(*design.inputs(0).values())


def _changed(folder: Path, what: tuple[str, Callable[[Path], object], bool]) -> None:
    """Raise `Wrong` unless the state of an input is another after the change, or the same if it should be."""
    kind, change, seen = what
    name, content = KINDS[kind]
    _written(folder)
    with mock.patch.object(records, "GRAIN", -1):
        before = content()
        time.sleep(TICK)
        change(folder / name)
        if (content() != before) != seen:
            raise Wrong("results would not be made again" if seen else "results would be made again")


def _aged(path: Path, status: os.stat_result, older: int) -> None:
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - older))


def _over(path: Path, content: bytes) -> None:
    status = path.stat()
    path.write_bytes(content)
    _aged(path, status, 0)


def _moved(path: Path, content: bytes) -> None:
    status, other = path.stat(), path.with_name("other")
    other.write_bytes(content)
    _aged(other, status, HOUR)
    os.replace(other, path)


def _linked(path: Path, content: bytes) -> None:
    other = path.parent / ".other"
    other.write_bytes(content)
    _aged(other, path.stat(), HOUR)
    path.unlink()
    path.symlink_to(other)


WAYS: dict[str, Callable[[Path, bytes], object]] = {
    "an editor": lambda path, content: path.write_bytes(content),
    "cp -p of the same age": _over,
    "mv": _moved,
    "a symbolic link": _linked,
    "a clock at 1970": lambda path, content: (path.write_bytes(content), os.utime(path, ns=(0, 0))),
}
# Of a published set, of millions of files, only changes of class folders, sizes and times are looked for.
UNSEEN = ("an editor", "cp -p of the same age", "a clock at 1970")
GONE: dict[str, Callable[[Path], object]] = {"removed": lambda path: path.unlink()}
SAME: dict[str, Callable[[Path], object]] = {
    "touched": lambda path: os.utime(path),
    "written again": lambda path: path.write_bytes(path.read_bytes()),
    "linked": lambda path: _linked(path, path.read_bytes()),
    "a hidden file beside it": lambda path: path.with_name(".hidden.png").write_bytes(b""),
}
# Kind -> a file of it, and the state of all of them.
KINDS: dict[str, tuple[str, Callable[[], str]]] = {
    "arrays": ("own.npy", lambda: Inputs("kept").files("own.csv", "own.npy")),
    "ONNX data": (DATA, _of_onnx),
    "images": ("photos/bee/1.png", lambda: Inputs("kept").images(False, "photos")),
    "images that are decoded on the fly": ("photos/bee/1.png", lambda: Inputs("kept").images(True, "photos")),
    "published set": ("set/fog/1/bee/1.JPEG", lambda: Inputs("kept").image_set("set", "fog", [1])),
}


def _other(content: bytes) -> bytes:
    """Other values of the same size."""
    return content.replace(b"3", b"4").replace(b"1", b"2").replace(b"\0", b"x")


def _table() -> dict[str, tuple[tuple, object]]:
    """Each kind of input replaced in each way by content of the same size; and what does not count."""
    table = {}
    for kind in KINDS:
        changes = {way: (lambda path, r=replace: r(path, _other(path.read_bytes())), True)
                   for way, replace in WAYS.items() if kind != "published set" or way not in UNSEEN}  # fmt: skip
        changes |= {gone: (remove, True) for gone, remove in GONE.items()}
        if kind not in ("published set", "images that are decoded on the fly"):  # whose times count
            changes |= {same: (change, False) for same, change in SAME.items()}
        table |= {f"{kind}: {name}": ((kind, *change), ACCEPTED) for name, change in changes.items()}
    return table


AREAS = (Area("inputs that are replaced, and not newer", _changed, _table()),)
