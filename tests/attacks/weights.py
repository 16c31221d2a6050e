"""Files that are no weights of a network, with the words that refuse each."""

from collections.abc import Callable
from pathlib import Path

import torch
from attacks.cases import Case

from resiliency.designs.settings import Design
from resiliency.designs.weights import load_member

SMALL = {"architecture": "resnet18", "stem": "original", "arguments": {"channels": [4, 4, 4, 8]}}
CARD = {"image_shape": [32, 32, 3], "classes": ["ant", "bee"], "mean": [0.5] * 3, "std": [0.2] * 3}


class Marking:
    """Makes the file "ran" where it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def load(folder: Path, spoil: Callable[[dict, Path], object]) -> None:
    """Load a member from a file that `spoil` wrote, given good weights."""
    from resiliency.designs.networks import build

    path = folder / "weights.pt"
    weights = dict(build(Design(**SMALL).described(32), 2, seed=0).state_dict())
    spoil(weights, path)
    design = Design(**SMALL, weights=str(path))
    try:
        load_member(design.described(32), CARD, design.inputs(0))
    finally:
        assert not Path("ran").exists(), "the file was unpickled"


def _saved(change: Callable[[dict], object]) -> Callable[[dict, Path], None]:
    def spoil(weights: dict, path: Path) -> None:
        changed = change(weights)
        torch.save(weights if changed is None else changed, path)

    return spoil


def _cut(weights: dict, path: Path) -> None:
    torch.save(weights, path)
    path.write_bytes(path.read_bytes()[:-500])


SPOILT = {
    "good weights": (_saved(lambda w: None), None),
    "pickled code": (_saved(lambda w: w | {"x": Marking()}), "refused (it holds more than tensors)"),
    "a whole network": (_saved(lambda w: torch.nn.Linear(2, 2)), "refused (it holds more than tensors)"),
    "an empty file": (lambda w, path: path.write_bytes(b""), "refused"),
    "text": (lambda w, path: path.write_text("weights"), "refused"),
    "a cut file": (_cut, "refused"),
    "no file": (lambda w, path: None, "no such file"),
    "a folder": (lambda w, path: path.mkdir(), ""),
    "a missing weight": (_saved(lambda w: w.pop("fc.bias") is None or w), "1 missing (fc.bias)"),
    "one weight too many": (_saved(lambda w: w | {"a": torch.zeros(1)}), "1 unknown (a)"),
    "another shape": (_saved(lambda w: w | {"fc.bias": torch.zeros(3)}), "of another shape"),
    "a weight that is not a number": (_saved(lambda w: w | {"fc.bias": torch.tensor([0, torch.nan])}), "not finite"),
    "an infinite weight": (_saved(lambda w: w | {"fc.bias": torch.tensor([torch.inf, 0])}), "not finite"),
    "whole numbers": (_saved(lambda w: w | {"fc.bias": torch.tensor([1, 0])}), "of another type"),
    "complex numbers": (_saved(lambda w: w | {"fc.bias": torch.tensor([1j, 0])}), "of another type"),
    "names that are numbers": (_saved(lambda w: {1: torch.zeros(2)}), "keys that are not strings"),
    "a sparse tensor": (_saved(lambda w: w | {"fc.bias": torch.zeros(2).to_sparse()}), "tensors that are sparse"),
    "a number": (_saved(lambda w: 3), "got int"),
    "no weights": (_saved(lambda w: {}), "got nothing"),
}
WEIGHTS = [Case(name, lambda folder, s=spoil: load(folder, s), message) for name, (spoil, message) in SPOILT.items()]
