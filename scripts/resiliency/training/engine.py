"""The training loop, of one network or of several jointly."""

from collections.abc import Callable
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from resiliency.data.loading import batches, in_order
from resiliency.data.source import Images
from resiliency.designs.networks import normalised
from resiliency.faults import Fault
from resiliency.stage import Progress
from resiliency.streams import derived_seed
from resiliency.training.augmentation import flipped, reader, shifted
from resiliency.training.settings import Recipe

Loss = Callable[[Tensor, Tensor], Tensor]


class Labelled(NamedTuple):
    """N images with their labels, int64 N."""

    images: Images
    labels: np.ndarray


class Looks(NamedTuple):
    """How images come to a network: normalised with mean and std per channel, decoded by so many workers."""

    mean: list[float]
    std: list[float]
    workers: int = 0


def train(
    networks: list[nn.Module],
    loss: Loss,
    recipe: Recipe,
    training: Labelled,
    validation: Labelled,
    looks: Looks,
    seed: int,
) -> list[dict]:
    """Train `networks`, all on one device, on the same batches to lower the loss of their stacked logits.

    Args:
        networks: M networks.
        loss: (logits float MxBxK, labels int64 B) -> scalar.
        seed: of the order and the random changes of the training images.

    Returns:
        A row per epoch: epoch, learning_rate, training_loss and validation_accuracy (mean of the networks).

    Raises:
        Fault: an epoch holds no whole batch, a file cannot be decoded, or the loss is no longer finite.
    """
    torch.backends.cudnn.deterministic = True
    device = next(networks[0].parameters()).device
    count = len(training.labels)
    steps = count // recipe.batch_size
    if not steps:
        raise Fault(f"training.batch_size: {recipe.batch_size} is more than the {count} training images")
    labels = torch.from_numpy(np.array(training.labels)).to(device)
    optimizer, schedule = _optimizer(networks, recipe, steps)
    history = []
    progress = Progress(recipe.epochs)
    for epoch in range(recipe.epochs):
        random = torch.Generator().manual_seed(derived_seed(seed, "epoch", epoch))
        rate = optimizer.param_groups[0]["lr"]
        for network in networks:
            network.train()
        total = torch.zeros((), device=device)
        order = torch.randperm(count, generator=random)[: steps * recipe.batch_size].view(steps, -1)
        read = reader(training.images, recipe.smallest_crop, seed, epoch)
        loaded = batches(training.images, list(order.numpy()), device, looks.workers, read)
        for chosen, images in zip(order.to(device), loaded, strict=True):
            images = shifted(images, recipe.shift, random)
            if recipe.flip:
                images = flipped(images, random)
            images = normalised(images, looks.mean, looks.std)
            value = loss(torch.stack([network(images) for network in networks]), labels[chosen])
            optimizer.zero_grad()
            value.backward()
            if recipe.gradient_clip:
                nn.utils.clip_grad_norm_(chain.from_iterable(n.parameters() for n in networks), recipe.gradient_clip)
            optimizer.step()
            schedule.step()
            total += value.detach()
        mean_loss = total.item() / steps
        if not np.isfinite(mean_loss):
            raise Fault(
                f"epoch {epoch + 1}: the training loss is {mean_loss}; lower learning_rate or set gradient_clip"
            )
        right = float(np.mean(accuracies(networks, validation, looks)))
        history.append(
            {"epoch": epoch + 1, "learning_rate": rate, "training_loss": mean_loss, "validation_accuracy": right}
        )
        progress.step(f"training loss {mean_loss:.4f}, validation accuracy {right:.4f}")
    return history


def accuracies(networks: list[nn.Module], data: Labelled, looks: Looks) -> list[float]:
    """Share of the images that each of `networks` labels right; leaves them in evaluation mode."""
    device = next(networks[0].parameters()).device
    labels = torch.from_numpy(np.array(data.labels)).to(device)
    order = in_order(len(labels), 256)
    right = torch.zeros(len(networks), dtype=torch.int64)
    for network in networks:
        network.eval()
    with torch.inference_mode():
        for images, truth in zip(batches(data.images, order, device, looks.workers), labels.split(256), strict=True):
            images = normalised(images, looks.mean, looks.std)
            right += torch.stack([(network(images).argmax(1) == truth).sum() for network in networks]).cpu()
    return (right / len(labels)).tolist()


def _optimizer(networks: list[nn.Module], recipe: Recipe, steps: int):
    """The optimizer over all parameters (no decay of norms and biases) and its schedule, a step per batch."""
    parameters = [p for network in networks for p in network.parameters()]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "adamw":
        optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, foreach=True)
    else:
        optimizer = torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True, foreach=True)
    total, warmup = recipe.epochs * steps, recipe.warmup_epochs * steps

    def rate(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return 0.5 * (1 + np.cos(np.pi * (step - warmup) / max(total - warmup, 1)))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
