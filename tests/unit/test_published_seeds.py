"""The page on study seeds counts the verdicts of the runs; each run is made once, with a seed and a name of its own."""

import json
import shutil
from pathlib import Path

import pandas as pd
from ended_runs import end_run

from published.kept import RESULTS
from published.seeds import publish, runs_of


def finished(name: str, seed: int, **changes: object) -> Path:
    """Results of a study in the working folder: those published of the default study, with another seed."""
    results = Path("results") / name
    (results / "tables").mkdir(parents=True)
    for table in ("members", "deployment", "observations"):
        shutil.copy(RESULTS / f"digits/{table}.csv", results / "tables")
    provenance = json.loads((RESULTS / "digits/provenance.json").read_text(encoding="utf-8"))
    provenance["study"] |= {"study": name, "seed": seed} | changes
    return end_run(results, provenance)


def test_the_tables_are_those_of_the_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finished("digits", 0)
    other = finished("digits_seed1", 1)
    table = pd.read_csv(other / "tables/observations.csv")
    rows = (table["observation"] == "2") & table["part_verdict"].notna()
    table.loc[rows, ["verdict", "part_verdict"]] = "undecided"
    table.loc[rows, "estimate"] += 0.2
    table.to_csv(other / "tables/observations.csv", index=False)
    members = pd.read_csv(other / "tables/members.csv")
    members.loc[members["origin"] == "independent", "clean_accuracy"] = 0.5
    members.to_csv(other / "tables/members.csv", index=False)
    end_run(other)
    docs = Path("docs")
    assert publish({0: "digits", 1: "digits_seed1"}, docs, docs) == Path("docs/seeds.md")
    runs = pd.read_csv("docs/seeds/runs.csv")
    assert runs["seed"].tolist() == [0, 1]
    assert runs["clean_accuracy"].iloc[1] == 0.5
    assert (runs["gain"] - (runs["best_member_error"] - runs["best_ensemble_error"])).abs().max() < 1e-6
    text = Path("docs/seeds.md").read_text(encoding="utf-8")
    assert "Observation 2 is no better than noise with 1 and undecided with 1 of 2 seeds." in text
    first = pd.read_csv("docs/seeds/verdicts.csv").query("observation == '2' and seed == 0").iloc[0]
    row = next(line for line in text.splitlines() if line.startswith(f"| 2 | {first['part']} |"))
    assert row.split(" | ")[-4:] == [f"{first['estimate'] + add:.3f}" for add in (0, 0.1, 0.2)] + ["0.141 |"]


def test_each_seed_is_a_study_of_its_own(tmp_path):
    own = tmp_path / "mine.yaml"
    own.write_text("study: mine\nseed: 7\n")
    assert runs_of([own], 3) == {7: "mine", 8: "mine_seed8", 9: "mine_seed9"}
