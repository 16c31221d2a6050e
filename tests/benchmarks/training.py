"""Times training against the loop that a user would write, and in bfloat16 against float32, in the
same run.

Run by hand: python tests/benchmarks/training.py [--epochs 6] [--threads 1] [--repeats 3] [--designs
resnet18 vit] The loop: a DataLoader with as many workers as threads, torchvision's v2 transforms of
single images, timm's network in float32 with contiguous memory, and timm's optimizer. All sides
train the same architecture by the same recipe on the digits, a few epochs each, in turn and several
times, each in a process of its own, as jobs of the pipeline are, and on as many cores as threads,
workers included. Figures are training images a second, without the first epoch. Accuracy is that on
the validation images after the last epoch. bfloat16 is emulated, slowly, by processors without
AVX512-BF16 or AMX. The last line is JSON: `ratio` to the loop and `ratio_bfloat16` of bfloat16 to
float32 are geometric means over the convolutional designs of the medians over repeats, which
`ratio_by_design` and `ratio_bfloat16_by_design` give with the lowest and the highest; `ratio_best`
is that of the faster precision of each design; `fixed_cost_s` the seconds from the start of a
process to its first step.
"""

import json
import os
import subprocess
import sys
import time
from argparse import Namespace
from statistics import geometric_mean, median
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F
from shared import in_own_process, options, study
from shared_training import digit_images, train
from timm.optim import create_optimizer_v2
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from resiliency.base.machine import keep_freed_memory, processor
from resiliency.designs.device import bfloat16_in_hardware
from resiliency.designs.members import Member
from resiliency.designs.networks import build
from resiliency.training.engine import LabelledImages, Preprocessing, accuracies
from resiliency.training.objectives import cross_entropy
from resiliency.training.optimizer import learning_rate

STUDY = study()
TRANSFORMERS = ("pvt", "pvt_wide", "vit", "vit_wide")
SIDES = ("float32", "bfloat16", "loop")
PREPROCESSING = Preprocessing([0.3] * 3, [0.35] * 3)
FIRST_STEP = """
import time
import numpy as np
from resiliency.designs.members import Member
from resiliency.designs.networks import build
from resiliency.training.engine import Trainer
from resiliency.training.objectives import cross_entropy
from resiliency.training.engine import LabelledImages, Preprocessing
from resiliency.training.settings import Recipe
network = build(Member("a", **{description}), 10, 0)
data = LabelledImages(np.zeros((64, 32, 32, 3), np.uint8), np.arange(64) % 10)
def loss(*batch):
    print(time.time())
    return cross_entropy(*batch, smoothing=0)
recipe, preprocessing = Recipe(epochs=1, shift=2, flip=False), Preprocessing([0.3] * 3, [0.35] * 3)
Trainer([network], loss, recipe, preprocessing, 10, 0).train(data, data)
"""


class Digits(Dataset):
    """Single images, transformed as they are read."""

    def __init__(self, data: LabelledImages, shift: int):
        crop = [v2.RandomCrop(32, padding=shift, padding_mode="edge")] if shift else []
        last = [
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(PREPROCESSING.mean, PREPROCESSING.std),
        ]
        self.data, self.transform = data, v2.Compose([v2.ToImage(), *crop, *last])

    def __len__(self) -> int:
        return len(self.data.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.data.images[index]), int(self.data.labels[index])


def usual(network, recipe, training: LabelledImages, workers: int) -> float:
    """Train `network` by the loop of a user; images a second, median of the epochs after the
    first."""
    loader = DataLoader(
        Digits(training, recipe.shift), recipe.batch_size, shuffle=True, drop_last=True,
        num_workers=workers, persistent_workers=workers > 0,
    )  # fmt: skip
    # The study's recipe: rates of Muon as timm has them for AdamW's.
    own = {"adjust_lr_fn": "match_rms_adamw"} if recipe.optimizer == "muon" else {}
    chosen = create_optimizer_v2(
        network, recipe.optimizer, recipe.learning_rate, recipe.weight_decay, **own
    )
    times, step = [], 0
    for _ in range(recipe.epochs):
        start = perf_counter()
        network.train()
        for images, labels in loader:
            for group in chosen.param_groups:
                group["lr"] = learning_rate(recipe, step, len(loader))
            chosen.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            chosen.step()
            step += 1
        times.append(perf_counter() - start)
    return len(loader) * recipe.batch_size / median(times[1:])


