"""How often the intervals of choosing.csv hold the value that they are of, in simulated studies
without an effect.

Run by hand: python tests/benchmarks/choosing_coverage.py [--studies 200] Members of a family share
part of what is hard for them, and differ in skill; attributions and features are noise that members
of a family share in part. What an interval should hold is the mean of the estimates of all studies.
"""

from argparse import ArgumentParser

import numpy as np
import pandas as pd

from resiliency.analysis.choosing import choosing_table
from resiliency.base.names import CATEGORIES, CLEAN
from resiliency.prediction.reading import Predictions, Truth, all_conditions

IMAGES, CLASSES, PROBES, SEEDS = 400, 3, 60, 2
FAMILIES, SPREAD = (8, 11), 0.15


def study(seed: int, families: int, spread: float, sizes: int = 2) -> dict:
    """Arguments of `choosing_table`: families whose skills have a standard deviation of
    `spread`."""
    random = np.random.default_rng([seed, families])
    names = [(f, d, s) for f in range(families) for d in range(sizes) for s in range(SEEDS)]
    family = np.array([f for f, _, _ in names])
    design = np.array([f * sizes + d for f, d, _ in names])
    labels = random.permutation(np.arange(IMAGES) % CLASSES)
    corruptions = [of[0] for of in CATEGORIES.values()]
    shape = 1 + len(corruptions), IMAGES, CLASSES

    def normal(count: int, of: np.ndarray, *shape: int) -> np.ndarray:
        return random.standard_normal((count, *shape), np.float32)[of]

    members = len(names)
    logits = 1.2 * random.standard_normal(shape) + normal(families, family, *shape)
    logits += 0.7 * normal(design.max() + 1, design, *shape) + 0.7 * normal(
        members, np.arange(members), *shape
    )
    skill = 1.8 + spread * (normal(families, family) + 0.5 * normal(design.max() + 1, design))
    logits[:, :, np.arange(IMAGES), labels] += skill[:, None, None]
    conditions = all_conditions(corruptions, [1], {CLEAN: IMAGES}, {CLEAN: CLASSES})
    truths = {CLEAN: Truth(labels)}
    called = [f"f{f}d{d}-s{s}" for f, d, s in names]
    maps = normal(families, family, PROBES, 16) + normal(members, np.arange(members), PROBES, 16)
    arrays = dict(zip(called, maps, strict=True))
    predictions = [Predictions(conditions, {CLEAN: of.astype(np.float16)}, truths) for of in logits]
    return {
        "members": pd.DataFrame({"member": called, "family": family.astype(str)}),
        "predictions": dict(zip(called, predictions, strict=True)),
        "representation": lambda name, source: (
            arrays[name].reshape(PROBES, 4, 4) if source != "features" else arrays[name]
        ),
        "methods": ["saliency"],
        "n_probe_images": PROBES,
        "seed": seed,
        "confidence": 0.95,
    }


def covered(families: int, studies: int) -> pd.DataFrame:
    """For each rule and number of members, the mean and standard deviation of the differences and
    the coverage."""
    tables = pd.concat([choosing_table(**study(seed, families, SPREAD)) for seed in range(studies)])
    rows = []
    for (choice, size), of in tables.groupby(["choice", "size"], sort=False):
        value, low, high = (of[f"error_difference{end}"] for end in ("", "_low", "_high"))
        known = low.notna()
        holds = (low <= value.mean()) & (value.mean() <= high)
        row = {
            "families": families,
            "choice": choice,
            "size": size,
            "mean": 100 * value.mean(),
            "sd": 100 * value.std(),
        }
        rows.append(
            row
            | {
                "half width": 50 * (high - low).mean(),
                "intervals": known.sum(),
                "coverage": holds[known].mean(),
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=200)
    counts = parser.parse_args().studies
    print(
        pd.concat([covered(families, counts) for families in FAMILIES])
        .round(3)
        .to_string(index=False)
    )
