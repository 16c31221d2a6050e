"""Trained members: from a description and a recipe, or from given weights by fine-tuning, to files."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from resiliency.base.faults import Fault
from resiliency.base.streams import derived_seed
from resiliency.data.loading import batches, in_order
from resiliency.data.pictures import read_images
from resiliency.designs.device import device, inference
from resiliency.designs.members import Member, WeightsKind, view_of
from resiliency.designs.networks import (
    build,
    load_weights,
    network_fault,
    network_name,
    read_checkpoint,
    trial_images,
    write_member,
)
from resiliency.designs.weights import (
    design_card,
    features_of,
    file_source,
    head_name,
    normalisation,
    preprocessing_words,
    pretrained_network,
    train_last,
    view_in_training,
)
from resiliency.metrics.classification import near_chance
from resiliency.storage import read_array, read_json, write_csv
from resiliency.training.checkpoints import Checkpoint, LabelledImages, Preprocessing, accuracies
from resiliency.training.engine import Loss, Trainer, cross_entropy
from resiliency.training.settings import ALL, HEAD, FineTuning, Recipe


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
        folders: folders of the members, with their names; weights.safetensors, member.json and history.csv are written
            to each.
        descriptions: description of each member before training (architecture, arguments, design, ...). A mean and std
            in the first one replace those of the training images.
        recipe: values of a `Recipe`.
        loss: function of the networks, images and labels; see `Trainer`.
        data: paths by name: card, images, labels, validation_images and validation_labels.
        stream: seed and name of the random stream of initial weights and order of images.
        workers: number of processes that decode image files.
        code: fingerprint of the code that trains.
        prepare: function that changes a network, in place, before training.
        same_steps: whether the loss does the same work in every step, as for `Trainer`; networks of a factory need not.
        loss_settings: further dependencies of the loss, as JSON values.
    """
    card = read_json(data["card"])
    learned = learned_from(card)
    card |= {key: descriptions[0][key] for key in ("mean", "std") if key in descriptions[0]}
    networks = [
        build(description, len(card["classes"]), derived_seed(*stream, "weights", index)).to(device())
        for index, description in enumerate(descriptions)
    ]
    for network, description in zip(networks, descriptions, strict=True):
        _refuse_unfit(network, description, card["image_shape"][0], len(card["classes"]))
    if prepare is not None:
        for network in networks:
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


def _refuse_unfit(network: nn.Module, description: dict, side: int, outputs: int) -> None:
    """Refuse a network of a user's function that cannot be trained and used for images of `side` pixels squared."""
    if description["factory"] and (fault := network_fault(network, side, outputs)):
        raise Fault(f"{network_name(description)}: {fault}")


def learned_from(card: dict) -> dict:
    """The entries of a dataset's card on which training depends: the images, and their normalisation."""
    return {key: card[key] for key in ("splits", "mean", "std")}


def read_labelled_images(data: dict[str, str]) -> tuple[LabelledImages, LabelledImages]:
    """The training and the validation images of `data`; see `train_members`."""
    training, validation = (
        LabelledImages(read_images(data[f"{prefix}images"]), read_array(data[f"{prefix}labels"]))
        for prefix in ("", "validation_")
    )
    return training, validation


