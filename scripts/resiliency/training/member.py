"""From a description and a recipe to the files of trained members."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from resiliency.data.images import read_images
from resiliency.designs.cards import design_card, training_cost
from resiliency.designs.members import Member
from resiliency.designs.networks import build, write_member
from resiliency.devices.choice import device
from resiliency.reliability import near_chance
from resiliency.storage.files import read_array, read_json, write_csv
from resiliency.streams import derived_seed
from resiliency.training.checkpoints import Checkpoint
from resiliency.training.engine import Loss, Trainer
from resiliency.training.settings import Recipe
from resiliency.training.validation import Labelled, Preprocessing, accuracies


def train_members(
    folders: list[str],
    descriptions: list[dict],
    recipe: dict,
    loss: Loss,
    data: dict[str, str],
    stream: tuple,
    workers: int,
    code: str,
    prepare: Callable[[nn.Module], None] | None = None,
    same_steps: bool = True,
) -> None:
    """Train members together on the same batches and write each to its folder.

    A checkpoint in the first folder is gone on from, and removed when all are written.

    Args:
        folders: one per member, named as the member; gets weights.safetensors, member.json and history.csv.
        descriptions: what is known of each member before training (architecture, arguments, design, ...). The mean
            and std in the first one, if there are any, take the place of those of the training images.
        recipe: the values of a `Recipe`.
        loss: of the networks, images and labels; see `Trainer`.
        data: paths: card, images, labels, validation_images and validation_labels.
        stream: seed and name of the random stream that initial weights and order of images are derived from.
        workers: processes that decode image files.
        code: fingerprint of the code that trains.
        prepare: changes a network, in place, before training.
        same_steps: of `Trainer`, for the loss; networks of a factory may do as they like in each step.
    """
    card = read_json(data["card"])
    card |= {key: descriptions[0][key] for key in ("mean", "std") if key in descriptions[0]}
    where = device()
    networks = [
        build(description, len(card["classes"]), derived_seed(*stream, "weights", index)).to(where)
        for index, description in enumerate(descriptions)
    ]
    members = [
        Member(member=Path(folder).name, **description)
        for folder, description in zip(folders, descriptions, strict=True)
    ]
    for network in networks if prepare else ():
        prepare(network)
    cards = [
        design_card(network, description, card, len(card["classes"]))
        for network, description in zip(networks, descriptions, strict=True)
    ]
    training, validation = (
        Labelled(read_images(data[f"{prefix}images"]), read_array(data[f"{prefix}labels"]))
        for prefix in ("", "validation_")
    )
    preprocessing = Preprocessing(card["mean"], card["std"], workers)
    settings = Recipe(**recipe)
    same_steps = same_steps and not any(description["factory"] for description in descriptions)
    trainer = Trainer(
        networks, loss, settings, preprocessing, len(card["classes"]), derived_seed(*stream, "images"), same_steps
    )
    print(f"layers compute in {trainer.precision}")
    decisive = {
        "code": code,
        "stream": stream,
        "recipe": settings.model_dump() | {"precision": trainer.precision},
        "members": descriptions,
        "data": card["splits"],
    }
    with Checkpoint(Path(folders[0], "checkpoint.pt"), decisive) as checkpoint:
        history = trainer.train(training, validation, checkpoint)
    right = accuracies(networks, validation, preprocessing)
    steps = settings.epochs * (len(training.labels) // settings.batch_size)
    for folder, member, member_card, network, accuracy in zip(folders, members, cards, networks, right, strict=True):
        member_card["device"] = checkpoint.device
        member_card["precision"] = trainer.precision
        member_card["training_cost"] = training_cost(member_card["macs"], steps * settings.batch_size, settings.epochs)
        member_card["training_cost"]["steps"] = steps
        if near_chance(accuracy, validation.labels):
            warning = f"validation accuracy {accuracy:.3f} is hardly better than chance: training failed"
            print(f"warning: {member.member}: {warning}")
        write_csv(Path(folder, "history.csv"), history)
        write_member(folder, network, replace(member, **member_card, validation_accuracy=accuracy))
    checkpoint.remove()