def ours(network, recipe, training: LabelledImages) -> float:
    """Train `network` as the pipeline does; images a second, median of the epochs after the
    first."""
    keep_freed_memory()
    steps = len(training.labels) // recipe.batch_size
    starts = []

    def loss(*batch):
        starts.append(perf_counter())
        return cross_entropy(*batch, smoothing=0)

    train(network, recipe, PREPROCESSING, training, loss=loss)
    epochs = np.diff(starts[::steps])
    return steps * recipe.batch_size / median(epochs[1:])


def rate_and_accuracy(
    side: str, name: str, given: Namespace, training: LabelledImages, validation: LabelledImages
):
    """Images a second and validation accuracy of a design; `side` is float32 or bfloat16, both
    ours, or loop."""
    torch.set_num_threads(given.threads)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.threads])
    recipe = STUDY.recipe(name).model_copy(update={"epochs": given.epochs})
    network = build(Member(name, **STUDY.designs[name].description(32)), 10, 0)
    if side == "loop":
        network = network.to(memory_format=torch.contiguous_format)
        rate = usual(network, recipe, training, given.threads)
    else:
        rate = ours(network, recipe.model_copy(update={"precision": side}), training)
    return rate, accuracies([network], validation, PREPROCESSING)[0]


def compare(
    name: str, given: Namespace, training: LabelledImages, validation: LabelledImages
) -> dict[str, list[float]]:
    """Print a row about a design; lowest, median and highest ratio to the loop, and of bfloat16 to
    float32."""
    data = training, validation
    rows = [
        {
            side: in_own_process("spawn", rate_and_accuracy, side, name, given, *data)
            for side in SIDES
        }
        for _ in range(given.repeats)
    ]
    rates = {side: np.array([row[side][0] for row in rows]) for side in SIDES}
    ratios = {
        "loop": rates["float32"] / rates["loop"],
        "bfloat16": rates["bfloat16"] / rates["float32"],
    }
    text = [
        f"{name:16}",
        *(f"{np.median(rates[side]):8.0f} {rows[0][side][1]:6.3f}" for side in SIDES),
    ]
    spread = {
        key: [round(float(v), 2) for v in (min(r), np.median(r), max(r))]
        for key, r in ratios.items()
    }
    print(
        *text,
        *(f"{middle:6.2f} ({low:.2f} to {high:.2f})" for low, middle, high in spread.values()),
        flush=True,
    )
    return spread


def fixed_cost(name: str) -> float:
    """Seconds from the start of a process to the first step of training a design."""
    start = time.time()
    code = FIRST_STEP.format(description=STUDY.designs[name].description(32))
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return float(output.split()[0]) - start


def main() -> None:
    parser = options(__doc__, epochs=6, threads=1, repeats=3)
    parser.add_argument("--designs", nargs="+", default=STUDY.members.designs)
    given = parser.parse_args()
    training, validation, _ = digit_images()
    native = "in hardware" if bfloat16_in_hardware() else "emulated"
    print(f"{processor()}: bfloat16 {native}; images a second and accuracy")
    print(
        f"{'design':16} {'float32':>15} {'bfloat16':>15} {'loop':>15}  float32 to loop, bfloat16 "
        "to float32"
    )
    spreads = {name: compare(name, given, training, validation) for name in given.designs}
    convolutional = [spread for name, spread in spreads.items() if name not in TRANSFORMERS]
    costs = [fixed_cost("resnet18") for _ in range(3)]
    figures = {
        name: round(geometric_mean(spread[key][1] for spread in convolutional), 2)
        for name, key in (("ratio", "loop"), ("ratio_bfloat16", "bfloat16"))
        if convolutional
    }
    if convolutional:
        best = [spread["loop"][1] * max(1, spread["bfloat16"][1]) for spread in convolutional]
        figures["ratio_best"] = round(geometric_mean(best), 2)
    by_design = {
        f"{name}_by_design": {design: spread[key] for design, spread in spreads.items()}
        for name, key in (("ratio", "loop"), ("ratio_bfloat16", "bfloat16"))
    }
    print(json.dumps(figures | by_design | {"fixed_cost_s": round(median(costs), 2)}))


if __name__ == "__main__":
    main()
