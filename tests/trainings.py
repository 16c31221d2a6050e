"""What tests of training share: small designs, noise in files, members trained on it, and a
training that is killed."""

from pathlib import Path

import numpy as np

from resiliency.designs.settings import Design
from resiliency.storage import write_array, write_json
from resiliency.training.engine import Loss
from resiliency.training.member import train_members
from resiliency.training.settings import Recipe

# A small design of each family.
DESIGNS = {
    "resnet": Design(
        architecture="resnet18", arguments={"layers": [2, 1, 1, 1], "channels": [4, 4, 4, 8]}
    ),
    "densenet": Design(
        architecture="densenet121", arguments={"growth_rate": 4, "block_config": [1, 1, 1, 1]}
    ),
    "mobilenet": Design(architecture="mobilenetv3_small_050", arguments={"depth_multiplier": 0.1}),
    "regnet": Design(
        architecture="regnetx_002", arguments={"depth": 5, "w0": 8, "wa": 24.0, "wm": 2.0}
    ),
    "convnext": Design(
        architecture="convnext_atto",
        arguments={"patch_size": 2, "depths": [1, 1, 1, 1], "dims": [8, 8, 8, 8]},
    ),
    "vit": Design(
        architecture="vit_tiny_patch16_224",
        arguments={"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3},
    ),
}
SMALL = Design(architecture="resnet18", arguments={"channels": [4, 4, 4, 8]}, stem="original")


def stored(folder: Path, count: int, classes: int = 2) -> dict[str, str]:
    """A data set in `folder` of `count` training and 10 validation images; what `train_members`
    reads of it."""
    random, data = np.random.default_rng(0), {"card": str(folder / "data/card.json")}
    for split, prefix, size in (("train", "", count), ("validation", "validation_", 10)):
        images = random.integers(0, 256, (size, 32, 32, 3), dtype=np.uint8)
        for name, array in (("images", images), ("labels", np.arange(size) % classes)):
            data[prefix + name] = str(folder / "data" / split / f"{name}.npy")
            write_array(data[prefix + name], array)
    card = {
        "classes": list("abcdefgh"[:classes]),
        "image_shape": [32, 32, 3],
        "mean": [0.5] * 3,
        "std": [0.3] * 3,
    }
    write_json(data["card"], card | {"splits": {}})
    return data


def train_files(
    folder: Path, data: dict[str, str], design: Design, loss: Loss, count: int = 1, **recipe
) -> list[Path]:
    """Train `count` members for an epoch of batches of eight images, or what `recipe` says; their
    folders."""
    folders = [folder / f"m{index}" for index in range(count)]
    described = [
        design.description(32) | {"design": "small", "seed": 0, "index": index}
        for index in range(count)
    ]
    settings = Recipe(
        **{"epochs": 1, "batch_size": 8, "shift": 2, "flip": True} | recipe
    ).model_dump()
    job = [*map(str, folders)], described, settings, loss, data, (0, "train", "small", 0)
    train_members(*job, workers=0, code="")
    return folders


class Killed(Exception):
    """In place of a signal."""


def killed_at(step: int, loss: Loss) -> Loss:
    """`loss`, which fails at a step as if the process were killed."""
    calls = 0

    def fragile(networks, images, labels):
        nonlocal calls
        calls += 1
        if calls == step:
            raise Killed
        return loss(networks, images, labels)

    return fragile
