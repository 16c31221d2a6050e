"""From a description and a recipe to the files of trained members."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from resiliency.base.streams import derived_seed
from resiliency.data.pictures import read_images
from resiliency.designs.members import Member
from resiliency.designs.networks import build, write_member
from resiliency.designs.weights import design_card
from resiliency.devices.choice import device
from resiliency.reliability import near_chance
from resiliency.storage.files import read_array, read_json, write_csv
from resiliency.training.checkpoints import Checkpoint, LabelledImages, Preprocessing, accuracies
from resiliency.training.engine import Loss, Trainer
from resiliency.training.settings import Recipe


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
    loss_settings: dict[str, Any] | None = None,
) -> None:
    """Train members together on the same batches and write each to its folder.

    Training resumes from a checkpoint in the first folder, which is removed when all are written.

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
        loss_settings: what the loss depends on besides the descriptions, as JSON can hold it.
    """
    card = read_json(data["card"])
    learned = learned_from(card)
    card |= {key: descriptions[0][key] for key in ("mean", "std") if key in descriptions[0]}
    networks = [
        build(description, len(card["classes"]), derived_seed(*stream, "weights", index)).to(device())
        for index, description in enumerate(descriptions)
    ]
    for network in networks if prepare else ():
        prepare(network)
    cards = [
        design_card(network, description, card, len(card["classes"]))
        for network, description in zip(networks, descriptions, strict=True)
    ]
    training, validation = read_labelled_images(data)
    preprocessing = Preprocessing(card["mean"], card["std"], workers)
    settings = Recipe(**recipe)
    same_steps = same_steps and not any(description["factory"] for description in descriptions)
    trainer = Trainer(
        networks, loss, settings, preprocessing, len(card["classes"]), derived_seed(*stream, "images"), same_steps
    )
    dependencies = {"code": code, "stream": stream, "members": descriptions, "data": learned}
    dependencies |= {"loss": loss_settings} if loss_settings else {}
    members = {
        folder: Member(
            Path(folder).name,
            **description | card | {"training_cost": cost_of_training(card["macs"], settings, training)},
        )
        for folder, description, card in zip(folders, descriptions, cards, strict=True)
    }
    train_and_write(trainer, training, validation, members, networks, dependencies)


def learned_from(card: dict) -> dict:
    """What a training depends on of the card of its data set: the images, and their normalisation."""
    return {key: card[key] for key in ("splits", "mean", "std")}


def read_labelled_images(data: dict[str, str]) -> tuple[LabelledImages, LabelledImages]:
    """The training and the validation images of `data`; see `train_members`."""
    return tuple(
        LabelledImages(read_images(data[f"{prefix}images"]), read_array(data[f"{prefix}labels"]))
        for prefix in ("", "validation_")
    )


def cost_of_training(macs: int, recipe: Recipe, training: LabelledImages) -> dict:
    """Epochs and steps, the images in all of them, and MACs for a network of `macs` MACs per image.

    A backward pass takes twice as many as a forward pass; where layers are frozen, this counts too many.
    """
    steps = recipe.epochs * (len(training.labels) // recipe.batch_size)
    images = steps * recipe.batch_size
    return {"epochs": recipe.epochs, "images": images, "macs": 3 * macs * images, "steps": steps}


def train_and_write(
    trainer: Trainer,
    training: LabelledImages,
    validation: LabelledImages,
    members: dict[str, Member],
    networks: list[nn.Module],
    dependencies: dict[str, Any],
) -> None:
    """Train, from a checkpoint in the first folder if there is one, and write each member with its network.

    Args:
        members: folder -> member, with its design card.
        networks: of the members; those of `trainer`, or what these are parts of.
        dependencies: what the weights depend on besides the recipe, as JSON can hold it.
    """
    print(f"layers compute in {trainer.precision}")
    recipe = trainer.recipe
    settings = dependencies | {"recipe": recipe.model_dump() | {"precision": trainer.precision}}
    with Checkpoint(Path(next(iter(members)), "checkpoint.pt"), settings) as checkpoint:
        history = trainer.train(training, validation, checkpoint)
    validation_accuracies = accuracies(trainer.networks, validation, trainer.preprocessing)
    for (folder, member), network, accuracy in zip(members.items(), networks, validation_accuracies, strict=True):
        results = {"device": checkpoint.device, "precision": trainer.precision, "validation_accuracy": accuracy}
        if near_chance(accuracy, validation.labels):
            warning = f"validation accuracy {accuracy:.3f} is close to chance: training failed"
            print(f"warning: {member.member}: {warning}")
        write_csv(Path(folder, "history.csv"), history)
        write_member(folder, network, replace(member, **results))
    checkpoint.remove()
