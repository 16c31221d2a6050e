"""The training loop: it learns, repeats, captures and splits its steps, and stops where the loss does."""

from functools import partial
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_training import PREPROCESSING, RECIPE, network, separable, single, train, trained, weights
from torch import nn

from resiliency.base.faults import Fault
from resiliency.training import engine
from resiliency.training.checkpoints import LabelledImages, accuracies
from resiliency.training.engine import CapturedStep, Trainer, cross_entropy
from resiliency.training.optimizer import learning_rate, make_optimizer
from resiliency.training.settings import Recipe


def test_the_same_seed_gives_the_same_weights():
    one, again, other = (weights(trained(seed=seed)[0]) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda answers: answers.sum() * float("nan"), "training loss is nan; lower learning_rate"),
        (lambda answers: answers.sum() * 0 - 1e4, r"training loss diverged \(-1e"),
    ],
    ids=["is not finite", "runs away"],
)
def test_a_loss_that_is_of_no_use_is_a_fault(loss, message):
    with pytest.raises(Fault, match=f"epoch 1: {message}"):
        train([network()], lambda networks, images, _: loss(networks[0](images)), RECIPE, separable(), separable())


def test_every_epoch_sees_the_images_in_another_order():
    seen = []

    def loss(networks, images, labels):
        seen.append(labels)
        return single(networks, images, labels)

    data = LabelledImages(separable(32).images, np.arange(32))
    wide = nn.Sequential(nn.Flatten(), nn.Linear(192, 32))
    train([wide], loss, RECIPE, data, data, PREPROCESSING, 0)
    epochs = torch.stack(seen).view(RECIPE.epochs, 32).tolist()
    assert all(sorted(epoch) == list(range(32)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == RECIPE.epochs


@pytest.mark.parametrize("name", ["adamw", "muon", "sgd"])
def test_norms_and_biases_do_not_decay(name):
    member = network()
    chosen = make_optimizer([member], Recipe(weight_decay=0.3, optimizer=name))
    decay = {id(p): group["weight_decay"] for group in chosen.param_groups for p in group["params"]}
    assert {name: decay[id(p)] for name, p in member.named_parameters()} == {
        "0.weight": 0.3, "0.bias": 0, "1.weight": 0, "1.bias": 0, "4.weight": 0.3, "4.bias": 0,
    }  # fmt: skip


def test_the_schedule_warms_up_and_falls_as_a_cosine():
    recipe = Recipe(epochs=5, warmup_epochs=1, learning_rate=2.0)
    rates = [learning_rate(recipe, step, steps=4) for step in range(20)]
    assert rates[:5] == pytest.approx([2 / 5, 4 / 5, 6 / 5, 8 / 5, 2])
    assert rates[12] == pytest.approx(1)  # half of the 16 steps after the warm-up
    assert all(a > b > 0 for a, b in pairwise(rates[4:]))


def test_gradient_clipping_bounds_the_step():
    recipe = Recipe(
        epochs=1, batch_size=64, optimizer="sgd", learning_rate=1.0, warmup_epochs=0, weight_decay=0, shift=0
    )
    lengths = {}
    for clip in (None, 0.01):
        member = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
        torch.nn.init.zeros_(member[1].weight)
        torch.nn.init.zeros_(member[1].bias)
        clipped = recipe.model_copy(update={"gradient_clip": clip})
        train([member], single, clipped, separable(), separable(), PREPROCESSING, 0)
        lengths[clip] = float(torch.cat([p.flatten() for p in member.parameters()]).detach().norm())
    assert lengths[0.01] == pytest.approx(0.01 * 1.9, rel=1e-3)  # one Nesterov step: gradient + 0.9 x gradient
    assert lengths[None] > 10 * lengths[0.01]


@pytest.mark.parametrize(
    "change",
    [
        *({"optimizer": "muon"}, {"optimizer": "sgd"}, {"label_smoothing": 0.1}, {"mixup": 0.3}, {"ema": 0.9}),
        *({"augment": "trivial"}, {"precision": "bfloat16"}, {"flip": True}),
    ],
    ids=str,
)
def test_every_option_of_the_recipe_changes_the_weights_and_still_learns(change):
    plain, history = trained(RECIPE.model_copy(update={"epochs": 12}))
    assert [row["epoch"] for row in history] == list(range(1, 13))
    assert history[-1]["training_loss"] < 0.2 < history[0]["training_loss"]
    assert history[-1]["validation_accuracy"] == accuracies(plain, separable(32), PREPROCESSING)[0] == 1
    loss = partial(cross_entropy, smoothing=change.get("label_smoothing", 0))
    member = network()
    changed = train([member], loss, RECIPE.model_copy(update={"epochs": 12} | change), separable(), separable(32))
    assert changed[-1]["validation_accuracy"] > 0.9
    assert not torch.equal(weights([member]), weights(plain))


def test_the_averaged_weights_are_the_moving_average_by_hand():
    seen = []

    def loss(networks, images, labels):
        seen.append(weights(networks))  # before each step
        return single(networks, images, labels)

    recipe = RECIPE.model_copy(update={"optimizer": "sgd"})
    plain, averaged = network(), network()
    train([plain], loss, recipe, separable(), separable(32))
    train([averaged], single, recipe.model_copy(update={"ema": 0.8}), separable(), separable(32))
    _, average, *later = [*seen, weights([plain])]  # the average begins with the weights after the first step
    for after in later:
        average = 0.8 * average + 0.2 * after
    names = [name for name, tensor in averaged.state_dict().items() for _ in range(tensor.numel())]
    averages = [not name.endswith("num_batches_tracked") for name in names]
    torch.testing.assert_close(weights([averaged])[averages], average[averages])


def test_every_step_of_every_epoch_is_in_training_mode():
    member, modes = network(), []
    member[0].requires_grad_(False)

    def loss(networks, images, labels):
        modes.append([module.training for module in networks[0].modules()])
        return single(networks, images, labels)

    train([member], loss, RECIPE, separable(), separable(32))
    assert modes == [[module is not member[0] for module in member.modules()]] * (RECIPE.epochs * 4)


GPU = torch.device("cuda")


@pytest.fixture
def replays(monkeypatch) -> list[int]:
    """How often each graph was replayed."""
    counts = []

    def record(step, batch):
        loss, number = torch.zeros(()), len(counts)
        counts.append(0)

        def replay():
            counts[number] += 1
            loss.copy_(step(*batch))

        return replay, loss

    monkeypatch.setattr(engine, "record", record)
    return counts


def captured_weights(recipe: Recipe, **options) -> torch.Tensor:
    """Weights of a network that was trained for 24 steps."""
    learner = network()
    Trainer([learner], single, recipe, PREPROCESSING, 2, 0, **options).train(separable(96), separable(32))
    return weights([learner])


@pytest.mark.parametrize(
    ("changes", "same_steps", "captured"),
    [
        ({}, True, True),
        ({"ema": 0.9, "gradient_clip": 0.1}, True, True),
        ({"mixup": 0.4}, True, True),
        ({"optimizer": "muon"}, True, True),
        ({}, False, False),
        ({"optimizer": "sgd"}, True, False),
    ],
)
def test_steps_that_are_alike_are_replayed_and_give_the_same_weights(
    monkeypatch, replays, changes, same_steps, captured
):
    recipe = RECIPE.model_copy(update=changes)
    usual = captured_weights(recipe, same_steps=same_steps)
    assert replays == []  # on the CPU
    monkeypatch.setattr(engine, "CapturedStep", lambda usual, captured, device: CapturedStep(usual, captured, GPU))
    assert torch.equal(captured_weights(recipe, same_steps=same_steps), usual)
    assert replays == [24 - engine.WARM_UP] * captured


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
    """Neither its gradients nor its statistics: all is as if its halves had been given at once."""

    def loss(networks, images, labels):
        return F.cross_entropy(Failing.apply(networks[0](images)), labels)

    recipe = RECIPE.model_copy(update={"optimizer": "sgd", "epochs": 1})
    member, alone = network(), network()
    train([member], loss, recipe, separable(16), separable())
    assert Failing.failures
    assert member[1].num_batches_tracked == 2
    trainer = Trainer([alone], single, recipe, PREPROCESSING, 2, 0)
    trainer.parts = 2
    trainer.train(separable(16), separable())
    assert torch.equal(weights([member]), weights([alone]))
