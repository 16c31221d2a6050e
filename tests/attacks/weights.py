"""Files that are no weights of a network, with the words that refuse each."""

from collections.abc import Callable
from pathlib import Path

import torch
from attacks.cases import ACCEPTED, Area
from trainings import SMALL

from resiliency.designs.members import Member
from resiliency.designs.weights import load_member

CLASSES = ["ant", "bee"]


class Marking:
    """Makes the file "ran" where it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def load(folder: Path, spoil: Callable[[dict, Path], object]) -> None:
    """Load a member from a file that `spoil` wrote, given good weights."""
    from resiliency.designs.networks import build

    path = folder / "weights.pt"
    weights = dict(build(Member("a", **SMALL.description(32)), 2, seed=0).state_dict())
    spoil(weights, path)
    design = SMALL.model_copy(update={"weights": str(path)})
    try:
        load_member("a", design.description(32), CLASSES, 32, design.inputs(0))
    finally:
        assert not Path("ran").exists(), "the file was unpickled"


def _saved(change: Callable[[dict], object]) -> Callable[[dict, Path], None]:
    def spoil(weights: dict, path: Path) -> None:
        changed = change(weights)
        torch.save(weights if changed is None else changed, path)

    return spoil


def _bias(*values: complex) -> Callable[[dict, Path], None]:
    return _saved(lambda weights: weights | {"fc.bias": torch.tensor(values)})


SPOILT = {
    "good weights": (_saved(lambda w: None), ACCEPTED),
    "pickled code": (
        _saved(lambda w: w | {"x": Marking()}),
        "refused (it holds more than tensors)",
    ),
    "no weights": (lambda w, path: path.write_bytes(b"PK"), "refused"),
    "no file": (lambda w, path: None, "weights.pt: there is no such file"),
    "a missing weight": (
        _saved(lambda w: {name: tensor for name, tensor in w.items() if name != "fc.bias"}),
        "resnet18 with 2 outputs: of 128 weights, 1 missing (fc.bias)",
    ),
    "one weight too many": (_saved(lambda w: w | {"a": torch.zeros(1)}), "1 unknown (a)"),
    "another shape": (_bias(0.0, 0, 0), "1 of another shape (fc.bias 3, not 2)"),
    "a weight that is NaN": (_bias(0, torch.nan), "1 not finite (fc.bias)"),
    "whole numbers": (_bias(1, 0), "(fc.bias int64, not float32)"),
    "names that are numbers": (
        _saved(lambda w: {1: torch.zeros(2)}),
        "contains keys that are not strings, e.g. 1",
    ),
    "a sparse tensor": (
        _saved(lambda w: w | {"fc.bias": torch.zeros(2).to_sparse()}),
        "sparse or have no values (fc.",
    ),
    "a number": (_saved(lambda w: 3), "got int"),
}
AREAS = (Area("weights", load, SPOILT),)
