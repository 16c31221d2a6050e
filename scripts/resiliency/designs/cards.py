"""Design cards: what is known of every member, however it came to be."""

import torch
from torch import Tensor, nn

from resiliency.base.faults import Fault, expected
from resiliency.designs.checkpoints import not_finite
from resiliency.designs.members import WeightsKind
from resiliency.designs.networks import network_name, parameters_and_macs
from resiliency.devices.choice import device_name


def design_card(network: nn.Module, description: dict, card: dict, outputs: int) -> dict:
    """The design card of `network`, as if it were trained here on the data set of `card`.

    It holds parameters, macs (multiply-accumulate operations for one image), input_size (H, W, 3), view (None, for it
    sees images as the data set has them; else what `views.view_of` reads), mean, std (of each channel, that images are
    normalised with; None where there are no training images), classes (the data set's, in its order), network_outputs
    (their number), outputs (index of the output for each class, None if these are the same), weights_source,
    normalisation (whose mean and std these are), training_cost (None), and device (that it is made on).

    Raises:
        Fault: the network fails on an image of the data set, or does not give `outputs` logits for it, or a weight or
            logit is NaN or infinite.
    """
    shape = card["image_shape"]
    label = f"{network_name(description)} with {description['arguments']}"
    image = torch.zeros(1, shape[2], *shape[:2], device=next(network.parameters()).device)
    try:
        with torch.inference_mode():
            logits = network.eval()(image)
    except Exception as error:
        raise Fault(f"{label}: fails on images of {shape[1]}x{shape[0]} px: {error!r:.300}") from error
    if not isinstance(logits, Tensor) or logits.shape != (1, outputs):
        result = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise Fault(f"{label}: {expected(f'logits of shape (1, {outputs}) for one image', result)}")
    if names := not_finite(network.state_dict()):
        raise Fault(f"{label}: {len(names):,} weights are NaN or infinite, e.g. {names[0]}")
    if not torch.isfinite(logits).all():
        raise Fault(f"{label}: logits for a black image contain NaN or infinity")
    parameters, macs = parameters_and_macs(network, shape)
    operations = "an unknown number of" if macs is None else f"{macs:,}"
    print(f"{network_name(description)}: {parameters:,} parameters, {operations} MACs per image, on {device_name()}")
    return {
        "parameters": parameters,
        "macs": macs,
        "input_size": shape,
        "view": None,
        "mean": card.get("mean"),
        "std": card.get("std"),
        "classes": card["classes"],
        "network_outputs": outputs,
        "outputs": None,
        "weights_kind": WeightsKind.TRAINED,
        "weights_source": "trained here",
        "normalisation": "mean and std of the training images",
        "training_cost": None,
        "device": device_name(),
    }
