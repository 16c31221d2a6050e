"""Muon (Jordan et al. 2024): orthogonalised momentum for the kernels of a network, AdamW for its other parameters."""

from collections import defaultdict

import torch
from torch import Tensor, nn

from resiliency.devices.choice import bfloat16_in_hardware

MOMENTUM = 0.9
BETAS = (0.9, 0.95)
SMALLEST, WIDEST = 4, 128
HALVED, FIRST = 144, 3  # rows from which on bfloat16 halves the time on a CPU, and how many factors it forms at first
# Of a quintic Newton-Schulz iteration, the "quintic" ones of timm.
COEFFICIENTS = (
    (4.0848, -6.8946, 2.9270),
    (3.9505, -6.3029, 2.6377),
    (3.7418, -5.5913, 2.3037),
    (2.8769, -3.1427, 1.2046),
    (2.8366, -3.0525, 1.2012),
)


class Muon(torch.optim.AdamW):
    """The steps of `timm.optim.Muon` in less time (`tests/benchmarks/muon.py`).

    Kernels of one shape are orthogonalised in one batched product, by their Gram matrices; in float32, or, as timm does
    it, in bfloat16 if they are wide and the processor multiplies in it.

    Args:
        groups: of parameters; those with `orthogonal` are kernels, others get AdamW.
    """

    def __init__(self, groups: list[dict], **options: object):
        super().__init__(groups, betas=BETAS, eps=1e-7, foreach=True, **options)

    def __setstate__(self, state: dict) -> None:
        torch.optim.Optimizer.__setstate__(self, state)  # AdamW's asks kernels for the number of their steps

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

    def _step_of_kernels(self, group: dict) -> None:
        kernels = [kernel for kernel in group["params"] if kernel.grad is not None]
        if not kernels:
            return
        momenta = [self._momentum(kernel) for kernel in kernels]
        torch._foreach_lerp_(momenta, [kernel.grad for kernel in kernels], 1 - MOMENTUM)
        torch._foreach_mul_(kernels, 1 - group["lr"] * group["weight_decay"])
        alike = defaultdict(list)
        for kernel, momentum in zip(kernels, momenta, strict=True):
            alike[momentum.flatten(1).shape].append((kernel, momentum.flatten(1)))
        for (rows, columns), pairs in alike.items():
            directions = orthogonalised(torch.stack([matrix for _, matrix in pairs]))
            # As long as the steps of AdamW usually are (Liu et al. 2025), so that both share a rate.
            steps = directions * (-0.2 * max(rows, columns) ** 0.5 * group["lr"])
            own = [kernel for kernel, _ in pairs]
            torch._foreach_add_(own, [step.view_as(kernel) for step, kernel in zip(steps.unbind(), own, strict=True)])

    def _momentum(self, kernel: Tensor) -> Tensor:
        state = self.state[kernel]
        if not state:
            state["momentum"] = torch.zeros_like(kernel)
        return state["momentum"]


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices float32 N×R×C with singular values near 1 in place of their own, which small ones reach last.

    Each iteration multiplies a matrix X by a polynomial in its Gram matrix XXᵀ. All factors commute, so that their
    product is formed from the Gram matrices and meets X but once. In bfloat16, rounding would make a Gram matrix
    indefinite, and the product would blow up; so X takes the first factors before the others are formed.
    """
    if matrices.size(1) > matrices.size(2):
        return orthogonalised(matrices.mT).mT.contiguous()
    unit = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    if matrices.is_cuda or matrices.size(1) < HALVED or not bfloat16_in_hardware():
        return _multiplied(unit, COEFFICIENTS)
    half = _multiplied(unit.bfloat16(), COEFFICIENTS[:FIRST])
    return _multiplied(half, COEFFICIENTS[FIRST:]).to(matrices.dtype)


def _multiplied(matrices: Tensor, coefficients: tuple[tuple[float, float, float], ...]) -> Tensor:
    """Matrices N×R×C, multiplied by the polynomials with these coefficients."""
    gram, product, factor = matrices @ matrices.mT, None, None
    for linear, cubic, quintic in coefficients:
        if factor is not None:
            gram = factor @ gram @ factor
        factor = torch.baddbmm(gram, gram, gram, beta=cubic, alpha=quintic)
        factor.diagonal(dim1=1, dim2=2).add_(linear)
        product = factor if product is None else factor @ product
    return product @ matrices


def kernels(network: nn.Module) -> list[nn.Parameter]:
    """The parameters whose steps are orthogonalised.

    Embeddings, the head (the last matrix), depthwise convolutions and matrices that are small or long are none.
    """
    matrices = [parameter for parameter in network.parameters() if parameter.requires_grad and parameter.ndim > 1]
    left_out = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}
    left_out |= {id(matrix) for matrix in matrices[-1:]}
    return [matrix for matrix in matrices if id(matrix) not in left_out and _is_kernel(matrix)]


def _is_kernel(matrix: Tensor) -> bool:
    shorter, longer = sorted((matrix.shape[0], matrix[0].numel()))
    return min(matrix.shape[:2]) > 1 and shorter >= SMALLEST and longer <= WIDEST * shorter
