"""From a description and a recipe to the files of trained members."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from resiliency.designs.networks import build, device, normalised, parameters_and_macs, write_member
from resiliency.files import read_array, read_json, write_csv
from resiliency.streams import derived_seed
from resiliency.training.engine import Loss, accuracy, train
from resiliency.training.settings import Recipe


def train_members(
    folders: list[str], descriptions: list[dict], recipe: dict, loss: Loss, card: str, stream: tuple
) -> None:
    """Train members together on the same batches and write each to its folder.

    Args:
        folders: one per member, named as the member; gets weights.safetensors, member.json and history.csv.
        descriptions: what is known of each member before training (architecture, arguments, design, ...).
        recipe: the values of a `Recipe`.
        loss: of the stacked logits float MxBxK and the labels int64 B.
        card: path of the data card; the splits lie beside it.
        stream: seed and name of the random stream that initial weights and order of images are derived from.
    """
    data = read_json(card)
    where = device()
    networks = [
        build(d["architecture"], d["arguments"], len(data["classes"]), derived_seed(*stream, "weights", index)).to(
            where
        )
        for index, d in enumerate(descriptions)
    ]
    parameters, macs = parameters_and_macs(networks[0], data["image_shape"])
    print(f"{descriptions[0]['architecture']}: {parameters:,} parameters, {macs:,} MACs an image, on {where}")
    training, validation = (_on_device(Path(card).parent / split, data) for split in ("train", "validation"))
    history = train(networks, loss, Recipe(**recipe), training, validation, derived_seed(*stream, "images"))
    for folder, description, network in zip(folders, descriptions, networks, strict=True):
        write_csv(Path(folder, "history.csv"), history)
        known = {key: data[key] for key in ("classes", "image_shape", "mean", "std")}
        learned = {"parameters": parameters, "macs": macs, "validation_accuracy": accuracy(network, *validation)}
        write_member(folder, network, {"member": Path(folder).name} | description | known | learned)


def _on_device(folder: Path, data: dict) -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(np.array(read_array(folder / "images.npy"))).to(device())
    labels = torch.from_numpy(np.array(read_array(folder / "labels.npy"))).to(device())
    return normalised(images, data).contiguous(memory_format=torch.channels_last), labels
