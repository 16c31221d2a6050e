"""Compares trainings whose Muon multiplies in TF32, as on a GPU, with those in float32, on the digits.

Run by hand, in about three minutes of CPU time: python tests/benchmarks/muon_tf32.py [--designs resnet18] [--seeds 0]
Nothing is computed in TF32 here: the factors of products are rounded to its 10 bits behind the point beforehand. Both
sides have the same seeds, images and recipe, that of the default study. The rows, accuracies on the test images of the
default study, clean and under its 15 corruptions, go to published/experiments/muon_tf32.csv, in
place of earlier ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import product
from unittest import mock

import numpy as np
import pandas as pd
import torch
from shared import ROOT, options, study
from shared_training import digit_images, preprocessing_of, train
from torch import Tensor

from resiliency.corruptions.engine import corrupt
from resiliency.designs.networks import build
from resiliency.training import optimizer
from resiliency.training.checkpoints import LabelledImages, Preprocessing, accuracies

KEPT = ROOT / "published/experiments/muon_tf32.csv"
DESIGNS = ("resnet18", "fasternet", "vit")
PRECISIONS = ("float32", "tf32")


def rounded(values: Tensor) -> Tensor:
    """float32 `values`, rounded to the nearest of TF32, to the even one of two."""
    bits = values.contiguous().view(torch.int32)
    return (bits + 0xFFF + (bits >> 13 & 1) & ~0x1FFF).view(torch.float32)


@contextmanager
def tf32_products() -> Iterator[None]:
    """Have Muon go the way that it goes on a GPU, its products rounded as there."""
    exact, bmm, baddbmm = optimizer._multiplied, torch.bmm, torch.baddbmm
    rounding = {
        "bmm": lambda one, other: bmm(rounded(one), rounded(other)),
        "baddbmm": lambda added, one, other, **factors: baddbmm(added, rounded(one), rounded(other), **factors),
    }

    def multiplied(stacks: list[Tensor], coefficients: tuple) -> list[Tensor]:
        if len(coefficients) == len(optimizer.COEFFICIENTS):
            return optimizer._multiplied_twice(stacks)
        with mock.patch.multiple(torch, **rounding):
            return exact(stacks, coefficients)

    with mock.patch.object(optimizer, "_multiplied", multiplied):
        yield


def corrupted(test: LabelledImages, corruption: str) -> LabelledImages:
    """`test` under a corruption; each fifth of the images has a severity of its own."""
    images = test.images.copy()
    for severity in range(1, 6):
        fifth = slice(severity - 1, None, 5)
        images[fifth] = corrupt(test.images[fifth], corruption, severity, table="cifar-10-c", seed=0)
    return LabelledImages(images, test.labels)


def accuracy(design: str, seed: int, data: list[LabelledImages], preprocessing: Preprocessing) -> dict[str, float]:
    """Of a network trained on the first of `data`: accuracy on the second, and its mean over the others."""
    network, recipe = build(study().designs[design].description(32), 10, seed), study().recipe(design)
    train(network, recipe, preprocessing, data[0], seed=seed)
    clean, *others = (accuracies([network], test, preprocessing)[0] for test in data[1:])
    return {"clean": clean, "corrupted": float(np.mean(others))}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--designs", nargs="+", default=DESIGNS)
    parser.add_argument("--seeds", nargs="+", type=int, default=range(5))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    training, _, test = digit_images()
    data = [training, test, *(corrupted(test, name) for name in study().corruptions.names)]
    for design, seed, precision in product(chosen.designs, chosen.seeds, PRECISIONS):
        with tf32_products() if precision == "tf32" else nullcontext():
            row = {"design": design, "seed": seed, "precision": precision}
            row |= accuracy(design, seed, data, preprocessing_of(training))
        print(*row.values(), flush=True)
        rows = pd.concat([pd.read_csv(KEPT) if KEPT.exists() else None, pd.DataFrame([row])])
        rows.drop_duplicates(["design", "seed", "precision"], keep="last").to_csv(
            KEPT, index=False, float_format="%.4f"
        )


if __name__ == "__main__":
    main()
