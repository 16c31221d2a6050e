"""The training loop: it learns, repeats, and stops where the loss does."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from resiliency.faults import Fault
from resiliency.files import write_array, write_json
from resiliency.training.engine import _optimizer, _shifted, accuracy, train
from resiliency.training.member import train_members
from resiliency.training.settings import Recipe


def single(logits, labels):
    return F.cross_entropy(logits[0], labels)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 2)
    )


def separable(count: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """8x8 images of noise, those of class 1 brighter in the upper half and darker in the lower."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 2
    images = torch.randn(count, 3, 8, 8, generator=random) * 0.3
    images[labels == 1, :, :4] += 1
    images[labels == 1, :, 4:] -= 1
    return images, labels


RECIPE = Recipe(epochs=4, batch_size=16, learning_rate=0.01, warmup_epochs=1, shift=1)


def trained(recipe: Recipe = RECIPE, seed: int = 0, networks: int = 1):
    members = [network(index) for index in range(networks)]
    loss = single if networks == 1 else lambda logits, labels: sum(F.cross_entropy(one, labels) for one in logits)
    history = train(members, loss, recipe, separable(), separable(32), seed)
    return members, history


def weights(members) -> torch.Tensor:
    return torch.cat([tensor.flatten().float() for member in members for tensor in member.state_dict().values()])


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_small_network_learns_separable_classes(optimizer):
    members, history = trained(RECIPE.model_copy(update={"optimizer": optimizer, "epochs": 16}))
    assert [row["epoch"] for row in history] == list(range(1, 17))
    assert history[-1]["training_loss"] < 0.1 < history[0]["training_loss"]
    assert history[-1]["validation_accuracy"] == accuracy(members[0], *separable(32)) == 1


