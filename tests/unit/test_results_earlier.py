"""A published run that takes the place of another says what that one gave."""

import json
import shutil
from pathlib import Path

import pandas as pd

from resiliency.report.overview import by_observation
from resiliency.results.earlier import COLUMNS, earlier_file, earlier_runs, other_verdicts, replaced_run, results
from resiliency.results.kept import kept_tables
from resiliency.results.page import page

DIGITS = Path(__file__).parents[2] / "docs/results/digits"
STUDY = json.loads((DIGITS / "provenance.json").read_text(encoding="utf-8"))["study"]
LONGER = STUDY | {"training": STUDY["training"] | {"epochs": 70}}
OBSERVATIONS = by_observation(pd.read_csv(DIGITS / "observations.csv"))


def test_a_run_with_other_settings_is_kept_by_its_verdicts_and_estimates(tmp_path):
    rows = replaced_run(DIGITS, LONGER)
    assert rows.columns.tolist() == COLUMNS
    assert set(rows["changed"]) == {"training.epochs"}
    assert len(rows) == sum(len(of["parts"] + of["controls"]) for of in OBSERVATIONS)
    assert rows["estimate"].tolist() == [
        part["estimate"] for of in OBSERVATIONS for part in of["parts"] + of["controls"]
    ]
    assert replaced_run(DIGITS, STUDY).empty
    assert replaced_run(tmp_path / "new", STUDY).empty


def test_another_verdict_and_estimates_outside_the_present_bounds_are_told():
    rows = replaced_run(DIGITS, LONGER)
    (alike,) = earlier_runs(rows, OBSERVATIONS)
    assert alike["changed"] == ["training.epochs"]
    assert alike["results"] == {}
    second, third = (rows["observation"] == number for number in ("2", "3"))
    ends = ["estimate", "low", "high"]
    rows.loc[second & (rows["part"] == "clean images"), ends] = [-0.5, -0.7, -0.3]
    rows.loc[third, "verdict"] = "contradicted"
    (run,) = earlier_runs(rows, OBSERVATIONS)
    assert run["results"] == {"2": "the same verdict (clean images: −0.500 [−0.700, −0.300])", "3": "contradicted"}
    assert results(rows, OBSERVATIONS[3]) == ["contradicted"]
    assert [other_verdicts(rows, of) for of in OBSERVATIONS] == [[], [], [], ["contradicted"], []]
    assert results(None, OBSERVATIONS[3]) == other_verdicts(None, OBSERVATIONS[3]) == []


def test_the_page_says_that_the_study_was_run_before(tmp_path):
    kept = shutil.copytree(DIGITS, tmp_path / "digits")
    assert "Run again" not in page(kept)
    rows = replaced_run(kept, LONGER)
    earlier_file(kept).write_text(rows.to_csv(index=False), encoding="utf-8")
    assert "1 key changed: `training.epochs`. Its verdicts were the same, with estimates within" in page(kept)
    rows.loc[rows["observation"] == "3", "verdict"] = "contradicted"
    earlier_file(kept).write_text(rows.to_csv(index=False), encoding="utf-8")
    assert "That run gave other results: observation 3, contradicted. Its other verdicts were the same" in page(kept)
    assert kept_tables(kept)["earlier"]["verdict"].tolist() == rows["verdict"].tolist()
