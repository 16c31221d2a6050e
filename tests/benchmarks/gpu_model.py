"""A model of a GPU: what kernels a network launches, and how long launching and computing them takes.

Nothing here runs on a GPU. Networks run on tensors without data (PyTorch's device "meta"), and each operator that
computes is counted with its floating-point operations and the bytes that it reads and writes. A kernel takes the
longest of its operations at `COMPUTE` of the peak, its bytes at `BANDWIDTH` of the peak, and `FLOOR` (the roofline
model of Williams et al. 2009, with a floor); launching one from Python takes `LAUNCH`.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from resiliency.designs.networks import build, normalised
from resiliency.training.optimizer import make_optimizer
from resiliency.training.settings import Recipe

COMPUTE, BANDWIDTH = 0.4, 0.8  # shares of the peaks that convolutions and element-wise kernels usually reach
FLOOR, LAUNCH = 2e-6, 10e-6  # seconds
# Launches of operators that start more than one kernel; a list of tensors is handled so many at a time.
LAUNCHES = {"convolution_backward": 2, "native_layer_norm_backward": 2}
LISTED = 40
# Random numbers, shift, flip, sum of the losses: the kernels of a training step that are not of a network.
AROUND = 20
NO_KERNEL = ("empty", "_unsafe_view", "_local_scalar_dense", "lift_fresh", "_record_function")


class Card(NamedTuple):
    """Peaks of a GPU, by its data sheet.

    Attributes:
        flops: precision -> floating-point operations a second, dense.
        bandwidth: bytes a second.
    """

    flops: dict[str, float]
    bandwidth: float


CARDS = {
    "H100": Card({"bfloat16": 989e12, "tf32": 494e12, "float32": 67e12}, 3.35e12),
    "A100": Card({"bfloat16": 312e12, "tf32": 156e12, "float32": 19.5e12}, 2.04e12),
}


@dataclass(frozen=True)
class Cost:
    """Seconds that a GPU computes, and that its process launches."""

    computing: float = 0.0
    launching: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.computing + other.computing, self.launching + other.launching)

    def __mul__(self, times: float) -> "Cost":
        return Cost(self.computing * times, self.launching * times)

    def seconds(self, captured: bool = False, processes: int = 1, feeding: float = 0.0) -> float:
        """GPU time: the longest of computing, of launching and of feeding, which `processes` on one GPU share.

        Args:
            captured: whether steps are replayed as CUDA graphs, whose launches hide behind `FLOOR`.
            feeding: seconds in which one process is fed with what is computed here.
        """
        return max(self.computing, 0 if captured else self.launching / processes, feeding / processes)


class Kernels(TorchDispatchMode):
    """Lists (launches, floating-point operations, bytes) of each operator that computes within a `with` block."""

    def __init__(self):
        super().__init__()
        self.listed: list[tuple[int, float, int]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        packet = func.overloadpacket
        name = packet.__name__
        if not func.is_view and not any(part in name for part in NO_KERNEL):
            read = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
            written = [x for x in tree_leaves(result) if isinstance(x, torch.Tensor)] or tree_leaves(args[0])
            flops = flop_registry[packet](*args, **kwargs, out_val=result) if packet in flop_registry else 0
            launches = math.ceil(len(read) / LISTED) if name.startswith("_foreach") else LAUNCHES.get(name, 1)
            self.listed.append((launches, flops, sum(x.nbytes for x in (*read, *written))))
        return result

    def cost(self, card: Card, precision: str) -> Cost:
        """What the listed kernels cost on `card`, their matrix products in `precision`."""
        rate, bandwidth = card.flops[precision] * COMPUTE, card.bandwidth * BANDWIDTH
        times = (max(flops / rate, size / bandwidth, launches * FLOOR) for launches, flops, size in self.listed)
        return Cost(sum(times), LAUNCH * sum(launches for launches, _, _ in self.listed))


def network(description: dict, classes: int, precision: str) -> torch.nn.Module:
    """The network of a design without data, its weights in the precision that it computes in."""
    with torch.device("meta"):
        built = build(description, classes, 0)
    return built.to(torch.bfloat16 if precision == "bfloat16" else torch.float32)


def _images(count: int, side: int, like: torch.nn.Module) -> torch.Tensor:
    stored = torch.empty(count, side, side, 3, dtype=torch.uint8, device="meta")
    return normalised(stored, [0.5] * 3, [0.25] * 3).to(next(like.parameters()).dtype)


def training(description: dict, classes: int, side: int, recipe: Recipe) -> tuple[Kernels, Kernels]:
    """A step of one network in bfloat16: forward and backward; and the optimizer on weights in float32."""
    learner = network(description, classes, "bfloat16").train()
    labels = torch.empty(recipe.batch_size, dtype=torch.int64, device="meta")
    with Kernels() as passes:
        F.cross_entropy(learner(_images(recipe.batch_size, side, learner)).float(), labels).backward()
        for weight in learner.parameters():
            if weight.ndim > 1:
                weight.float().bfloat16()  # autocast's copy of the weight, and the gradient back in float32
    weights = network(description, classes, "float32")
    for weight in weights.parameters():
        weight.grad = torch.empty_like(weight)
    stepping = make_optimizer([weights], recipe)
    stepping.step()  # makes its state
    with Kernels() as step:
        stepping.step()
    return passes, step


def inference(description: dict, classes: int, side: int, batch: int) -> Kernels:
    """A batch predicted."""
    predictor = network(description, classes, "float32").eval()
    with torch.no_grad(), Kernels() as kernels:
        predictor(_images(batch, side, predictor))
    return kernels


def gradient(description: dict, classes: int, side: int, batch: int) -> Kernels:
    """A batch explained by one gradient with respect to its images."""
    explained = network(description, classes, "float32").eval().requires_grad_(False)
    with Kernels() as kernels:
        explained(_images(batch, side, explained).requires_grad_()).sum().backward()
    return kernels
