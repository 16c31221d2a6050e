"""The training loop: it changes images, learns, repeats, compiles its steps, and goes on to the
same weights."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from small_training import PREPROCESSING, RECIPE, network, separable, single, train, weights
from torch import nn
from trainings import SMALL, Killed, killed_at, stored, train_files

from resiliency.base.faults import Fault
from resiliency.data.pictures import FileImages
from resiliency.designs.settings import Design
from resiliency.storage import read_json, write_json
from resiliency.training import engine
from resiliency.training.objectives import cross_entropy
from resiliency.training.optimizer import learning_rate, make_optimizer
from resiliency.training.settings import Recipe


def watched(look: Callable) -> engine.Loss:
    """The usual loss; before each step, `look` is called with the networks and the labels of the
    batch."""

    def loss(networks, images, labels):
        look(networks, labels)
        return single(networks, images, labels)

    return loss


@pytest.mark.parametrize(
    ("factory", "arguments", "message"),
    [
        ("torch.nn:Linear", {"in_features": 32, "out_features": 2}, "expected logits of shape"),
        ("torch.nn:Identity", {}, "has no parameters to train or load"),
        (
            "torch.nn:LazyLinear",
            {"out_features": 2},
            "has lazy modules, whose weights have no shape yet",
        ),
        ("builtins:dict", {}, "expected a torch.nn.Module, got dict"),
        ("torch.nn:Seven", {}, "cannot import it, .*has no attribute 'Seven'"),
        ("sys:exit", {}, "called exit .* instead of returning a network"),
        ("torch.nn:Linear", {}, "cannot be called with {}: TypeError"),
    ],
)
def test_functions_that_return_no_network_are_named_before_training(
    tmp_path, factory, arguments, message
):
    design = Design(factory=factory, arguments=arguments)
    with pytest.raises(Fault, match=f"{factory}: .*{message}"):
        train_files(tmp_path, stored(tmp_path, 16), design, single)


TOO_LARGE = r"^training.batch_size: a batch of 16 does not fit into memory; lower it, .*\w$"


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (
            lambda networks, x, _: networks[0](x).sum() * float("nan"),
            Fault,
            "epoch 1: training loss is nan; lower lea",
        ),
        (
            lambda networks, x, _: networks[0](x).sum() * 0 - 1e4,
            Fault,
            r"epoch 1: training loss diverged \(-1e",
        ),
        (Mock(side_effect=torch.OutOfMemoryError("CUDA out of memory")), Fault, TOO_LARGE),
        (Mock(side_effect=RuntimeError("can't allocate memory")), Fault, TOO_LARGE),
        (Mock(side_effect=RuntimeError("shapes differ")), RuntimeError, "^shapes differ$"),
    ],
    ids=["is not finite", "runs away", "GPU", "CPU", "other errors"],
)
def test_a_step_that_fails_ends_the_training(loss, error, message):
    with pytest.raises(error, match=message):
        train([network()], loss, RECIPE, separable(), separable())


def test_every_epoch_sees_the_images_in_another_order_and_another_seed_others():
    seen, data = [], engine.LabelledImages(separable(32).images, np.arange(32))
    wide = nn.Sequential(nn.Flatten(), nn.Linear(192, 32))
    for seed in (0, 1):
        train([wide], watched(lambda _, labels: seen.append(labels)), RECIPE, data, data, seed)
    epochs = torch.stack(seen).view(2 * RECIPE.epochs, 32).tolist()
    assert all(sorted(epoch) == list(range(32)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 2 * RECIPE.epochs


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
    plain = {"optimizer": "sgd", "warmup_epochs": 0, "weight_decay": 0, "shift": 0}
    recipe = Recipe(epochs=1, batch_size=64, learning_rate=1.0, **plain)
    lengths = {}
    for clip in (None, 0.01):
        member = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
        torch.nn.init.zeros_(member[1].weight)
        torch.nn.init.zeros_(member[1].bias)
        clipped = recipe.model_copy(update={"gradient_clip": clip})
        train([member], single, clipped, separable(), separable())
        lengths[clip] = float(torch.cat([p.flatten() for p in member.parameters()]).detach().norm())
    # One Nesterov step: gradient + 0.9 x gradient.
    assert lengths[0.01] == pytest.approx(0.01 * 1.9, rel=1e-3)
    assert lengths[None] > 10 * lengths[0.01]


CHANGES = [
    {"optimizer": "muon"},
    {"optimizer": "sgd"},
    {"label_smoothing": 0.1},
    {"mixup": 0.3},
    {"ema": 0.9},
]
CHANGES += [{"augment": "trivial"}, {"precision": "bfloat16"}, {"flip": True}]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_every_option_of_the_recipe_changes_the_weights_and_still_learns(change):
    plain, recipe = network(), RECIPE.model_copy(update={"epochs": 12})
    history = train([plain], single, recipe, separable(), separable(32))
    assert [row["epoch"] for row in history] == list(range(1, 13))
    assert history[-1]["training_loss"] < 0.2 < history[0]["training_loss"]
    assert (
        history[-1]["validation_accuracy"]
        == engine.accuracies([plain], separable(32), PREPROCESSING)[0]
        == 1
    )
    loss = partial(cross_entropy, smoothing=change.get("label_smoothing", 0))
    member = network()
    changed = train([member], loss, recipe.model_copy(update=change), separable(), separable(32))
    assert changed[-1]["validation_accuracy"] > 0.9
    assert not torch.equal(weights([member]), weights([plain]))


def test_the_averaged_weights_are_the_moving_average_by_hand():
    recipe, seen = RECIPE.model_copy(update={"optimizer": "sgd"}), []
    plain, averaged = network(), network()
    train(
        [plain],
        watched(lambda networks, _: seen.append(weights(networks))),
        recipe,
        separable(),
        separable(32),
    )
    train([averaged], single, recipe.model_copy(update={"ema": 0.8}), separable(), separable(32))
    # The average begins with the weights after the first step.
    _, average, *later = [*seen, weights([plain])]
    for after in later:
        average = 0.8 * average + 0.2 * after
    names = [name for name, tensor in averaged.state_dict().items() for _ in range(tensor.numel())]
    averages = [not name.endswith("num_batches_tracked") for name in names]
    torch.testing.assert_close(weights([averaged])[averages], average[averages])


def test_every_step_of_every_epoch_is_in_training_mode():
    member, modes = network(), []
    member[0].requires_grad_(False)
    look = watched(
        lambda networks, _: modes.append([module.training for module in networks[0].modules()])
    )
    train([member], look, RECIPE, separable(), separable(32))
    assert modes == [[module is not member[0] for module in member.modules()]] * (RECIPE.epochs * 4)


@pytest.mark.parametrize("same_steps", [True, False])
def test_steps_that_are_alike_are_compiled_and_give_the_same_weights(monkeypatch, same_steps):
    """By torch's compiler without its last stage, which writes kernels for a GPU."""
    graphs, members = [], [network(), network()]

    def compiled(loss, device):
        graphs.append(device)
        return torch.compile(loss, backend="aot_eager", fullgraph=True)

    train(members[:1], single, RECIPE, separable(), separable(32))
    monkeypatch.setattr(engine, "compiled", compiled)
    engine.Trainer(members[1:], single, RECIPE, PREPROCESSING, 2, 0, same_steps).train(
        separable(), separable(32)
    )
    assert graphs == [torch.device("cpu")] * same_steps
    torch.testing.assert_close(weights(members[1:]), weights(members[:1]))


