"""Only what the last run of a study made is read of its results."""

import shutil
from pathlib import Path

import pytest
from attacks.cases import outcome
from attacks.leftovers import leftovers
from ended_runs import end_run

from resiliency.api import Fault, load_ensemble
from resiliency.results.page import publish
from resiliency.storage.files import read_json, write_json
from resiliency.storage.runs import FILES, Run
from resiliency.storage.tables import read_table, write_table

DOCS = Path(__file__).parents[2] / "docs/results"


def test_what_is_left_over_or_was_made_again_is_told_from_what_the_run_made(tmp_path, monkeypatch):
    for number, case in enumerate(leftovers()):
        (folder := tmp_path / str(number)).mkdir()
        monkeypatch.chdir(folder)
        result = outcome(case, folder)
        assert result.kind == ("accepted" if case.message is None else "refused"), (case.name, result.detail)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results with the tables of a published study, and a chart."""
    folder = tmp_path / "results/mine"
    (folder / "charts").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    for path in (DOCS / "imagenet_published").iterdir():
        if path.suffix in (".csv", ".parquet"):
            (folder / "tables").mkdir(exist_ok=True)
            write_table(folder / f"tables/{path.stem}.csv", read_table(path))
    texts = {"title": "t", "usermeta": {"finding": "f", "caption": "c"}}
    write_json(folder / "charts/ceiling.vl.json", texts)
    (folder / "charts/ceiling.svg").write_text("<svg/>", encoding="utf-8")
    shutil.copy(DOCS / "imagenet_published/provenance.json", folder)
    return end_run(folder)


def kept(results: Path) -> set[str]:
    publish(results, results.parents[1] / "docs")
    return {path.name for path in (results.parents[1] / "docs/mine").iterdir()}


def leave_over(results: Path, *paths: str) -> None:
    provenance = read_json(results / "provenance.json")
    write_json(
        results / "provenance.json",
        provenance | {FILES: {path: made for path, made in provenance[FILES].items() if path not in paths}},
    )


def test_a_page_shows_no_table_chart_or_card_of_an_earlier_run(results):
    assert {"observations.csv", "ceiling.svg"} <= kept(results)
    tables = {path.stem for path in (results / "tables").iterdir()} - {"members", "corruption_errors", "observations"}
    table = sorted(tables & {path.split(".")[0] for path in kept(results)})[0]
    (results / "export").mkdir()
    (results / "export/card.md").write_text("# A placeholder")
    leave_over(results, f"tables/{table}.csv", "charts/ceiling.svg", "charts/ceiling.vl.json")
    assert not kept(results) & {f"{table}.csv", f"{table}.parquet", "ceiling.svg", "export_card.md"}


def test_a_page_of_tables_that_were_made_again_is_refused(results):
    before = kept(results)
    members = read_table(results / "tables/members.csv")
    write_table(results / "tables/members.csv", members.assign(clean_accuracy=0.5))
    with pytest.raises(Fault, match=r"tables/members\.csv: has changed since the run"):
        publish(results, results.parents[1] / "docs")
    assert {path.name for path in (results.parents[1] / "docs/mine").iterdir()} == before
    end_run(results)
    assert kept(results) == before


def test_published_provenance_lists_no_files(results):
    kept(results)
    assert FILES not in read_json(results.parents[1] / "docs/mine/provenance.json")


def test_no_ensemble_of_an_earlier_run_is_loaded(results):
    write_table(results / "tables/deployment.csv", read_table(DOCS / "digits/deployment.csv"))
    with pytest.raises(Fault, match=r"tables/deployment\.csv: is of an earlier run"):
        load_ensemble(results)


def test_results_without_provenance_or_of_an_earlier_version_are_refused(results):
    write_json(results / "provenance.json", {"study": {}})
    with pytest.raises(Fault, match="an earlier version made"):
        Run(results)
    (results / "provenance.json").unlink()
    with pytest.raises(Fault, match=r"has no provenance\.json; run the study to its end first"):
        Run(results)
