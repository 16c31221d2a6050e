"""What a network must be, so that every stage can use it."""

import torch
from torch import Tensor, nn

BATCH = 2


def network_fault(network: nn.Module, side: int, outputs: int | None) -> str:
    """What keeps `network` from being used for images of `side` pixels squared; nothing if nothing does.

    It must map a batch of images, which it leaves as they are, to as many rows of logits,
    and have a gradient with respect to them. On the device "meta" only shapes are checked.

    Args:
        outputs: the number of logits that are needed, or None for two or more.
    """
    device = next(network.parameters()).device
    random = torch.Generator().manual_seed(0)
    images = torch.rand(BATCH, 3, side, side, generator=random, device="cpu").to(device)
    given = images.clone().requires_grad_(device.type != "meta")
    network.eval()
    try:
        logits = network(given * 1)
        changing = given.detach().clone()
        with torch.no_grad():
            network(changing)
    except Exception as error:
        return f"fails on images of {side}x{side} px: {_brief(error)}"
    if not isinstance(logits, Tensor):
        return f"gives {type(logits).__name__}, where a tensor of logits is needed"
    if logits.ndim != 2 or len(logits) != BATCH or (outputs or max(logits.shape[1], 2)) != logits.shape[1]:
        needed = f"({BATCH}, {outputs or 'classes'})"
        return f"gives {tuple(logits.shape)} for {BATCH} images, where logits of shape {needed} are needed"
    if device.type == "meta":
        return ""
    if not torch.equal(changing, images):
        return "changes the images that it is given, in place; let it work on a copy"
    if not logits.isfinite().all():
        return "gives logits that are not finite"
    try:
        gradient = torch.autograd.grad(logits.float().sum(), given, allow_unused=True)[0]
    except RuntimeError as error:
        return f"has no gradient with respect to images: {_brief(error)}"
    return "" if gradient is not None else "has logits that do not depend on the images"


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:200]
