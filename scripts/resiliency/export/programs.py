"""The ONNX program of an ensemble, how it is run here, and how long that takes."""

import os
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from resiliency.base.faults import Fault
from resiliency.export.loading import Deployable

# Images uint8 n x H x W x 3 -> probabilities float32 n x K and mutual information float32 n.
Run = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
EAGER = "torch"
WARMING, LEAST, MOST, LONGEST = 3, 5, 30, 3.0


def eager_runner(module: torch.nn.Module, threads: int) -> Run:
    """A function that runs a module as it is, in `threads` threads of this process."""

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            outputs = module(torch.from_numpy(np.ascontiguousarray(images)))
        return tuple(values.numpy() for values in outputs)

    return run


def milliseconds(runs: Sequence[Run], image: np.ndarray) -> np.ndarray:
    """Time that each of R runs takes for one image (uint8 1 x H x W x 3) in ms; float64 rounds x R.

    A round times each run once, so that what else the machine does slows all of them. There are `MOST` rounds, or as
    many as `LONGEST` seconds per run allow, but at least `LEAST`, after `WARMING` that do not count.
    """
    for run in runs:
        for _ in range(WARMING):
            run(image)
    rounds, end = [], time.perf_counter() + LONGEST * len(runs)
    while len(rounds) < MOST and (len(rounds) < LEAST or time.perf_counter() < end):
        marks = [time.perf_counter()]
        for run in runs:
            run(image)
            marks.append(time.perf_counter())
        rounds.append(1000 * np.diff(marks))
    return np.array(rounds)


def quartiles(times: np.ndarray) -> np.ndarray:
    """Median, lower and upper quartile of each of R runs, float64 3 x R, of rounds x R."""
    return np.quantile(times, [0.5, 0.25, 0.75], axis=0)


LARGEST = 2 * 10**9  # bytes of weights in one file of ONNX
NAMES = ("probabilities", "mutual_information")


def write_program(ensemble: Deployable, side: int, path: Path) -> None:
    """Write `ensemble`, on the CPU, as ONNX; the number of images is free.

    Raises:
        Fault: a member cannot be traced for any number of images, or there are more weights than a file can hold.
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
            program = torch.export.export(ensemble, (images,), dynamic_shapes=shapes, strict=False)
            converted = torch.onnx.export(
                program, input_names=["images"], output_names=list(NAMES), dynamo=True, verbose=False
            )
            converted.save(path, external_data=False)
        except Exception as error:
            names = ", ".join(member.member for member in ensemble.members)
            reason = " ".join(str(error).split())
            raise Fault(f"ensemble of {names}: cannot be exported: {type(error).__name__}: {reason:.400}") from error


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
