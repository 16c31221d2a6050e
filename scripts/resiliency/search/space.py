"""The space of sub-networks of a residual network, and the cost of each.

A sub-network is described in two ways. *Genes*, int64 with two values per stage, say what it lacks
of the largest sub-network: blocks left out in each stage, then the position of each stage's width
among the widths, largest first. All zeros are the largest. Its *shape* is plain data: a `Shape`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Literal, TypedDict

import numpy as np
from pydantic import Field, field_validator, model_validator

from resiliency.base.faults import short
from resiliency.base.names import design_of
from resiliency.base.settings import Keys, Settings, distinct
from resiliency.designs.settings import Design

RANDOM = "random"


class Elastic(Settings):
    depth: list[Annotated[int, Field(ge=1, le=1000)]] | None = Field(
        None, description="fewest blocks of each stage; default: all blocks"
    )
    width: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [1, 0.75, 0.5],
        min_length=1,
        description="shares of the channels that a stage may keep, among them 1",
    )

    _distinct = field_validator("width")(distinct)

    @field_validator("width")
    @classmethod
    def _full_width_among_them(cls, width: list[float]) -> list[float]:
        if 1 not in width:
            raise ValueError("must contain 1, the full width")
        return width


class Search(Settings):
    design: str = Field(
        description="name of the design whose network is the largest sub-network: a ResNet of timm"
    )
    start: str = Field(
        RANDOM,
        description="initial weights of the super-network: random, or those of a member of the "
        "design",
    )
    elastic: Elastic = Field(
        Elastic(), description="dimensions along which sub-networks may shrink"
    )
    training: Keys = Field({}, description="changes to the recipe of the design")
    strategy: Literal["sandwich", "progressive"] = Field(
        "sandwich",
        description="training of the super-network; sandwich: each step trains the largest, the "
        "smallest and random "
        "sub-networks; progressive: the largest and random ones, of more and more dimensions",
    )
    random_subnetworks: int = Field(
        1, ge=1, le=100, description="number of random sub-networks per step"
    )
    n_calibration_images: int = Field(
        512,
        ge=2,
        le=10**6,
        description="number of training images for the batch-norm statistics of a sub-network",
    )
    population: int = Field(
        16, ge=4, le=10**4, description="number of sub-networks per generation of NSGA-II"
    )
    evaluations: int = Field(
        64, ge=4, le=10**6, description="number of sub-networks evaluated in total"
    )
    members: int = Field(3, ge=1, le=100, description="number of sub-networks that become members")
    objective: Literal["members", "ensemble"] = Field(
        "members",
        description="selection of the members: sub-networks along the Pareto front of validation "
        "error and MACs; or "
        "the ensemble of lowest validation error, highest diversity and fewest MACs",
    )

    @model_validator(mode="after")
    def _enough_evaluations(self) -> "Search":
        if self.evaluations < max(self.members, self.population):
            raise ValueError("evaluations: must be at least as many as population and as members")
        return self


# Blocks of the ResNets of timm that have the plain stem of 64 channels (He et al. 2016).
RESNETS: dict[str, tuple[str, list[int]]] = {
    "resnet18": ("basic", [2, 2, 2, 2]),
    "resnet34": ("basic", [3, 4, 6, 3]),
    "resnet26": ("bottleneck", [2, 2, 2, 2]),
    "resnet50": ("bottleneck", [3, 4, 6, 3]),
    "resnet101": ("bottleneck", [3, 4, 23, 3]),
    "resnet152": ("bottleneck", [3, 8, 36, 3]),
}
ARGUMENTS = ("channels", "layers")
DIMENSIONS = ("depth", "width")
STEM = 64
EXPANSION = {"basic": 1, "bottleneck": 4}
LEAST_MAP = 4


class Shape(TypedDict):
    """The shape of a residual network: the arguments of `network.residual`.

    Attributes:
        block: "basic", of two 3x3 convolutions, or "bottleneck", of 1x1, 3x3 and 1x1, the last four
            times as wide.
        stem: number of channels of the first convolution, which is 7x7.
        stride: stride of the first convolution, 1 or 2.
        pool: whether a pooling after it halves the image.
        projected: whether the first shortcut of the first stage is a convolution; that of each
            other stage always is.
        layers, channels: numbers of blocks and channels of each stage.
        classes: number of outputs.
    """

    block: str
    stem: int
    stride: int
    pool: bool
    projected: bool
    layers: list[int]
    channels: list[int]
    classes: int


def largest_shape(description: Keys, classes: int) -> Shape:
    """The shape of the network of a design, as from `Design.description`, with `classes`
    outputs."""
    block, layers = RESNETS[description["architecture"].partition(".")[0]]
    channels = list(description["arguments"].get("channels", [64, 128, 256, 512]))
    layers = list(description["arguments"].get("layers", layers))
    halvings = len(layers) + 1
    if description["stem"] == "adapted":  # see `designs.layers`
        while halvings > len(layers) - 1 and -(-description["side"] // 2**halvings) < LEAST_MAP:
            halvings -= 1
    return {
        "block": block,
        "stem": STEM,
        "stride": 2 if halvings > len(layers) else 1,
        "pool": halvings >= len(layers),
        "projected": channels[0] * EXPANSION[block] != STEM,
        "layers": layers,
        "channels": channels,
        "classes": classes,
    }


def macs(shape: Shape, side: int) -> int:
    """Multiply-accumulate operations of a network of this shape for one image of `side` pixels
    squared."""
    wide = EXPANSION[shape["block"]]
    side = _half(side) if shape["stride"] == 2 else side
    total = side**2 * 7 * 7 * 3 * shape["stem"]
    side, inward = _half(side) if shape["pool"] else side, shape["stem"]
    for stage, (layers, c) in enumerate(zip(shape["layers"], shape["channels"], strict=True)):
        for block in range(layers):
            before, side = side, _half(side) if stage and not block else side
            outward = c * wide
            if wide == 1:
                total += side**2 * 3**2 * (inward * c + c * c)
            else:
                total += before**2 * inward * c + side**2 * (3**2 * c * c + c * outward)
            if not block and (stage or shape["projected"]):
                total += side**2 * inward * outward
            inward = outward
    return total + inward * shape["classes"]


@dataclass(frozen=True)
class Space:
    """All sub-networks of the network of one shape.

    Args:
        largest: largest shape.
        side: height and width of the images in pixels.
        depth: least number of blocks of each stage.
        width: shares of the channels that a stage may keep, from 1 down.
    """

    largest: Shape
    side: int
    depth: tuple[int, ...]
    width: tuple[float, ...]

    @classmethod
    def of_design(cls, description: Keys, elastic: Elastic, classes: int) -> "Space":
        """The space of a design, as from `Design.description`."""
        largest = largest_shape(description, classes)
        depth = elastic.depth or largest["layers"]
        return cls(
            largest, description["side"], tuple(depth), tuple(sorted(elastic.width, reverse=True))
        )

    @property
    def sizes(self) -> np.ndarray:
        """Number of values of each gene; int64, depth of each stage first, then width."""
        stages = len(self.depth)
        depths = [
            most - least + 1 for most, least in zip(self.largest["layers"], self.depth, strict=True)
        ]
        return np.array(depths + [len(self.width)] * stages)

    @property
    def count(self) -> int:
        """Number of distinct sub-networks."""
        return int(np.prod(self.sizes.astype(object)))

    @property
    def dimensions(self) -> list[str]:
        """The elastic dimensions: those with a gene that has more than one value."""
        return [
            name
            for name, sizes in zip(DIMENSIONS, self.sizes.reshape(2, -1), strict=True)
            if sizes.max() > 1
        ]

    def channels(self, stage: int) -> list[int]:
        """Channels that a stage may have, from most to fewest."""
        return [_share(self.largest["channels"][stage], width) for width in self.width]

    def shape(self, genes: np.ndarray) -> Shape:
        """The shape of a sub-network."""
        fewer, width = np.reshape(genes, (2, -1)).tolist()
        channels = [self.channels(stage)[index] for stage, index in enumerate(width)]
        tied = channels[0] * EXPANSION[self.largest["block"]]
        return self.largest | {
            "stem": _share(self.largest["stem"], self.width[width[0]])
            if self.largest["projected"]
            else tied,
            "layers": [
                most - less for most, less in zip(self.largest["layers"], fewer, strict=True)
            ],
            "channels": channels,
        }

    def macs(self, genes: np.ndarray) -> int:
        """Multiply-accumulate operations of a sub-network for one image."""
        return macs(self.shape(genes), self.side)

    def random(
        self, random: np.random.Generator, dimensions: Sequence[str] = DIMENSIONS
    ) -> np.ndarray:
        """Genes of a sub-network, each drawn uniformly; zeros but for `dimensions`."""
        genes = random.integers(self.sizes).reshape(2, -1)
        genes[[name not in dimensions for name in DIMENSIONS]] = 0
        return genes.ravel()

    def all(self) -> list[np.ndarray]:
        """Genes of every sub-network, by ascending MACs."""
        return sorted(
            (np.array(genes) for genes in product(*map(range, self.sizes))), key=self.macs
        )


def _half(side: int) -> int:
    return (side + 1) // 2


def _share(channels: int, width: float) -> int:
    return max(1, int(channels * width + 0.5))


STAGES = 4
MOST = {"channels": 10_000, "layers": 200}


def search_faults(
    search: Search, design: Design, side: int, classes: int, names: list[str]
) -> Iterator[str]:
    """A line for each fault.

    Args:
        design: design of the search.
        side: height and width of the images in pixels.
        classes: number of classes of the dataset; 1 if unknown.
        names: names of the members that are not trained jointly.
    """
    architecture, name = (design.architecture or "").partition(".")[0], search.design
    if architecture not in RESNETS:
        yield f"search.design: expected a design of {', '.join(RESNETS)}, got {name!r}"
        return
    if other := sorted(set(design.arguments) - set(ARGUMENTS)):
        yield (
            f"search.design: expected only the arguments {' and '.join(ARGUMENTS)} of {name!r}, "
            f"got {other[0]!r}"
        )
        return
    if fault := _size_fault(design.arguments):
        yield f"designs.{name}.arguments.{fault}"
        return
    own = [member for member in names if design_of(member) == name]
    if search.start != RANDOM and search.start not in own:
        yield (
            f"search.start: expected random or a member of {name} (one of {own}), got "
            f"{search.start!r}"
        )
    description = design.description(side)
    layers = largest_shape(description, classes)["layers"]
    depth = search.elastic.depth or layers
    if len(depth) != len(layers) or any(
        least > most for least, most in zip(depth, layers, strict=True)
    ):
        yield (
            f"search.elastic.depth: {short(depth)}: must have at most as many blocks per stage "
            f"as {name}: {layers}"
        )
        return
    space = Space.of_design(description, search.elastic, classes)
    for stage in range(len(space.depth)):
        channels = space.channels(stage)
        if len(set(channels)) < len(channels):
            problem = (
                f"{short(search.elastic.width)}: stage {stage + 1} would have {channels} channels"
            )
            yield f"search.elastic.width: {problem}; choose shares that give different numbers"
            return
    if search.members > space.count:
        yield (
            f"search.members: {search.members} is more than the {space.count} distinct sub-networks"
        )


def _size_fault(arguments: Keys) -> str:
    """The fault of the channels or layers of a ResNet; empty if there is none."""
    sizes = {argument: arguments[argument] for argument in ARGUMENTS if argument in arguments}
    for argument, values in sizes.items():
        numbers = isinstance(values, list) and all(
            isinstance(v, int) and not isinstance(v, bool) for v in values
        )
        if (
            not numbers
            or len(values) != STAGES
            or not all(1 <= v <= MOST[argument] for v in values)
        ):
            return (
                f"{argument}: {short(values)}: must be a list of {STAGES} whole numbers from 1 "
                f"to {MOST[argument]:,}"
            )
    return ""
