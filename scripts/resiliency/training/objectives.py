"""Losses of a single network, and of jointly trained ensembles: the negative-correlation family.

Each of these is a function of the stacked logits float MxBxK of M members, the labels int64 B and a
weight lambda. p_i are the members' probabilities, y is the label, CE the cross-entropy; all are
means over the images of the batch. Call them through `loss_of_logits`, which sees to precision and
to weight 0.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resiliency.training.engine import Loss


def cross_entropy(
    networks: list[nn.Module], images: Tensor, labels: Tensor, smoothing: float
) -> Tensor:
    """Cross-entropy of a single network; `smoothing` of each target is spread over all classes."""
    return F.cross_entropy(networks[0](images), labels, label_smoothing=smoothing)


def independent(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the members, (1/M) sum_i CE(p_i, y)."""
    return F.cross_entropy(logits.flatten(0, 1), labels.repeat(len(logits)))


def ensemble(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the mean probability, CE(mean_i p_i, y)."""
    log_mean = logits.log_softmax(dim=-1).logsumexp(dim=0) - math.log(len(logits))
    return F.nll_loss(log_mean, labels)


def balanced(logits: Tensor, labels: Tensor, loss_weight: float) -> Tensor:
    """(1 - loss_weight) x `independent` + loss_weight x `ensemble`, loss_weight in 0..1.

    Webb et al., "To Ensemble or Not Ensemble" (2020); Buschjaeger et al., "Generalized Negative
    Correlation Learning" (2020), where it is the upper bound.
    """
    return (1 - loss_weight) * independent(logits, labels) + loss_weight * ensemble(logits, labels)


def gncl(logits: Tensor, labels: Tensor, loss_weight: float) -> Tensor:
    """`independent` - loss_weight/(2M) sum_i d_i' D d_i, loss_weight >= 0.

    d_i are the logits of member i less their mean over members; D = diag(q) - q q', with q the
    softmax of the mean logits, is the Hessian of CE at the mean logits. d' D d is the variance of d
    under q, and computed as such: the difference of two large squares would round badly. At weight
    1 the loss is CE of the mean logits to second order. d' D d grows with the square of d, CE with
    d: at any weight above 0 the loss has no lower bound.

    Buschjaeger et al., "Generalized Negative Correlation Learning" (2020).
    """
    mean = logits.mean(dim=0)
    q, d = mean.softmax(dim=-1), logits - mean
    curvature = (q * (d - (q * d).sum(dim=-1, keepdim=True)).square()).sum(dim=-1)
    return independent(logits, labels) - loss_weight / 2 * curvature.mean()


def ncl(logits: Tensor, labels: Tensor, loss_weight: float) -> Tensor:
    """(1/M) sum_i [CE(p_i, y) - loss_weight ||p_i - mean_j p_j||^2], loss_weight >= 0.

    Liu & Yao, "Ensemble learning via negative correlation" (1999), on probabilities.
    """
    probabilities = logits.softmax(dim=-1)
    spread = (probabilities - probabilities.mean(dim=0)).square().sum(dim=-1)
    return independent(logits, labels) - loss_weight * spread.mean()


def kl(logits: Tensor, labels: Tensor, loss_weight: float) -> Tensor:
    """(1/M) sum_i [CE(p_i, y) - loss_weight KL(g || p_i)], loss_weight in 0..1; g is the normalised
    geometric mean.

    g is the softmax of the mean logits, and (1/M) sum_i KL(g || p_i) = (1/M) sum_i CE(p_i, y) -
    CE(g, y) (Wood et al., JMLR 2023). So it is computed as (1 - loss_weight) x `independent` +
    loss_weight x CE(g, y), without a lower bound above weight 1. After Opitz et al., "Efficient
    Model Averaging for Deep Neural Networks" (2016).
    """
    return (1 - loss_weight) * independent(logits, labels) + loss_weight * F.cross_entropy(
        logits.mean(dim=0), labels
    )


OBJECTIVES: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "independent": lambda logits, labels, loss_weight: independent(logits, labels),
    "balanced": balanced,
    "gncl": gncl,
    "ncl": ncl,
    "kl": kl,
}


def loss_of_logits(name: str, logits: Tensor, labels: Tensor, loss_weight: float) -> Tensor:
    """The objective `name`, in float32 at least; at weight 0 `independent` to the bit, with no more
    in its gradient."""
    with torch.autocast(logits.device.type, enabled=False):
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return OBJECTIVES[name if loss_weight else "independent"](logits, labels, loss_weight)


def joint_loss(name: str, loss_weight: float) -> Loss:
    """The loss of networks under the objective `name`, of images float Bx3xHxW and labels int64
    B."""

    def loss(networks: list[nn.Module], images: Tensor, labels: Tensor) -> Tensor:
        return loss_of_logits(
            name, torch.stack([network(images) for network in networks]), labels, loss_weight
        )

    return loss
