"""The pages of docs/results and the README say what the tables of the published studies say."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from published.__main__ import pages
from published.found import page
from published.kept import EXPERIMENTS, RESULTS, ROOT, kept_specs, kept_tables
from published.page import page as page_of_study
from published.several_verdicts import with_verdicts
from resiliency.report import words
from resiliency.storage import read_json, read_table, write_table

DIGITS = read_json(RESULTS / "digits/provenance.json")
PAPER = re.sub(r"\s+", " ", (ROOT / "docs/paper.md").read_text(encoding="utf-8"))


def test_pages_are_what_the_kept_tables_give():
    """Otherwise: python -m published."""
    written = pages()
    assert {path.parent.name for path in RESULTS.glob("*/provenance.json")} <= {
        file.stem for file in written
    }
    assert [
        file.name for file, text in written.items() if file.read_text(encoding="utf-8") != text
    ] == []


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """The kept tables of *digits* at its own study seed, by name."""
    return {
        name: table for name, table in kept_tables(RESULTS / "digits").items() if name != "seeds"
    }


def test_another_number_changes_the_page_that_shows_it(tmp_path, tables):
    copy = shutil.copytree(RESULTS / "digits", tmp_path / "digits")
    rows = read_table(copy / "deployment.csv")
    write_table(copy / "deployment.csv", rows.assign(corrupted_error=rows["corrupted_error"] / 2))
    assert (changed := page_of_study(copy)) != page_of_study(RESULTS / "digits")
    rates = read_table(copy / "exchange_rates.csv")
    write_table(copy / "exchange_rates.csv", rates.assign(points=-rates["points"]))
    assert page_of_study(copy) != changed
    before = page({"digits": tables})
    shown = {
        "ratio": "swaps",
        "points": "exchange_rates",
        "error": "contenders",
        "difference": "contenders",
    }
    for column, table in shown.items():
        halved = tables[table].assign(**{column: tables[table][column] / 2})
        assert page({"digits": tables | {table: halved}}) != before


@pytest.mark.parametrize("name", ["README.md", "docs/installation.md"])
def test_time_and_memory_of_the_default_study_are_those_of_its_last_run(name):
    text = re.sub(r"\s+", " ", (ROOT / name).read_text(encoding="utf-8"))
    claimed = int(re.search(r"about (\d+) minutes of CPU time", text)[1])
    assert claimed * 0.75 < DIGITS["cpu_seconds"] / 60 < claimed * 1.1
    for gib in map(float, re.findall(r"(\S+) GiB of memory per concurrent job", text)):
        assert gib * 0.7 < max(rule["max_rss_mib"] for rule in DIGITS["rules"]) / 1024 < gib


def test_at_equal_accuracy_the_reverse_is_told_beyond_random_numbers_alone(tables):
    """Of kept tables without draws of these: where attributions go against accuracy themselves."""
    table = tables["observations"].copy()
    given = table["reading"] == "given the mean accuracy of the members"
    table.loc[given, ["low", "high"]] = [-0.9, -0.3]
    table.loc[given, "placebo_low"] = float("nan")
    own = table["part"].str.endswith("partial r of attribution diversity", na=False)
    sentences = {
        (0.1, 0.4): "but no less than random numbers would",
        (-0.4, -0.1): "the reverse holds in 1 of 1",
    }
    for ends, said in sentences.items():
        table.loc[own, ["low", "high"]] = ends
        assert said in page({"digits": tables | {"observations": table}})


def test_pages_of_registered_studies_say_what_was_known_and_what_earns_1a(tmp_path):
    """Former estimates are those of the kept rows; the present observation stands beside the
    registered one."""
    copy = shutil.copytree(RESULTS / "traffic_signs", tmp_path / "traffic_signs")
    observed = read_table(copy / "observations.csv").query("observation == '1a'")
    columns = {"accuracy_low": 0.21, "accuracy_high": 0.33, "accuracy_supported": 0.97}
    write_table(tmp_path / "traffic_signs_present.csv", observed.assign(**columns))
    page = page_of_study(copy)
    runs = pd.read_csv(EXPERIMENTS / "former_runs.csv").query(
        "study == 'traffic_signs' and observation == 1"
    )
    size = runs.loc[runs["part"].str.endswith("parameters"), "estimate"]
    assert f"family against size was {' and '.join(map(words.estimate, size))}" in page
    assert "| 1a again |" in page
    assert (
        "The rule also supports 97% of draws in which accuracy alone acts: this says that families "
        "differ" in page
    )
    assert re.search(r"1a again: family against size \|.*\| \[0.210, 0.330\] \| 97.0% \|", page)


def test_the_page_on_the_paper_has_the_sizes_and_lengths_of_the_studies():
    members = pd.read_csv(RESULTS / "digits/members.csv").set_index("member")
    assert (
        f"{members['parameters']['resnet50-s0'] / 1e6:.2f} million parameters in *digits*" in PAPER
    )
    assert (members["parameters"] < 1e6).mean() > 0.8  # "mostly below a million"
    epochs = []
    for study in ("config.yaml", "studies/traffic_signs.yaml", "studies/cifar10_lengths.yaml"):
        settings = yaml.safe_load(Path(ROOT, study).read_text(encoding="utf-8"))
        others = [*settings["designs"].values(), settings["joint"] or {}, settings["search"] or {}]
        recipes = [settings["training"], *(of.get("training", {}) for of in others)]
        epochs += [recipe["epochs"] for recipe in recipes if "epochs" in recipe]
    assert f"Training lasts {max(epochs)} epochs at most" in PAPER
    finding = kept_specs(RESULTS / "digits")["learning_curves"]["usermeta"]["finding"]
    late, trained = map(int, re.search(r"(\d+) of (\d+) designs", finding).groups())
    assert late > trained / 2  # "were still improving"


def test_choices_of_timm_published_are_those_of_the_kept_rows():
    rows = with_verdicts(pd.read_csv(EXPERIMENTS / "timm_published_choices.csv"))
    text = (EXPERIMENTS / "timm_published_choices.md").read_text(encoding="utf-8").splitlines()
    shown = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text
        if line.count("|") == 8
    ][2:]
    assert len(shown) == len(rows)
    for cells, row in zip(shown, rows.to_dict("records"), strict=True):
        bounds = {
            of: words.bounds(row[f"{of}_low"], row[f"{of}_high"]) for of in ("size", "accuracy")
        }
        ends = [f"{words.estimate(row[of])} {interval}" for of, interval in bounds.items()]
        assert cells == [
            row["choice"],
            row["how"],
            str(row["designs"]),
            str(row["families"]),
            *ends,
            row["verdict"],
        ]
    kept = read_table(RESULTS / "timm_published/observations.csv")
    own = kept.loc[kept["reading"].isna(), "estimate"]
    assert rows.loc[0, ["size", "accuracy"]].tolist() == pytest.approx(own[:2].tolist())
    assert rows["verdict"][0] == kept["verdict"][0]
    assert rows["verdict"].value_counts().to_dict() == {
        "supported": 6,
        "undecided": 5,
        "no practical difference": 4,
    }
