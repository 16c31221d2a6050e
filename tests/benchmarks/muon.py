"""Times a step of Muon against that of timm, which orthogonalises kernel by kernel, for the default
study's designs.

Run by hand: python tests/benchmarks/muon.py [--repeats 20] [--designs resnet18 vit] Columns:
milliseconds of a forward and backward pass of a batch, of a step of AdamW, of timm's Muon and of
ours, each the least CPU time of repeats that take turns, on one thread; then timm's over ours.
"""

from statistics import geometric_mean

import torch
import torch.nn.functional as F
from shared import options, study, timed
from timm.optim import Muon as TimmMuon

from resiliency.designs.members import Member
from resiliency.designs.networks import build
from resiliency.training.optimizer import make_optimizer

STUDY = study()


def milliseconds(name: str, repeats: int) -> dict[str, float]:
    """Side -> milliseconds, for a design."""
    network = build(Member(name, **STUDY.designs[name].description(32)), 10, 0)
    recipe = STUDY.recipe(name)
    images, labels = torch.rand(recipe.batch_size, 3, 32, 32), torch.arange(recipe.batch_size) % 10
    images = images.to(memory_format=torch.channels_last)
    ours = {
        key: make_optimizer([network], recipe.model_copy(update={"optimizer": key}))
        for key in ("adamw", "muon")
    }
    sides = {
        "network": lambda: F.cross_entropy(network(images), labels).backward(),
        "adamw": ours["adamw"].step,
        "timm": TimmMuon(network.parameters(), lr=recipe.learning_rate).step,
        "ours": ours["muon"].step,
    }
    rows = [{side: 1000 * timed(run)[1] for side, run in sides.items()} for _ in range(repeats + 1)]
    return {side: min(row[side] for row in rows[1:]) for side in sides}


def main() -> None:
    parser = options(__doc__, repeats=20)
    parser.add_argument("--designs", nargs="+", default=list(STUDY.designs))
    given = parser.parse_args()
    torch.set_num_threads(1)
    ratios = []
    for name in given.designs:
        row = milliseconds(name, given.repeats)
        ratios.append(row["timm"] / row["ours"])
        print(
            f"{name:18}",
            *(f"{side} {value:6.1f}" for side, value in row.items()),
            f"{ratios[-1]:6.2f}",
            flush=True,
        )
    print(f"geometric mean {geometric_mean(ratios):.2f}")


if __name__ == "__main__":
    main()