def test_the_same_seed_gives_the_same_weights():
    one, again, other = (weights(trained(seed=seed)[0]) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_the_global_generator_does_not_matter():
    torch.manual_seed(1)
    one = weights(trained()[0])
    torch.manual_seed(2)
    torch.rand(10)
    assert torch.equal(one, weights(trained()[0]))


def test_members_whose_losses_are_summed_learn_as_if_alone():
    recipe = RECIPE.model_copy(update={"optimizer": "sgd", "shift": 0})
    (first, _), _ = trained(recipe, networks=2)
    (alone,), _ = trained(recipe)
    torch.testing.assert_close(weights([first]), weights([alone]))


def test_a_loss_that_is_not_finite_is_a_fault():
    with pytest.raises(Fault, match="epoch 1: the training loss is nan; lower learning_rate"):
        train([network()], lambda logits, labels: logits.sum() * float("nan"), RECIPE, separable(), separable(), 0)


def test_the_last_smaller_batch_is_left_out():
    sizes = []

    def loss(logits, labels):
        sizes.append(len(labels))
        return single(logits, labels)

    train([network()], loss, RECIPE, separable(40), separable(32), 0)
    assert sizes == [16, 16] * RECIPE.epochs


def test_every_epoch_sees_the_images_in_another_order():
    seen = []

    def loss(logits, labels):
        seen.append(labels)
        return single(logits, labels)

    images, _ = separable(32)
    wide = nn.Sequential(nn.Flatten(), nn.Linear(192, 32))
    train([wide], loss, RECIPE, (images, torch.arange(32)), (images, torch.arange(32)), 0)
    epochs = torch.stack(seen).view(RECIPE.epochs, 32).tolist()
    assert all(sorted(epoch) == list(range(32)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == RECIPE.epochs


def test_no_shift_is_the_identity():
    images = torch.rand(4, 3, 8, 8)
    assert torch.equal(_shifted(images, 0, torch.Generator().manual_seed(0)), images)


@given(st.integers(0, 4), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_shifts_stay_within_bounds_and_repeat_edges(largest, seed):
    """Every pixel holds its own coordinates, so that a shifted image tells where each pixel came from."""
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(7.0), indexing="ij")
    images = torch.stack([rows, columns, rows]).expand(5, 3, 6, 7)
    for image in _shifted(images, largest, torch.Generator().manual_seed(seed)):
        explained = [
            (dy, dx)
            for dy in range(-largest, largest + 1)
            for dx in range(-largest, largest + 1)
            if torch.equal(image[0], (rows + dy).clamp(0, 5)) and torch.equal(image[1], (columns + dx).clamp(0, 6))
        ]
        assert len(explained) == 1
        assert torch.equal(image[0], image[2])


def test_all_shifts_occur():
    rows = torch.arange(9.0).view(1, 1, 9, 1).expand(300, 3, 9, 9)
    middle = _shifted(rows, 2, torch.Generator().manual_seed(0))[:, 0, 4, 4] - 4
    values, counts = middle.unique(return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2]
    assert counts.min() > 30


def test_the_two_axes_shift_on_their_own():
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    images = torch.stack([rows, columns, rows]).expand(200, 3, 9, 9)
    pairs = _shifted(images, 1, torch.Generator().manual_seed(0))[:, :2, 4, 4] - 4
    assert len({tuple(pair) for pair in pairs.tolist()}) == 9


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_norms_and_biases_do_not_decay(optimizer):
    member = network()
    chosen, _ = _optimizer([member], Recipe(weight_decay=0.3, optimizer=optimizer), 10)
    decay = {id(p): group["weight_decay"] for group in chosen.param_groups for p in group["params"]}
    assert {name: decay[id(p)] for name, p in member.named_parameters()} == {
        "0.weight": 0.3, "0.bias": 0, "1.weight": 0, "1.bias": 0, "4.weight": 0.3, "4.bias": 0,
    }  # fmt: skip


def test_the_schedule_warms_up_and_falls_as_a_cosine():
    recipe = Recipe(epochs=5, warmup_epochs=1, learning_rate=2.0)
    optimizer, schedule = _optimizer([network()], recipe, steps=4)
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
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
        images, labels = separable()
        train(
            [member], single, recipe.model_copy(update={"gradient_clip": clip}), (images, labels), (images, labels), 0
        )
        lengths[clip] = float(torch.cat([p.flatten() for p in member.parameters()]).detach().norm())
    assert lengths[0.01] == pytest.approx(0.01 * 1.9, rel=1e-3)  # one Nesterov step: gradient + 0.9 x gradient
    assert lengths[None] > 10 * lengths[0.01]


def test_members_are_written_with_their_description(tmp_path):
    rng = np.random.default_rng(0)
    for split, count in (("train", 20), ("validation", 10)):
        write_array(tmp_path / "data" / split / "images.npy", rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8))
        write_array(tmp_path / "data" / split / "labels.npy", np.arange(count) % 2)
    card = {"classes": ["a", "b"], "image_shape": [32, 32, 3], "mean": [0.5] * 3, "std": [0.3] * 3}
    write_json(tmp_path / "data" / "card.json", card)
    described = {"architecture": "resnet18", "arguments": {"channels": [4, 4, 4, 8]}, "design": "r", "seed": 0}
    for run in ("one", "two"):
        folders = [str(tmp_path / run / f"r-m{index}") for index in range(2)]
        train_members(
            folders,
            [described | {"index": index} for index in range(2)],
            Recipe(epochs=1, batch_size=8).model_dump(),
            lambda logits, labels: F.cross_entropy(logits.mean(0), labels),
            str(tmp_path / "data" / "card.json"),
            (0, "train_jointly", "r", 0),
        )
    member = json.loads((tmp_path / "one" / "r-m1" / "member.json").read_text())
    assert (member["member"], member["index"], member["classes"]) == ("r-m1", 1, ["a", "b"])
    assert member["parameters"] > 0
    bytes_of = {p.relative_to(tmp_path / "one"): p.read_bytes() for p in (tmp_path / "one").rglob("*") if p.is_file()}
    assert len(bytes_of) == 6
    assert all((tmp_path / "two" / path).read_bytes() == content for path, content in bytes_of.items())
    one, other = (next(b for p, b in bytes_of.items() if p.match(f"r-m{i}/weights.safetensors")) for i in (0, 1))
    assert one != other
