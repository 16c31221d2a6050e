"""Layers of networks: selected outputs, stems for small images, and feature stages with their maps.

Published networks for 224 px shrink images 32-fold; of 32 px they leave one pixel. `adapt_stem`
takes back what the stem shrinks, the first module that shrinks the image and then a pooling that
shrinks it next, one step at a time, and stops once the last feature map is 4x4 or larger.

| Module                    | as in                                    | becomes |
|---------------------------|------------------------------------------|---------------------------------------------|
| first: a convolution      | ResNet, DenseNet, RegNet, MobileNet, DLA | its stride is halved, and
halved again      | | first: patches, convolved | ConvNeXt, EdgeNeXt                       | so too,
and padded, so that patches overlap | | first: a pooling          | VGG | left out
| | next: a pooling           | ResNet, DenseNet, VGG | left out
|

At 32 px, ResNet, DenseNet, VGG and ConvNeXt then end in 4x4, and those that shrink images 16-fold
behind their stems, such as MobileNet, RegNet and StarNet, in 2x2. Kernels, and the names and shapes
of weights, stay, so that weights trained with the original stem fit. Left as they are: networks
whose features are tokens or channels last (transformers such as ViT and Swin, mixers), because the
size of patches is one of their arguments; stems of parallel branches (RepVGG, MobileOne); and
networks that fail on such images."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import partial
from math import ceil, prod
from typing import Any

import torch
from torch import Tensor, nn


class SelectedOutputs(nn.Module):
    """A network that knows other classes: `network`'s outputs at the indices `outputs`, in the
    dataset's order.

    Whatever reads logits (predictions, attributions, accuracies) uses it like any network. Weights
    are written under the names that they have in `network`.
    """

    def __init__(self, network: nn.Module, outputs: list[int]):
        super().__init__()
        self.network = network
        self.register_buffer("outputs", torch.tensor(outputs), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Images float32 Bx3xHxW -> logits BxK of the dataset's K classes."""
        return self.network(images).index_select(1, self.outputs)


def select_outputs(network: nn.Module, outputs: list[int] | None) -> nn.Module:
    """`network` with only the outputs at `outputs`; unchanged if these are None."""
    return network if outputs is None else SelectedOutputs(network, outputs)


def unwrapped(network: nn.Module) -> nn.Module:
    """The network with all its outputs, before `select_outputs`."""
    return network.network if isinstance(network, SelectedOutputs) else network