@pytest.mark.parametrize(
    "change", [{}, {"ema": 0.9, "optimizer": "sgd"}, {"mixup": 0.2}, {"optimizer": "muon"}], ids=str
)
@pytest.mark.parametrize("step", [3, 5])
def test_an_interrupted_training_ends_with_the_same_weights(tmp_path, monkeypatch, change, step):
    monkeypatch.setattr(engine, "PAUSE", 0)
    recipe = RECIPE.model_copy(update=change)
    with_dropout = nn.Sequential(network(), nn.Dropout(0.3))
    expected = train([with_dropout], single, recipe, separable(), separable(32))
    checkpoint = engine.Checkpoint(tmp_path / "checkpoint.pt", {"of": "this"})
    member = nn.Sequential(network(), nn.Dropout(0.3))
    with pytest.raises(Killed):
        train([member], killed_at(step, single), recipe, separable(), separable(32), 0, checkpoint)
    again, calls = nn.Sequential(network(seed=5), nn.Dropout(0.3)), []
    counted = watched(lambda *batch: calls.append(1))
    history = train([again], counted, recipe, separable(), separable(32), 0, checkpoint)
    assert len(calls) == 16 - (step - 1)
    assert torch.equal(weights([again]), weights([with_dropout]))
    assert history == expected
    assert [path.name for path in tmp_path.glob("[!.]*")] == ["checkpoint.pt"]


