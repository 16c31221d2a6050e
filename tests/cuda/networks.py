"""A small design of each family, and how members of it are trained on the device."""

from functools import partial
from pathlib import Path

from resiliency.designs.settings import Design
from resiliency.training.engine import Loss, cross_entropy
from resiliency.training.member import train_members
from resiliency.training.settings import Recipe

DESIGNS = {
    "resnet": Design(architecture="resnet18", arguments={"layers": [2, 1, 1, 1], "channels": [4, 4, 4, 8]}),
    "densenet": Design(architecture="densenet121", arguments={"growth_rate": 4, "block_config": [1, 1, 1, 1]}),
    "mobilenet": Design(architecture="mobilenetv3_small_050"),
    "regnet": Design(architecture="regnetx_002"),
    "convnext": Design(
        architecture="convnext_atto", arguments={"patch_size": 2, "depths": [1, 1, 1, 1], "dims": [8, 8, 8, 8]}
    ),
    "vit": Design(
        architecture="vit_tiny_patch16_224",
        arguments={"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3},
    ),
}
SINGLE = partial(cross_entropy, smoothing=0.1)


def train(
    folder: Path, data: dict[str, str], family: str, loss: Loss = SINGLE, count: int = 1, **recipe: object
) -> list[Path]:
    """Train `count` members of a family for four steps, or what `recipe` says; their folders."""
    folders = [folder / f"{family}-m{index}" for index in range(count)]
    described = DESIGNS[family].description(32) | {"design": family, "seed": 0}
    settings = Recipe(**{"epochs": 1, "batch_size": 8, "shift": 2, "flip": True} | recipe)
    train_members(
        list(map(str, folders)),
        [described | {"index": index} for index in range(count)],
        settings.model_dump(),
        loss,
        data,
        (0, "train", family, 0),
        workers=0,
        code="",
    )
    return folders
