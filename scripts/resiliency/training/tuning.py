"""Fine-tuning: from weights that somebody else trained, behind them a new head, to the files of a member."""

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
from resiliency.designs.checkpoints import load_weights, read_checkpoint
from resiliency.designs.members import Member, WeightsKind
from resiliency.designs.network_faults import trial_images
from resiliency.designs.networks import build, network_name
from resiliency.designs.views import view_in_training, view_of
from resiliency.designs.weights import (
    design_card,
    features_of,
    file_source,
    head_name,
    normalisation,
    preprocessing_words,
    pretrained_network,
    train_last,
)
from resiliency.devices.choice import device, inference
from resiliency.storage.files import read_json
from resiliency.training.checkpoints import LabelledImages, Preprocessing
from resiliency.training.engine import Trainer, cross_entropy
from resiliency.training.member import cost_of_training, learned_from, read_labelled_images, train_and_write
from resiliency.training.settings import ALL, HEAD, FineTuning

BATCH = 64
# Of the weights of a new head. Those of timm's EfficientNets are so large that they drown what it learns.
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
        description: what is known of the member, with what `Design.description` gives.
        recipe: the values of a `FineTuning`.
        data: paths: as for `train_members`, and `weights` unless they are pretrained.
        stream: seed and name of the random stream that the weights of the head and the order of images are derived
            from.
        workers: processes that decode image files.
        code: fingerprint of the code that trains.

    Raises:
        Fault: see `build_for_tuning`, `heads.train_last` and `Trainer.train`.
    """
    card, settings = read_json(data["card"]), FineTuning(**recipe)
    network, head, details = build_for_tuning(description, card, data, derived_seed(*stream, "weights", 0))
    member = Member(member=Path(folder).name, **details)
    training, validation = read_labelled_images(data)
    member.training_cost = cost_of_training(member.macs, settings, training)
    preprocessing = Preprocessing(member.mean, member.std, workers, view_of(member))
    if settings.train == HEAD:
        member.training_cost["macs"] = member.macs * len(training.labels)  # the head's own are next to none
        shape, training, validation = _head_inputs(network, head, [training, validation], preprocessing)
        trained, preprocessing = OnFeatures(head, shape), Preprocessing(None, None)
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
        description: what is known of the member, with what `Design.description` gives.
        card: of the data set.
        files: paths: `weights`, unless they are pretrained.
        seed: of the weights of the head.

    Raises:
        Fault: the network or its weights cannot be had, the weights are those of another network, or the network has no
            single layer that gives the logits.
    """
    loaded, name, outputs = description["loaded"], network_name(description), len(card["classes"])
    network = build(description, outputs, seed)
    view = view_in_training(network, loaded, name)
    shape = [view["size"], view["size"], 3] if view else card["image_shape"]
    head = head_name(network, trial_images(shape[0], torch.device("cpu")))
    _initialise_head(network.get_submodule(head))
    source = _load_body(network, head, description, files)
    details = design_card(network.to(device()), description, card | {"image_shape": shape}, outputs)
    details |= {"view": view, "side": shape[0]} | normalisation(network, loaded, name)
    details |= {"weights_kind": WeightsKind.FINE_TUNED}
    details["weights_source"] = f"fine-tuned here from {source}{preprocessing_words(details)}"
    print(f"mean {details['mean']}, std {details['std']}")
    print(f"{details['weights_source']}; a new head {head} of {outputs:,} outputs")
    fields = {key: value for key, value in description.items() if key != "loaded"}
    return network, network.get_submodule(head), fields | details


def _initialise_head(head: nn.Module) -> None:
    """Draw small weights for a new head, and set its bias to zero."""
    for layer in head.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.normal_(layer.weight, std=HEAD_STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


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
    shape, head_inputs = (), []
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
