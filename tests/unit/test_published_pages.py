"""The pages of docs/results and the README say what the tables of the published studies say."""

import re
import shutil

import pandas as pd
import pytest

from published.__main__ import pages
from published.comparison import published_studies
from published.found import observation_sentences, page, still_learning
from published.kept import RESULTS, ROOT, SEEDS_PAGE
from published.page import page as page_of_study
from published.seeds import of_the_gain
from published.several_verdicts import agreement
from published.what_helps import mixing_designs
from resiliency.analysis.verdicts import RULES
from resiliency.report.overview import cautions
from resiliency.storage.files import read_json
from resiliency.storage.tables import read_table, write_table

MEMBERS = pd.DataFrame({"member": ["a-s0"], "origin": "joint", "objective": "balanced", "loss_weight": 1.0})
MEMBERS = MEMBERS.assign(warnings="")
DIGITS = read_json(RESULTS / "digits/provenance.json")


def test_pages_are_what_the_kept_tables_give():
    """Otherwise: python -m published."""
    written = pages()
    assert {path.parent.name for path in RESULTS.glob("*/provenance.json")} <= {file.stem for file in written}
    assert [file.name for file, text in written.items() if file.read_text(encoding="utf-8") != text] == []


def test_another_number_changes_the_page_that_shows_it(tmp_path):
    copy = shutil.copytree(RESULTS / "digits", tmp_path / "digits")
    rows = read_table(copy / "deployment.csv")
    write_table(copy / "deployment.csv", rows.assign(corrupted_error=rows["corrupted_error"] / 2))
    assert page_of_study(copy) != page_of_study(RESULTS / "digits")
    rows = published_studies()["digits"]["observations"]
    assert digits(observations=rows.assign(estimate=rows["estimate"] / 2)) != digits()


def test_the_readme_says_beside_its_picture_what_the_tables_say():
    runs, kept = (read_table(RESULTS / SEEDS_PAGE / f"{name}.csv") for name in ("runs", "verdicts"))
    caption = " ".join([*agreement(kept), of_the_gain(runs["gain"])])
    said = f"(docs/report.png)\n\nThe default study [with several seeds](docs/results/seeds.md): *{caption}*\n"
    assert said in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["README.md", "docs/index.md", "docs/installation.md"])
def test_what_is_said_of_the_time_of_the_default_study_holds(name):
    text = re.sub(r"\s+", " ", (ROOT / name).read_text(encoding="utf-8"))
    claimed = int(re.search(r"about (\d+) minutes of CPU time", text)[1])
    assert claimed * 0.75 < DIGITS["cpu_seconds"] / 60 < claimed * 1.1


def test_what_the_readme_says_of_memory_holds():
    text = re.sub(r"\s+", " ", (ROOT / "README.md").read_text(encoding="utf-8"))
    gib = float(re.search(r"(\S+) GiB of memory per concurrent job", text)[1])
    assert gib * 0.7 < max(rule["max_rss_mib"] for rule in DIGITS["rules"]) / 1024 < gib


def sentences(**observations: pd.DataFrame) -> list[str]:
    tables = {study: {"observations": table, "members": MEMBERS} for study, table in observations.items()}
    return observation_sentences(tables).splitlines()


def test_verdicts_are_counted_over_the_studies_that_could_test_an_observation():
    digits = pd.read_csv(RESULTS / "digits/observations.csv").assign(rules=RULES)
    verdicts = digits["observation"].map(
        {"1a": "supported", "1b": "supported", "2": "supported", "3": "undecided", "4": "contradicted"}
    )
    able, unable = digits.assign(verdict=verdicts), digits.assign(verdict="not tested")
    other = able.assign(verdict=verdicts.where(able["observation"] != "1a", "undecided"))
    only_first = other.assign(verdict=other["verdict"].where(other["observation"] == "1a", "not tested"))
    lines = sentences(one=able, two=unable, three_=only_first)
    assert [line.split("**")[1] for line in lines] == ["1a.", "1b.", "2.", "3.", "4."]
    assert lines[0].endswith("*: supported in 1 of 2 studies that could test it (one), undecided in 1 (three\\_).")
    assert lines[1].endswith("*: supported in the 1 study that could test it (one).")
    assert lines[2].endswith("*: supported in the 1 study that could test it (one).")
    assert lines[3].endswith("*: undecided in the 1 study that could test it (one).")
    assert lines[4].endswith("*: contradicted in the 1 study that could test it (one).")
    assert sentences(two=unable)[-1].endswith(": no study could test it.")
    earlier = sentences(one=able.assign(rules="2020-01-01"), three=other)
    assert earlier[0].endswith("*: supported in 1 of 2 studies that could test it (one†), undecided in 1 (three).")
    assert earlier[-1] == "† By [earlier rules](docs/paper.md#verdict-rules)."


