"""Counts of what a program would do on a CUDA device."""

from collections import Counter
from math import ceil

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Operations that only look at memory in another way, or reserve some.
FREE = names(
    "_reshape_alias _unsafe_view alias as_strided chunk detach diagonal empty empty_like empty_strided expand flatten "
    "lift_fresh movedim narrow new_empty new_empty_strided permute reshape select slice split split_with_sizes squeeze "
    "t tensor_split transpose unbind unflatten unfold unsqueeze view view_as"
)
# The program waits for their values.
WAITING = names("_local_scalar_dense _unique2 equal is_nonzero masked_select nonzero unique")
# A multi-tensor kernel takes so many tensors of each of 1 to 5 lists (`depth_to_max_tensors` of ATen).
TENSORS_A_KERNEL = (110, 64, 48, 36, 30)


class Counts:
    """Attributes:
    operations: kernels by the name of the operation that launches them, copies between host and device included.
    waits: synchronisations of host and device, by what waits.
    bytes: that kernels read and write, every operand once.
    """

    def __init__(self):
        self.operations: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()
        self.bytes = 0

    @property
    def kernels(self) -> int:
        """Kernels launched: a lower bound, for some operations launch more than is known here."""
        return self.operations.total()

    @property
    def synchronisations(self) -> int:
        return self.waits.total()

    def clear(self) -> None:
        self.__init__()

    def synchronisation(self, operation: str) -> None:
        self.waits[operation] += 1

    def copy(self, place: str, waits: bool = True) -> None:
        self.operations[f"copy to {place}"] += 1
        if waits:
            self.synchronisation(f"copy to {place}")

    def filled(self, made: Tensor) -> None:
        self.operations["fill"] += 1
        self.bytes += made.nbytes

    def operation(self, name: str, args: tuple, hosts: tuple, out: object, mixed: bool) -> None:
        """Count one operation that ran on `hosts`, the memory of its arguments `args`, and gave `out`."""
        if name in WAITING:
            self.synchronisation(name)
        if "index" in name and (mixed or _masks(hosts)):
            self.synchronisation(name)
        if name in ("copy_", "_to_copy") and mixed:
            self.synchronisation(name)
        if name in FREE:
            return
        read = [one for one in tree_leaves(hosts) if isinstance(one, Tensor)]
        written = [one for one in tree_leaves(out) if isinstance(one, Tensor)]
        self.operations[name] += _kernels(name, hosts, len(read))
        self.bytes += sum(one.nbytes for one in read + written)


def _kernels(name: str, args: tuple, tensors: int) -> int:
    if name.startswith("_foreach"):
        lists = max(1, sum(isinstance(one, list | tuple) and isinstance(one[0], Tensor) for one in args if one))
        return ceil(tensors / lists / TENSORS_A_KERNEL[min(lists, 5) - 1])
    if name == "convolution_backward":
        return sum(args[-1])  # one for each gradient that is asked for
    if "batch_norm" in name or "layer_norm" in name or "group_norm" in name:
        return 2
    return 1


def _masks(args: tuple) -> bool:
    return any(isinstance(one, Tensor) and one.dtype == torch.bool for one in tree_leaves(args[1:2]))
