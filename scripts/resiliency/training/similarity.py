"""How alike the members of an ensemble are, as penalties to train against: where they look, what they represent."""

import torch
import torch.nn.functional as F
from torch import Tensor

SHORTEST = 1e-12  # a vector shorter than this points nowhere


def input_gradients(logits: list[Tensor], labels: Tensor, images: Tensor) -> list[Tensor]:
    """Gradient of each image's cross-entropy with respect to the image, for each member, itself differentiable.

    The cross-entropies are summed over the batch, so that its size scales nothing. Under batch normalisation in
    training mode an image's gradient includes what it does to the others through the statistics of the batch.

    Args:
        logits: M tensors float BxK as the networks returned them: gradients through slices of a stacked tensor would
            run through all networks M times.
        labels: int64 B.
        images: float BxCxHxW that all networks were given; it must have required gradients by then.

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
