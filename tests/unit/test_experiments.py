"""The pages of experiments that decided a setting show what the kept rows give."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from published.kept import EXPERIMENTS, RESULTS
from resiliency.base.corruption_names import MAIN
from resiliency.report import words
from resiliency.storage.tables import read_table


def lines(page: str, columns: int) -> list[list[str]]:
    """The cells of the rows of a page's tables with so many columns, without those of their heads."""
    text = (EXPERIMENTS / f"{page}.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [row for row in rows if len(row) == columns][2:]


def compared(before: pd.Series, after: pd.Series) -> list[str]:
    """Means in per cent, and the paired difference with its interval by Student's t."""
    points = 100 * (after - before).dropna()
    half = t.ppf(0.975, len(points) - 1) * points.std() / len(points) ** 0.5
    difference = f"{points.mean():+.1f} ± {half:.1f}".replace("-", "−")
    return [f"{100 * of.mean():.1f}" for of in (before, after)] + [difference]


def test_recipes_on_the_digits():
    rows = pd.read_csv(EXPERIMENTS / "digit_recipes.csv")
    recipes = rows.groupby(["optimizer", "learning_rate", "epochs", "epochs_vit"], sort=False)
    first, shown = None, lines("digit_recipes", 7)
    assert len(shown) == len(recipes)
    for (named, of), cells in zip(recipes, shown, strict=True):
        of = of.set_index(["design", "seed"])
        first = of if first is None else first
        clean, corrupted = (compared(first[score], of[score])[1:] for score in ("clean", "corrupted"))
        if of is first:
            clean[1] = corrupted[1] = ""
        assert cells[0] == "{}, rate {:g}, {} epochs (vit {})".format(*named)
        assert cells[1:] == [str(len(of)), *clean, *corrupted, f"{of['seconds'].mean():.1f}"]


def test_optimizers_on_cifar_in_two_runs():
    rows = pd.read_csv(EXPERIMENTS / "cifar_recipes_two_runs.csv")
    before, after = (of.set_index("member") for _, of in rows.groupby("commit", sort=False))
    expected = [cell for score in ("clean", "corrupted") for cell in compared(before[score], after[score])]
    assert lines("cifar_recipes", 7)[0] == [str(len(before)), *expected]


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


def test_speed_of_the_corruption_engine():
    """Each ratio by the medians over runs of the code that was timed last."""
    rows = pd.read_csv(EXPERIMENTS / "engine_speed.csv")
    last = rows[rows["code"] == rows["code"].iloc[-1]].drop(columns="code")
    medians = last.groupby(["side", "corruption"]).median()
    shown = lines("../../docs/corruptions", 4)
    assert len(shown) == 4
    for size, package, *cells in shown:
        main = medians.loc[int(size.partition("×")[0])].loc[list(MAIN)]
        expected = [main[package].sum() / main["engine"].sum(), np.exp(np.log(main[package] / main["engine"]).mean())]
        assert cells == [f"{value:.1f}" for value in expected]