def cost_of_training(macs: int, recipe: Recipe, training: LabelledImages) -> dict:
    """Epochs, steps, images in all of them, and MACs for a network of `macs` MACs per image.

    A backward pass takes twice as many as a forward pass; where layers are frozen, this counts too many.
    """
    steps = recipe.epochs * (len(training.labels) // recipe.batch_size)
    n_images = steps * recipe.batch_size
    return {"epochs": recipe.epochs, "n_images": n_images, "macs": 3 * macs * n_images, "steps": steps}


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
        networks: networks of the members: those of `trainer`, or wholes of which these are parts.
        dependencies: further dependencies of the weights, as JSON values.
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


BATCH = 64
# Scale of a new head's weights. Those of timm's EfficientNets are so large that they drown what it learns.
HEAD_STD = 0.01


class OnFeatures(nn.Module):
    """The head of a network, applied to what was flattened of its input: features float Bx1x1xD -> logits BxK."""

    def __init__(self, head: nn.Module, shape: tuple[int, ...]):
        super().__init__()
        self.head, self.shape = head, shape

    def forward(self, features: Tensor) -> Tensor:
        return self.head(features.reshape(-1, *self.shape)).flatten(1)


def fine_tune(
    folder: str, description: dict, recipe: dict, data: dict[str, str], stream: tuple, workers: int, code: str
) -> None:
    """Train a network that starts from given weights, and write it to `folder` as `train_members` does.

    Args:
        description: description of the member, with the entries of `Design.description`.
        recipe: values of a `FineTuning`.
        data: paths by name, as for `train_members`, and `weights` unless they are pretrained.
        stream: seed and name of the random stream of the head's weights and the order of images.
        workers: number of processes that decode image files.
        code: fingerprint of the code that trains.

    Raises:
        Fault: see `build_for_tuning`, `designs.weights.train_last` and `Trainer.train`.
    """
    card, settings = read_json(data["card"]), FineTuning(**recipe)
    network, head, details = build_for_tuning(description, card, data, derived_seed(*stream, "weights", 0))
    member = Member(member=Path(folder).name, **details)
    training, validation = read_labelled_images(data)
    member.training_cost = cost_of_training(member.macs, settings, training)
    preprocessing = Preprocessing(member.mean, member.std, workers, view_of(member))
    if settings.train == HEAD:
        member.training_cost["macs"] = member.macs * len(training.labels)  # the head's own MACs are negligible
        shape, training, validation = _head_inputs(network, head, [training, validation], preprocessing)
        trained: nn.Module = OnFeatures(head, shape)
        preprocessing = Preprocessing(None, None)
        settings = settings.model_copy(update={"shift": 0, "flip": False, "augment": "none"})
        body = []
    else:
        if settings.train != ALL:
            train_last(network, settings.train)
        head_parameters = set(head.parameters())
        trained, body = network, [parameter for parameter in network.parameters() if parameter not in head_parameters]
    loss, seed = partial(cross_entropy, smoothing=settings.label_smoothing), derived_seed(*stream, "images")
    same_steps = not description["factory"]
    trainer = Trainer([trained], loss, settings, preprocessing, len(card["classes"]), seed, same_steps, body)
    dependencies = {"code": code, "stream": stream, "data": learned_from(card)}
    dependencies |= {"members": [description], "start": member.weights_source}
    train_and_write(trainer, training, validation, {folder: member}, [network], dependencies)


def build_for_tuning(
    description: dict, card: dict, files: dict[str, str], seed: int
) -> tuple[nn.Module, nn.Module, dict]:
    """The network of a member, on the device, with given weights but in its head; the head; the member's description.

    The network sees images as its weights did in their training.

    Args:
        description: description of the member, with the entries of `Design.description`.
        card: card of the dataset.
        files: paths by name: `weights`, unless they are pretrained.
        seed: seed of the head's weights.

    Raises:
        Fault: the network or its weights are unavailable, the network cannot be used (see `network_fault`), the
            weights are those of another network, or no single layer gives the logits.
    """
    loaded, name, outputs = description["loaded"], network_name(description), len(card["classes"])
    network = build(description, outputs, seed)
    view = view_in_training(network, loaded, name)
    shape = [view["size"], view["size"], 3] if view else card["image_shape"]
    _refuse_unfit(network, description, shape[0], outputs)
    head = head_name(network, trial_images(shape[0], torch.device("cpu")))
    for layer in network.get_submodule(head).modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.normal_(layer.weight, std=HEAD_STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    source = _load_body(network, head, description, files)
    details = design_card(network.to(device()), description, card | {"image_shape": shape}, outputs)
    details |= {"view": view, "side": shape[0]} | normalisation(network, loaded, name)
    details |= {"weights_kind": WeightsKind.FINE_TUNED}
    details["weights_source"] = f"fine-tuned here from {source}{preprocessing_words(details)}"
    print(f"mean {details['mean']}, std {details['std']}")
    print(f"{details['weights_source']}; a new head {head} of {outputs:,} outputs")
    fields = {key: value for key, value in description.items() if key != "loaded"}
    return network, network.get_submodule(head), fields | details


def _load_body(network: nn.Module, head: str, description: dict, files: dict[str, str]) -> str:
    """Give `network` all weights but those of the layer `head`; where these come from."""
    own = network.state_dict()
    if "weights" in files:
        path = Path(files["weights"])
        weights, source = read_checkpoint(path, list(own)), file_source(path)
    else:
        pretrained, source = pretrained_network(description)
        weights = pretrained.state_dict()
    body = {key: value for key, value in weights.items() if not key.startswith(f"{head}.")}
    new_head = {key: value for key, value in own.items() if key.startswith(f"{head}.")}
    if misfit := load_weights(network, body | new_head):
        raise Fault(f"{source}: not the weights of {network_name(description)} but for its head {head}: {misfit}")
    return source


def _head_inputs(
    network: nn.Module, head: nn.Module, sets: list[LabelledImages], preprocessing: Preprocessing
) -> tuple[tuple[int, ...], *tuple[Any, ...]]:
    """The shape of the input of `head` for one image; and each of `sets` with it, float32 Nx1x1xD, as its images."""
    network.eval()
    shape: tuple[int, ...] = ()
    head_inputs = []
    for images, labels in sets:
        order = in_order(len(labels), BATCH)
        read = batches(images, order, device(), preprocessing.workers, partial(preprocessing.in_view, images))
        parts = []
        with inference():
            for batch in read:
                features = features_of(network, head, preprocessing.normalised(batch))
                shape = tuple(features.shape[1:])
                parts.append(features.float().reshape(len(features), 1, 1, prod(shape)).cpu().numpy())
        head_inputs.append(LabelledImages(np.concatenate(parts), labels))
    return shape, *head_inputs
