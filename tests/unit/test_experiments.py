"""The pages of experiments that decided a setting show what the kept rows give."""

import pandas as pd
import pytest

from published.kept import EXPERIMENTS, RESULTS
from resiliency.report import words
from resiliency.storage.tables import read_table


def lines(page: str, columns: int) -> list[list[str]]:
    """The cells of the rows of a page's tables with so many columns, without those of their heads."""
    text = (EXPERIMENTS / f"{page}.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [row for row in rows if len(row) == columns][2:]


def test_choices_of_timm_published():
    rows = pd.read_csv(EXPERIMENTS / "timm_published_choices.csv")
    shown = lines("timm_published_choices", 7)
    assert len(shown) == len(rows)
    for cells, row in zip(shown, rows.to_dict("records"), strict=True):
        ends = [
            f"{words.estimate(row[of])} {words.bounds(row[f'{of}_low'], row[f'{of}_high'])}"
            for of in ("size", "accuracy")
        ]
        assert cells == [row["choice"], row["how"], str(row["designs"]), str(row["families"]), *ends, row["verdict"]]
    kept = read_table(RESULTS / "timm_published/observations.csv")
    assert rows.loc[0, ["size", "accuracy"]].tolist() == pytest.approx(kept["estimate"][:2].tolist())
    assert rows["verdict"][0] == kept["verdict"][0]
