"""Fine-tuning: from weights that somebody else trained to the files of a member."""

from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from resiliency.base.streams import derived_seed
from resiliency.data.loading import batches, in_order
from resiliency.designs.heads import features_of, train_last
from resiliency.designs.members import Member
from resiliency.designs.starts import build_for_tuning
from resiliency.designs.views import view_of
from resiliency.devices.choice import device, inference
from resiliency.storage.files import read_json
from resiliency.training.engine import Trainer, cross_entropy
from resiliency.training.member import cost_of_training, read_labelled_images, train_and_write
from resiliency.training.tuning_settings import ALL, HEAD, FineTuning
from resiliency.training.validation import LabelledImages, Preprocessing

BATCH = 64


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
        Fault: see `starts.build_for_tuning`, `heads.train_last` and `Trainer.train`.
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
    dependencies = {"code": code, "stream": stream, "data": card["splits"]}
    dependencies |= {"members": [description], "start": member.weights_source}
    train_and_write(trainer, training, validation, {folder: member}, [network], dependencies)


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
