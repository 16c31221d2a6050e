"""The pages of experiments that decided a setting show what the kept rows give, computed anew."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from published.kept import EXPERIMENTS, PAGES, RESULTS
from resiliency.base.corruption_names import MAIN
from resiliency.report import words
from resiliency.storage.tables import read_table

SCORES = ["clean", "corrupted"]


def lines(page: str, columns: int) -> list[list[str]]:
    """The cells of the rows of a page's tables with so many columns, without those of their heads."""
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [row for row in rows if len(row) == columns][2:]


def compared(before: pd.DataFrame, after: pd.DataFrame, comparisons: int = 1) -> list[str]:
    """Cells of both scores: means in per cent, and the paired difference with its interval by Student's t."""
    cells = []
    for score in SCORES:
        points = 100 * (after[score] - before[score]).dropna()
        half = t.ppf(1 - 0.025 / comparisons, len(points) - 1) * points.std() / len(points) ** 0.5
        difference = f"{points.mean():+.1f} ± {half:.1f}".replace("-", "−")
        cells += [f"{100 * of[score].mean():.1f}" for of in (before, after)] + [difference]
    return cells


def test_recipes_on_the_digits():
    rows = pd.read_csv(EXPERIMENTS / "digit_recipes.csv")
    recipes = rows.groupby(["optimizer", "learning_rate", "epochs", "epochs_vit"], sort=False)
    first, shown = None, lines("digit_recipes", 7)
    assert len(shown) == len(recipes)
    for (named, of), cells in zip(recipes, shown, strict=True):
        of = of.set_index(["design", "seed"])
        first = of if first is None else first
        assert cells[0] == "{}, rate {:g}, {} epochs (vit {})".format(*named)
        clean, corrupted = np.split(np.array(compared(first, of)), 2)
        alone = of is first
        expected = [clean[1], "" if alone else clean[2], corrupted[1], "" if alone else corrupted[2]]
        assert cells[1:] == [str(len(of)), *expected, f"{of['seconds'].mean():.1f}"]


def at_best_rate(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a design with one optimizer at the rate with the best clean accuracy after 5 epochs, first seed."""
    tried = rows[(rows["epochs"] == 5) & (rows["seed"] == 0)]
    return rows[rows["learning_rate"] == tried.loc[tried["clean"].idxmax(), "learning_rate"]]


def at_time(rows: pd.DataFrame, epochs: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracies by AdamW after so many epochs, and by Muon at that CPU time: means over seeds, a row per design."""
    best = rows.groupby(["design", "optimizer"], group_keys=False)[list(rows)].apply(at_best_rate)
    adamw = best[(best["optimizer"] == "adamw") & (best["epochs"] == epochs)].set_index(["design", "seed"])
    curves = best[best["optimizer"] == "muon"].sort_values("seconds").groupby(["design", "seed"])
    muon = pd.DataFrame(index=adamw.index, columns=SCORES, dtype=float)
    for (case, seconds), score in product(adamw["seconds"].items(), SCORES):
        curve = curves.get_group(case)
        muon.loc[case, score] = np.interp(np.log(seconds), np.log(curve["seconds"]), curve[score])
    return tuple(of.groupby("design").mean(numeric_only=True) for of in (adamw, muon))


def test_optimizers_on_cifar_at_equal_time():
    rows = pd.read_csv(EXPERIMENTS / "cifar_recipes_equal_time.csv")
    for cells, epochs in zip(lines("cifar_recipes", 8), (10, 20), strict=True):
        adamw, muon = at_time(rows, epochs)
        assert cells == [str(epochs), f"{adamw['seconds'].mean():.0f}", *compared(adamw, muon, comparisons=4)]
        better = muon > adamw[SCORES]
        assert better["clean"].all()
        assert better.index[~better["corrupted"]].tolist() == ["convnext"] * (epochs == 20)


def test_optimizers_on_cifar_in_two_runs():
    rows = pd.read_csv(EXPERIMENTS / "cifar_recipes_two_runs.csv")
    before, after = (of.set_index("member") for _, of in rows.groupby("commit", sort=False))
    assert lines("cifar_recipes", 7)[0] == [str(len(before)), *compared(before, after)]


def test_recipes_for_a_gpu():
    rows = pd.read_csv(EXPERIMENTS / "cifar_recipes_long.csv").set_index("design")
    of = {name: rows.loc[rows["recipe"] == name, SCORES] for name in ("long", "muon", "short")}
    cells = (100 * pd.concat([of[name][score] for score in SCORES for name in of], axis=1)).map("{:.1f}".format)
    assert lines("cifar_recipes", 7)[-len(cells) :] == cells.reset_index().to_numpy().tolist()
    least = norm.ppf(1 - 0.05 / 24 / 2) * np.sqrt(2 * of["long"] * (1 - of["long"]) / 5000).to_numpy().max()
    assert f"{100 * least:.1f}" == "3.1"
    muon, short = ((of[name] - of["long"]).stack() for name in ("muon", "short"))
    assert muon.index[muon > least].tolist() == [("convnext", "clean"), ("vit", "clean"), ("vit", "corrupted")]
    assert set(short.index[short < -least].get_level_values(0)) == {"densenet", "regnet", "mobilenetv3"}
    assert max(-muon.min(), short.max()) < least


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
    """Each ratio by the medians over runs, anew; the later commit is faster by all."""
    rows = pd.read_csv(EXPERIMENTS / "engine_speed.csv")
    medians = rows.groupby(["side", "code", "corruption"]).median()
    shown = lines("../corruptions", 6)
    assert [line[:2] for line in shown] == [
        [f"{side}×{side}", package] for side in (32, 224) for package in rows.columns[4:]
    ]
    for size, package, *cells in shown:
        expected = []
        for code in rows["code"].unique():
            main = medians.loc[int(size.partition("×")[0]), code].loc[list(MAIN)]
            ratios = main[package] / main["engine"]
            expected += [main[package].sum() / main["engine"].sum(), np.exp(np.log(ratios).mean())]
        assert cells == [f"{value:.1f}" for value in expected]
        assert expected[2] > expected[0]
        assert expected[3] > expected[1]
