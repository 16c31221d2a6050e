"""The training loop: it learns, repeats, and stops where the loss does."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from small_training import PREPROCESSING, RECIPE, SMALL, network, separable, single, train, trained, weights
from torch import nn

from resiliency.base.faults import Fault
from resiliency.designs.networks import build
from resiliency.training.checkpoints import LabelledImages, accuracies
from resiliency.training.engine import cross_entropy
from resiliency.training.objectives import joint_loss
from resiliency.training.optimizer import learning_rate, make_optimizer
from resiliency.training.settings import JOINT_OBJECTIVES, Recipe


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
def test_a_small_network_learns_separable_classes(optimizer):
    members, history = trained(RECIPE.model_copy(update={"optimizer": optimizer, "epochs": 16}))
    assert [row["epoch"] for row in history] == list(range(1, 17))
    assert history[-1]["training_loss"] < 0.1 < history[0]["training_loss"]
    assert history[-1]["validation_accuracy"] == accuracies(members, separable(32), PREPROCESSING)[0] == 1


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


REGULARISED = [
    {"label_smoothing": 0.1}, {"mixup": 0.3}, {"ema": 0.9}, {"augment": "trivial"}, {"precision": "bfloat16"},
    {"flip": True},
]  # fmt: skip


@pytest.mark.parametrize("change", REGULARISED, ids=lambda change: next(iter(change)))
def test_every_option_of_the_recipe_changes_the_weights_and_still_learns(change):
    loss = partial(cross_entropy, smoothing=change.get("label_smoothing", 0))
    recipe = RECIPE.model_copy(update={"epochs": 12} | change)
    member = network()
    history = train([member], loss, recipe, separable(), separable(32))
    assert history[-1]["validation_accuracy"] > 0.9
    plain, _ = trained(RECIPE.model_copy(update={"epochs": 12}))
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


def small(seed: int) -> nn.Module:
    return build(SMALL, 3, seed)


def pictures(count: int) -> LabelledImages:
    random = np.random.default_rng(0)
    return LabelledImages(random.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8), np.arange(count) % 3)


@pytest.mark.parametrize("name", JOINT_OBJECTIVES)
def test_every_objective_trains_and_at_weight_0_is_independent_training_to_the_bit(name):
    recipe = RECIPE.model_copy(update={"epochs": 1, "batch_size": 12})
    ends = {}
    for objective, loss_weight in {("independent", 0), (name, 0), (name, min(JOINT_OBJECTIVES[name].highest, 0.5))}:
        members = [small(seed) for seed in range(2)]
        (row,) = train(members, joint_loss(objective, loss_weight), recipe, pictures(24), pictures(12))
        assert np.isfinite(row["training_loss"])
        ends[objective, loss_weight] = weights(members)
    assert torch.equal(ends[name, 0], ends["independent", 0])
    if name != "independent":
        assert not torch.equal(ends[name, 0.5], ends[name, 0])


def test_every_step_of_every_epoch_is_in_training_mode():
    member, modes = network(), []
    member[0].requires_grad_(False)

    def loss(networks, images, labels):
        modes.append([module.training for module in networks[0].modules()])
        return single(networks, images, labels)

    train([member], loss, RECIPE, separable(), separable(32))
    assert modes == [[module is not member[0] for module in member.modules()]] * (RECIPE.epochs * 4)
