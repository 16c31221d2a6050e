"""What a network must be, so that every stage can use it."""

import torch
from torch import Tensor, nn

from resiliency.base.faults import brief

BATCH = 2
DARKER = 0.1  # the last image of a batch against the others: statistics of the batch then differ from the first image's
SAME, SAME_ALONE = 1e-3, 1e-2  # of the largest logit: sums in another order, and kernels for another number of images
PROBABILITIES = 1e-4  # of a sum of probabilities


def trial_images(side: int, device: torch.device) -> Tensor:
    """A batch of noise, float32 `BATCH` x 3 x `side` x `side` of 0..1, the same at each call."""
    images = torch.rand(BATCH, 3, side, side, generator=torch.Generator().manual_seed(0), device="cpu")
    images[-1] *= DARKER
    return images.to(device)


def network_fault(network: nn.Module, side: int, outputs: int | None) -> str:
    """What keeps `network` from being used for images of `side` pixels squared; nothing if nothing does.

    It must map a batch of images, which it leaves as they are, to as many rows of logits,
    and have a gradient with respect to them; and pass `logits_fault`. On the device "meta" only shapes are checked.

    Args:
        outputs: the number of logits that are needed, or None for two or more.
    """
    device = next(network.parameters()).device
    images = trial_images(side, device)
    inputs = images.clone().requires_grad_(device.type != "meta")
    network.eval()
    try:
        logits = network(inputs * 1)
        wide_images = inputs.detach() * 4 - 2  # as normalised images are, which a network may clamp
        passed_images = wide_images.clone()
        with torch.no_grad():
            network(passed_images)
    except (Exception, SystemExit) as error:
        return f"fails on images of {side}x{side} px: {brief(error)}"
    if not isinstance(logits, Tensor):
        return f"expected a tensor of logits, got {type(logits).__name__}"
    if not logits.is_floating_point() or logits.layout is not torch.strided:
        return f"gives a tensor of {logits.dtype}, {logits.layout}, where floats are needed"
    if logits.ndim != 2 or len(logits) != BATCH or (outputs or max(logits.shape[1], 2)) != logits.shape[1]:
        needed = f"({BATCH}, {outputs or 'classes'})"
        return f"expected logits of shape {needed} for {BATCH} images, got {tuple(logits.shape)}"
    if device.type == "meta":
        return ""
    if not torch.equal(passed_images, wide_images):
        return "changes its input images in place; let it work on a copy"
    if not logits.isfinite().all():
        return "logits contain NaN or infinity"
    try:
        gradient = torch.autograd.grad(logits.float().sum(), inputs, allow_unused=True)[0]
    except RuntimeError as error:
        return f"no gradient with respect to the images: {brief(error)}"
    return logits_fault(network, images) if gradient is not None else "logits do not depend on the images"


def logits_fault(network: nn.Module, images: Tensor) -> str:
    """What keeps the outputs of `network`, in evaluation mode, from being a member's logits; nothing if nothing does.

    They must be the same in each pass, for an image alone and in another order, without a change of weights or buffers,
    and must not be probabilities already, of which a softmax would be taken again.

    Args:
        images: float32 B x 3 x side x side, as from `trial_images`.
    """
    before = {name: tensor.clone() for name, tensor in _weights(network).items()}
    try:
        with torch.inference_mode():
            logits, second = network(images), network(images)
            reversed_order = network(images.flip(0)).flip(0)
            one_by_one = torch.cat([network(images[place : place + 1]) for place in range(len(images))])
    except (Exception, SystemExit) as error:
        return f"fails on a single image: {brief(error)}"
    if changed := [name for name, tensor in _weights(network).items() if not torch.equal(tensor, before[name])]:
        return f"changes {changed[0]} in evaluation mode; let eval() stop the update, e.g. of running statistics"
    if not _same(logits, second, SAME):
        return (
            "predictions differ between two passes over the same images; let eval() stop dropout and other randomness"
        )
    if not _same(logits, one_by_one, SAME_ALONE):
        return (
            "prediction of an image depends on the rest of its batch; normalise by running statistics, not the batch's"
        )
    if not _same(logits, reversed_order, SAME_ALONE):
        return "answers images differently in another order; treat each image by itself"
    if (logits >= 0).all() and (logits.sum(dim=1) - 1).abs().max() < PROBABILITIES:
        return "expected logits, got probabilities; remove the softmax, or return their logarithm"
    return ""


def _weights(network: nn.Module) -> dict[str, Tensor]:
    """Weights and buffers; what else modules keep as extra state is left out."""
    return {name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)}


def _same(one: Tensor, other: Tensor, tolerance: float) -> bool:
    return one.shape == other.shape and bool((one - other).abs().max() <= tolerance * one.abs().max())
