"""Times predictions in bfloat16 against those in float32, in turn, on a CPU that multiplies in bfloat16.

Run by hand: python tests/benchmarks/prediction.py [--repeats 5]
Networks are those of the default study at 32 px and architectures of timm at 224 px, with random weights. Times are CPU
seconds of one thread; each ratio, float32 over bfloat16, is the median over repeats, with the lowest and the highest.
The last line is JSON: `ratio_32` and `ratio_224` are the geometric means over networks.
"""

import json
from statistics import geometric_mean, median

import timm
import torch
from shared import options, study, timed
from torch import Tensor, nn

from resiliency.designs.networks import build, channels_last
from resiliency.devices.choice import device, inference, offered_precision

SIDE, IMAGES = 32, 512
LARGE_SIDE, LARGE_IMAGES = 224, 8
LARGE = (
    "resnet50",
    "densenet121",
    "efficientnet_b0",
    "mobilenetv3_large_100",
    "convnext_tiny",
    "vit_small_patch16_224",
)


def seconds(network: nn.Module, images: Tensor, precision: str) -> float:
    with inference(precision):
        return timed(lambda: network(images))[1]


def ratios(networks: dict[str, nn.Module], side: int, images: int, repeats: int) -> float:
    """The geometric mean over `networks` of the ratio of each, which is printed."""
    batch = torch.rand(images, 3, side, side).contiguous(memory_format=torch.channels_last)
    medians = []
    for name, network in networks.items():
        network.eval()
        seconds(network, batch, "bfloat16")
        values = [seconds(network, batch, "float32") / seconds(network, batch, "bfloat16") for _ in range(repeats)]
        medians.append(median(values))
        print(f"{name} at {side} px: {medians[-1]:.2f} [{min(values):.2f}, {max(values):.2f}]", flush=True)
    return round(geometric_mean(medians), 2)


def main() -> None:
    repeats = options(__doc__, repeats=5).parse_args().repeats
    torch.set_num_threads(1)
    if device().type != "cpu" or offered_precision("bfloat16") != "bfloat16":
        raise SystemExit("this machine has a GPU, or its CPU does not multiply in bfloat16")
    small = {name: build(design.description(SIDE), 10, 0) for name, design in study().designs.items()}
    large = {name: channels_last(timm.create_model(name)) for name in LARGE}
    found = {
        "ratio_32": ratios(small, SIDE, IMAGES, repeats),
        "ratio_224": ratios(large, LARGE_SIDE, LARGE_IMAGES, repeats),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
