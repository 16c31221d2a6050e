"""The page on GPU hours shows what its model computes, and other pages what it shows."""

import gpu_hours
import pandas as pd
import pytest
from gpu_model import CARDS
from shared import RESULTS, ROOT, study, table

PAGE = (RESULTS / "gpu_hours.md").read_text()


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


def cells(start: str) -> list[str]:
    """The cells of the row of the page that starts so."""
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {start}"))
    return row.strip("| ").split(" | ")


def test_the_page_on_clusters_has_these_costs():
    text = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
    h100, a100 = cells("in all, H100"), cells("in all, A100")
    for study_of, column in (("cifar10", 2), ("imagenet", 5)):
        assert f"| `studies/{study_of}.yaml` | {h100[column]} | {a100[column]} |" in text


def test_the_page_compares_precisions_by_the_rows_that_are_kept():
    rows = pd.read_csv(gpu_hours.KEPT)
    assert set(rows["seed"]) == set(range(5))
    assert table(gpu_hours.table_of_accuracies(rows)) in PAGE