@contextmanager
def hooked(
    layers: Iterable[nn.Module], hook: Callable[[nn.Module, Any, Any], object]
) -> Iterator[None]:
    """Call `hook` with layer, inputs and output after each call of one of `layers`; what it
    returns, unless None, takes the place of the output.
    """
    handles = [layer.register_forward_hook(hook) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


BLOCK = 8  # number of channels from which on the gradient is right


def subsampled(x: Tensor, stride: tuple[int, ...]) -> Tensor:
    """The pixels of BxCxHxW that a 1x1 convolution of this stride uses."""
    return x[..., :: stride[0], :: stride[1]]


def has_wrong_gradients(channels: int, kernel: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether gradients of the weights of such a convolution may be wrong on a CPU."""
    return channels < BLOCK and tuple(kernel) == (1, 1) and tuple(stride) != (1, 1)


def with_right_gradients(network: nn.Module) -> nn.Module:
    """Let the convolutions of `network` that are affected take their pixels first, which is the
    same function."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and not any(module.padding):
            channels, stride = module.in_channels // module.groups, module.stride
            if has_wrong_gradients(channels, module.kernel_size, stride):
                module.stride = (1, 1)
                # Which can be copied.
                module.register_forward_pre_hook(partial(_take_pixels, stride))
    return network


def _take_pixels(
    stride: tuple[int, ...], module: nn.Module, arguments: tuple[Any, ...]
) -> tuple[Any, ...]:
    return subsampled(arguments[0], stride), *arguments[1:]


LEAST = 4
PLACES = 2


def adapt_stem(network: nn.Module, side: int) -> list[str]:
    """Adapt the stem of a timm network, in place, to images of `side` pixels squared, as far as
    they need it.

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

    0 if there is none: features are not BxCxHxW, or the network fails on such images.
    """
    try:
        with _evaluating(network):
            features = network.forward_features(_blank_image(network, side))
            network.forward_head(features)
    except Exception:
        return 0
    is_map = (
        isinstance(features, Tensor)
        and features.ndim == 4
        and getattr(network, "output_fmt", "NCHW") != "NHWC"
    )
    return features.shape[2] if is_map else 0


def _shrinking_layers(network: nn.Module, side: int) -> list[tuple[str, nn.Module]]:
    """Names and modules of the first two layers that make the image smaller, in the order that they
    are applied."""
    names = {
        module: name for name, module in network.named_modules() if not list(module.children())
    }
    shrinking: dict[str, nn.Module] = {}

    def note(module: nn.Module, inputs: tuple, output: object) -> None:
        sizes = [
            x.shape[2:] for x in (*inputs[:1], output) if isinstance(x, Tensor) and x.ndim == 4
        ]
        if len(sizes) == 2 and sizes[1][0] < sizes[0][0] and len(shrinking) < PLACES:
            shrinking[names[module]] = module

    with _evaluating(network), hooked(names, note):
        network.forward_features(_blank_image(network, side))
    return list(shrinking.items())


def _replacements(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Possible replacements of `module`, step by step, each with words for it."""
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
    """Leave no trace of computations in the block: no gradients, and no changed statistics of
    batches."""
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        network.train(training)


def _blank_image(network: nn.Module, side: int) -> Tensor:
    return torch.zeros(1, 3, side, side, device=next(network.parameters()).device)


SMALLEST = 4  # least number of rows and columns of a map that locates anything


def feature_stages(network: nn.Module) -> dict[str, nn.Module]:
    """Name -> module of each feature stage that a network lists, in the order they are applied;
    else none."""
    network = unwrapped(network)
    modules = dict(network.named_modules())
    names = dict.fromkeys(stage["module"] for stage in getattr(network, "feature_info", []))
    return {name: modules[name] for name in names if name in modules}


@contextmanager
def watched_stages(stages: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Yield a dictionary that holds the output of each stage, by name, once the network was
    applied."""
    outputs: dict[str, Tensor] = {}
    names = {stage: name for name, stage in stages.items()}
    with hooked(names, lambda stage, inputs, output: outputs.update({names[stage]: output})):
        yield outputs


@dataclass(frozen=True)
class Layout:
    """Position of features BxCxHxW in the output of a stage.

    Attributes:
        form: `NCHW`, `NHWC` or `NLC`: tokens of a grid, row by row, behind `prefix` other tokens,
            such as the class token.
        grid: height and width of the grid, H and W.
    """

    form: str
    grid: tuple[int, int]
    prefix: int = 0

    def to_map(self, features: Tensor) -> Tensor:
        """The output of the stage as BxCxHxW, without tokens that are not of the grid."""
        if self.form == "NLC":
            return features[:, self.prefix :].transpose(1, 2).unflatten(2, self.grid)
        return features.permute(0, 3, 1, 2) if self.form == "NHWC" else features

    def from_map(self, maps: Tensor, features: Tensor) -> Tensor:
        """`maps`, BxCxHxW, in the place of those in `features`, the output of the stage."""
        if self.form == "NLC":
            return torch.cat([features[:, : self.prefix], maps.flatten(2).transpose(1, 2)], dim=1)
        return maps.permute(0, 2, 3, 1) if self.form == "NHWC" else maps


def layout(network: nn.Module, features: object) -> Layout | None:
    """The layout of a stage's output; None if unknown."""
    network = unwrapped(network)
    if not isinstance(features, Tensor) or features.ndim not in (3, 4):
        return None
    if features.ndim == 4:
        form = "NHWC" if getattr(network, "output_fmt", "NCHW") == "NHWC" else "NCHW"
        return Layout(form, tuple(features.shape[1:3] if form == "NHWC" else features.shape[2:]))
    grids = [
        tuple(module.grid_size)
        for module in network.modules()
        if getattr(module, "grid_size", None)
    ]
    for grid in grids:
        prefix = features.shape[1] - prod(grid)
        if prefix in (0, getattr(network, "num_prefix_tokens", 0)):
            return Layout("NLC", grid, prefix)
    return None


@contextmanager
def spatial_layer(network: nn.Module, image: Tensor) -> Iterator[nn.Module | None]:
    """Yield a module whose output, whenever `network` is applied, is its last map BxCxHxW of 4x4 or
    more.

    It is the output of the last feature stage that has one and that the logits depend on: the grid
    of the last block of a transformer that only uses the class token does not count. None if there
    is no such stage.

    Args:
        image: float32 1x3xHxW, of the size of the images to come.
    """
    stages = feature_stages(network)
    with watched_stages(stages) as outputs:
        logits = network(image.detach().requires_grad_())
    layouts = {name: layout(network, features) for name, features in reversed(outputs.items())}
    fitting = {name: of for name, of in layouts.items() if of and min(of.grid) >= SMALLEST}

    def reaches(name: str) -> bool:
        """Whether the logits depend on the map of the stage."""
        (slope,) = torch.autograd.grad(
            logits[0, 0], outputs[name], retain_graph=True, allow_unused=True
        )
        return slope is not None and bool(fitting[name].to_map(slope).any())

    if (name := next(filter(reaches, fitting), None)) is None:
        yield None
        return
    maps, stage_layout = nn.Identity(), fitting[name]
    with hooked(
        [stages[name]],
        lambda _, inputs, output: stage_layout.from_map(maps(stage_layout.to_map(output)), output),
    ):
        yield maps
