"""The optimizer of one network or several, its learning rate at each step, and Muon.

Muon (Jordan et al. 2024) takes orthogonalised momentum for the kernels of a network, AdamW for its
other parameters."""

import math
from collections import defaultdict
from collections.abc import Collection

import torch
from torch import Tensor, nn

from resiliency.base.settings import Keys
from resiliency.designs.device import bfloat16_in_hardware, tf32
from resiliency.training.settings import Recipe

MOMENTUM = 0.9
BETAS = (0.9, 0.95)
SMALLEST, WIDEST = 4, 128
HALVED = 144  # number of rows from which on bfloat16 halves the time on a CPU
FIRST = 3  # number of factors that are applied first if products are rounded
# Coefficients of a quintic Newton-Schulz iteration, timm's "quintic" ones.
COEFFICIENTS = (
    (4.0848, -6.8946, 2.9270),
    (3.9505, -6.3029, 2.6377),
    (3.7418, -5.5913, 2.3037),
    (2.8769, -3.1427, 1.2046),
    (2.8366, -3.0525, 1.2012),
)


class Muon(torch.optim.AdamW):
    """The steps of `timm.optim.Muon` in less time (`tests/benchmarks/muon.py`).

    Kernels with equal numbers of rows are orthogonalised together, by their Gram matrices; on a CPU
    in float32, or, as timm does it, in bfloat16 if they are wide and the processor multiplies in
    it; on a GPU in TF32.

    Args:
        groups: parameter groups; those with `orthogonal` hold kernels, all others get AdamW.
    """

    def __init__(self, groups: list[Keys], **options: object):
        super().__init__(groups, betas=BETAS, eps=1e-7, **options)

    def __setstate__(self, state: Keys) -> None:
        # AdamW's graph holds the number of its steps.
        torch.optim.Optimizer.__setstate__(self, state)

    @torch.no_grad()
    def step(self) -> None:
        groups = self.param_groups
        for group in groups:
            if group["orthogonal"]:
                self._step_of_kernels(group)
        try:
            self.param_groups = [group for group in groups if not group["orthogonal"]]
            super().step()
        finally:
            self.param_groups = groups

    def _step_of_kernels(self, group: Keys) -> None:
        kernels = [kernel for kernel in group["params"] if kernel.grad is not None]
        if not kernels:
            return
        for kernel in kernels:
            if not self.state[kernel]:
                self.state[kernel]["momentum"] = torch.zeros_like(kernel)
        momenta = [self.state[kernel]["momentum"] for kernel in kernels]
        torch._foreach_lerp_(momenta, [kernel.grad for kernel in kernels], 1 - MOMENTUM)
        torch._foreach_mul_(kernels, 1 - group["lr"] * group["weight_decay"])
        alike = defaultdict(list)
        for kernel, momentum in zip(kernels, momenta, strict=True):
            # Channels last if they are last in the kernel: the order of columns changes no step.
            matrix = (
                momentum.permute(0, 2, 3, 1) if _has_channels_last(kernel) else momentum
            ).flatten(1)
            alike[matrix.shape].append((kernel, matrix))
        directions = orthogonalised(
            [torch.stack([matrix for _, matrix in pairs]) for pairs in alike.values()]
        )
        own, steps = [], []
        for (shape, pairs), stack in zip(alike.items(), directions, strict=True):
            # As long as the steps of AdamW usually are (Liu et al. 2025), so that both share a
            # rate.
            stack *= -0.2 * max(shape) ** 0.5 * group["lr"]
            own += [kernel for kernel, _ in pairs]
            steps += stack.unbind()
        torch._foreach_add_(
            own, [_as_kernel(step, kernel) for step, kernel in zip(steps, own, strict=True)]
        )


def _as_kernel(step: Tensor, kernel: Tensor) -> Tensor:
    """A step R×C, in the kernel's order of memory, with the shape of its kernel."""
    if not _has_channels_last(kernel):
        return step.view_as(kernel)
    rows, channels, height, width = kernel.shape
    return step.view(rows, height, width, channels).permute(0, 3, 1, 2)


def _has_channels_last(kernel: Tensor) -> bool:
    return kernel.ndim == 4 and kernel.is_contiguous(memory_format=torch.channels_last)


