"""Losses of jointly trained ensembles, on stacked logits: the negative-correlation family."""

import math
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor


def independent(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the members, (1/M) sum_i CE(p_i, y).

    Args:
        logits: float MxBxK.
        labels: int64 B.
    """
    return F.cross_entropy(logits.flatten(0, 1), labels.repeat(len(logits)))


def ensemble(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the mean probability, CE(mean_i p_i, y); arguments as for `independent`."""
    log_mean = logits.log_softmax(dim=-1).logsumexp(dim=0) - math.log(len(logits))
    return F.nll_loss(log_mean, labels)


def balanced(logits: Tensor, labels: Tensor, strength: float) -> Tensor:
    """(1 - strength) x `independent` + strength x `ensemble`.

    Webb et al., "To Ensemble or Not Ensemble" (2020); Buschjaeger et al., "Generalized Negative Correlation Learning"
    (2020), where it is the upper bound.
    """
    return (1 - strength) * independent(logits, labels) + strength * ensemble(logits, labels)


OBJECTIVES: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {"balanced": balanced}
