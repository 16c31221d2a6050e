"""The model behind docs/results/gpu_hours.md, by hand; the page shows what the model computes."""

import gpu_hours
import pytest
import torch
from gpu_model import BANDWIDTH, CARDS, COMPUTE, FLOOR, LAUNCH, Card, Kernels
from shared import RESULTS, ROOT, study

PAGE = (RESULTS / "gpu_hours.md").read_text()
CARD = Card({"float32": 1e12}, 1e9)


def empty(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


@pytest.mark.parametrize(
    ("run", "seconds"),
    [
        (lambda: empty(1000, 1000) @ empty(1000, 1000), 3 * 4e6 / (1e9 * BANDWIDTH)),
        (lambda: empty(8000, 8000) @ empty(8000, 8000), 2 * 8000**3 / (1e12 * COMPUTE)),
        (lambda: empty(1).exp(), FLOOR),
        (lambda: empty(4, 4).view(16).detach(), 0),
    ],
    ids=["bound by bandwidth", "bound by operations", "bound by the floor", "views compute nothing"],
)
def test_a_kernel_takes_the_longest_of_three_times(run, seconds):
    with Kernels() as kernels:
        run()
    cost = kernels.cost(CARD, "float32")
    assert cost.computing == pytest.approx(seconds)
    assert cost.launching == (LAUNCH if seconds else 0)


@pytest.mark.parametrize("design", ["resnet18", "vit_s"])
def test_the_page_shows_what_is_computed(design):
    pricing = gpu_hours.Pricing(study("cifar10"))
    pricing.card = CARDS["H100"]
    _, computed = gpu_hours.table_of_steps(pricing, [design])
    steps = PAGE.partition("## A training step")[2].splitlines()
    row = next(line for line in steps if line.startswith(f"| {design} |"))
    _, batch, *times = row.strip("| ").split(" | ")
    assert batch == computed[1]
    assert [float(time) for time in times] == pytest.approx([float(time) for time in computed[2:]], rel=0.1)


def test_the_page_on_clusters_has_these_costs():
    text = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
    rows = {row[0]: row for row in (line.strip("| ").split(" | ") for line in PAGE.splitlines())}
    h100, a100 = rows["in all, H100"], rows["in all, A100"]
    for study_of, column in (("cifar10", 2), ("imagenet", 5)):
        assert f"| `studies/{study_of}.yaml` | {h100[column]} | {a100[column]} |" in text
