"""The files beside an ONNX file that hold its weights: their names are in the file, and may be any."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import PurePath
from typing import Any


def data_files(path: str) -> list[str]:
    """Paths of the files that the tensors of an ONNX file are in, sorted; they need not be there.

    None of a file that cannot be read, of which reading the network tells, or if the package onnx is missing.
    """
    with suppress(OSError):
        status = os.stat(path)
        return list(_data_files(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return []


@lru_cache(1024)
def _data_files(path: str, *_: int) -> tuple[str, ...]:
    if not find_spec("onnx"):
        return ()
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
    except Exception:  # of any kind, as what is no ONNX file raises
        return ()
    tensors = (one for one in _tensors(model) if one.data_location == onnx.TensorProto.EXTERNAL)
    names = {entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location"}
    return tuple(str(PurePath(path).parent / name) for name in sorted(names))


def _tensors(message: Any) -> Iterator[Any]:
    """The tensors anywhere in a message of a protocol buffer: constants, attributes of nodes, inner graphs."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type:
            for inner in [value] if hasattr(value, "DESCRIPTOR") else value:
                yield from _tensors(inner)
