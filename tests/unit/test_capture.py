"""Steps that are captured are those that would have been run: here a graph runs its step at each replay."""

import pytest
import torch
from test_training import PREPROCESSING, RECIPE, network, separable, single, weights

from resiliency.training import engine
from resiliency.training.engine import CapturedStep, Trainer
from resiliency.training.optimizer import make_optimizer, restore_optimizer, set_learning_rate
from resiliency.training.settings import Recipe

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


def train(recipe: Recipe, loss=single, **options) -> torch.Tensor:
    """Weights of a network that was trained for 24 steps."""
    learner = network()
    Trainer([learner], loss, recipe, PREPROCESSING, 2, 0, **options).train(separable(96), separable(32))
    return weights([learner])


@pytest.mark.parametrize(
    "changes", [{}, {"ema": 0.9, "gradient_clip": 0.1}, {"mixup": 0.4}, {"optimizer": "muon"}], ids=str
)
def test_replayed_steps_give_the_same_weights(monkeypatch, replays, changes):
    recipe = RECIPE.model_copy(update=changes)
    usual = train(recipe, same_steps=True)
    assert replays == []  # on the CPU
    monkeypatch.setattr(engine, "CapturedStep", lambda usual, captured, device: CapturedStep(usual, captured, GPU))
    assert torch.equal(train(recipe, same_steps=True), usual)
    assert replays == [24 - engine.WARM_UP]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "same_steps", "captured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"optimizer": "muon"}, True, True),
        ({"optimizer": "sgd"}, True, False),
    ],
)
def test_only_steps_that_are_alike_are_captured(changes, same_steps, captured):
    trainer = Trainer([network()], single, RECIPE.model_copy(update=changes), PREPROCESSING, 2, 0, same_steps)
    assert isinstance(trainer.learn, CapturedStep) == captured


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_a_checkpoint_of_another_device_keeps_rate_and_step_where_they_belong(name):
    """On a GPU the rate is a tensor: a number would stay in the graph as it was when it was captured."""
    stepping = make_optimizer([network()], RECIPE.model_copy(update={"optimizer": name}))
    there = stepping.state_dict()
    for group in there["param_groups"]:
        group |= {"lr": torch.tensor(0.5), "capturable": True}
    restore_optimizer(stepping, there)
    assert {(group["lr"], group["capturable"]) for group in stepping.param_groups} == {(RECIPE.learning_rate, False)}
    for group in stepping.param_groups:
        group["lr"] = torch.tensor(0.5)
    rates = [group["lr"] for group in stepping.param_groups]
    set_learning_rate(stepping, 0.25)
    assert all(group["lr"] is rate and rate == 0.25 for group, rate in zip(stepping.param_groups, rates, strict=True))
