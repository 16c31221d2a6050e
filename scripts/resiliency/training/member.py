"""Trained members: from a description and a recipe, or from given weights by fine-tuning, to
files."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from resiliency.base.faults import Fault
from resiliency.base.settings import Keys
from resiliency.base.streams import derived_seed
from resiliency.data.loading import batches, in_order
from resiliency.data.pictures import read_images
from resiliency.designs.device import device, inference
from resiliency.designs.members import Given, Member, WeightsKind, described, view_of
from resiliency.designs.networks import (
    build,
    load_weights,
    read_checkpoint,
    trial_images,
    write_member,
)
from resiliency.designs.weights import (
    complete,
    describe_source,
    features_of,
    file_source,
    head_name,
    pretrained_network,
    refuse_unfit,
    see_as_in_training,
    train_last,
)
from resiliency.metrics.classification import near_chance
from resiliency.storage import read_array, read_json, write_csv
from resiliency.training.engine import (
    Checkpoint,
    LabelledImages,
    Loss,
    Preprocessing,
    Trainer,
    accuracies,
)
from resiliency.training.objectives import cross_entropy
from resiliency.training.settings import ALL, HEAD, FineTuning, Recipe

Stream = tuple[str | int, ...]


def train_members(
    folders: list[str],
    descriptions: list[Keys],
    recipe: Keys,
    loss: Loss,
    data: dict[str, str],
    stream: Stream,
    workers: int,
    code: str,
    prepare: Callable[[nn.Module], None] | None = None,
    loss_settings: Keys | None = None,
) -> None:
    """Train members together on the same batches and write each to its folder.

    Training resumes from a checkpoint in the first folder, which is removed when all are written.

    Args:
        folders: folders of the members, with their names; weights.safetensors, member.json and
            history.csv are written to each.
        descriptions: entries of each `Member` before training. A mean and std in the first one
            replace those of the training images.
        recipe: values of a `Recipe`.
        loss: function of the networks, images and labels, which does the same work in every step
            unless a network is that of a factory; see `Trainer`.
        data: paths by name: card, images, labels, validation_images and validation_labels.
        stream: seed and name of the random stream of initial weights and order of images.
        workers: number of processes that decode image files.
        code: fingerprint of the code that trains.
        prepare: function that changes a network, in place, before training.
        loss_settings: further dependencies of the loss, as JSON values.
    """
    card, settings = read_json(data["card"]), Recipe(**recipe)
    training, validation = read_labelled_images(data)
    known = {key: card[key] for key in ("mean", "std", "classes")} | {
        "normalisation": "mean and std of the training images",
        "weights_kind": WeightsKind.TRAINED,
        "weights_source": "trained here",
    }
    members = [
        described(Path(of).name, known | own) for of, own in zip(folders, descriptions, strict=True)
    ]
    networks, outputs = [], len(card["classes"])
    for index, member in enumerate(members):
        network = build(member, outputs, derived_seed(*stream, "weights", index)).to(device())
        if prepare is not None:
            prepare(network)
        complete(member, network, outputs)
        member.training_cost = cost_of_training(member.macs, settings, training)
        networks.append(network)
    preprocessing = Preprocessing(members[0].mean, members[0].std, workers)
    same_steps = not any(member.factory for member in members)
    trainer = Trainer(
        networks,
        loss,
        settings,
        preprocessing,
        outputs,
        derived_seed(*stream, "images"),
        same_steps,
    )
    dependencies = {
        "code": code,
        "stream": stream,
        "members": descriptions,
        "data": learned_from(card),
    }
    dependencies["loss"] = loss_settings
    train_and_write(
        trainer,
        training,
        validation,
        dict(zip(folders, members, strict=True)),
        networks,
        dependencies,
    )


def learned_from(card: Keys) -> Keys:
    """The entries of a dataset's card on which training depends: the images, and their
    normalisation."""
    return {key: card[key] for key in ("splits", "mean", "std")}


def read_labelled_images(data: dict[str, str]) -> tuple[LabelledImages, LabelledImages]:
    """The training and the validation images of `data`; see `train_members`."""
    training, validation = (
        LabelledImages(read_images(data[f"{prefix}images"]), read_array(data[f"{prefix}labels"]))
        for prefix in ("", "validation_")
    )
    return training, validation


def cost_of_training(macs: int, recipe: Recipe, training: LabelledImages) -> dict[str, float]:
    """Epochs, steps, images in all of them, and MACs for a network of `macs` MACs per image.

    A backward pass takes twice as many as a forward pass; where layers are frozen, this counts too
    many.
    """
    steps = recipe.epochs * (len(training.labels) // recipe.batch_size)
    n_images = steps * recipe.batch_size
    return {
        "epochs": recipe.epochs,
        "n_images": n_images,
        "macs": 3 * macs * n_images,
        "steps": steps,
    }


def train_and_write(
    trainer: Trainer,
    training: LabelledImages,
    validation: LabelledImages,
    members: dict[str, Member],
    networks: list[nn.Module],
    dependencies: Keys,
) -> None:
    """Train, from a checkpoint in the first folder if there is one, and write each member with its
    network.

    Args:
        members: folder -> member, complete but for what training tells.
        networks: networks of the members: those of `trainer`, or wholes of which these are parts.
        dependencies: further dependencies of the weights, as JSON values.
    """
    print(f"layers compute in {trainer.precision}")
    settings = dependencies | {
        "recipe": trainer.recipe.model_dump() | {"precision": trainer.precision}
    }
    with Checkpoint(Path(next(iter(members)), "checkpoint.pt"), settings) as checkpoint:
        history = trainer.train(training, validation, checkpoint)
    validation_accuracies = accuracies(trainer.networks, validation, trainer.preprocessing)
    for (folder, member), network, accuracy in zip(
        members.items(), networks, validation_accuracies, strict=True
    ):
        member.device = ", then ".join(checkpoint.devices)
        member.precision, member.validation_accuracy = trainer.precision, accuracy
        if near_chance(accuracy, validation.labels):
            print(
                f"warning: {member.member}: validation accuracy {accuracy:.3f} is close to chance: "
                "training failed"
            )
        write_csv(Path(folder, "history.csv"), history)
        write_member(folder, network, member)
    checkpoint.path.unlink(missing_ok=True)


BATCH = 64
# Scale of a new head's weights. Those of timm's EfficientNets are so large that they drown what it
# learns.
HEAD_STD = 0.01


def fine_tune(
    folder: str,
    description: Keys,
    recipe: Keys,
    data: dict[str, str],
    stream: Stream,
    workers: int,
    code: str,
) -> None:
    """Train a network that starts from given weights, and write it to `folder` as `train_members`
    does.

    Args:
        description: as from `Design.description`, with further entries of a `Member`.
        recipe: values of a `FineTuning`.
        data: paths by name, as for `train_members`, and `weights` unless they are pretrained.
        stream: seed and name of the random stream of the head's weights and the order of images.
        workers, code: as of `train_members`.

    Raises:
        Fault: see `build_for_tuning`, `designs.weights.train_last` and `Trainer.train`.
    """
    card, settings, name = read_json(data["card"]), FineTuning(**recipe), Path(folder).name
    classes, side = card["classes"], card["image_shape"][0]
    seed = derived_seed(*stream, "weights", 0)
    network, head, member = build_for_tuning(
        name, description, classes, side, data.get("weights"), seed
    )
    training, validation = read_labelled_images(data)
    member.training_cost = cost_of_training(member.macs, settings, training)
    preprocessing = Preprocessing(member.mean, member.std, workers, view_of(member))
    if settings.train == HEAD:
        # The head's own MACs are negligible.
        member.training_cost["macs"] = member.macs * len(training.labels)
        shape, (training, validation) = _head_inputs(
            network, head, [training, validation], preprocessing
        )
        trained: nn.Module = nn.Sequential(nn.Flatten(), nn.Unflatten(1, shape), head, nn.Flatten())
        preprocessing = Preprocessing(None, None)
        settings = settings.model_copy(update={"shift": 0, "flip": False, "augment": "none"})
        body = []
    else:
        if settings.train != ALL:
            train_last(network, settings.train)
        head_parameters = set(head.parameters())
        trained, body = (
            network,
            [parameter for parameter in network.parameters() if parameter not in head_parameters],
        )
    loss, seed = (
        partial(cross_entropy, smoothing=settings.label_smoothing),
        derived_seed(*stream, "images"),
    )
    trainer = Trainer(
        [trained], loss, settings, preprocessing, len(classes), seed, not member.factory, body
    )
    dependencies = {"code": code, "stream": stream, "data": learned_from(card)}
    dependencies |= {"members": [description], "start": member.weights_source}
    train_and_write(trainer, training, validation, {folder: member}, [network], dependencies)


def build_for_tuning(
    name: str, description: Keys, classes: list[str], side: int, weights: str | None, seed: int
) -> tuple[nn.Module, nn.Module, Member]:
    """The network of the member `name`, on the device, with given weights but in its head; the
    head; the member.

    The network sees images as its weights did in their training.

    Args:
        description, classes, side: as of `designs.weights.load_member`.
        weights: path of their file; None if they are pretrained.
        seed: seed of the head's weights.

    Raises:
        Fault: the network or its weights are unavailable, the network cannot be used (see
            `refuse_unfit`), the weights are those of another network, or no single layer gives the
            logits.
    """
    member, given = described(name, description), Given(**description["loaded"])
    network = build(member, len(classes), seed)
    see_as_in_training(member, given, network, side)
    refuse_unfit(network, member, len(classes))
    head_place = head_name(network, trial_images(member.side, torch.device("cpu")))
    head = network.get_submodule(head_place)
    for layer in head.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.normal_(layer.weight, std=HEAD_STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    own = network.state_dict()
    if weights:
        path = Path(weights)
        body, source = read_checkpoint(path, list(own)), file_source(path)
    else:
        pretrained, source = pretrained_network(member, given.revision)
        body = pretrained.state_dict()
    of_head = f"{head_place}."
    kept = {key: value for key, value in body.items() if not key.startswith(of_head)}
    if misfit := load_weights(
        network, kept | {key: own[key] for key in own if key.startswith(of_head)}
    ):
        raise Fault(
            f"{source}: not the weights of {member.network} but for its head {head_place}: {misfit}"
        )
    complete(member, network.to(device()), len(classes))
    member.weights_kind, member.classes = WeightsKind.FINE_TUNED, classes
    describe_source(member, f"fine-tuned here from {source}")
    print(f"{member.weights_source}; a new head {head_place} of {len(classes):,} outputs")
    return network, head, member


def _head_inputs(
    network: nn.Module, head: nn.Module, sets: list[LabelledImages], preprocessing: Preprocessing
) -> tuple[tuple[int, ...], list[LabelledImages]]:
    """The shape of the input of `head` for one image; and each of `sets` with it, float32 Nx1x1xD,
    as its images."""
    network.eval()
    head_inputs = []
    for images, labels in sets:
        order = in_order(len(labels), BATCH)
        read = batches(
            images, order, device(), preprocessing.workers, partial(preprocessing.in_view, images)
        )
        parts = []
        with inference():
            for batch in read:
                parts.append(
                    features_of(network, head, preprocessing.normalised(batch))
                    .float()
                    .cpu()
                    .numpy()
                )
        features = np.concatenate(parts)
        head_inputs.append(LabelledImages(features.reshape(len(features), 1, 1, -1), labels))
    return features.shape[1:], head_inputs
