"""The page of choices behind observation 1 on natural shifts says what its rows say, and they begin with the study."""

import json

import pandas as pd
import pytest
import timm_choices as choices
from shared import KEPT

from resiliency.storage.tables import read_table


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return json.loads(choices.ROWS.read_text())


def test_the_page_is_what_the_rows_give(rows):
    """Otherwise: python tests/benchmarks/timm_choices.py --write."""
    assert choices.PAGE.read_text(encoding="utf-8") == choices.page(rows)


def test_every_choice_has_a_row(rows):
    assert [(row["choice"], row["how"]) for row in rows] == list(choices.choices(choices.models()))


def test_the_first_row_is_the_published_study(rows):
    kept = read_table(KEPT / "timm_published/observations.csv")
    assert [rows[0]["size"], rows[0]["accuracy"]] == pytest.approx(kept.estimate[:2].tolist())
    assert rows[0]["verdict"] == kept.verdict[0]


def test_families_by_name_and_by_module():
    table = pd.DataFrame(
        {"architecture": ["resnext50_32x4d", "vit_base"], "family": ["resnetv2", "vision_transformer"]}
    )
    assert choices.of_name(table).tolist() == ["resnext", "vit"]
    assert choices.of_module(table).tolist() == ["resnet", "vision"]
