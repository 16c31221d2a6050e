"""The training loop: it learns, repeats, and stops where the loss does."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from resiliency.data.loading import batches, in_order
from resiliency.data.pictures import FileImages
from resiliency.designs.networks import build
from resiliency.designs.settings import Design
from resiliency.faults import Fault
from resiliency.files import write_array, write_json
from resiliency.training import checkpoints
from resiliency.training.augmentation import flipped, mixed, random_crop, reader, shifted
from resiliency.training.checkpoints import Checkpoint
from resiliency.training.engine import Labelled, Looks, Trainer, accuracies, cross_entropy
from resiliency.training.joint import joint_loss
from resiliency.training.member import train_members
from resiliency.training.optimizer import learning_rate, optimizer
from resiliency.training.settings import STRENGTHS, Recipe

single = partial(cross_entropy, smoothing=0)


def train(networks, loss, recipe, training, validation, looks=None, seed=0, checkpoint=None) -> list[dict]:
    classes = int(training.labels.max()) + 1
    return Trainer(networks, loss, recipe, looks or LOOKS, classes, seed).train(training, validation, checkpoint)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 2)
    )


def separable(count: int = 64) -> Labelled:
    """8x8 images of noise, those of class 1 brighter in the upper half and darker in the lower."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    images = random.normal(128, 20, (count, 8, 8, 3))
    images[labels == 1, :4] += 60
    images[labels == 1, 4:] -= 60
    return Labelled(images.clip(0, 255).astype(np.uint8), labels)


LOOKS = Looks([0.5] * 3, [0.25] * 3)
RECIPE = Recipe(epochs=4, batch_size=16, learning_rate=0.01, warmup_epochs=1, shift=1, flip=False)


def summed(networks, images, labels):
    return sum(F.cross_entropy(network(images), labels) for network in networks)


def trained(recipe: Recipe = RECIPE, seed: int = 0, networks: int = 1):
    members = [network(index) for index in range(networks)]
    loss = single if networks == 1 else summed
    history = train(members, loss, recipe, separable(), separable(32), LOOKS, seed)
    return members, history


def weights(members) -> torch.Tensor:
    return torch.cat([tensor.flatten().float() for member in members for tensor in member.state_dict().values()])


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_small_network_learns_separable_classes(optimizer):
    members, history = trained(RECIPE.model_copy(update={"optimizer": optimizer, "epochs": 16}))
    assert [row["epoch"] for row in history] == list(range(1, 17))
    assert history[-1]["training_loss"] < 0.1 < history[0]["training_loss"]
    assert history[-1]["validation_accuracy"] == accuracies(members, separable(32), LOOKS)[0] == 1


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
        train(
            [network()],
            lambda networks, images, labels: networks[0](images).sum() * float("nan"),
            RECIPE,
            separable(),
            separable(),
            LOOKS,
            0,
        )


def test_a_batch_larger_than_the_data_is_a_fault():
    with pytest.raises(Fault, match=r"batch_size: 16 is more than the 10 training images"):
        train([network()], single, RECIPE, separable(10), separable(), LOOKS, 0)


def test_the_last_smaller_batch_is_left_out():
    sizes = []

    def loss(networks, images, labels):
        sizes.append(len(labels))
        return single(networks, images, labels)

    train([network()], loss, RECIPE, separable(40), separable(32), LOOKS, 0)
    assert sizes == [16, 16] * RECIPE.epochs


