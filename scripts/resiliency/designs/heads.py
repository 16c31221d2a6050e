"""The head of a network: the layer that gives the logits; and what is trained of a network besides."""

import torch
from torch import Tensor, nn

from resiliency.base.faults import Fault
from resiliency.designs.hooks import hooked
from resiliency.designs.stages import feature_stages


def head_name(network: nn.Module, images: Tensor) -> str:
    """Name of the layer whose output is the logits: timm's classifier, or the `nn.Linear` that is applied last.

    Args:
        images: some that `network` takes, float32 Bx3xHxW.

    Raises:
        Fault: there is no such layer, as where logits are the mean of two heads.
    """
    network.eval()
    names = {module: name for name, module in network.named_modules()}
    layers = network.get_classifier() if hasattr(network, "get_classifier") else None
    candidates = [layers] if isinstance(layers, nn.Module) else [m for m in names if isinstance(m, nn.Linear)]
    calls: list[tuple] = []
    with torch.no_grad(), hooked(candidates, lambda *call: calls.append(call)):
        logits = network(images)
    last, _, output = calls[-1] if calls else (None, None, None)
    if not isinstance(output, Tensor) or not torch.equal(output.flatten(1), logits):
        raise Fault(f"{type(network).__name__}: has no single layer that gives its logits, which fine-tuning replaces")
    return names[last]


def features_of(network: nn.Module, head: nn.Module, images: Tensor) -> Tensor:
    """What `head` is applied to when `network` is to `images`: float Bx..., of an `nn.Linear` BxD."""
    features: list[Tensor] = []
    with hooked([head], lambda _, inputs, logits: features.append(inputs[0])):
        network(images)
    return features[-1]


def train_last(network: nn.Module, stages: int) -> None:
    """Freeze `network` up to its last `stages` feature stages, in the order in which it defines its parameters.

    Raises:
        Fault: the network lists no more stages than that.
    """
    names = list(feature_stages(network))
    if stages >= len(names):
        raise Fault(
            f"training.train: {stages} of {len(names)} feature stages of {type(network).__name__}; expected all, head"
            + (f", or a number below {len(names)}" if len(names) > 1 else "")
        )
    last, reached = names[-stages - 1], False
    for name, module in network.named_modules():
        inside = name == last or name.startswith(f"{last}.")
        if reached and not inside:
            return
        reached = reached or inside
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(False)
