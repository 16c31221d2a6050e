"""The loss of an ensemble that is trained jointly under an objective."""

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from resiliency.designs.networks import logits_and_features
from resiliency.training.engine import Loss
from resiliency.training.objectives import OBJECTIVES
from resiliency.training.similarity import input_gradients


def joint_loss(name: str, loss_weight: float) -> Loss:
    """The loss of networks under the objective `name`, of images float Bx3xHxW and labels int64 B."""
    objective = OBJECTIVES[name]
    needs = objective.needs if loss_weight else ""

    def loss(networks: list[nn.Module], images: Tensor, labels: Tensor) -> Tensor:
        if needs == "features":
            logits, features = zip(*(logits_and_features(network, images) for network in networks), strict=True)
            return objective(torch.stack(logits), labels, loss_weight, list(features))
        if needs == "input_gradients":
            # Only the plain form of attention has a second derivative.
            with sdpa_kernel(SDPBackend.MATH):
                images = images.detach().requires_grad_()
                logits = [network(images) for network in networks]
                return objective(torch.stack(logits), labels, loss_weight, input_gradients(logits, labels, images))
        return objective(torch.stack([network(images) for network in networks]), labels, loss_weight)

    return loss