def test_what_a_second_design_changes_is_told_by_its_sign():
    tables = {}
    for study, ends in {"up": (1.0, 3.0), "down": (-3.0, -1.0), "even": (-3.0, 1.0)}.items():
        row = {"exchange": "mixing_designs", "images": "corrupted", "points": sum(ends) / 2}
        rows = [row | {"points_low": ends[0], "points_high": ends[1]}, row | {"exchange": "second_member"}]
        tables[study] = {"exchange_rates": pd.DataFrame(rows)}
    assert mixing_designs(tables) == (
        "A pair of two designs, compared with the better design's own pair on corrupted images, makes 2.0 percentage "
        "points [1.0, 3.0] fewer errors in up, 2.0 percentage points [1.0, 3.0] more errors in down and 1.0 percentage "
        "points [−1.0, 3.0] more errors in even (not significant)."
    )
    assert mixing_designs({"none": {}}) == ""


def digits(**changed: pd.DataFrame) -> str:
    tables = published_studies()["digits"]
    return page({"digits": {name: table for name, table in tables.items() if name != "seeds"} | changed})


def test_correlations_are_counted_by_direction_and_those_that_use_labels_are_not():
    rows = published_studies()["digits"]["correlations"]
    main = rows["measure"].isin(["pearson", "partial"])
    rows.loc[main, ["correlation", "low", "high"]] = [0.5, 0.4, 0.6]
    rows.loc[main & (rows["measure"] == "pearson"), ["correlation", "low", "high"]] = [-0.5, -0.6, -0.4]
    said = digits(correlations=rows)
    assert "| clean | raw | 0 | 5 | 0 |" in said
    assert "| corrupted | partial | 5 | 0 | 0 |" in said
    assert "On clean images, 5 of 5 intervals of correlations of diversity with accuracy lie below 0 and none" in said
    assert "On corrupted images, 5 of 5 intervals of these partial correlations lie above 0 and none below it" in said
    turned = rows.assign(correlation=-rows["correlation"], low=-rows["high"], high=-rows["low"])
    assert "poor guide" not in digits(correlations=turned)
    assert "diversity may decide" not in digits(correlations=turned)
    assert "poor guide to accuracy" in digits(correlations=rows[rows["measure"] != "partial"])


def test_what_a_count_of_verdicts_leaves_out_is_beside_it():
    rows = pd.read_csv(RESULTS / "digits/observations.csv").assign(leans="")
    third = (rows["observation"] == "3") & rows["part_verdict"].notna()
    given = rows["reading"] == "given the mean accuracy of the members"
    against = rows.assign(leans=rows["leans"].mask(given, "against"))
    in_part = rows.assign(verdict=rows["verdict"].mask(third, "supported in part"))
    in_part.loc[third, "part_verdict"] = ["supported", "no practical difference"]
    lines = sentences(one=against, two=in_part)
    assert "Among ensembles of equally accurate members, the reverse holds in 1 of 2 (one)." in lines[2]
    assert "In part (two): significant in the direction the paper claims: " in lines[3]
    assert "too short" not in lines[3]
    late = {"observations": rows, "members": MEMBERS.assign(warnings="still learning")}
    assert observation_sentences({"late": late}).count("Joint training was too short at λ = 1 in late.") == 1
    other = late | {"members": late["members"].assign(objective="ncl")}
    assert "too short" not in observation_sentences({"late": other})
    against.loc[given & against["part"].str.startswith("clean"), "leans"] = "for"
    assert "equally accurate" not in sentences(one=against)[2]


def test_a_verdict_that_depends_on_the_seed_says_so():
    verdicts = pd.DataFrame({"seed": [0, 1, 2] * 2, "observation": ["1a"] * 3 + ["2"] * 3, "verdict": "supported"})
    verdicts.loc[1:2, "verdict"] = ["not tested", "undecided"]
    counted = "supported with 1, undecided with 1 and not tested with 1 of 3 seeds."
    text = digits(seeds=verdicts)
    assert text.count("depends on the seed") == text.count(counted) == 1
    assert f"It depends on the [study seed](seeds.md): {counted}" in text.partition("## 1a.")[2].partition("## 1b.")[0]
    digits_rows = published_studies()["digits"]["observations"].assign(rules=RULES)
    tables = {"observations": digits_rows, "seeds": verdicts, "members": MEMBERS}
    lines = observation_sentences({"my_digits": tables}).splitlines()
    assert [f" Its verdict in my\\_digits is {counted}" in line for line in lines] == [True, False, False, False, False]


def test_a_verdict_on_members_that_were_still_learning_says_so():
    rows = [("joint", 0, "few steps"), ("joint", 0.5, None), ("joint", 1, "few steps, still learning")]
    rows.append(("independent", None, "still learning"))
    members = pd.DataFrame(rows, columns=["origin", "loss_weight", "warnings"]).assign(objective="balanced")
    assert still_learning(members).startswith("Members at λ = 1 were still learning")
    assert still_learning(members.iloc[[0, 1, 3]]) == ""
    assert cautions(members.assign(member=list("abcd")))[-1].startswith(
        "2 of 4 members were still learning when joint training ended (balanced at λ = 1)."
    )
    text = page({"digits": published_studies()["digits"] | {"members": members}})
    assert text.count("were still learning") == 1
    assert "were still learning" in text.partition("## 3.")[2].partition("## 4.")[0]
