"""What a program would wait for on a CUDA device."""

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The program waits for their values.
WAITING = names("_local_scalar_dense _unique2 equal is_nonzero masked_select nonzero unique")


def waits_for(name: str, args: tuple, mixed: bool) -> bool:
    """Whether a program waits for an operation on `args`, which may be `mixed`: of both devices."""
    if "index" in name:
        return mixed or _masks(args)
    return name in WAITING or (name in ("copy_", "_to_copy") and mixed)


def _masks(args: tuple) -> bool:
    return any(isinstance(one, Tensor) and one.dtype == torch.bool for one in tree_leaves(args[1:2]))
