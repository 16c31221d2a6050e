"""Losses of jointly trained ensembles: the negative-correlation family, and two that penalise similar members.

Each is a function of the stacked logits float MxBxK of M members, the labels int64 B and a weight lambda; two also
need the members' input gradients or features. p_i are the members' probabilities, y is the label, CE the cross-entropy;
all are means over the images of the batch. Call them through `OBJECTIVES`, which sees to precision and to weight 0;
`joint_loss` gives them what they need of networks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from resiliency.base.faults import Fault
from resiliency.designs.networks import logits_and_features
from resiliency.training.engine import Loss

ADP_WEIGHTS = 2.0, 0.5  # alpha and beta at weight 1: what Pang et al. train with on MNIST and CIFAR-10
ADP_RIDGE = 1e-6  # as in the authors' code: identical members have a determinant of 0
SHORTEST = 1e-12  # a vector shorter than this points nowhere


def independent(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the members, (1/M) sum_i CE(p_i, y)."""
    return F.cross_entropy(logits.flatten(0, 1), labels.repeat(len(logits)))


def ensemble(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the mean probability, CE(mean_i p_i, y)."""
    return F.nll_loss(_log_mean(logits), labels)


def balanced(logits: Tensor, labels: Tensor, loss_weight: float) -> Tensor:
    """(1 - loss_weight) x `independent` + loss_weight x `ensemble`, loss_weight in 0..1.

    Webb et al., "To Ensemble or Not Ensemble" (2020); Buschjaeger et al., "Generalized Negative Correlation Learning"
    (2020), where it is the upper bound.
    """
    return (1 - loss_weight) * independent(logits, labels) + loss_weight * ensemble(logits, labels)


def gncl(logits: Tensor, labels: Tensor, loss_weight: float) -> Tensor:
    """`independent` - loss_weight/(2M) sum_i d_i' D d_i, loss_weight >= 0.

    d_i are the logits of member i less their mean over members; D = diag(q) - q q', with q the softmax of the mean
    logits, is the Hessian of CE at the mean logits. d' D d is the variance of d under q, and computed as such: the
    difference of two large squares would round badly. At weight 1 the loss is CE of the mean logits to second order.
    d' D d grows with the square of d, CE with d: at any weight above 0 the loss has no lower bound.

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
    """(1/M) sum_i [CE(p_i, y) - loss_weight KL(g || p_i)], loss_weight in 0..1; g is the normalised geometric mean.

    g is the softmax of the mean logits, and (1/M) sum_i KL(g || p_i) = (1/M) sum_i CE(p_i, y) - CE(g, y) (Wood et al.,
    JMLR 2023). So it is computed as (1 - loss_weight) x `independent` + loss_weight x CE(g, y), without a lower bound
    above weight 1. After Opitz et al., "Efficient Model Averaging for Deep Neural Networks" (2016).
    """
    return (1 - loss_weight) * independent(logits, labels) + loss_weight * F.cross_entropy(logits.mean(dim=0), labels)


def adp(logits: Tensor, labels: Tensor, loss_weight: float) -> Tensor:
    """(1/M) [sum_i CE(p_i, y) - alpha H(mean_i p_i) - beta log det(R' R)], loss_weight >= 0.

    H is the entropy; column i of R holds p_i without class y, scaled to length 1; (alpha, beta) is loss_weight x
    `ADP_WEIGHTS`. The authors' loss is M times this: 1/M keeps the minimiser, and makes weights and learning rates
    comparable with the other objectives. `ADP_RIDGE` is added to the diagonal of R' R, whose determinant is taken in
    float64, because float32 does not resolve the ridge. R is made from the logits of the classes but y, whose
    probabilities may underflow.

    Pang et al., "Improving Adversarial Robustness via Promoting Ensemble Diversity" (ICML 2019).

    Raises:
        Fault: as `adp_fault`.
    """
    members, _, classes = logits.shape
    adp_fault(members, classes)
    log_mean = _log_mean(logits)
    entropy = -(log_mean.exp() * log_mean).sum(dim=-1)
    others = logits.double().masked_fill(F.one_hot(labels, classes).bool(), -math.inf).softmax(dim=-1).transpose(0, 1)
    units = others / others.norm(dim=-1, keepdim=True)
    ridge = ADP_RIDGE * torch.eye(members, dtype=units.dtype, device=units.device)
    volume = torch.logdet(units @ units.mT + ridge).to(logits.dtype)
    alpha, beta = ADP_WEIGHTS
    return independent(logits, labels) - loss_weight / members * (alpha * entropy + beta * volume).mean()


def adp_fault(member_count: int, classes: int) -> None:
    """Refuse so many members that the determinant of `adp` is always 0: they predict only classes - 1 wrong classes.

    Raises:
        Fault: members > classes - 1.
    """
    if member_count > classes - 1:
        raise Fault(f"objective adp: {member_count} members of {classes} classes; it takes at most classes - 1 members")


def attribution(logits: Tensor, labels: Tensor, loss_weight: float, gradients: list[Tensor]) -> Tensor:
    """`independent` + loss_weight x mean pairwise cosine of the input gradients dCE(p_i, y)/dx, loss_weight >= 0.

    Kariyappa & Qureshi, "Improving Adversarial Robustness of Ensembles with Diversity Training" (2019). Theirs is the
    log-sum-exp of the cosines of the pairs; this is their mean.

    Args:
        gradients: M tensors float Bx..., as from `input_gradients`.
    """
    return independent(logits, labels) + loss_weight * mean_cosine(gradients)


def activation(logits: Tensor, labels: Tensor, loss_weight: float, features: list[Tensor]) -> Tensor:
    """`independent` + loss_weight x mean pairwise linear CKA of the penultimate features, loss_weight >= 0.

    After Kornblith et al., "Similarity of Neural Network Representations Revisited" (ICML 2019). CKA is of the whole
    batch: unlike the other objectives, this is no mean of losses of images.

    Args:
        features: M tensors float BxD_i, inputs of the classifiers.
    """
    return independent(logits, labels) + loss_weight * mean_cka(features)


@dataclass(frozen=True)
class Objective:
    """A loss, and what there is to know to call it.

    Attributes:
        loss: (logits, labels, loss_weight) -> scalar; a fourth argument holds what it `needs`, if anything.
        needs: further input of the loss: none, `input_gradients` (images must then have `requires_grad` before they
            enter any network) or `features` (penultimate).
    """

    loss: Callable[..., Tensor]
    needs: Literal["", "input_gradients", "features"] = ""

    def __call__(
        self, logits: Tensor, labels: Tensor, loss_weight: float, needed: list[Tensor] | None = None
    ) -> Tensor:
        """The loss, in float32 at least; at weight 0 `independent` to the bit, with nothing else in its gradient.

        Args:
            logits: float MxBxK.
            labels: int64 B.
            loss_weight: weight lambda, within the limits of `JOINT_OBJECTIVES`.
            needed: M tensors float Bx... that the objective `needs`; None at weight 0.
        """
        with torch.autocast(logits.device.type, enabled=False):
            if loss_weight == 0:
                return independent(at_least_float32(logits), labels)
            arguments = [[at_least_float32(one) for one in needed]] if self.needs else []
            return self.loss(at_least_float32(logits), labels, loss_weight, *arguments)


OBJECTIVES: dict[str, Objective] = {
    "independent": Objective(lambda logits, labels, loss_weight: independent(logits, labels)),
    "balanced": Objective(balanced),
    "gncl": Objective(gncl),
    "ncl": Objective(ncl),
    "kl": Objective(kl),
    "adp": Objective(adp),
    "attribution": Objective(attribution, needs="input_gradients"),
    "activation": Objective(activation, needs="features"),
}


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


def input_gradients(logits: list[Tensor], labels: Tensor, images: Tensor) -> list[Tensor]:
    """Gradient of each image's cross-entropy with respect to the image, for each member, itself differentiable.

    The cross-entropies are summed over the batch, so that its size scales nothing. Under batch normalisation in
    training mode an image's gradient includes what it does to the others through the statistics of the batch.

    Args:
        logits: M tensors float BxK as the networks returned them: gradients through slices of a stacked tensor would
            run through all networks M times.
        labels: int64 B.
        images: float BxCxHxW, input of all networks; `requires_grad` must have been set before.

    Returns:
        M tensors float BxCxHxW.
    """
    losses = [F.cross_entropy(at_least_float32(one), labels, reduction="sum") for one in logits]
    return [torch.autograd.grad(loss, images, create_graph=True)[0] for loss in losses]


def mean_cosine(vectors: list[Tensor]) -> Tensor:
    """Mean over images and pairs of members of the cosine of the members' vectors.

    From the unit vectors u_i: sum_{i != j} u_i.u_j = ||sum_i u_i||^2 - sum_i ||u_i||^2. The cosine of a vector of zeros
    with any vector is 0, and its gradient too.

    Args:
        vectors: M >= 2 tensors float Bx..., of one shape.

    Returns:
        Scalar in -1/(M-1)..1.
    """
    units = torch.stack([_unit_vectors(vector.flatten(1)) for vector in vectors])
    pairs = units.sum(dim=0).square().sum(dim=-1) - units.square().sum(dim=(0, -1))
    return pairs.mean() / (len(vectors) * (len(vectors) - 1))


def mean_cka(features: list[Tensor]) -> Tensor:
    """Mean over pairs of members of the linear centred kernel alignment of their features.

    ||X_i' X_j||_F^2 / (||X_i' X_i||_F ||X_j' X_j||_F), X_i with centred columns: the cosine of the Gram matrices
    X_i X_i' (Kornblith et al., ICML 2019). The usual, biased estimator: in a batch that is small beside the widths it
    stays well above 0 for unrelated features. Features that are the same for all images align with nothing: 0.

    Args:
        features: M >= 2 tensors float BxD_i; the widths may differ.

    Returns:
        Scalar in 0..1.
    """
    return mean_cosine([_gram(feature).flatten()[None] for feature in features])


def at_least_float32(values: Tensor) -> Tensor:
    """`values` in float32, or float64 if they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _gram(features: Tensor) -> Tensor:
    """BxB inner products of centred features BxD, of trace 1, or of zeros where all rows of `features` are the same."""
    centred = features - features[:1]  # exactly zero for constant features, which less their rounded mean are not
    centred = centred - centred.mean(dim=0)
    units = _unit_vectors(centred.flatten()).view_as(centred)
    return units @ units.T


def _unit_vectors(vectors: Tensor) -> Tensor:
    """`vectors` along the last axis scaled to length 1; zeros, with zero gradient, where they point nowhere."""
    squares = vectors.square().sum(dim=-1, keepdim=True)
    somewhere = squares > SHORTEST**2
    return torch.where(somewhere, vectors * squares.where(somewhere, 1).rsqrt(), 0)


def _log_mean(logits: Tensor) -> Tensor:
    """Logarithm BxK of the mean probability."""
    return logits.log_softmax(dim=-1).logsumexp(dim=0) - math.log(len(logits))
