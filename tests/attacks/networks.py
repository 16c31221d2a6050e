"""A network whose answers are spoilt after its last layer, or before its first."""

from collections.abc import Callable
from pathlib import Path

import torch
from attacks.cases import ACCEPTED, Area
from torch import Tensor, nn

from resiliency.base.faults import Fault
from resiliency.designs.networks import network_fault

SIDE, CLASSES = 32, 10


class Spoilt(nn.Module):
    """A network whose images and answers pass through a function."""

    def __init__(self, function: Callable[["Spoilt", Tensor], object]):
        super().__init__()
        layers = (
            nn.Conv2d(3, 8, 3),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.AdaptiveAvgPool2d(2),
        )
        self.base, self.function = (
            nn.Sequential(*layers, nn.Flatten(), nn.Linear(32, CLASSES)),
            function,
        )

    def forward(self, images: Tensor) -> object:
        return self.function(self, images)


def _try(_: Path, function: Callable[[Spoilt, Tensor], object]) -> None:
    torch.manual_seed(0)
    if fault := network_fault(Spoilt(function), SIDE, CLASSES):
        raise Fault(f"mine: {fault}")


def _after(change: Callable[[Tensor], object]) -> Callable[[Spoilt, Tensor], object]:
    return lambda network, images: change(network.base(images))


def _training(network: Spoilt, images: Tensor) -> Tensor:
    logits = network.base(images)
    with torch.no_grad():
        network.base[-1].bias.add_(0.1)
    return logits


FUNCTIONS: dict[str, tuple[Callable[[Spoilt, Tensor], object], object]] = {
    "log-probabilities": (_after(lambda logits: logits.log_softmax(1)), ACCEPTED),
    "zeros, as before training": (_after(lambda logits: logits * 0), ACCEPTED),
    "probabilities": (
        _after(lambda logits: logits.softmax(1)),
        "remove the softmax, or return their logarithm",
    ),
    "classes": (_after(lambda logits: logits.argmax(1)), "gives a tensor of torch.int64"),
    "noise": (
        _after(lambda logits: logits + torch.randn_like(logits)),
        "differ between two passes",
    ),
    "centred over the batch": (
        _after(lambda logits: logits - logits.mean(0)),
        "depends on the rest of its batch",
    ),
    "in the order of their maxima": (
        _after(lambda logits: logits[logits.amax(1).argsort()] * 1),
        "image",
    ),
    "of no image": (
        lambda network, images: network.base(images.detach()),
        "logits do not depend on the images",
    ),
    "of two images or more": (
        _after(lambda logits: logits * (1 // (len(logits) - 1))),
        "fails on a single image: ZeroDivisionError",
    ),
    "a step of training": (_training, "in evaluation mode"),
    "images centred in place": (
        lambda network, images: network.base(images.sub_(0.5)),
        "changes its input images in",
    ),
    "an image too few": (
        _after(lambda logits: logits[1:]),
        "of shape (2, 10) for 2 images, got (1, 10)",
    ),
    "a tuple": (_after(lambda logits: (logits, logits)), "expected a tensor of logits, got tuple"),
    "detached": (
        _after(lambda logits: logits.detach()),
        "no gradient with respect to the images: RuntimeError: ",
    ),
    "beyond float32": (
        _after(lambda logits: logits * 1e38 * 1e10),
        "logits contain NaN or infinity",
    ),
    "an exit": (_after(lambda logits: (_ for _ in ()).throw(SystemExit(0))), "SystemExit: 0"),
}
AREAS = (Area("networks", _try, FUNCTIONS),)
