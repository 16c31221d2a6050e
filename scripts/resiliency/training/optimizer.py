"""The optimizer of one network or several, and its learning rate at each step."""

import math
from collections.abc import Collection

import torch
from torch import nn

from resiliency.devices.eager import without_compiler
from resiliency.training.muon import Muon, kernels
from resiliency.training.settings import Recipe


@without_compiler()
def make_optimizer(
    networks: list[nn.Module], recipe: Recipe, body: Collection[nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """The optimizer over all parameters; norms and biases, which have one dimension, do not decay.

    Args:
        body: parameters that learn at the share `body_rate` of the rate, of a recipe that has one.
    """
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    # On a GPU the rate and the number of the step stay there, for CUDA graphs to read them.
    on_gpu = parameters[0].is_cuda and recipe.optimizer != "sgd"
    rate = torch.tensor(recipe.learning_rate, device=parameters[0].device) if on_gpu else recipe.learning_rate
    if recipe.optimizer == "muon":
        groups = _with_kernel_group(groups, networks)
    if body:
        groups = [part for group in groups for part in _split_by_rate(group, set(body), rate, recipe.body_rate)]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True, foreach=True)
    fused = parameters[0].device.type == "cpu"
    adamw = torch.optim.AdamW if recipe.optimizer == "adamw" else Muon
    return adamw(groups, lr=rate, fused=fused, foreach=not fused, capturable=on_gpu)


def _with_kernel_group(groups: list[dict], networks: list[nn.Module]) -> list[dict]:
    """`groups` for Muon: kernels form one of their own, which decays as other matrices do."""
    own = [kernel for network in networks for kernel in kernels(network)]
    kernel_ids = set(map(id, own))
    others = [group | {"params": [p for p in group["params"] if id(p) not in kernel_ids]} for group in groups]
    return [
        {"params": own, "weight_decay": groups[0]["weight_decay"], "orthogonal": True},
        *(group | {"orthogonal": False} for group in others),
    ]


def _split_by_rate(group: dict, body: set[nn.Parameter], rate: float | torch.Tensor, share: float) -> list[dict]:
    """`group`, in two where some of its parameters are of the body; a `share` of the rate is kept with these."""
    head, slow = ([p for p in group["params"] if (p in body) == of_body] for of_body in (False, True))
    return [group | {"params": head}, group | {"params": slow, "lr": rate * share, "share": share}]


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set `rate`, or the share of it that a group of parameters has."""
    for group in optimizer.param_groups:
        own = rate * group.get("share", 1)
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(own)
        else:
            group["lr"] = own


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict) -> None:
    """Load `state`, perhaps of another device; rate, and where it is kept, are those of this one."""
    for own, saved in zip(optimizer.param_groups, state["param_groups"], strict=True):
        saved |= {key: own[key] for key in ("lr", "capturable") if key in own}
    optimizer.load_state_dict(state)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate at `step` of all, where `steps` make an epoch: linear warm-up, then half a cosine to zero."""
    total, warmup = recipe.epochs * steps, recipe.warmup_epochs * steps
    if step < warmup:
        return recipe.learning_rate * (step + 1) / (warmup + 1)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(total - warmup, 1)))