def test_every_epoch_sees_the_images_in_another_order():
    seen = []

    def loss(networks, images, labels):
        seen.append(labels)
        return single(networks, images, labels)

    data = Labelled(separable(32).images, np.arange(32))
    wide = nn.Sequential(nn.Flatten(), nn.Linear(192, 32))
    train([wide], loss, RECIPE, data, data, LOOKS, 0)
    epochs = torch.stack(seen).view(RECIPE.epochs, 32).tolist()
    assert all(sorted(epoch) == list(range(32)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == RECIPE.epochs


def test_no_shift_is_the_identity():
    images = torch.rand(4, 8, 8, 3)
    assert torch.equal(shifted(images, 0, torch.Generator().manual_seed(0)), images)


@given(st.integers(0, 4), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_shifts_stay_within_bounds_and_repeat_edges(largest, seed):
    """Every pixel holds its own coordinates, so that a shifted image tells where each pixel came from."""
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(7.0), indexing="ij")
    images = torch.stack([rows, columns, rows], dim=2).expand(5, 6, 7, 3)
    for image in shifted(images, largest, torch.Generator().manual_seed(seed)).permute(0, 3, 1, 2):
        explained = [
            (dy, dx)
            for dy in range(-largest, largest + 1)
            for dx in range(-largest, largest + 1)
            if torch.equal(image[0], (rows + dy).clamp(0, 5)) and torch.equal(image[1], (columns + dx).clamp(0, 6))
        ]
        assert len(explained) == 1
        assert torch.equal(image[0], image[2])


def test_all_shifts_occur():
    rows = torch.arange(9.0).view(1, 9, 1, 1).expand(300, 9, 9, 3)
    middle = shifted(rows, 2, torch.Generator().manual_seed(0))[:, 4, 4, 0] - 4
    values, counts = middle.unique(return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2]
    assert counts.min() > 30


def test_the_two_axes_shift_on_their_own():
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    images = torch.stack([rows, columns, rows], dim=2).expand(200, 9, 9, 3)
    pairs = shifted(images, 1, torch.Generator().manual_seed(0))[:, 4, 4, :2] - 4
    assert len({tuple(pair) for pair in pairs.tolist()}) == 9


def test_flips_mirror_about_half_of_the_images():
    images = torch.rand(400, 4, 5, 3)
    after = flipped(images, torch.Generator().manual_seed(0))
    same = (after == images).flatten(1).all(1)
    mirrored = (after == images.flip(2)).flatten(1).all(1)
    assert torch.equal(same, ~mirrored)
    assert 160 < same.sum() < 240


def test_random_crops_keep_share_and_aspect_and_reach_every_part():
    """Red grows along the columns and green along the rows, so that a crop tells where it was taken."""
    width, height = 200, 120
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(width), np.arange(height)[:, None]
    image = Image.fromarray(ramp)
    boxes = []
    for seed in range(300):
        crop = random_crop(image, 64, 0.25, np.random.default_rng(seed)).astype(float)
        assert crop.shape == (64, 64, 3)
        left, right = crop[:, 0, 0].mean(), crop[:, -1, 0].mean()
        top, bottom = crop[0, :, 1].mean(), crop[-1, :, 1].mean()
        boxes.append((right - left + 2, bottom - top + 2, left, top))
    w, h, left, top = np.array(boxes).T
    shares = w * h / (width * height)
    assert 0.2 < shares.min() < 0.32
    assert shares.max() > 0.75
    assert 0.65 < (w / h).min() < 0.85
    assert 1.2 < (w / h).max() < 1.45
    assert left.min() < 4
    assert (left + w).max() > width - 5
    assert top.min() < 4
    assert (top + h).max() > height - 5


def test_an_image_too_narrow_for_any_crop_gives_its_middle():
    ramp = np.repeat(np.arange(250, dtype=np.uint8)[None, :, None], 32, axis=0).repeat(3, axis=2)
    crop = random_crop(Image.fromarray(ramp), 32, 1.0, np.random.default_rng(0)).astype(float)
    assert crop.mean() == pytest.approx(124.5, abs=1)
    assert crop.max() - crop.min() == pytest.approx(42, abs=3)


def test_files_are_cropped_alike_whatever_the_batch_and_anew_in_each_epoch(tmp_path):
    random = np.random.default_rng(0)
    for index in range(6):
        Image.fromarray(random.integers(0, 256, (50, 60, 3), dtype=np.uint8)).save(tmp_path / f"{index}.png")
    files = FileImages([str(tmp_path / f"{index}.png") for index in range(6)], 32, 1)
    recipe = Recipe(smallest_crop=0.3)
    together = reader(files, recipe, 0, epoch=1)(np.arange(6))
    apart = reader(files, recipe, 0, epoch=1)(np.array([4, 2]))
    np.testing.assert_array_equal(together[[4, 2]], apart)
    assert (reader(files, recipe, 0, epoch=2)(np.arange(6)) != together).any(axis=(1, 2, 3)).all()


def test_files_train_alike_whatever_the_workers(tmp_path):
    sets = []
    for name, count in (("training", 32), ("validation", 8)):
        images, labels = separable(count)
        files = [str(tmp_path / f"{name}{index}.png") for index in range(count)]
        for image, file in zip(images, files, strict=True):
            Image.fromarray(image).resize((32, 32), Image.Resampling.NEAREST).save(file)
        sets.append(Labelled(FileImages(files, 32, 1), labels))
    recipe = RECIPE.model_copy(update={"epochs": 8, "smallest_crop": 0.8})
    found = []
    for workers in (0, 2):
        torch.manual_seed(0)
        member = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(192, 2))
        history = train([member], single, recipe, *sets, LOOKS._replace(workers=workers), 0)
        assert history[-1]["training_loss"] < 0.6 * history[0]["training_loss"]
        found.append(weights([member]))
    assert torch.equal(*found)


def test_a_broken_file_is_named_in_one_line_by_workers_too(tmp_path):
    for index in range(4):
        Image.new("RGB", (32, 32)).save(tmp_path / f"{index}.png")
    (tmp_path / "2.png").write_bytes(b"no image")
    files = FileImages([str(tmp_path / f"{index}.png") for index in range(4)], 32, 1)
    for workers in (0, 1):
        with pytest.raises(Fault) as caught:
            list(batches(files, in_order(4, 2), torch.device("cpu"), workers))
        assert str(caught.value) == f"{tmp_path}/2.png: not a JPEG, PNG or WebP image; replace or remove it"


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_norms_and_biases_do_not_decay(name):
    member = network()
    chosen = optimizer([member], Recipe(weight_decay=0.3, optimizer=name))
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
        train([member], single, clipped, separable(), separable(), LOOKS, 0)
        lengths[clip] = float(torch.cat([p.flatten() for p in member.parameters()]).detach().norm())
    assert lengths[0.01] == pytest.approx(0.01 * 1.9, rel=1e-3)  # one Nesterov step: gradient + 0.9 x gradient
    assert lengths[None] > 10 * lengths[0.01]


def test_mixed_images_and_labels_keep_their_shares():
    images, labels = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 3, 2, 2), torch.tensor([0, 1, 2, 0, 1, 2])
    for seed in range(20):
        blend, shares = mixed(images, labels, 3, 0.5, seed)
        assert shares.shape == (6, 3)
        torch.testing.assert_close(shares.sum(1), torch.ones(6))
        for i in range(6):
            explained = [
                (share, j)
                for j in range(6)
                for share in [float((blend[i, 0, 0, 0] - j) / (i - j)) if i != j else 1.0]
                if 0 <= share <= 1.0001
                and torch.allclose(
                    shares[i], share * F.one_hot(labels[i], 3) + (1 - share) * F.one_hot(labels[j], 3), atol=1e-5
                )
            ]
            assert explained


