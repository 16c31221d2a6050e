"""Networks of several kinds whose answers are spoilt after their last layer, or before their first."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from attacks.cases import Case, allowed
from torch import Tensor, nn
from torch.nn import functional

from resiliency.base.faults import Fault
from resiliency.designs.network_faults import network_fault

SIDE, CLASSES = 32, 10


def _pooled(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), *layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, CLASSES))


BASES: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: _pooled(nn.ReLU()),
    "batch norm": lambda: _pooled(nn.BatchNorm2d(8), nn.ReLU()),
    "group norm": lambda: _pooled(nn.GroupNorm(2, 8), nn.GELU()),
    "dropout": lambda: _pooled(nn.ReLU(), nn.Dropout(0.5)),
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, CLASSES)),
}


class Spoilt(nn.Module):
    """A network whose images and answers pass through a function."""

    def __init__(self, base: nn.Module, function: Callable[["Spoilt", Tensor], object]):
        super().__init__()
        self.base, self.function, self.calls, self.kept = base, function, 0, None

    def forward(self, images: Tensor) -> object:
        self.calls += 1
        return self.function(self, images)


def networks() -> Iterator[Case]:
    """Each base with each function."""
    for base in BASES:
        for name, function in SAME.items():
            yield Case(f"{base}: {name}", allowed(partial(_try, base=base, function=function)), None)
        for name, function in WRONG.items():
            yield Case(f"{base}: {name}", partial(_try, base=base, function=function), WORDS.get(name, ""))


def _try(_: Path, base: str, function: Callable[[Spoilt, Tensor], object]) -> None:
    torch.manual_seed(0)
    if fault := network_fault(Spoilt(BASES[base](), function), SIDE, CLASSES):
        raise Fault(f"mine: {fault}")


def _after(change: Callable[[Tensor], object]) -> Callable[[Spoilt, Tensor], object]:
    return lambda network, images: change(network.base(images))


def _with(value: float, row: int = 0) -> Callable[[Spoilt, Tensor], object]:
    def change(logits: Tensor) -> Tensor:
        added = torch.zeros_like(logits)
        added[row, 3] = value
        return logits + added

    return _after(change)


def _remembered(network: Spoilt, images: Tensor) -> Tensor:
    network.kept = network.base(images) if network.kept is None else network.kept
    return network.kept[: len(images)]


def _training(network: Spoilt, images: Tensor) -> Tensor:
    logits = network.base(images)
    with torch.no_grad():
        network.base[-1].bias.add_(0.1)
    return logits


SAME: dict[str, Callable[[Spoilt, Tensor], object]] = {
    "as it is": _after(lambda logits: logits),
    "float64": _after(lambda logits: logits.double()),
    "log-probabilities": _after(lambda logits: logits.log_softmax(1)),
    "scaled": _after(lambda logits: logits * 100),
    "zeros, as before training": _after(lambda logits: logits * 0),
    "not contiguous": _after(lambda logits: logits.T.contiguous().T),
    "of a copy": lambda network, images: network.base(images.clone().sub_(0.5)),
    "of normalised images": lambda network, images: network.base((images - 0.5) / 0.25),
}
WRONG: dict[str, Callable[[Spoilt, Tensor], object]] = {
    "probabilities": _after(lambda logits: logits.softmax(1)),
    "softmax over the batch": _after(lambda logits: logits.softmax(0)),
    "classes": _after(lambda logits: logits.argmax(1)),
    "one-hot": _after(lambda logits: functional.one_hot(logits.argmax(1), CLASSES)),
    "one-hot floats": _after(lambda logits: functional.one_hot(logits.argmax(1), CLASSES).float()),
    "noise": _after(lambda logits: logits + torch.randn_like(logits)),
    "dropout that is always on": _after(lambda logits: functional.dropout(logits, 0.5, training=True)),
    "centred over the batch": _after(lambda logits: logits - logits.mean(0)),
    "scaled by the batch": _after(lambda logits: logits / logits.abs().max()),
    "in the order of their maxima": _after(lambda logits: logits[logits.amax(1).argsort()] * 1),
    "reversed": _after(lambda logits: logits.flip(0)),
    "the first image's": lambda network, images: network.base(images[:1]).expand(len(images), -1),
    "the mean of all images'": _after(lambda logits: logits.mean(0, keepdim=True).expand(len(logits), -1)),
    "remembered": _remembered,
    "a step of training": _training,
    "alternating": lambda network, images: network.base(images) * (-1) ** network.calls,
    "growing": lambda network, images: network.base(images) * network.calls,
    "images clamped in place": lambda network, images: network.base(images.clamp_(0, 1)),
    "images centred in place": lambda network, images: network.base(images.sub_(0.5)),
    "images flipped in place": lambda network, images: network.base(images.copy_(images.flip(3).clone())),
    "a class too few": _after(lambda logits: logits[:, 1:]),
    "a class too many": _after(lambda logits: functional.pad(logits, (0, 1))),
    "one class": _after(lambda logits: logits[:, :1]),
    "an image too few": _after(lambda logits: logits[1:]),
    "an image too many": _after(lambda logits: torch.cat([logits, logits[:1]])),
    "transposed": _after(lambda logits: logits.T),
    "flat": _after(lambda logits: logits.flatten()),
    "a map": _after(lambda logits: logits[..., None, None]),
    "a sum": _after(lambda logits: logits.sum()),
    "a tuple": _after(lambda logits: (logits, logits)),
    "a list": _after(lambda logits: [logits]),
    "a dictionary": _after(lambda logits: {"logits": logits}),
    "an array": _after(lambda logits: logits.detach().numpy()),
    "nothing": _after(lambda logits: None),
    "text": _after(lambda logits: "cat"),
    "detached": _after(lambda logits: logits.detach()),
    "new tensors": _after(lambda logits: torch.tensor(logits.tolist())),
    "NaN": _with(float("nan")),
    "NaN for the last image": _with(float("nan"), row=-1),
    "infinity": _with(float("inf")),
    "beyond float32": _after(lambda logits: logits * 1e38 * 1e10),
    "complex": _after(lambda logits: logits + 0j),
    "sparse": _after(lambda logits: logits.to_sparse()),
    "an error": _after(lambda logits: 1 / 0),
    "an error of two lines": _after(lambda logits: (_ for _ in ()).throw(RuntimeError("a\nb"))),
    "an exit": _after(lambda logits: (_ for _ in ()).throw(SystemExit(0))),
}
# Of some of these, the words that refuse them.
WORDS = {
    "probabilities": "expected logits, got probabilities; remove the softmax, or return their logarithm",
    "dropout that is always on": "predictions differ between two passes over the same images",
    "images centred in place": "changes its input images in place; let it work on a copy",
    "an image too few": "expected logits of shape (2, 10) for 2 images, got (1, 10)",
    "flat": "expected logits of shape (2, 10) for 2 images, got (20,)",
    "a tuple": "expected a tensor of logits, got tuple",
    "detached": "no gradient with respect to the images: RuntimeError: ",
    "NaN": "logits contain NaN or infinity",
}