def test_a_checkpoint_of_other_settings_or_cut_short_is_not_used(tmp_path, capsys):
    engine.Checkpoint(tmp_path / "a.pt", {"epochs": 4}).save({"done": 3})
    assert engine.Checkpoint(tmp_path / "a.pt", {"epochs": 4}).load()["done"] == 3
    assert engine.Checkpoint(tmp_path / "a.pt", {"epochs": 5}).load() is None
    assert (
        "a.pt: checkpoint has different settings; training from scratch" in capsys.readouterr().out
    )
    content = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(content[: len(content) // 2])
    assert engine.Checkpoint(tmp_path / "a.pt", {"epochs": 4}).load() is None
    assert "a.pt: cannot be read" in capsys.readouterr().out
    assert engine.Checkpoint(tmp_path / "none.pt", {}).load() is None


@pytest.mark.slow
def test_a_training_of_files_begins_anew_if_its_images_are_normalised_in_another_way(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(engine, "PAUSE", 0)
    data = stored(tmp_path, 24)
    with pytest.raises(Killed):
        train_files(tmp_path / "members", data, SMALL, killed_at(3, single))
    write_json(data["card"], read_json(data["card"]) | {"mean": [0.1, 0.2, 0.3]})
    train_files(tmp_path / "members", data, SMALL, single)
    assert "checkpoint has different settings; training from scratch" in capsys.readouterr().out


def test_checkpoints_are_saved_only_now_and_then(tmp_path):
    checkpoint = engine.Checkpoint(tmp_path / "a.pt", {})
    assert not checkpoint.due()
    checkpoint.saved -= engine.PAUSE
    assert checkpoint.due()
    checkpoint.save({})
    assert not checkpoint.due()


@given(st.integers(0, 4), st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_shifts_stay_within_bounds_and_repeat_edges(largest, seed):
    """Every pixel holds its own coordinates, so that a shifted image tells where each pixel came
    from."""
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(7.0), indexing="ij")
    images = torch.stack([rows, columns, rows], dim=2).expand(5, 6, 7, 3)
    for image in engine.shifted(images, largest, torch.Generator().manual_seed(seed)).permute(
        0, 3, 1, 2
    ):
        explained = [
            (dy, dx)
            for dy in range(-largest, largest + 1)
            for dx in range(-largest, largest + 1)
            if torch.equal(image[0], (rows + dy).clamp(0, 5))
            and torch.equal(image[1], (columns + dx).clamp(0, 6))
        ]
        assert len(explained) == 1
        assert torch.equal(image[0], image[2])


def test_flips_mirror_about_half_of_the_images():
    images = torch.rand(400, 4, 5, 3)
    after = engine.flipped(images, torch.Generator().manual_seed(0))
    same = (after == images).flatten(1).all(1)
    mirrored = (after == images.flip(2)).flatten(1).all(1)
    assert torch.equal(same, ~mirrored)
    assert 160 < same.sum() < 240


def test_random_crops_keep_share_and_aspect_and_reach_every_part():
    """Red grows along the columns and green along the rows, so that a crop tells where it was
    taken."""
    width, height = 200, 120
    columns, rows = np.meshgrid(np.arange(width, dtype=np.uint8), np.arange(height, dtype=np.uint8))
    image = Image.fromarray(np.dstack([columns, rows, rows]))
    crops = np.array(
        [engine.random_crop(image, 64, 0.25, np.random.default_rng(seed)) for seed in range(300)],
        float,
    )
    assert crops.shape == (300, 64, 64, 3)
    red, green, _ = np.moveaxis(crops, -1, 0)
    (left, right), (top, bottom) = (
        red[:, :, [0, -1]].mean(axis=1).T,
        green[:, [0, -1]].mean(axis=2).T,
    )
    w, h = right - left + 2, bottom - top + 2
    for values, smallest, largest in (
        (w * h / (width * height), (0.2, 0.32), (0.75, 1.1)),
        (w / h, (0.65, 0.85), (1.2, 1.45)),
        (left, (-1, 4), (0, width)),
        (left + w, (0, width), (width - 5, width + 2)),
        (top, (-1, 4), (0, height)),
        (top + h, (0, height), (height - 5, height + 2)),
    ):
        assert smallest[0] < values.min() < smallest[1]
        assert largest[0] < values.max() < largest[1]


@pytest.mark.parametrize(
    ("settings", "in_files"),
    [({"augment": "trivial"}, 0), ({"augment": "augmix"}, 0), ({"smallest_crop": 0.3}, 1)],
)
def test_images_change_alike_in_any_batch_and_anew_in_each_epoch(tmp_path, settings, in_files):
    images, recipe = (
        np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8),
        Recipe(**settings),
    )
    if in_files:
        files = [str(tmp_path / f"{index}.png") for index in range(8)]
        for file, image in zip(files, images, strict=True):
            Image.fromarray(image).resize((60, 50)).save(file)
        images = FileImages(files, 32, 1)
    together = engine.training_reader(images, recipe, 0, epoch=1)(np.arange(8))
    assert (together.shape, together.dtype) == ((8, 32, 32, 3), np.uint8)
    np.testing.assert_array_equal(
        together[[5, 3]], engine.training_reader(images, recipe, 0, epoch=1)(np.array([5, 3]))
    )
    for other in ((0, 2), (1, 1)):
        again = engine.training_reader(images, recipe, other[0], epoch=other[1])(np.arange(8))
        assert (again != together).any(axis=(1, 2, 3)).sum() > 4


def test_mixed_images_and_labels_keep_their_shares():
    """Each image has a class of its own, so that the shares of classes are those of images."""
    images = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 3, 2, 2)
    for seed in range(20):
        blend, shares = engine.mixup(images, torch.arange(6), 6, 0.5, seed)
        torch.testing.assert_close(blend, torch.einsum("ij,jchw->ichw", shares, images))
        torch.testing.assert_close(shares.sum(1), torch.ones(6))
        parts = {round(float(share), 4) for share in shares.diagonal() if share < 1}
        assert len(parts) <= 1
        assert ((shares > 0).sum(1) <= 2).all()
