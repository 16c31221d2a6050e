"""The space of sub-networks of a residual network: which there are, and what each costs.

A sub-network is told in one of two ways. *Genes*, int64 of three values a stage, say what it lacks of the largest
sub-network: blocks left out in each stage, then the position of each stage's width among the widths, largest first,
then that of its kernel. All zeros are the largest. Its *shape* is plain data: the arguments of `network.residual`.
"""

import heapq
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

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
DIMENSIONS = ("depth", "width", "kernel")
STEM = 64
EXPANSION = {"basic": 1, "bottleneck": 4}
LEAST_MAP = 4

Shape = dict[str, Any]


def largest_shape(description: dict, classes: int) -> Shape:
    """The shape of the network of a design, as from `Design.description`, with so many outputs."""
    block, layers = RESNETS[description["architecture"].partition(".")[0]]
    channels = list(description["arguments"].get("channels", [64, 128, 256, 512]))
    layers = list(description["arguments"].get("layers", layers))
    halvings = _halvings(description["side"], len(layers)) if description["stem"] == "adapted" else len(layers) + 1
    return {
        "block": block,
        "stem": STEM,
        "stride": 2 if halvings > len(layers) else 1,
        "pool": halvings >= len(layers),
        "projected": channels[0] * EXPANSION[block] != STEM,
        "layers": layers,
        "channels": channels,
        "kernels": [3] * len(layers),
        "classes": classes,
    }


def macs(shape: Shape, side: int) -> int:
    """Multiply-accumulate operations of a network of this shape for one image of `side` pixels squared."""
    wide = EXPANSION[shape["block"]]
    side = _half(side) if shape["stride"] == 2 else side
    total = side**2 * 7 * 7 * 3 * shape["stem"]
    side, inward = _half(side) if shape["pool"] else side, shape["stem"]
    for stage, (layers, c, kernel) in enumerate(zip(shape["layers"], shape["channels"], shape["kernels"], strict=True)):
        for block in range(layers):
            before, side = side, _half(side) if stage and not block else side
            outward = c * wide
            if wide == 1:
                total += side**2 * kernel**2 * (inward * c + c * c)
            else:
                total += before**2 * inward * c + side**2 * (kernel**2 * c * c + c * outward)
            if not block and (stage or shape["projected"]):
                total += side**2 * inward * outward
            inward = outward
    return total + inward * shape["classes"]


@dataclass(frozen=True)
class Space:
    """All sub-networks of the network of one shape.

    Args:
        largest: its shape.
        side: of the images, in pixels.
        depth: fewest blocks of each stage.
        width: shares of the channels that a stage may keep, from 1 down.
        kernel: sizes that the kernels of a stage may have, from 3 down.
    """

    largest: Shape
    side: int
    depth: tuple[int, ...]
    width: tuple[float, ...]
    kernel: tuple[int, ...]

    @classmethod
    def of_design(cls, description: dict, elastic: dict, classes: int) -> "Space":
        """The space of a design, as from `Design.description`, with the values of `Elastic`."""
        largest = largest_shape(description, classes)
        depth = elastic["depth"] or largest["layers"]
        width, kernel = (tuple(sorted(elastic[name], reverse=True)) for name in ("width", "kernel"))
        return cls(largest, description["side"], tuple(depth), width, kernel)

    @property
    def sizes(self) -> np.ndarray:
        """Number of values of each gene; int64, depth of each stage first, then width, then kernel."""
        stages = len(self.depth)
        depths = [most - least + 1 for most, least in zip(self.largest["layers"], self.depth, strict=True)]
        return np.array(depths + [len(self.width)] * stages + [len(self.kernel)] * stages)

    @property
    def count(self) -> int:
        """Number of distinct sub-networks."""
        return int(np.prod(self.sizes.astype(object)))

    @property
    def dimensions(self) -> list[str]:
        """The elastic dimensions: those of which some gene has more than one value."""
        return [name for name, sizes in zip(DIMENSIONS, self.sizes.reshape(3, -1), strict=True) if sizes.max() > 1]

    def channels(self, stage: int) -> list[int]:
        """Channels that a stage may have, from most to fewest."""
        return [_share(self.largest["channels"][stage], width) for width in self.width]

    def shape(self, genes: np.ndarray) -> Shape:
        """The shape of a sub-network."""
        fewer, width, kernel = np.reshape(genes, (3, -1)).tolist()
        channels = [self.channels(stage)[index] for stage, index in enumerate(width)]
        tied = channels[0] * EXPANSION[self.largest["block"]]
        return self.largest | {
            "stem": _share(self.largest["stem"], self.width[width[0]]) if self.largest["projected"] else tied,
            "layers": [most - less for most, less in zip(self.largest["layers"], fewer, strict=True)],
            "channels": channels,
            "kernels": [self.kernel[index] for index in kernel],
        }

    def macs(self, genes: np.ndarray) -> int:
        """Multiply-accumulate operations of a sub-network for one image."""
        return macs(self.shape(genes), self.side)

    def random(self, random: np.random.Generator, dimensions: list[str] | None = None) -> np.ndarray:
        """Genes of a sub-network, each drawn uniformly; zeros but for `dimensions`, all of them by default."""
        genes = random.integers(self.sizes).reshape(3, -1)
        fixed = [index for index, name in enumerate(DIMENSIONS) if dimensions is not None and name not in dimensions]
        genes[fixed] = 0
        return genes.ravel()

    def smallest(self, number: int) -> list[np.ndarray]:
        """Genes of the `number` sub-networks with fewest MACs, ascending; all of them if there are fewer.

        MACs fall as any gene grows, so that the next one is always a neighbour of one that was found before.
        """
        first, order = self.sizes - 1, count()
        heap, queued, results = [(self.macs(first), next(order), first)], {first.tobytes()}, []
        while heap and len(results) < number:
            results.append(heapq.heappop(heap)[2])
            for gene in np.flatnonzero(results[-1]):
                other = results[-1].copy()
                other[gene] -= 1
                if other.tobytes() not in queued:
                    queued.add(other.tobytes())
                    heapq.heappush(heap, (self.macs(other), next(order), other))
        return results


def _halvings(side: int, stages: int) -> int:
    """How often a network whose stem is adapted halves images; see `designs.stems`."""
    halvings = stages + 1
    while halvings > stages - 1 and -(-side // 2**halvings) < LEAST_MAP:
        halvings -= 1
    return halvings


def _half(side: int) -> int:
    return (side + 1) // 2


def _share(channels: int, width: float) -> int:
    return max(1, int(channels * width + 0.5))
