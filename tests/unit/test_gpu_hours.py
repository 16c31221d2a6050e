"""The model behind docs/results/gpu_hours.md, by hand; the page shows what the model computes."""

import re

import gpu_hours
import pandas as pd
import pytest
import torch
from gpu_model import BANDWIDTH, CARDS, COMPUTE, FLOOR, LAUNCH, Card, Cost, Kernels
from shared import RESULTS, ROOT, study, table

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


def test_what_bounds_a_step():
    cost = Cost(computing=2, launching=6)
    assert cost.seconds() == 6
    assert cost.seconds(captured=True) == 2
    assert cost.seconds(processes=2) == 3
    assert cost.seconds(processes=4) == 2  # one GPU computes for all
    assert cost.seconds(captured=True, feeding=9, processes=3) == 3


def test_only_images_that_are_decoded_are_fed():
    class Free(gpu_hours.Pricing):
        """Networks that cost nothing."""

        def step(self, *_):
            return Cost()

        predicted = explained = step

    stored, files = (sum(gpu_hours.hours(Free(study(name)), False, 1).values()) for name in ("cifar10", "imagenet"))
    jobs = 18 * (2 + 1 + 1) + 5 * (3 + 1 + 1) + 2 + 2  # of designs, of settings, of the search and its members
    assert stored == pytest.approx(jobs * gpu_hours.START / 3600)
    train = 100 * (1_281_167 * 0.98) * gpu_hours.ORIGINAL / gpu_hours.DECODING / 3600
    assert files > 16 * train


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


def test_the_page_has_every_design():
    designs = study("cifar10").trained_designs()
    assert [line.split(" | ")[0] for line in PAGE.splitlines() if line.count(" | ") == 3][2:] == [
        f"| {design}" for design in designs
    ]


def test_training_in_tf32_computes_for_less_than_80_minutes():
    """The steps of the page, in all epochs and seeds; each is rounded to .05 ms."""
    rows = PAGE.partition("## A training step")[2].partition("##")[0].splitlines()
    steps = [line.strip("| ").split(" | ") for line in rows if re.search(r"\d \|$", line)]
    epochs, batches = study("cifar10").training.epochs, 45_000 // 128
    minutes = sum(float(step[-1]) for step in steps) / 6e4 * epochs * batches * gpu_hours.SEEDS
    shown, slower = map(float, re.search(r"compute for (\d+) minutes on an H100, and for (\d+) minutes", PAGE).groups())
    assert shown == pytest.approx(minutes, rel=0.02)
    assert shown <= 80 < slower


def test_the_page_compares_precisions_by_the_rows_that_are_kept():
    rows = pd.read_csv(gpu_hours.KEPT)
    assert set(rows["seed"]) == set(range(5))
    assert table(gpu_hours.table_of_accuracies(rows)) in PAGE


def test_accuracies_are_compared_by_pairs():
    rows = [
        {"design": "a", "seed": seed, "precision": precision, "clean": 0.9 + change, "corrupted": 0.5}
        for seed, changes in enumerate([(0, 0.01), (0.02, 0.05)])
        for precision, change in zip(("float32", "tf32"), changes, strict=True)
    ]
    _, of_design, of_all = gpu_hours.table_of_accuracies(pd.DataFrame(rows))
    assert of_design == ["a", "91.0", "93.0", "+2.0 ± 12.7", "50.0", "50.0", "+0.0 ± 0.0"]
    assert of_all[1:] == of_design[1:]


def cells(start: str) -> list[str]:
    """The cells of the row of the page that starts so."""
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {start}"))
    return row.strip("| ").split(" | ")


def test_recipes_are_compared_with_that_of_the_study():
    one, other = study("cifar10"), gpu_hours.with_recipes(*gpu_hours.RECIPES[gpu_hours.OF_STUDY])
    for design in one.trained_designs():
        assert one.recipe(design) == other.recipe(design)
    assert one.joint_recipe() == other.joint_recipe()
    long = gpu_hours.with_recipes(*gpu_hours.RECIPES["long"])
    assert {long.recipe(design).optimizer for design in long.trained_designs()} == {"adamw"}
    assert cells(gpu_hours.OF_STUDY)[1:] == cells("in all, H100")[1:3]
    hours = [[float(cell) for cell in cells(f"{name} |")[1:]] for name in gpu_hours.RECIPES]
    assert hours == sorted(hours, reverse=True)


def test_the_page_on_clusters_has_these_costs():
    text = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
    h100, a100 = cells("in all, H100"), cells("in all, A100")
    assert f"| `studies/cifar10.yaml` | {h100[2]} | {a100[2]} |" in text
    assert f"| `studies/imagenet.yaml` | {h100[5]} | {a100[5]} |" in text
    costs = (RESULTS / "imagenet_costs.md").read_text(encoding="utf-8")
    *_, two_cores, card = re.search(r"^\| in all \|.*$", costs, re.MULTILINE)[0].strip("| ").split(" | ")
    assert f"5,000 images per condition | {card.split()[0]} |" in text
    assert f"; {float(two_cores.split()[0]):.0f} h on two CPU cores |" in text
