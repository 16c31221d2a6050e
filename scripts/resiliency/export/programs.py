"""Programs of an ensemble: for torch and for ONNX, and how they are run here."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch

from resiliency.base.faults import Fault
from resiliency.export.composing import composed
from resiliency.export.module import Deployable, onnx_members
from resiliency.export.timing import Run, eager_runner

LARGEST = 2 * 10**9  # bytes of weights in one file of ONNX
NAMES = ("probabilities", "mutual_information")


def write_programs(ensemble: Deployable, side: int, torch_path: Path | None, onnx_path: Path) -> None:
    """Write `ensemble`, on the CPU, as a program of torch.export and as ONNX; the number of images is free.

    An ensemble with members that are ONNX files is written as ONNX only.

    Raises:
        Fault: some member cannot be traced for any number of images, or there are more weights than a file may hold.
    """
    weights = sum(tensor.nbytes for tensor in ensemble.state_dict().values())
    if weights > LARGEST:
        raise Fault(
            f"ensemble: {weights / 1e9:.1f} GB of weights, more than the 2 GB of an ONNX file; take a smaller one"
        )
    images = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    shapes = {"images": {0: torch.export.Dim("images", min=1)}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if onnx_members(ensemble):
                onnx.save(composed(ensemble, side, NAMES), onnx_path)
                return
            program = torch.export.export(ensemble, (images,), dynamic_shapes=shapes, strict=False)
            if torch_path:
                torch.export.save(program, torch_path)
            converted = torch.onnx.export(
                program, input_names=["images"], output_names=list(NAMES), dynamo=True, verbose=False
            )
            converted.save(onnx_path, external_data=False)
        except Fault:
            raise
        except Exception as error:
            names = ", ".join(member.member for member in ensemble.members)
            reason = " ".join(str(error).split())
            raise Fault(f"ensemble of {names}: cannot be exported: {type(error).__name__}: {reason:.400}") from error


def torch_runner(path: Path, threads: int) -> Run:
    """Runs a program of torch.export, in so many threads of this process."""
    return eager_runner(torch.export.load(path).module(), threads)


def onnx_runner(path: Path, threads: int) -> Run:
    """Runs a program of ONNX by onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return tuple(session.run(list(NAMES), {"images": np.ascontiguousarray(images)}))

    return run


class Runtime(NamedTuple):
    """What it is called, and how a program of it in a file is run in so many threads."""

    label: str
    runner: Callable[[Path, int], Run]


RUNTIMES = {
    "ensemble.pt2": Runtime("torch, exported", torch_runner),
    "ensemble.onnx": Runtime("onnxruntime", onnx_runner),
}
