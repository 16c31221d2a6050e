"""Networks of several kinds whose answers are spoilt after their last layer, or before their first."""

from collections.abc import Callable
from pathlib import Path

import torch
from attacks.cases import ACCEPTED, Area
from torch import Tensor, nn

from resiliency.base.faults import Fault
from resiliency.designs.checks import network_fault

SIDE, CLASSES = 32, 10


def _pooled(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), *layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, CLASSES))


BASES: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: _pooled(nn.ReLU()),
    "batch norm": lambda: _pooled(nn.BatchNorm2d(8), nn.ReLU()),
    "dropout": lambda: _pooled(nn.ReLU(), nn.Dropout(0.5)),
}


class Spoilt(nn.Module):
    """A network whose images and answers pass through a function."""

    def __init__(self, base: nn.Module, function: Callable[["Spoilt", Tensor], object]):
        super().__init__()
        self.base, self.function = base, function

    def forward(self, images: Tensor) -> object:
        return self.function(self, images)


def _try(_: Path, what: tuple[str, Callable[[Spoilt, Tensor], object]]) -> None:
    base, function = what
    torch.manual_seed(0)
    if fault := network_fault(Spoilt(BASES[base](), function), SIDE, CLASSES):
        raise Fault(f"mine: {fault}")


def _after(change: Callable[[Tensor], object]) -> Callable[[Spoilt, Tensor], object]:
    return lambda network, images: change(network.base(images))


def _training(network: Spoilt, images: Tensor) -> Tensor:
    logits = network.base(images)
    with torch.no_grad():
        network.base[-1].bias.add_(0.1)
    return logits


SAME: dict[str, Callable[[Spoilt, Tensor], object]] = {
    "as it is": _after(lambda logits: logits),
    "log-probabilities": _after(lambda logits: logits.log_softmax(1)),
    "zeros, as before training": _after(lambda logits: logits * 0),
    "of normalised images": lambda network, images: network.base((images - 0.5) / 0.25),
}
WRONG: dict[str, Callable[[Spoilt, Tensor], object]] = {
    "probabilities": _after(lambda logits: logits.softmax(1)),
    "classes": _after(lambda logits: logits.argmax(1)),
    "noise": _after(lambda logits: logits + torch.randn_like(logits)),
    "centred over the batch": _after(lambda logits: logits - logits.mean(0)),
    "in the order of their maxima": _after(lambda logits: logits[logits.amax(1).argsort()] * 1),
    "of no image": lambda network, images: network.base(images.detach()),
    "of two images or more": _after(lambda logits: logits * (1 // (len(logits) - 1))),
    "a step of training": _training,
    "images centred in place": lambda network, images: network.base(images.sub_(0.5)),
    "an image too few": _after(lambda logits: logits[1:]),
    "a tuple": _after(lambda logits: (logits, logits)),
    "detached": _after(lambda logits: logits.detach()),
    "beyond float32": _after(lambda logits: logits * 1e38 * 1e10),
    "an error of two lines": _after(lambda logits: (_ for _ in ()).throw(RuntimeError("a\nb"))),
    "an exit": _after(lambda logits: (_ for _ in ()).throw(SystemExit(0))),
}
# Of some of these, the words that refuse them.
WORDS = {
    "probabilities": "expected logits, got probabilities; remove the softmax, or return their logarithm",
    "images centred in place": "changes its input images in place; let it work on a copy",
    "an image too few": "expected logits of shape (2, 10) for 2 images, got (1, 10)",
    "of no image": "logits do not depend on the images",
    "of two images or more": "fails on a single image: ZeroDivisionError",
    "a tuple": "expected a tensor of logits, got tuple",
    "detached": "no gradient with respect to the images: RuntimeError: ",
    "beyond float32": "logits contain NaN or infinity",
}


def _table() -> dict[str, tuple[tuple, object]]:
    """The plain network by each function, and others by some that their layers might hide."""
    table = {}
    for base in BASES:
        functions = {name: (function, ACCEPTED) for name, function in SAME.items()}
        functions |= {name: (function, WORDS.get(name, "")) for name, function in WRONG.items()}
        chosen = functions if base == "plain" else ("as it is", "noise", "centred over the batch", "a step of training")
        table |= {f"{base}: {name}": ((base, functions[name][0]), functions[name][1]) for name in chosen}
    return table


AREAS = (Area("networks", _try, _table()),)
