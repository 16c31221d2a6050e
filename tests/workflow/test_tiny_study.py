"""The tiny study through Snakemake: real training, real corruptions, every stage."""

from itertools import product

import pandas as pd
import pytest
from golden_tables import compare_tables
from tiny_tables import TABLES

from published.choosing import table_of
from resiliency.report.settings import CHART_SUFFIXES, CHARTS


def test_all_files_with_fixed_names_exist(workflow):
    names = [table.path for table in TABLES.values()]
    names += [f"charts/{chart}{suffix}" for chart in CHARTS for suffix in CHART_SUFFIXES]
    names += [
        "report.html",
        "provenance.json",
        "conditions.csv",
        "data/card.json",
        "data/test/labels.npy",
    ]
    empty = [name for name in names if not (workflow.results / name).stat().st_size]
    assert empty == []
    written = {
        f"tables/{path.name}" for path in (workflow.results / "tables").iterdir() if path.is_file()
    }
    assert written == {name for name in names if name.startswith("tables/")}


def test_the_tables_are_those_that_were_reviewed(request, workflow):
    compare_tables(request, workflow.results, "tiny", trained=True)


def test_tables_hold_what_the_study_asks_for(workflow):
    members = pd.read_csv(workflow.results / "tables/members.csv")
    assert len(members) == 2 * 2 + 3 * 2 + 2
    assert members.set_index("member").mce["densenet_s-s0"] == 1
    errors = pd.read_csv(workflow.results / "tables/corruption_errors.csv")
    assert len(errors) == len(members) * (1 + 2 * 2)
    histories = pd.read_csv(workflow.results / "tables/histories.csv")
    trained = members[members.origin != "search"].member
    assert list(zip(histories.member, histories.epoch, strict=True)) == list(
        product(trained, (1, 2))
    )
    ensembles = pd.read_parquet(workflow.results / "tables/ensembles.parquet")
    pool = ensembles[ensembles.origin == "independent"]
    counts = {
        rule: of_rule.value_counts().to_dict() for rule, of_rule in pool.groupby("rule")["size"]
    }
    assert counts == {rule: {2: 6, 3: 4} for rule in ("mean_probability", "plurality_vote")}
    assert ensembles.origin.value_counts()["joint"] == 3 * 2
    assert set(ensembles[ensembles.origin == "search"].members) == {"search-00+search-01"}


def test_deployed_ensembles_are_judged_on_the_other_half(workflow):
    """Both halves together give the error on all test images, which other tables have."""
    deployment = pd.read_csv(workflow.results / "tables/deployment.csv")
    members = pd.read_csv(workflow.results / "tables/members.csv")
    ensembles = pd.read_parquet(workflow.results / "tables/ensembles.parquet")
    ensembles = ensembles[ensembles.rule == "mean_probability"]
    expected = dict(zip(ensembles.members, ensembles.corrupted_error, strict=True))
    expected |= dict(zip(members.member, members.corrupted_error, strict=True))
    rows = deployment[deployment.found != "greedy"]
    halves = rows.selection_error * rows.n_selection_images + rows.corrupted_error * rows.n_images
    errors = halves / (rows.n_selection_images + rows.n_images)
    assert errors.tolist() == pytest.approx(rows.members.map(expected).tolist(), abs=1e-6)
    fit = deployment[(deployment["size"] == 1) & deployment.fit]
    assert 4 <= len(fit) < 6
    assert set(deployment[deployment.found == "greedy"]["size"]) == set(range(4, len(fit) + 1))


def test_members_chosen_from_a_finished_run_are_those_of_the_run(workflow):
    written = pd.read_csv(workflow.results / "tables/choosing.csv").select_dtypes("number")
    pd.testing.assert_frame_equal(
        table_of(workflow.results)[written.columns], written, check_dtype=False
    )