def orthogonalised(stacks: list[Tensor]) -> list[Tensor]:
    """Matrices float32 N×R×C with singular values near 1 in place of their own, which small ones
    reach last.

    Each iteration multiplies a matrix X by a polynomial in its Gram matrix XXᵀ. All factors
    commute, so that their product is formed from the Gram matrices, of all stacks of as many rows
    at once, and meets X but once. In bfloat16 and TF32, rounding would make a Gram matrix
    indefinite, and the product would blow up; so X takes the first factors before the others are
    formed.
    """
    on_cpu = stacks[0].device.type == "cpu"
    wide = [stack.mT if stack.size(1) > stack.size(2) else stack for stack in stacks]
    units = [
        matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7) for matrices in wide
    ]
    alike = defaultdict(list)
    for position, matrices in enumerate(units):
        alike[matrices.size(1)].append(position)
    for rows, positions in alike.items():
        matrices = [units[position] for position in positions]
        if on_cpu and (rows < HALVED or not bfloat16_in_hardware()):
            directions = _multiplied(matrices, COEFFICIENTS)
        else:
            rounded = [stack.bfloat16() for stack in matrices] if on_cpu else matrices
            with tf32(not on_cpu):
                first = _multiplied(rounded, COEFFICIENTS[:FIRST])
                directions = [stack.float() for stack in _multiplied(first, COEFFICIENTS[FIRST:])]
        for position, direction in zip(positions, directions, strict=True):
            units[position] = direction
    return [
        unit.mT.contiguous() if unit.shape != stack.shape else unit
        for unit, stack in zip(units, stacks, strict=True)
    ]


def _multiplied(
    stacks: list[Tensor], coefficients: tuple[tuple[float, float, float], ...]
) -> list[Tensor]:
    """Matrices N×R×C of one R, multiplied by the polynomials with these coefficients."""
    gram, product, factor = torch.cat([torch.bmm(stack, stack.mT) for stack in stacks]), None, None
    for linear, cubic, quintic in coefficients:
        if factor is not None:
            gram = torch.bmm(torch.bmm(factor, gram), factor)
        factor = torch.baddbmm(gram, gram, gram, beta=cubic, alpha=quintic)
        factor.diagonal(dim1=1, dim2=2).add_(linear)
        product = factor if product is None else torch.bmm(factor, product)
    return [
        torch.bmm(part, stack)
        for part, stack in zip(product.split([*map(len, stacks)]), stacks, strict=True)
    ]


def kernels(network: nn.Module) -> list[nn.Parameter]:
    """The parameters whose steps are orthogonalised.

    Embeddings, tables of biases of attention, the head (the last matrix), depthwise convolutions
    and matrices that are small or long are none.
    """
    matrices = [
        parameter
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and parameter.ndim > 1 and "bias" not in name.rpartition(".")[2]
    ]
    left_out = {
        id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)
    }
    left_out |= {id(matrix) for matrix in matrices[-1:]}
    own = []
    for matrix in matrices:
        shorter, longer = sorted((matrix.shape[0], matrix[0].numel()))
        fits = min(matrix.shape[:2]) > 1 and shorter >= SMALLEST and longer <= WIDEST * shorter
        own += [matrix] if fits and id(matrix) not in left_out else []
    return own


def make_optimizer(
    networks: list[nn.Module], recipe: Recipe, body: Collection[nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """The optimizer over all parameters; norms and biases, which have one dimension, do not decay.

    Args:
        body: parameters that learn at the share `body_rate` of the learning rate, if the recipe has
            one.
    """
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
    own = (
        [kernel for network in networks for kernel in kernels(network)]
        if recipe.optimizer == "muon"
        else []
    )
    orthogonal, rate = set(own), recipe.learning_rate
    others = [p for p in parameters if p not in orthogonal]
    groups = [
        {"params": [p for p in others if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in others if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "muon":
        of_kernels = {"params": own, "weight_decay": recipe.weight_decay, "orthogonal": True}
        groups = [of_kernels, *(group | {"orthogonal": False} for group in groups)]
    if body:
        slow, at_share = set(body), {"lr": rate * recipe.body_rate, "share": recipe.body_rate}
        groups = [
            group
            | {"params": [p for p in group["params"] if (p in slow) == in_body]}
            | (at_share if in_body else {})
            for group in groups
            for in_body in (False, True)
        ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True, foreach=True)
    fused = parameters[0].device.type == "cpu"
    adamw = torch.optim.AdamW if recipe.optimizer == "adamw" else Muon
    return adamw(groups, lr=rate, fused=fused, foreach=not fused)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set `rate`, or the share of it that a group of parameters has."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("share", 1)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate at `step` of all, where `steps` make an epoch: linear warm-up, then half a
    cosine to zero."""
    total, warmup = recipe.epochs * steps, recipe.warmup_epochs * steps
    if step < warmup:
        return recipe.learning_rate * (step + 1) / (warmup + 1)
    return (
        recipe.learning_rate
        * 0.5
        * (1 + math.cos(math.pi * (step - warmup) / max(total - warmup, 1)))
    )
