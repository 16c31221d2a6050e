"""A batch that does not fit in memory is split, and leaves nothing behind."""

import weakref
from typing import ClassVar

import torch
import torch.nn.functional as F
from small_training import PREPROCESSING, RECIPE, network, separable, single, train, weights
from torch import nn

from resiliency.training.engine import Trainer


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


def test_a_batch_that_fails_in_the_backward_pass_leaves_nothing_behind():
    """Neither its graph, which would leave too little memory for the next attempt, nor its statistics."""
    alive = []

    def loss(networks, images, labels):
        alive.append(sum(context() is not None for context in Keeping.contexts))
        return F.cross_entropy(Failing.apply(networks[0](Keeping.apply(images.requires_grad_()))), labels)

    recipe = RECIPE.model_copy(update={"optimizer": "sgd", "epochs": 1})
    member = network()
    train([member], loss, recipe, separable(16), separable())
    assert Failing.failures
    assert alive[:2] == [0, 0]  # before the whole batch, and before the first of its halves
    assert member[1].num_batches_tracked == 2
    alone = network()
    halves = RECIPE.model_copy(update={"optimizer": "sgd", "epochs": 1})
    trainer = Trainer([alone], single, halves, PREPROCESSING, 2, 0)
    trainer.parts = 2
    trainer.train(separable(16), separable())
    assert torch.equal(weights([member]), weights([alone]))