@pytest.mark.parametrize("policy", ["trivial", "augmix"])
def test_augmented_images_change_alike_in_any_batch_and_anew_in_each_epoch(policy):
    images, recipe = separable(8).images.repeat(4, axis=1).repeat(4, axis=2), Recipe(augment=policy)
    together = reader(images, recipe, 0, epoch=0)(np.arange(8))
    assert together.shape == images.shape
    assert together.dtype == np.uint8
    np.testing.assert_array_equal(together[[5, 3]], reader(images, recipe, 0, epoch=0)(np.array([5, 3])))
    again = reader(images, recipe, 0, epoch=1)(np.arange(8))
    assert (again != together).any(axis=(1, 2, 3)).sum() > 4


def test_stored_images_without_a_policy_are_read_as_they_are():
    assert reader(separable(4).images, RECIPE, 0, epoch=0) is None


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


class Killed(Exception):
    pass


def killed_at(step: int, loss=single):
    """A loss that fails at a step, as if the process were killed."""
    calls = 0

    def fragile(networks, images, labels):
        nonlocal calls
        calls += 1
        if calls == step:
            raise Killed
        return loss(networks, images, labels)

    return fragile


@pytest.mark.parametrize("change", [{}, {"ema": 0.9, "optimizer": "sgd"}, {"mixup": 0.2}], ids=str)
@pytest.mark.parametrize("step", [3, 5, 14])
def test_an_interrupted_training_ends_with_the_same_weights(tmp_path, monkeypatch, change, step):
    monkeypatch.setattr(checkpoints, "PAUSE", 0)
    recipe = RECIPE.model_copy(update=change)
    with_dropout = nn.Sequential(network(), nn.Dropout(0.3))
    expected = train([with_dropout], single, recipe, separable(), separable(32))
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", {"of": "this"})
    member = nn.Sequential(network(), nn.Dropout(0.3))
    with pytest.raises(Killed):
        train([member], killed_at(step), recipe, separable(), separable(32), None, 0, checkpoint)
    again, calls = nn.Sequential(network(seed=5), nn.Dropout(0.3)), []

    def counted(networks, images, labels):
        calls.append(1)
        return single(networks, images, labels)

    history = train([again], counted, recipe, separable(), separable(32), None, 0, checkpoint)
    assert len(calls) == 16 - (step - 1)
    assert torch.equal(weights([again]), weights([with_dropout]))
    assert history == expected
    assert [path.name for path in tmp_path.glob("[!.]*")] == ["checkpoint.pt"]


