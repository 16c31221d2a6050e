"""What a classifier answers to each image under each condition, kept as what the measures need."""

import numpy as np
from scipy.special import softmax

from resiliency.base.faults import Fault, expected

# How far probabilities may sum from 1, as those in 16 bits do.
SLACK = 5e-3
LEAST = 1e-12


class Answers:
    """Right or wrong, confidence, and losses of N images under C conditions.

    Attributes:
        labels: int64 N.
        conditions: corruption and severity of each condition.
        kind: "logits" or "probabilities", as the first batch has it; None before.
        classes: K; None before the first batch.
        errors, confidence, nll, brier: float32 C x N each.
    """

    def __init__(self, labels: np.ndarray, conditions: list[tuple[str, int]]):
        self.labels, self.conditions = labels, conditions
        self.kind: str | None = None
        self.classes: int | None = None
        shape = len(conditions), len(labels)
        self.errors, self.confidence, self.nll, self.brier = (np.empty(shape, np.float32) for _ in range(4))

    def add(self, condition: int, chosen: slice, probabilities: np.ndarray) -> None:
        """Keep the answers to the `chosen` images, probabilities float64 B x K, under the condition at a position."""
        labels = self.labels[chosen]
        of_label = probabilities[np.arange(len(labels)), labels]
        self.errors[condition, chosen] = probabilities.argmax(axis=1) != labels
        self.confidence[condition, chosen] = probabilities.max(axis=1)
        self.nll[condition, chosen] = -np.log(np.maximum(of_label, LEAST))
        self.brier[condition, chosen] = np.square(probabilities).sum(axis=1) - 2 * of_label + 1


def probabilities_of(predicted: object, labels: np.ndarray, answers: Answers) -> np.ndarray:
    """Probabilities float64 B x K of what a classifier returned for a batch; `answers` learns of which kind they are.

    Raises:
        Fault: it is no array B x K of finite numbers, of another kind or number of classes than before, or a label is
            not among the classes.
    """
    values, images = _array(predicted), len(labels)
    if values.ndim != 2 or len(values) != images or values.shape[1] < 2 or values.dtype.kind not in "fiu":
        shape = f"({images}, {answers.classes or 'classes'})"
        hint = "; return the first output of the list" if isinstance(predicted, list | tuple) else ""
        raise Fault(
            f"predict: {expected(f'numbers of shape {shape}', f'{values.dtype} of shape {values.shape}')}{hint}"
        )
    wrong = ~np.isfinite(values).all(axis=1)
    if wrong.any():
        raise Fault(f"predict: NaN or infinity for {wrong.sum():,} of {images:,} images")
    values = values.astype(np.float64)
    sums = values.sum(axis=1)
    kind = "probabilities" if (values >= 0).all() and (abs(sums - 1) < SLACK).all() else "logits"
    answers.kind, answers.classes = answers.kind or kind, answers.classes or values.shape[1]
    if values.shape[1] != answers.classes:
        raise Fault(f"predict: {expected(f'{answers.classes} classes as before', values.shape[1])}")
    if answers.labels.max() >= answers.classes:
        raise Fault(f"labels: {expected(f'at most {answers.classes - 1}, the last class', answers.labels.max())}")
    if kind != answers.kind:
        raise Fault(f"predict: {expected(f'{answers.kind} for all batches', f'{kind} for one')}; return one kind")
    return values / sums[:, None] if kind == "probabilities" else softmax(values, axis=1)


def _array(predicted: object) -> np.ndarray:
    """A tensor of any framework as an array."""
    if hasattr(predicted, "detach"):  # of torch, perhaps on a GPU and in bfloat16
        return predicted.detach().float().cpu().numpy()
    try:
        return np.asarray(predicted)
    except Exception as error:
        raise Fault(f"predict: {expected('an array or tensor', type(predicted).__name__)}") from error
