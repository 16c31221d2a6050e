"""The device of networks. Only this module chooses it, and sets it up to give the same bytes in
every run."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from platform import machine
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from resiliency.base.faults import Fault
from resiliency.base.machine import VISIBLE, keep_freed_memory, visible_gpus


def device() -> torch.device:
    """The GPU of this process where it has one, else the CPU.

    Whatever computes with a network asks here first, because on a GPU this also sets, for the whole
    process:

    - deterministic kernels, those of cuBLAS included, which must be asked for before CUDA is used.
      Attention is computed step by step, because its faster forms have a backward pass that differs
      from run to run. An operation without a deterministic kernel runs nevertheless, after a
      warning of torch.
    - precision: float32 is that of IEEE 754 in convolutions as in matrix products, but for what
      runs within `tf32`, and products in bfloat16 are summed up in float32. Where a recipe trains
      in bfloat16, autocasting says which operations do.

    On a CPU, memory that is freed is kept for what is allocated next: see `keep_freed_memory`.

    Raises:
        Fault: this process was given a GPU, but CUDA does not show it.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True, warn_only=True)
        deterministic: Any = torch.utils.deterministic
        deterministic.fill_uninitialized_memory = False
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
        matmul = torch.backends.cuda.matmul
        matmul.allow_tf32 = matmul.allow_bf16_reduced_precision_reduction = False
        torch.backends.cuda.enable_flash_sdp(False)
        torch.backends.cuda.enable_mem_efficient_sdp(False)
        torch.backends.cuda.enable_cudnn_sdp(False)
        return torch.device("cuda")
    if gpus := visible_gpus():
        raise Fault(
            f"GPU {', '.join(gpus)}: assigned to this process, but torch {torch.__version__} "
            "cannot use it; "
            f"install a matching driver and torch, or set {VISIBLE}= to run on the CPU"
        )
    keep_freed_memory()
    return torch.device("cpu")


def device_name() -> str:
    """The model of the GPU that networks run on here, or the kind of CPU."""
    return torch.cuda.get_device_name() if device().type == "cuda" else f"CPU, {machine()}"


@cache
def bfloat16_in_hardware() -> bool:
    """Whether the processor multiplies in bfloat16; others emulate it, slowly. Known on Linux
    alone, else False."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags)


def layer_precision(wanted: str, networks: Iterable[nn.Module], device: torch.device) -> str:
    """float32 or bfloat16: what the recipe wants, and for "auto" what suits the device.

    On a GPU that is bfloat16. On a CPU it is bfloat16 if the processor multiplies in it and all
    `networks` are of those that it makes faster (`tests/benchmarks/training.py` measures it), else
    float32. It depends on nothing else, so that trainings on equal processors give equal members.
    """
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bfloat16"
    return (
        "bfloat16"
        if bfloat16_in_hardware() and all(map(_is_faster_in_bfloat16, networks))
        else "float32"
    )


def _is_faster_in_bfloat16(network: nn.Module) -> bool:
    """Whether its work is in convolutions, none of them depthwise: for these and for attention,
    casts take longer."""
    layers = list(network.modules())
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    depthwise = any(layer.groups == layer.in_channels > 1 for layer in convolutions)
    return (
        len(convolutions) > sum(isinstance(layer, nn.Linear) for layer in layers) and not depthwise
    )


@contextmanager
def inference() -> Iterator[None]:
    """No gradients, and attention by any of its forms, for their forward passes are all
    deterministic."""
    fast = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
    with torch.inference_mode(), sdpa_kernel(fast):
        yield


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """If `allowed`, let a GPU round the factors of products in float32 to 10 bits of mantissa."""
    products: Any = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [kind.allow_tf32 for kind in products]
    for kind in products if allowed else ():
        kind.allow_tf32 = True
    try:
        yield
    finally:
        for kind, value in zip(products, before, strict=True) if allowed else ():
            kind.allow_tf32 = value


def compiled(function: Callable, on: torch.device) -> Callable:
    """`function` as torch compiles it for a GPU, where CUDA graphs replay it; on a CPU as it is.

    What cannot be compiled, for want of a C compiler too, runs as it is, after a warning of torch.
    """
    if on.type != "cuda":
        return function
    torch._dynamo.config.suppress_errors = True
    return torch.compile(function, mode="reduce-overhead")
