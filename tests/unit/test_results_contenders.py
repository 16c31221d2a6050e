"""What a page of results says of the recommended model beyond its error, against tables whose answers are known."""

import shutil
from pathlib import Path

import pandas as pd

from resiliency.report.contender_roles import held_out_corruptions
from resiliency.results.contenders import abstentions, held_out_errors
from resiliency.results.page import page
from resiliency.storage.tables import read_table, write_table

DIGITS = Path(__file__).parents[2] / "docs/results/digits"
CONTENDERS = [
    {"role": "Baseline", "members": "a"},
    {"role": "Best member", "members": "b"},
    {"role": "Recommended model", "members": "a"},
]


def test_each_model_abstains_once_under_its_first_role():
    rows = [
        (members, score, images) for members in "abc" for score in ("max_probability", "entropy") for images in "xy"
    ]
    table = pd.DataFrame(rows, columns=["members", "score", "images"])
    found = [(row["role"], row["members"], row["images"]) for row in abstentions(table, CONTENDERS)]
    assert found == [(role, m, i) for role, m in (("Recommended model", "a"), ("Best member", "b")) for i in "xy"]
    assert abstentions(None, CONTENDERS) == []


def test_a_page_has_the_errors_on_corruptions_that_nothing_was_selected_by(tmp_path):
    table = read_table(DIGITS / "contenders.csv")
    assert (held_out_errors(table), held_out_corruptions(table)) == ({}, [])
    assert "held-out corruptions" not in page(DIGITS)
    copy = shutil.copytree(DIGITS, tmp_path / "digits")
    mean = table[table["corruption"] == "fog"].assign(corruption="held_out", error=0.4567, low=0.4, high=0.5)
    changed = table.assign(corruption=table["corruption"].replace("fog", "spatter"))
    write_table(copy / "contenders.csv", pd.concat([changed, mean]))
    text = page(copy)
    assert "no part in the selection: spatter." in text
    lines = [line for line in text.splitlines() if line.startswith("| Recommended model | ")]
    assert "| 45.7% [40.0, 50.0] |" in lines[0]


def test_a_page_has_the_errors_of_answers_that_are_given(tmp_path):
    copy = shutil.copytree(DIGITS, tmp_path / "digits")
    table = read_table(copy / "selective_prediction.parquet").assign(error_at_90=0.1234)
    table.to_parquet(copy / "selective_prediction.parquet", index=False)
    assert "| 12.3% [" in page(copy)
    assert "| 12.3% [" not in page(DIGITS)


def test_a_page_leads_to_the_card_of_an_exported_model(tmp_path):
    copy = shutil.copytree(DIGITS, tmp_path / "digits")
    assert "export_card.md" not in page(copy)
    (copy / "export_card.md").write_text("# 2 members", encoding="utf-8")
    assert "[Its card](digits/export_card.md)" in page(copy)
