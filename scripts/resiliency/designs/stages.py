"""The feature stages of a network, which it lists in `feature_info` as timm's do, and the maps that they give."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from resiliency.designs.networks import unwrapped
from resiliency.designs.stems import hooked

LEAST = 4  # of a map's rows and columns; a smaller one says next to nothing about where


def feature_stages(network: nn.Module) -> dict[str, nn.Module]:
    """Name -> module of each feature stage that a network lists, in the order they are applied; else none."""
    network = unwrapped(network)
    modules = dict(network.named_modules())
    names = dict.fromkeys(stage["module"] for stage in getattr(network, "feature_info", []))
    return {name: modules[name] for name in names if name in modules}


@contextmanager
def watched_stages(stages: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Yield a dictionary that holds the output of each stage, by name, once the network was applied."""
    outputs: dict[str, Tensor] = {}
    names = {stage: name for name, stage in stages.items()}
    with hooked(names, lambda stage, inputs, output: outputs.update({names[stage]: output})):
        yield outputs


@dataclass(frozen=True)
class Layout:
    """How features BxCxHxW lie in the output of a stage.

    Attributes:
        form: `NCHW`, `NHWC` or `NLC`: tokens of a grid, row by row, behind `prefix` others, such as that of the class.
        grid: H and W.
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
    """How the output of a stage of `network` is laid out; None where that is not known."""
    network = unwrapped(network)
    if not isinstance(features, Tensor) or features.ndim not in (3, 4):
        return None
    if features.ndim == 4:
        form = "NHWC" if getattr(network, "output_fmt", "NCHW") == "NHWC" else "NCHW"
        return Layout(form, tuple(features.shape[1:3] if form == "NHWC" else features.shape[2:]))
    grids = [tuple(module.grid_size) for module in network.modules() if getattr(module, "grid_size", None)]
    for grid in grids:
        prefix = features.shape[1] - prod(grid)
        if prefix in (0, getattr(network, "num_prefix_tokens", 0)):
            return Layout("NLC", grid, prefix)
    return None


@contextmanager
def spatial_layer(network: nn.Module, image: Tensor) -> Iterator[nn.Module | None]:
    """Yield a module whose output, whenever `network` is applied, is its last map BxCxHxW of 4x4 or more.

    It is the output of the last feature stage that has one and that the logits depend on: the grid of the last block of
    a transformer that only uses the class token does not count. None if there is no such stage.

    Args:
        image: float32 1x3xHxW, of the size of those to come.
    """
    stages = feature_stages(network)
    with watched_stages(stages) as outputs:
        logits = network(image.detach().requires_grad_())
    layouts = {name: layout(network, features) for name, features in reversed(outputs.items())}
    fitting = {
        name: stage_layout for name, stage_layout in layouts.items() if stage_layout and min(stage_layout.grid) >= LEAST
    }
    name = next((name for name, stage_layout in fitting.items() if _reaches(stage_layout, outputs[name], logits)), None)
    if name is None:
        yield None
        return
    maps, stage_layout = nn.Identity(), fitting[name]
    with hooked(
        [stages[name]], lambda _, inputs, output: stage_layout.from_map(maps(stage_layout.to_map(output)), output)
    ):
        yield maps


def _reaches(stage_layout: Layout, features: Tensor, logits: Tensor) -> bool:
    """Whether the logits depend on the map in `features`."""
    (slope,) = torch.autograd.grad(logits[0, 0], features, retain_graph=True, allow_unused=True)
    return slope is not None and bool(stage_layout.to_map(slope).any())
