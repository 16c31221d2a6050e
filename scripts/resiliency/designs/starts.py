"""Networks to be fine-tuned: weights that somebody else trained, behind them a new head of the data set's classes."""

from pathlib import Path

import torch
from torch import nn

from resiliency.base.faults import Fault
from resiliency.designs.cards import design_card
from resiliency.designs.checkpoints import load_weights, read_checkpoint
from resiliency.designs.heads import head_name
from resiliency.designs.members import WeightsKind
from resiliency.designs.network_faults import trial_images
from resiliency.designs.networks import build, network_name
from resiliency.designs.views import view_in_training
from resiliency.designs.weights import file_source, normalisation, preprocessing_words, pretrained_network
from resiliency.devices.choice import device

HEAD_STD = (
    0.01  # of the weights of a new head. Those of timm's EfficientNets are so large that they drown what it learns
)


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