def test_a_checkpoint_of_other_settings_or_cut_short_is_not_used(tmp_path, capsys):
    Checkpoint(tmp_path / "a.pt", {"epochs": 4}).save({"done": 3})
    where = torch.device("cpu")
    assert Checkpoint(tmp_path / "a.pt", {"epochs": 4}).load(where)["done"] == 3
    assert Checkpoint(tmp_path / "a.pt", {"epochs": 5}).load(where) is None
    assert "a.pt: of other settings; training starts anew" in capsys.readouterr().out
    content = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(content[: len(content) // 2])
    assert Checkpoint(tmp_path / "a.pt", {"epochs": 4}).load(where) is None
    assert "a.pt: cannot be read" in capsys.readouterr().out
    assert Checkpoint(tmp_path / "none.pt", {}).load(where) is None


def test_checkpoints_are_saved_only_now_and_then(tmp_path):
    checkpoint = Checkpoint(tmp_path / "a.pt", {})
    assert not checkpoint.due()
    checkpoint.saved -= checkpoints.PAUSE
    assert checkpoint.due()
    checkpoint.save({})
    assert not checkpoint.due()


def test_out_of_memory_halves_the_batch_and_keeps_the_gradient(capsys):
    """Without batch norm the sum over parts is the gradient of the whole batch."""
    recipe = RECIPE.model_copy(update={"optimizer": "sgd", "epochs": 1})

    def hungry(networks, images, labels):
        if len(images) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return single(networks, images, labels)

    found = []
    for loss in (single, hungry):
        torch.manual_seed(0)
        member = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
        train([member], loss, recipe, separable(), separable(32))
        found.append(weights([member]))
    torch.testing.assert_close(*found)
    told = capsys.readouterr().out
    assert told.count("out of memory: each batch is handled in 2 parts") == 1
    assert told.count("out of memory: each batch is handled in 4 parts") == 1


def test_memory_that_never_suffices_and_other_errors_are_raised():
    def starved(networks, images, labels):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        train([network()], starved, RECIPE, separable(), separable())

    def broken(networks, images, labels):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        train([network()], broken, RECIPE, separable(), separable())


def test_a_loss_that_runs_away_is_a_fault():
    with pytest.raises(Fault, match="epoch 1: the training loss runs away, to -1e"):
        train([network()], lambda n, x, y: n[0](x).sum() * 0 - 1e4, RECIPE, separable(), separable())


SMALL = Design(architecture="resnet18", arguments={"channels": [4, 4, 4, 8]}, stem="original").described(32)


def small(seed: int) -> nn.Module:
    return build(SMALL, 3, seed)


def pictures(count: int) -> Labelled:
    random = np.random.default_rng(0)
    return Labelled(random.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8), np.arange(count) % 3)


@pytest.mark.parametrize("name", list(STRENGTHS))
def test_every_objective_trains_and_at_strength_0_is_independent_training_to_the_bit(name):
    recipe = RECIPE.model_copy(update={"epochs": 1, "batch_size": 12})
    ends = {}
    for objective, strength in {("independent", 0), (name, 0), (name, min(STRENGTHS[name][1], 0.5))}:
        members = [small(seed) for seed in range(2)]
        (row,) = train(members, joint_loss(objective, strength), recipe, pictures(24), pictures(12))
        assert np.isfinite(row["training_loss"])
        ends[objective, strength] = weights(members)
    assert torch.equal(ends[name, 0], ends["independent", 0])
    if name != "independent":
        assert not torch.equal(ends[name, 0.5], ends[name, 0])


def test_a_layer_without_second_derivative_is_a_fault():
    class Hard(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(3 * 32 * 32, 3)

        def forward(self, images):
            return self.last(F.hardsigmoid(images.flatten(1)))

    with pytest.raises(Fault, match="a layer has no second derivative, which the objective needs"):
        train([Hard(), Hard()], joint_loss("attribution", 0.5), RECIPE, pictures(24), pictures(12))


TRAIN_ALONE = """
import sys
from functools import partial
from resiliency.designs.settings import Design
from resiliency.training import checkpoints
from resiliency.training.engine import cross_entropy
from resiliency.training.member import train_members
from resiliency.training.settings import Recipe
checkpoints.PAUSE = 0
folder, data = sys.argv[1], dict(pair.split("=", 1) for pair in sys.argv[2:])
train_members(
    [folder],
    [Design(architecture="resnet18", arguments={"channels": [4, 4, 4, 8]}).described(32) | {"design": "r", "seed": 0}],
    Recipe(epochs=6, batch_size=8, shift=2, flip=True).model_dump(),
    partial(cross_entropy, smoothing=0),
    data,
    (0, "train", "r", 0),
    workers=0,
    code="",
)
"""


def test_a_process_killed_in_the_middle_of_an_epoch_goes_on_to_the_same_files(tmp_path):
    data = stored(tmp_path, 200)
    arguments = [f"{name}={path}" for name, path in data.items()]

    def start(folder):
        command = [sys.executable, "-c", TRAIN_ALONE, str(folder), *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})

    process = start(tmp_path / "killed" / "r-s0")
    checkpoint = tmp_path / "killed" / "r-s0" / "checkpoint.pt"
    for wait in (0.2, 0.5):
        while not checkpoint.exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        process = start(tmp_path / "killed" / "r-s0")
    output = process.communicate(timeout=600)[0]
    assert process.returncode == 0
    assert "going on from step" in output
    assert start(tmp_path / "whole" / "r-s0").wait(120) == 0
    one, other = (
        {p.name: p.read_bytes() for p in (tmp_path / run / "r-s0").glob("[!.]*")} for run in ("whole", "killed")
    )
    assert sorted(one) == ["history.csv", "member.json", "weights.safetensors"]
    assert one == other


def test_a_process_asked_to_end_keeps_a_checkpoint_first(tmp_path):
    """SLURM sends SIGTERM to a job at the end of its time, and when it is preempted."""
    data = stored(tmp_path, 200)
    arguments = [str(tmp_path / "r-s0"), *(f"{name}={path}" for name, path in data.items())]
    code = TRAIN_ALONE.replace("PAUSE = 0", "PAUSE = 1000")
    command = [sys.executable, "-u", "-c", code, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not process.stdout.readline().startswith("[1/6"):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (1, f"asked to end; the next run goes on from {tmp_path}/r-s0/checkpoint.pt\n")
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.search(r"^going on from step \d+, in epoch [2-6]$", again.stdout, re.MULTILINE)
    assert not (tmp_path / "r-s0" / "checkpoint.pt").exists()


def stored(folder, count: int) -> dict[str, str]:
    """A data set of two classes of noise in `folder`; what `train_members` reads of it."""
    rng = np.random.default_rng(0)
    for split, size in (("train", count), ("validation", 10)):
        write_array(folder / "data" / split / "images.npy", rng.integers(0, 256, (size, 32, 32, 3), dtype=np.uint8))
        write_array(folder / "data" / split / "labels.npy", np.arange(size) % 2)
    card = {"classes": ["a", "b"], "image_shape": [32, 32, 3], "mean": [0.5] * 3, "std": [0.3] * 3, "splits": {}}
    write_json(folder / "data" / "card.json", card)
    data = {
        f"{prefix}{array}": str(folder / "data" / split / f"{array}.npy")
        for prefix, split in (("", "train"), ("validation_", "validation"))
        for array in ("images", "labels")
    }
    return data | {"card": str(folder / "data" / "card.json")}


def test_members_are_written_with_their_description(tmp_path):
    data = stored(tmp_path, 20)
    described = SMALL | {"design": "r", "seed": 0}
    for run in ("one", "two"):
        folders = [str(tmp_path / run / f"r-m{index}") for index in range(2)]
        train_members(
            folders,
            [described | {"index": index} for index in range(2)],
            Recipe(epochs=1, batch_size=8, shift=2, flip=False).model_dump(),
            summed,
            data,
            (0, "train_jointly", "r", 0),
            workers=0,
            code="",
        )
    member = json.loads((tmp_path / "one" / "r-m1" / "member.json").read_text())
    assert (member["member"], member["index"], member["classes"]) == ("r-m1", 1, ["a", "b"])
    assert member["parameters"] > 0
    bytes_of = {
        p.relative_to(tmp_path / "one"): p.read_bytes() for p in (tmp_path / "one").glob("*/[!.]*") if p.is_file()
    }
    assert len(bytes_of) == 6
    assert all((tmp_path / "two" / path).read_bytes() == content for path, content in bytes_of.items())
    one, other = (next(b for p, b in bytes_of.items() if p.match(f"r-m{i}/weights.safetensors")) for i in (0, 1))
    assert one != other
