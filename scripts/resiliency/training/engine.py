"""The training loop, of one network or of several jointly."""

from collections.abc import Callable
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn

from resiliency.faults import Fault
from resiliency.stage import Progress
from resiliency.training.settings import Recipe

Loss = Callable[[Tensor, Tensor], Tensor]


def train(
    networks: list[nn.Module],
    loss: Loss,
    recipe: Recipe,
    training: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    seed: int,
) -> list[dict]:
    """Train `networks` on the same batches to lower the loss of their stacked logits.

    Args:
        networks: M networks on the device of the images.
        loss: (logits float MxBxK, labels int64 B) -> scalar.
        training, validation: normalised images float32 Nx3xHxW and labels int64 N.
        seed: of the order and the shifts of the training images.

    Returns:
        A row per epoch: epoch, learning_rate, training_loss and validation_accuracy (mean of the networks).

    Raises:
        Fault: the loss is no longer finite.
    """
    torch.backends.cudnn.deterministic = True
    images, labels = training
    random = torch.Generator().manual_seed(seed)
    steps = len(images) // recipe.batch_size
    optimizer, schedule = _optimizer(networks, recipe, steps)
    history = []
    progress = Progress(recipe.epochs)
    for epoch in range(recipe.epochs):
        rate = optimizer.param_groups[0]["lr"]
        for network in networks:
            network.train()
        total = torch.zeros((), device=images.device)
        order = torch.randperm(len(images), generator=random)[: steps * recipe.batch_size].view(steps, -1)
        for batch in order.to(images.device):
            shifted = _shifted(images[batch], recipe.shift, random)
            value = loss(torch.stack([network(shifted) for network in networks]), labels[batch])
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
        right = np.mean([accuracy(network, *validation) for network in networks])
        history.append(
            {"epoch": epoch + 1, "learning_rate": rate, "training_loss": mean_loss, "validation_accuracy": right}
        )
        progress.step(f"training loss {mean_loss:.4f}, validation accuracy {right:.4f}")
    return history


def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of `images` (normalised, float32 Nx3xHxW) that `network` labels right; leaves it in evaluation mode."""
    network.eval()
    with torch.inference_mode():
        right = sum(
            (network(x).argmax(1) == y).sum().item() for x, y in zip(images.split(256), labels.split(256), strict=True)
        )
    return right / len(labels)


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


def _shifted(images: Tensor, largest: int, random: torch.Generator) -> Tensor:
    """Each image moved by its own whole number of pixels up to `largest` along each axis; edges are repeated."""
    count, _, height, width = images.shape
    dy, dx = torch.randint(-largest, largest + 1, (2, count, 1), generator=random).to(images.device)
    rows = (torch.arange(height, device=images.device) + dy).clamp(0, height - 1)
    columns = (torch.arange(width, device=images.device) + dx).clamp(0, width - 1)
    last = images.permute(0, 2, 3, 1)
    which = torch.arange(count, device=images.device)[:, None, None]
    return last[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
