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

    Stages without parameters of their own, such as a pooling, do not count.

    Raises:
        Fault: the network lists no more stages than that.
    """
    upto = [_up_to(network, name) for name in feature_stages(network)]
    upto = [parameters for parameters, before in zip(upto, [[], *upto], strict=False) if len(parameters) > len(before)]
    if stages >= len(upto):
        raise Fault(
            f"training.train: {stages} of {len(upto)} feature stages of {type(network).__name__}; expected all, head"
            + (f", or a number below {len(upto)}" if len(upto) > 1 else "")
        )
    for parameter in upto[-stages - 1]:
        parameter.requires_grad_(False)
    learning = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    count = len([*network.parameters()])
    print(f"{len(learning):,} of {count:,} tensors of weights are trained, from {learning[0]} on")


def _up_to(network: nn.Module, last: str) -> list[nn.Parameter]:
    """The parameters of `network` up to the module `last` and those within it."""
    parameters, reached = [], False
    for name, module in network.named_modules():
        inside = name == last or name.startswith(f"{last}.")
        if reached and not inside:
            break
        reached = reached or inside
        parameters += module.parameters(recurse=False)
    return parameters
