"""The training loop: it learns, repeats, and stops where the loss does."""

import json
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
from resiliency.faults import Fault
from resiliency.files import write_array, write_json
from resiliency.training.augmentation import flipped, random_crop, reader, shifted
from resiliency.training.engine import Labelled, Looks, _optimizer, accuracies, train
from resiliency.training.member import train_members
from resiliency.training.settings import Recipe


def single(logits, labels):
    return F.cross_entropy(logits[0], labels)


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
RECIPE = Recipe(epochs=4, batch_size=16, learning_rate=0.01, warmup_epochs=1, shift=1)


def trained(recipe: Recipe = RECIPE, seed: int = 0, networks: int = 1):
    members = [network(index) for index in range(networks)]
    loss = single if networks == 1 else lambda logits, labels: sum(F.cross_entropy(one, labels) for one in logits)
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
            [network()], lambda logits, labels: logits.sum() * float("nan"), RECIPE, separable(), separable(), LOOKS, 0
        )


def test_a_batch_larger_than_the_data_is_a_fault():
    with pytest.raises(Fault, match=r"batch_size: 16 is more than the 10 training images"):
        train([network()], single, RECIPE, separable(10), separable(), LOOKS, 0)


def test_the_last_smaller_batch_is_left_out():
    sizes = []

    def loss(logits, labels):
        sizes.append(len(labels))
        return single(logits, labels)

    train([network()], loss, RECIPE, separable(40), separable(32), LOOKS, 0)
    assert sizes == [16, 16] * RECIPE.epochs


def test_every_epoch_sees_the_images_in_another_order():
    seen = []

    def loss(logits, labels):
        seen.append(labels)
        return single(logits, labels)

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
    together = reader(files, 0.3, 0, epoch=1)(np.arange(6))
    apart = reader(files, 0.3, 0, epoch=1)(np.array([4, 2]))
    np.testing.assert_array_equal(together[[4, 2]], apart)
    assert (reader(files, 0.3, 0, epoch=2)(np.arange(6)) != together).any(axis=(1, 2, 3)).all()


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
        clipped = recipe.model_copy(update={"gradient_clip": clip})
        train([member], single, clipped, separable(), separable(), LOOKS, 0)
        lengths[clip] = float(torch.cat([p.flatten() for p in member.parameters()]).detach().norm())
    assert lengths[0.01] == pytest.approx(0.01 * 1.9, rel=1e-3)  # one Nesterov step: gradient + 0.9 x gradient
    assert lengths[None] > 10 * lengths[0.01]


def test_members_are_written_with_their_description(tmp_path):
    rng = np.random.default_rng(0)
    for split, count in (("train", 20), ("validation", 10)):
        write_array(tmp_path / "data" / split / "images.npy", rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8))
        write_array(tmp_path / "data" / split / "labels.npy", np.arange(count) % 2)
    data = {
        f"{prefix}{array}": str(tmp_path / "data" / split / f"{array}.npy")
        for prefix, split in (("", "train"), ("validation_", "validation"))
        for array in ("images", "labels")
    }
    data["card"] = str(tmp_path / "data" / "card.json")
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
            data,
            (0, "train_jointly", "r", 0),
            workers=0,
        )
    member = json.loads((tmp_path / "one" / "r-m1" / "member.json").read_text())
    assert (member["member"], member["index"], member["classes"]) == ("r-m1", 1, ["a", "b"])
    assert member["parameters"] > 0
    bytes_of = {p.relative_to(tmp_path / "one"): p.read_bytes() for p in (tmp_path / "one").rglob("*") if p.is_file()}
    assert len(bytes_of) == 6
    assert all((tmp_path / "two" / path).read_bytes() == content for path, content in bytes_of.items())
    one, other = (next(b for p, b in bytes_of.items() if p.match(f"r-m{i}/weights.safetensors")) for i in (0, 1))
    assert one != other
