"""Counts what one step of training and one batch of prediction launch on a GPU, on the pretended CUDA device.

Run by hand: python tests/benchmarks/gpu_steps.py [--write]
Prints a row for one design of each family of studies/cifar10.yaml, and what waits for the device where PyTorch is used
otherwise than here; writes both tables into published/experiments/gpu_steps.md if asked to. A minute on one core; no
GPU is needed, nothing is timed.
"""

import sys
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import torch

sys.path.append(str(Path(__file__).parents[1] / "cuda"))

from counting import Counts
from pretended import PretendedCuda
from shared import EXPERIMENTS, options, put, study

from resiliency.designs.members import Member
from resiliency.designs.networks import build
from resiliency.designs.settings import Design
from resiliency.devices.choice import device
from resiliency.prediction.writing import BATCH, logits
from resiliency.search.searching import recalibrate
from resiliency.study.model import Study
from resiliency.training.checkpoints import LabelledImages, Preprocessing
from resiliency.training.engine import Trainer, cross_entropy
from resiliency.training.optimizer import make_optimizer

PAGE = EXPERIMENTS / "gpu_steps.md"
BEGIN, END = "<!-- tests/benchmarks/gpu_steps.py -->\n", "<!-- end -->\n"
BEGIN_WAITS, END_WAITS = "<!-- waits: tests/benchmarks/gpu_steps.py -->\n", "<!-- end of waits -->\n"
DESIGNS = ("resnet18", "densenet_m", "mobilenetv3_050", "regnetx_002", "convnext_atto", "vit_s")
CLASSES = 10
PREPROCESSING = Preprocessing([0.5] * 3, [0.25] * 3)
COLUMNS = "design | batch | kernels per step | waits per step | GB moved per step"
COLUMNS += " | kernels per predicted batch | waits per batch"


def pictures(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def trained(study: Study, design: str, batch: int, steps: int) -> Counts:
    """What one epoch of so many steps does, with one validation image."""
    recipe = study.recipe(design).model_copy(update={"epochs": 1, "batch_size": batch})
    side, images = study.dataset.side, batch * steps
    with PretendedCuda() as gpu, redirect_stdout(StringIO()):
        network = build(study.designs[design].description(side), CLASSES, 0).to(device())
        trainer = Trainer([network], partial(cross_entropy, smoothing=0), recipe, PREPROCESSING, CLASSES, 0)
        labelled = LabelledImages(pictures(images, side), np.arange(images) % CLASSES)
        trainer.train(labelled, LabelledImages(labelled.images[:1], labelled.labels[:1]))
        return gpu.counts


def predicted(study: Study, design: str, batches: int) -> Counts:
    side = study.dataset.side
    with PretendedCuda() as gpu, redirect_stdout(StringIO()):
        network = build(study.designs[design].description(side), CLASSES, 0).eval().to(device())
        member = network, Member("a", mean=PREPROCESSING.mean, std=PREPROCESSING.std)
        gpu.counts.clear()
        list(logits([member], pictures(BATCH * batches, side)))
        return gpu.counts


def one_more(few: Counts, more: Counts) -> tuple[int, int, int]:
    """Kernels, synchronisations and bytes of what `more` did once more than `few`."""
    return more.kernels - few.kernels, more.synchronisations - few.synchronisations, more.bytes - few.bytes


def step(study: Study, design: str) -> tuple[int, int, float]:
    """Kernels, synchronisations and bytes of a training step with the batch of the recipe.

    Bytes are a line in the size of the batch, and counted at two small ones; the others do not depend on it.
    """
    small, large = (one_more(*(trained(study, design, batch, steps) for steps in (2, 3))) for batch in (4, 8))
    assert small[:2] == large[:2]
    slope = (large[2] - small[2]) / 4
    return *small[:2], small[2] + slope * (study.recipe(design).batch_size - 4)


def waits_of_optimizer(study: Study, capturable: bool) -> tuple[int, int]:
    """Tensors of the study's resnet18, and waits of a step of AdamW whose counts of steps lie on the device."""
    with PretendedCuda() as gpu, redirect_stdout(StringIO()):
        network = build(study.designs["resnet18"].description(32), CLASSES, 0).to(device())
        usual = make_optimizer([network], study.recipe("resnet18").model_copy(update={"optimizer": "adamw"}))
        stepping = usual if capturable else torch.optim.AdamW(network.parameters(), foreach=True)
        for _ in range(2):
            network(torch.zeros(2, 3, 32, 32, device=device())).sum().backward()
            for state in stepping.state.values():
                state["step"] = state["step"].to(device())
            gpu.counts.clear()
            stepping.step()
        return len(stepping.state), gpu.counts.synchronisations


def waits_of_statistics(cumulative: bool) -> tuple[int, int]:
    """Norms of a ResNet-50, and waits of a batch that their statistics are estimated on."""
    with PretendedCuda() as gpu, redirect_stdout(StringIO()):
        network = build(Design(architecture="resnet50", arguments={"channels": [4] * 4}).description(32), CLASSES, 0)
        network.to(device())
        norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        waits = []
        for batches in (1, 2):
            images = [torch.zeros(2, 3, 32, 32, device=device())] * batches
            gpu.counts.clear()
            if cumulative:
                for norm in norms:
                    norm.momentum = None
                with torch.no_grad():
                    for batch in images:
                        network.train()(batch)
            else:
                recalibrate(network, images)
            waits.append(gpu.counts.synchronisations)
        return len(norms), waits[1] - waits[0]


def rows_of_waits(study: Study) -> list[str]:
    """What waits for the device as it is used here, and as PyTorch would have it used."""
    cases = {
        "a step of AdamW for a resnet18 of {} tensors, as here: capturable": waits_of_optimizer(study, capturable=True),
        "the same, not capturable, its counts of steps on the GPU": waits_of_optimizer(study, capturable=False),
        "a batch that statistics of {} norms are estimated on, as here": waits_of_statistics(cumulative=False),
        "the same by PyTorch's cumulative average (`momentum=None`)": waits_of_statistics(cumulative=True),
    }
    return [f"{label.format(count)} | {waits}" for label, (count, waits) in cases.items()]


def rows(study: Study) -> list[str]:
    lines = []
    for design in DESIGNS:
        batch = study.recipe(design).batch_size
        kernels, waits, moved = step(study, design)
        of_batch = one_more(predicted(study, design, 1), predicted(study, design, 2))
        lines.append(
            f"{design} | {batch} | {kernels:,} | {waits} | {moved / 1e9:.1f} | {of_batch[0]:,} | {of_batch[1]}"
        )
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    write, of_study = options(__doc__, "write").parse_args().write, study("cifar10")
    table = [COLUMNS, " | ".join(["---"] + ["---:"] * COLUMNS.count("|")), *rows(of_study)]
    waits = ["what | waits", "--- | ---:", *rows_of_waits(of_study)]
    print(*waits, sep="\n")
    if write:
        for begin, lines, end in ((BEGIN, table, END), (BEGIN_WAITS, waits, END_WAITS)):
            put(PAGE, begin, "".join(f"| {line} |\n" for line in lines), end)


if __name__ == "__main__":
    main()
