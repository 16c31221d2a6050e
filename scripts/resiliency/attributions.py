"""Where a member looks: attribution maps, through Captum."""

from collections.abc import Callable

import numpy as np
import torch
from captum.attr import IntegratedGradients, Saliency
from torch import Tensor, nn

from resiliency.designs.networks import normalised

BATCH = 64


def _saliency(network: nn.Module, images: Tensor, target: Tensor, black: Tensor, steps: int) -> Tensor:
    """Absolute gradient of the target's logit (Simonyan et al., 2014)."""
    return Saliency(network).attribute(images, target=target, abs=True)


def _integrated_gradients(network: nn.Module, images: Tensor, target: Tensor, black: Tensor, steps: int) -> Tensor:
    """Gradients integrated along the straight path from a black image (Sundararajan et al., 2017)."""
    method = IntegratedGradients(network)
    return method.attribute(images, baselines=black, target=target, n_steps=steps, internal_batch_size=4 * BATCH)


METHODS: dict[str, Callable[[nn.Module, Tensor, Tensor, Tensor, int], Tensor]] = {
    "saliency": _saliency,
    "integrated_gradients": _integrated_gradients,
}


def attribution_maps(
    method: str, network: nn.Module, member: dict, images: np.ndarray, labels: np.ndarray, target: str, steps: int
) -> np.ndarray:
    """Maps of `method`, summed over channels.

    Args:
        images: uint8 NxHxWx3.
        labels: int64 N.
        target: the class that is explained: `label`, the true one, or `prediction`, the network's.
        steps: of the path of integrated gradients.

    Returns:
        float16 NxHxW, each map scaled to a largest absolute value of 1 (a map of zeros stays so).
    """
    device = next(network.parameters()).device
    look = member["mean"], member["std"]
    maps = []
    for start in range(0, len(images), BATCH):
        batch = normalised(torch.tensor(images[start : start + BATCH], device=device), *look).requires_grad_()
        black = normalised(torch.zeros(1, *images.shape[1:], dtype=torch.uint8, device=device), *look)
        if target == "label":
            classes = torch.tensor(labels[start : start + BATCH], device=device)
        else:
            with torch.inference_mode():
                classes = network(batch).argmax(1)
        found = METHODS[method](network, batch, classes.clone(), black, steps).detach().sum(dim=1)
        maps.append((found / found.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-30)).cpu())
    return torch.cat(maps).numpy().astype(np.float16)
