"""Attribution maps, through Captum."""

from collections.abc import Callable

import numpy as np
import torch
from captum.attr import (
    InputXGradient,
    IntegratedGradients,
    LayerAttribution,
    LayerGradCam,
    Occlusion,
    Saliency,
)
from torch import Tensor, nn
from torch.nn.functional import interpolate as resize

from resiliency.data.pictures import images_in_views
from resiliency.designs.device import inference
from resiliency.designs.layers import spatial_layer
from resiliency.designs.members import Member, view_of
from resiliency.designs.networks import normalised

BATCH = 64
WINDOWS = 4  # occluding windows that fit side by side; they move by half of their side
# Why Grad-CAM does not apply to some networks.
NO_MAP = "no feature stage with a map of 4x4 or more that the logits depend on"


def _saliency(
    network: nn.Module, images: Tensor, target: Tensor, black: Tensor, steps: int
) -> Tensor:
    """Absolute gradient of the target's logit (Simonyan et al., 2014)."""
    return Saliency(network).attribute(images, target=target, abs=True)


def _input_x_gradient(
    network: nn.Module, images: Tensor, target: Tensor, black: Tensor, steps: int
) -> Tensor:
    """Normalised image times the gradient of the target's logit (Shrikumar et al., 2016)."""
    return InputXGradient(network).attribute(images, target=target)


def _integrated_gradients(
    network: nn.Module, images: Tensor, target: Tensor, black: Tensor, steps: int
) -> Tensor:
    """Gradients integrated along the straight path from a black image (Sundararajan et al.,
    2017)."""
    method = IntegratedGradients(network)
    return method.attribute(
        images, baselines=black, target=target, n_steps=steps, internal_batch_size=4 * BATCH
    )


def _grad_cam(
    network: nn.Module, images: Tensor, target: Tensor, black: Tensor, steps: int
) -> Tensor | None:
    """Features of the last stage of 4x4 or more, weighted by their mean gradient, enlarged
    (Selvaraju et al., 2017)."""
    with spatial_layer(network, images[:1]) as layer:
        if layer is None:
            return None
        maps = LayerGradCam(network, layer).attribute(images, target=target, relu_attributions=True)
    return LayerAttribution.interpolate(maps, tuple(images.shape[2:]), "bilinear")


def _occlusion(
    network: nn.Module, images: Tensor, target: Tensor, black: Tensor, steps: int
) -> Tensor:
    """Loss of the target's logit where a black window hides the image (Zeiler and Fergus, 2014).

    The window has a quarter of the image's sides and moves by half of its own.
    """
    window = [max(1, side // WINDOWS) for side in images.shape[2:]]
    strides = (images.shape[1], *(max(1, side // 2) for side in window))
    return Occlusion(network).attribute(
        images,
        sliding_window_shapes=(images.shape[1], *window),
        strides=strides,
        baselines=black,
        target=target,
        perturbations_per_eval=4,
    )


METHODS: dict[str, Callable[[nn.Module, Tensor, Tensor, Tensor, int], Tensor | None]] = {
    "saliency": _saliency,
    "input_x_gradient": _input_x_gradient,
    "integrated_gradients": _integrated_gradients,
    "grad_cam": _grad_cam,
    "occlusion": _occlusion,
}


def attribution_maps(
    method: str,
    network: nn.Module,
    member: Member,
    images: np.ndarray,
    labels: np.ndarray,
    target: str,
    steps: int,
) -> np.ndarray:
    """Maps of `method`, summed over channels.

    A member that sees images in a view of its own sees these resized, and its maps are resized
    back, so that pixels of all members' maps are of the same places.

    Args:
        images: uint8 NxHxWx3.
        labels: int64 N.
        target: class that is explained: `label`, the true one, or `prediction`, the network's.
        steps: number of steps of the path of integrated gradients.

    Returns:
        float16 NxHxW, each map scaled to a largest absolute value of 1 (a map of zeros stays so);
        NaN if the method does not apply to the network, because of `NO_MAP`.
    """
    device = next(network.parameters()).device
    normalisation = member.normalising
    maps = []
    for start in range(0, len(images), BATCH):
        (pixels,) = images_in_views(images[start : start + BATCH], slice(None), [view_of(member)])
        batch = normalised(torch.tensor(pixels, device=device), *normalisation).requires_grad_()
        black = normalised(
            torch.zeros(1, *pixels.shape[1:], dtype=torch.uint8, device=device), *normalisation
        )
        if target == "label":
            classes = torch.tensor(labels[start : start + BATCH], device=device)
        else:
            with inference():
                classes = network(batch).argmax(1)
        attributed = METHODS[method](network, batch, classes.clone(), black, steps)
        if attributed is None:
            return np.full(images.shape[:3], np.nan, np.float16)
        batch_maps = attributed.detach().sum(dim=1)
        if batch_maps.shape[1:] != images.shape[1:3]:
            batch_maps = resize(
                batch_maps[:, None], images.shape[1:3], mode="bilinear", antialias=True
            )[:, 0]
        maps.append(
            (batch_maps / batch_maps.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-30)).cpu()
        )
    return torch.cat(maps).numpy().astype(np.float16)
