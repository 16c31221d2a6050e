"""The ONNX program of an ensemble, how it is run here, and the latency of each member of a study."""

import os
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import torch
from onnx import compose, version_converter
from torch import Tensor, nn

from resiliency.base.faults import Fault, brief
from resiliency.base.names import SEARCH
from resiliency.designs.members import Member
from resiliency.designs.networks import normalised
from resiliency.designs.onnx import OnnxNetwork
from resiliency.devices.machine import machine
from resiliency.export.loading import Deployable, onnx_members, read_networks, seen

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
OPSET = 18  # the oldest version that torch writes


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
            if onnx_members(ensemble):
                onnx.save(composed(ensemble, side), path)
                return
            program = torch.export.export(ensemble, (images,), dynamic_shapes=shapes, strict=False)
            converted = torch.onnx.export(
                program, input_names=["images"], output_names=list(NAMES), dynamo=True, verbose=False
            )
            converted.save(path, external_data=False)
        except Fault:
            raise
        except Exception as error:
            names = ", ".join(member.member for member in ensemble.members)
            reason = " ".join(str(error).split())
            raise Fault(f"ensemble of {names}: cannot be exported: {type(error).__name__}: {reason:.400}") from error


def composed(ensemble: Deployable, side: int) -> onnx.ModelProto:
    """An ensemble with ONNX files among its members as one model, which holds copies of their graphs.

    Args:
        side: height and width of the images in pixels.

    Raises:
        Fault: a member takes only one number of images, or has operators that cannot be brought to a common version.
    """
    files = onnx_members(ensemble)
    parts = {place: _model(network, ensemble.members[place].member) for place, network in files.items()}
    opset = max([OPSET, *map(_opset, parts.values())])
    images = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    before, after = _Before(ensemble, files), _After(ensemble, files)
    with torch.inference_mode():
        given = before(images)
        logits = [files[place].run(values) if place in files else values for place, values in enumerate(given)]
    inner = [f"given_{place}" for place in range(len(given))], [f"logits_{place}" for place in range(len(given))]
    whole = _converted(_exported(before, (images,), ["images"], inner[0], opset), opset, "ensemble")
    for place, model in parts.items():
        name = ensemble.members[place].member
        model = compose.add_prefix(_converted(model, opset, name), f"{name}/")
        model.ir_version = whole.ir_version
        place_of = {model.graph.output[0].name}
        links = [(inner[0][place], _input_name(model))]
        kept = [output.name for output in whole.graph.output if output.name != inner[0][place]]
        whole = compose.merge_models(whole, model, links, outputs=[*kept, *place_of])
        inner[0][place] = place_of.pop()
    end = _converted(_exported(after, tuple(logits), inner[1], list(NAMES), opset), opset, "ensemble")
    end = compose.add_prefix(end, "combined/", rename_inputs=False, rename_outputs=False)
    end.ir_version = whole.ir_version
    return compose.merge_models(whole, end, list(zip(*inner, strict=True)))


class _Before(nn.Module):
    """Outputs of each member for the images; for an ONNX file, its inputs."""

    def __init__(self, ensemble: Deployable, files: dict[int, OnnxNetwork]):
        super().__init__()
        self.ensemble, self.files = [ensemble], files
        self.networks = nn.ModuleList(network for place, network in enumerate(ensemble.networks) if place not in files)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        (ensemble,), networks, values = self.ensemble, iter(self.networks), []
        for place, member in enumerate(ensemble.members):
            pixels = normalised(seen(images, member), member.mean, member.std)
            values.append(self.files[place].prepare(pixels) if place in self.files else next(networks)(pixels).float())
        return tuple(values)


class _After(nn.Module):
    """Probabilities and mutual information from the outputs of members and ONNX files."""

    def __init__(self, ensemble: Deployable, files: dict[int, OnnxNetwork]):
        super().__init__()
        self.ensemble, self.files = [ensemble], files
        self.shares = ensemble.shares

    def forward(self, *values: Tensor) -> tuple[Tensor, Tensor]:
        (ensemble,), logits = self.ensemble, []
        for place, value in enumerate(values):
            if place in self.files:
                value, outputs = self.files[place].to_logits(value), ensemble.members[place].outputs
                value = value if outputs is None else value.index_select(1, torch.tensor(outputs))
            logits.append(value)
        return ensemble.combined(logits)


def _exported(
    module: nn.Module, given: tuple[Tensor, ...], inputs: list[str], outputs: list[str], opset: int
) -> onnx.ModelProto:
    count = torch.export.Dim("images", min=1)
    shapes = ({0: count},) if len(given) == 1 and inputs == ["images"] else (tuple({0: count} for _ in given),)
    program = torch.export.export(module.eval(), given, dynamic_shapes=shapes, strict=False)
    converted = torch.onnx.export(
        program, input_names=inputs, output_names=outputs, dynamo=True, verbose=False, opset_version=opset
    )
    return converted.model_proto


def _model(network: OnnxNetwork, member: str) -> onnx.ModelProto:
    """The model of a member, without other outputs than the first."""
    if batch := network.input.batch:
        raise Fault(f"ensemble: {member}: takes {batch} images at a time only; export the ONNX file with a free batch")
    model = onnx.load_from_string(network.content)
    del model.graph.output[1:]
    return model


def _input_name(model: onnx.ModelProto) -> str:
    constants = {tensor.name for tensor in model.graph.initializer}
    return next(one.name for one in model.graph.input if one.name not in constants)


def _opset(model: onnx.ModelProto) -> int:
    return next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))


def _converted(model: onnx.ModelProto, opset: int, name: str) -> onnx.ModelProto:
    if _opset(model) == opset:
        return model
    try:
        return version_converter.convert_version(model, opset)
    except Exception as error:
        raise Fault(
            f"ensemble: {name}: cannot be converted to operators of version {opset} ({brief(error)}); "
            f"export its ONNX file with opset {opset}"
        ) from error


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
        measured: member -> the member that is timed for it, as from `measured_members`.
        folders: member -> its folder.
        image: uint8 1 x H x W x 3.
        files: folder to which programs are written.

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
