"""The pages of docs/results and the README say what the tables of the published studies say."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from published.__main__ import pages
from published.comparison import published_studies
from published.found import observation_rows, page, still_learning
from published.kept import PAGES, RESULTS, ROOT, kept_specs, kept_studies, kept_tables
from published.page import page as page_of_study
from resiliency.storage.files import read_json
from resiliency.storage.tables import read_table, write_table

MEMBERS = pd.DataFrame({"member": ["a-s0"], "origin": "joint", "objective": "balanced", "loss_weight": 1.0})
MEMBERS = MEMBERS.assign(warnings="")
DIGITS = read_json(RESULTS / "digits/provenance.json")
PAPER = re.sub(r"\s+", " ", (ROOT / "docs/paper.md").read_text(encoding="utf-8"))


def test_pages_are_what_the_kept_tables_give():
    """Otherwise: python -m published."""
    written = pages()
    assert {path.parent.name for path in RESULTS.glob("*/provenance.json")} <= {file.stem for file in written}
    assert [file.name for file, text in written.items() if file.read_text(encoding="utf-8") != text] == []


def digits(**changed: pd.DataFrame) -> str:
    tables = published_studies()["digits"]
    return page({"digits": {name: table for name, table in tables.items() if name != "seeds"} | changed})


def test_another_number_changes_the_page_that_shows_it(tmp_path):
    copy = shutil.copytree(RESULTS / "digits", tmp_path / "digits")
    rows = read_table(copy / "deployment.csv")
    write_table(copy / "deployment.csv", rows.assign(corrupted_error=rows["corrupted_error"] / 2))
    assert (changed := page_of_study(copy)) != page_of_study(RESULTS / "digits")
    table = read_table(copy / "correlations.parquet")
    table.assign(correlation=-table["correlation"]).to_parquet(copy / "correlations.parquet")
    assert page_of_study(copy) != changed
    tables = published_studies()["digits"]
    for table, column in (("exchange_rates", "points"), ("contenders", "error"), ("contenders", "difference")):
        assert digits(**{table: tables[table].assign(**{column: tables[table][column] / 2})}) != digits()


def test_former_correlations_have_the_intervals_that_leave_out_designs(tmp_path):
    table = pd.DataFrame(
        {"correlation": [0.3], "low": [0.2], "high": [0.4], "design_low": [-0.1], "design_high": [0.6]}
    )
    table.to_parquet(tmp_path / "correlations.parquet")
    assert kept_tables(tmp_path)["correlations"].to_dict("list") == {"correlation": [0.3], "low": [-0.1], "high": [0.6]}


@pytest.mark.parametrize("kept", [kept for kept, _ in kept_studies()], ids=lambda kept: kept.name)
def test_a_page_of_a_study_has_at_most_1200_words(kept):
    text = re.sub(r"\]\([^)]*\)", "", page_of_study(kept))
    assert len([word for word in text.split() if re.search("[a-zA-Z0-9]", word)]) <= 1200


def test_axes_of_published_charts_have_plain_numbers():
    """Not 1e+1, as Vega writes 10 in a format without a precision."""
    pictures = [*RESULTS.glob("*/*.svg"), *PAGES.glob("*.svg")]
    written = re.compile(r">-?[0-9.]+e[+-]?[0-9]+<")
    assert [path.name for path in pictures if written.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("name", ["README.md", "docs/index.md", "docs/installation.md"])
def test_time_and_memory_of_the_default_study_are_those_of_its_last_run(name):
    text = re.sub(r"\s+", " ", (ROOT / name).read_text(encoding="utf-8"))
    claimed = int(re.search(r"about (\d+) minutes of CPU time", text)[1])
    assert claimed * 0.75 < DIGITS["cpu_seconds"] / 60 < claimed * 1.1
    for gib in map(float, re.findall(r"(\S+) GiB of memory per concurrent job", text)):
        assert gib * 0.7 < max(rule["max_rss_mib"] for rule in DIGITS["rules"]) / 1024 < gib


def rows(**observations: pd.DataFrame) -> dict[str, dict]:
    tables = {study: {"observations": table, "members": MEMBERS} for study, table in observations.items()}
    return {row["number"]: row for row in observation_rows(tables)}


def test_what_a_verdict_leaves_out_is_beside_it():
    table = pd.read_csv(RESULTS / "digits/observations.csv").assign(leans="")
    third = (table["observation"] == "3") & table["part_verdict"].notna()
    given = table["reading"] == "given the mean accuracy of the members"
    against = table.assign(leans=table["leans"].mask(given, "against"))
    in_part = table.assign(verdict=table["verdict"].mask(third, "supported in part"))
    in_part.loc[third, "part_verdict"] = ["supported", "no practical difference"]
    found = rows(one=against, two=in_part)
    assert found["2"]["qualified"] == [
        "Among ensembles of equally accurate members, the reverse holds in 1 of 2 (one)."
    ]
    (reason,) = found["3"]["qualified"]
    assert reason.startswith("two: Significant in the direction the paper claims: ")
    against.loc[given & against["part"].str.startswith("clean"), "leans"] = "for"
    assert rows(one=against)["2"]["qualified"] == []
    late = MEMBERS.assign(warnings="still learning")
    third = observation_rows({"one": {"observations": table, "members": late}})[3]
    assert third["qualified"][0].startswith("one: Members at λ = 1 were still learning")
    assert still_learning(late.assign(objective="ncl")) == still_learning(MEMBERS) == ""


def test_a_verdict_that_depends_on_the_seed_says_so():
    verdicts = pd.DataFrame({"seed": [0, 1, 2] * 2, "observation": ["1a"] * 3 + ["2"] * 3, "verdict": "supported"})
    verdicts.loc[1:2, "verdict"] = ["not tested", "undecided"]
    counted = "supported with 1, undecided with 1 and not tested with 1 of 3 seeds"
    assert digits(seeds=verdicts).count(counted) == 1


def test_correlations_are_counted_by_direction_and_those_that_use_labels_are_not():
    table = published_studies()["digits"]["correlations"]
    main = table["measure"].isin(["pearson", "partial"])
    table.loc[main, ["correlation", "low", "high"]] = [0.5, 0.4, 0.6]
    table.loc[main & (table["measure"] == "pearson"), ["correlation", "low", "high"]] = [-0.5, -0.6, -0.4]
    said = digits(correlations=table)
    assert "| clean | raw | 0 | 5 | 0 |" in said
    assert "| corrupted | given the members' mean accuracy | 5 | 0 | 0 |" in said
    assert "Not by itself: of 10 correlations of diversity with accuracy, none is positive and 10 negative" in said
    assert "Among ensembles of equally accurate members, 10 of 10 are positive and none negative." in said
    turned = table.assign(correlation=-table["correlation"], low=-table["high"], high=-table["low"])
    assert "Yes: of 10 correlations of diversity with accuracy, 10 are positive and none negative." in digits(
        correlations=turned
    )


def test_the_page_on_the_paper_has_the_sizes_and_lengths_of_the_studies():
    members = pd.read_csv(RESULTS / "digits/members.csv").set_index("member")
    assert f"{members['parameters']['resnet50-s0'] / 1e6:.2f} million parameters in *digits*" in PAPER
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
