"""Functions that return no network that can be used, and the words that refuse each."""

from functools import cache
from pathlib import Path

from attacks.cases import ACCEPTED, Area

from resiliency.base.faults import Fault
from resiliency.designs.settings import Design
from resiliency.study.network_trial import trial

FACTORIES = """
import os, sys
import torch
from torch import nn


def plain(outputs=10):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, outputs))


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.network, self.function = plain(), function

    def forward(self, x):
        return self.function(self.network, x)


def no_parameters():
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def lazy():
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(10))


def constant():
    return Function(lambda network, x: network(x * 0).detach() + network.get_parameter("3.bias"))


class Stuck(nn.Sequential):
    def train(self, mode=True):
        return super().train(True)


def moving_statistics():
    return Stuck(nn.BatchNorm2d(3), plain())


def one_value():
    return Stuck(nn.Flatten(), nn.Linear(3072, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.Linear(8, 10))


def seven():
    return 7


def exits():
    sys.exit(0)


def dies():
    os._exit(0)
"""
FAULTS = {
    "plain": ACCEPTED,
    "no_parameters": "has no parameters to train or load",
    "lazy": "has lazy modules, whose weights have no shape yet; give their sizes",
    "constant": "logits do not depend on the images",
    "moving_statistics": "changes 0.running_mean in evaluation mode",
    "one_value": "fails on a single image: ValueError: Expected more than 1 value per channel",
    "seven": "expected a torch.nn.Module, got int",
    "exits": "called exit (SystemExit(0)) instead of returning a network",
    "dies": "called exit with status 0; it must return the network",
}


@cache
def _faults() -> dict[str, str]:
    """What is wrong with each factory, all tried at once."""
    Path("factories_to_try.py").write_text(FACTORIES)
    described = {name: Design(factory=f"factories_to_try:{name}").description(32) for name in FAULTS}
    return trial(
        {name: {"description": description, "outputs": 10, "fetched": None} for name, description in described.items()}
    )


def _factory(_: Path, name: str) -> None:
    if fault := _faults().get(name):
        raise Fault(fault)


AREAS = (Area("factories", _factory, {name: (name, expected) for name, expected in FAULTS.items()}),)
