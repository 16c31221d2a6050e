"""A batch that does not fit in memory is split, and leaves nothing behind."""

import weakref
from typing import ClassVar

import torch
from small_training import RECIPE, separable, single, train, weights
from torch import nn


def test_out_of_memory_halves_the_batch_and_keeps_the_gradient(capsys):
    """Without batch norm the sum over parts is the gradient of the whole batch."""
    recipe = RECIPE.model_copy(update={"optimizer": "sgd", "epochs": 1})

    def hungry(networks, images, labels):
        if len(images) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return single(networks, images, labels)

    results = []
    for loss in (single, hungry):
        torch.manual_seed(0)
        member = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
        train([member], loss, recipe, separable(), separable(32))
        results.append(weights([member]))
    torch.testing.assert_close(*results)
    output = capsys.readouterr().out
    assert output.count("out of memory: accumulating gradients over 2 sub-batches") == 1
    assert output.count("out of memory: accumulating gradients over 4 sub-batches") == 1


class Keeping(torch.autograd.Function):
    """An early layer that keeps its input, as a convolution does; its context lives as long as the graph."""

    contexts: ClassVar[list] = []

    @staticmethod
    def forward(context, images):
        Keeping.contexts.append(weakref.ref(context))
        context.save_for_backward(images)
        return images * 1

    @staticmethod
    def backward(context, gradient):
        return gradient


class Failing(torch.autograd.Function):
    """A late layer whose first backward pass finds no memory."""

    failures: ClassVar[list] = []

    @staticmethod
    def forward(context, logits):
        return logits * 1

    @staticmethod
    def backward(context, gradient):
        if not Failing.failures:
            Failing.failures.append(1)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return gradient
