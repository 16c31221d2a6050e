"""Stems for small images: less stride and pooling, so that a network is left with something to look at.

Published networks for 224 px shrink images 32-fold; of 32 px they leave one pixel. `adapt_stem` takes back what the
stem shrinks, the first module that shrinks the image and then a pooling that shrinks it next, one step at a time, and
stops once the last feature map is 4x4 or larger.

| Module                    | as in                                    | becomes                                     |
|---------------------------|------------------------------------------|---------------------------------------------|
| first: a convolution      | ResNet, DenseNet, RegNet, MobileNet, DLA | its stride is halved, and halved again      |
| first: patches, convolved | ConvNeXt, EdgeNeXt                       | so too, and padded, so that patches overlap |
| first: a pooling          | VGG                                      | left out                                    |
| next: a pooling           | ResNet, DenseNet, VGG                    | left out                                    |

At 32 px, ResNet, DenseNet, VGG and ConvNeXt then end in 4x4, and those that shrink images 16-fold behind their stems,
such as MobileNet, RegNet and StarNet, in 2x2. Kernels, and the names and shapes of weights, stay, so that weights
trained with the original stem fit. Left as they are: networks whose features are tokens or channels last (transformers
such as ViT and Swin, mixers), for the size of patches is an argument of theirs; stems of parallel branches (RepVGG,
MobileOne); and networks that fail on such images."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def hooked(layers: Iterable[nn.Module], hook: Callable[[nn.Module, tuple, object], object]) -> Iterator[None]:
    """Call `hook` with layer, inputs and output after each call of one of `layers`; what it returns, unless None,
    takes the place of the output.
    """
    handles = [layer.register_forward_hook(hook) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


BLOCK = 8  # channels, from which on the gradient is right


def subsampled(x: Tensor, stride: tuple[int, ...]) -> Tensor:
    """The pixels of BxCxHxW that a 1x1 convolution of this stride uses."""
    return x[..., :: stride[0], :: stride[1]]


def has_wrong_gradients(channels: int, kernel: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether gradients of the weights of such a convolution may be wrong on a CPU."""
    return channels < BLOCK and tuple(kernel) == (1, 1) and tuple(stride) != (1, 1)


def with_right_gradients(network: nn.Module) -> nn.Module:
    """Let the convolutions of `network` that are affected take their pixels first, which is the same function."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and not any(module.padding):
            channels, stride = module.in_channels // module.groups, module.stride
            if has_wrong_gradients(channels, module.kernel_size, stride):
                module.stride = (1, 1)
                module.register_forward_pre_hook(_SubsamplingHook(stride))
    return network


class _SubsamplingHook:
    """A hook that takes the pixels; a class, so that networks can be copied."""

    def __init__(self, stride: tuple[int, ...]):
        self.stride = stride

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        return subsampled(arguments[0], self.stride), *arguments[1:]


LEAST = 4
PLACES = 2


def adapt_stem(network: nn.Module, side: int) -> list[str]:
    """Adapt the stem of a timm network, in place, to images of `side` pixels squared, as far as they need it.

    Returns:
        What was changed, such as ["conv1 with stride 1", "no maxpool"].
    """
    changes = []
    map_height = map_side(network, side)
    for place, (name, module) in enumerate(_shrinking_layers(network, side) if map_height else []):
        if place and not _is_pooling(module):
            break
        for change, other in _replacements(name, module):
            if map_height >= LEAST:
                break
            before = network.get_submodule(name)
            network.set_submodule(name, other)
            height = map_side(network, side)
            if height <= map_height:
                network.set_submodule(name, before)
                break
            changes.append(change)
            map_height = height
    return changes


def map_side(network: nn.Module, side: int) -> int:
    """Height of the last feature map of a timm network, for images of `side` pixels squared.

    0 where there is none: features are not BxCxHxW, or the network fails on such images.
    """
    try:
        with _evaluating(network):
            features = network.forward_features(_blank_image(network, side))
            network.forward_head(features)
    except Exception:
        return 0
    is_map = isinstance(features, Tensor) and features.ndim == 4 and getattr(network, "output_fmt", "NCHW") != "NHWC"
    return features.shape[2] if is_map else 0


def _shrinking_layers(network: nn.Module, side: int) -> list[tuple[str, nn.Module]]:
    """Names and modules of the first two layers that make the image smaller, in the order that they are applied."""
    names = {module: name for name, module in network.named_modules() if not list(module.children())}
    shrinking: dict[str, nn.Module] = {}

    def note(module: nn.Module, inputs: tuple, output: object) -> None:
        sizes = [x.shape[2:] for x in (*inputs[:1], output) if isinstance(x, Tensor) and x.ndim == 4]
        if len(sizes) == 2 and sizes[1][0] < sizes[0][0] and len(shrinking) < PLACES:
            shrinking[names[module]] = module

    with _evaluating(network), hooked(names, note):
        network.forward_features(_blank_image(network, side))
    return list(shrinking.items())


def _replacements(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """What may take the place of `module`, step by step, each with words for it."""
    if _is_pooling(module):
        yield f"no {name}", nn.Identity()
    elif isinstance(module, nn.Conv2d):
        stride = module.stride[0]
        while stride > 1:
            stride //= 2
            other = copy(module)
            other.stride = (stride, stride)
            if module.kernel_size == module.stride and not any(module.padding):
                other.padding = tuple(ceil((size - stride) / 2) for size in module.kernel_size)
            yield f"{name} with stride {stride}", other


def _is_pooling(module: nn.Module) -> bool:
    return not list(module.parameters())


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Leave no trace of what is done in the block: no gradients, and statistics of batches stay."""
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        network.train(training)


def _blank_image(network: nn.Module, side: int) -> Tensor:
    return torch.zeros(1, 3, side, side, device=next(network.parameters()).device)
