"""Pages of results say what their tables say."""

import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from ended_runs import end_run
from PIL import Image

from resiliency.base.faults import Fault
from resiliency.report.overview import basis
from resiliency.results.excerpts import common_level
from resiliency.results.kept import kept_specs, kept_tables
from resiliency.results.page import page, publish
from resiliency.storage.tables import read_table, write_table

DOCS = Path(__file__).parents[2] / "docs" / "results"
STUDIES = sorted(path.parent for path in DOCS.glob("*/provenance.json"))


def test_studies_are_published():
    assert {"cifar10_published", "imagenet_published"} <= {folder.name for folder in STUDIES}


@pytest.mark.parametrize("kept", STUDIES, ids=lambda folder: folder.name)
def test_a_page_is_what_its_tables_give(kept):
    assert kept.with_suffix(".md").read_text(encoding="utf-8") == page(kept)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("observations.csv", "estimate"),
        ("best_ensembles.csv", "clean_accuracy"),
        ("correlations.parquet", "correlation"),
    ],
)
def test_another_number_in_a_table_changes_the_page(table, column, tmp_path):
    copy = shutil.copytree(DOCS / "digits", tmp_path / "digits")
    rows = read_table(copy / table)
    write_table(copy / table, rows.assign(**{column: rows[column] / 2}))
    assert page(copy) != page(DOCS / "digits")


def test_a_page_names_the_rule_by_which_the_recommended_model_was_chosen(tmp_path):
    """The margin is that of the most accurate model; tables without one are of a study before there was a margin."""
    copy = shutil.copytree(DOCS / "digits", tmp_path / "digits")
    rows = read_table(copy / "deployment.csv").drop(columns="margin", errors="ignore")
    write_table(copy / "deployment.csv", rows)
    assert "the cheapest that is not\nsignificantly worse than the most accurate one" in page(copy)
    write_table(copy / "deployment.csv", rows.assign(margin=rows.selection_error / 10))
    margin = 10 * rows[rows.fit].selection_error.min()
    assert f"shown to be\nworse than the most accurate one by at most {margin:.2f} percentage points" in page(copy)


def test_a_page_says_how_a_study_that_was_run_differs_from_its_file(tmp_path):
    copy = shutil.copytree(DOCS / "digits", tmp_path / "digits")
    provenance = json.loads((copy / "provenance.json").read_text(encoding="utf-8"))
    provenance["study"]["dataset"] |= {"name": "image_folder", "folder": "photos", "image_size": 32}
    provenance["study"]["search"] = None
    (copy / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    images = '"dataset={name: image_folder, folder: <folder>, image_size: 32}"'
    command = f"snakemake --cores all --config {images} search=\n"
    assert command in page(copy)
    assert "training.flip" not in page(copy)
    provenance["study"]["training"]["flip"] = True
    (copy / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    assert command.replace(" search=", ' "training={flip: true}" search=') in page(copy)


def test_a_page_of_an_earlier_version_of_a_study_names_what_changed(tmp_path):
    copy = shutil.copytree(DOCS / "digits", tmp_path / "digits")
    provenance = json.loads((copy / "provenance.json").read_text(encoding="utf-8"))
    before = page(copy)
    provenance["study"]["probe"]["images"] = 3
    (copy / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    assert "`probe.images`" not in before
    assert "**An earlier version of this study.**" in page(copy)
    assert "`probe.images`" in page(copy)


@pytest.mark.parametrize(
    ("accuracies", "said"),
    [([0.99, 0.97, 0.2, 0.1], (0.97, 2)), ([0.985, 0.985, 0.985], (0.98, 3)), ([0.3, 0.2], None), ([0.99], None)],
)
def test_the_level_that_half_of_the_designs_reach_is_told(accuracies, said):
    level = common_level(accuracies)
    assert level == (said and {"accuracy": said[0], "above": said[1]})


def test_page_and_report_count_designs_alike():
    tables = kept_tables(DOCS / "digits")
    members = tables["members"]
    trained = members[members["origin"] != "search"]
    said = f"{len(members)} members of {trained['design'].nunique()} designs in"
    assert said in page(DOCS / "digits")
    assert said in basis(None, tables)
    assert trained["design"].nunique() < members["design"].nunique()


def test_a_run_that_takes_the_place_of_another_keeps_what_that_one_gave(tmp_path):
    results, docs = tmp_path / "results" / "mine", tmp_path / "docs"
    shutil.copytree(DOCS / "imagenet_published", results / "tables", ignore=shutil.ignore_patterns("*.svg"))
    provenance = json.loads((results / "tables/provenance.json").read_text(encoding="utf-8"))
    errors = results / "tables/corruption_errors.parquet"
    write_table(errors.with_suffix(".csv"), read_table(errors))
    (results / "charts").mkdir()
    docs.mkdir()
    for seeds in ([1], [1, 1], [1, 2], [1, 2, 1]):
        provenance["study"]["seed"] = seeds[-1]
        end_run(results, provenance)
        written = publish(results, docs)
        changes = sum(first != second for first, second in pairwise(seeds))
        assert written.read_text(encoding="utf-8").count("Run again after its verdicts had been seen") == changes
        assert (docs / "mine_earlier.csv").is_file() == bool(changes)
    assert set(read_table(docs / "mine_earlier.csv")["changed"]) == {"seed"}


def test_an_unfinished_study_is_refused_and_its_page_stays(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "mine.md").write_text("as before", encoding="utf-8")
    (tmp_path / "mine" / "tables").mkdir(parents=True)
    with pytest.raises(Fault, match=r"has no provenance\.json; run the study to its end first"):
        publish(tmp_path / "mine", tmp_path / "docs")
    assert (tmp_path / "docs" / "mine.md").read_text(encoding="utf-8") == "as before"


def test_a_study_with_the_name_of_another_page_is_refused(tmp_path):
    results = tmp_path / "results/seeds"
    shutil.copytree(DOCS / "digits", results / "tables")
    (results / "tables/provenance.json").rename(results / "provenance.json")
    write_table(results / "tables/corruption_errors.csv", read_table(results / "tables/corruption_errors.parquet"))
    end_run(results)
    with pytest.raises(Fault, match=r"results/seeds: seeds\.md is a page about several runs; rename the folder"):
        publish(results, tmp_path / "docs")
    assert not (tmp_path / "docs").exists()


def test_a_chart_with_many_marks_is_kept_as_png_and_a_long_table_as_parquet(tmp_path, monkeypatch):
    results, docs = tmp_path / "results" / "mine", tmp_path / "docs"
    shutil.copytree(DOCS / "imagenet_published", results / "tables", ignore=shutil.ignore_patterns("*.svg"))
    (results / "tables/provenance.json").rename(results / "provenance.json")
    errors = results / "tables/corruption_errors.parquet"
    write_table(errors.with_suffix(".csv"), read_table(errors))
    (results / "charts").mkdir()
    specification = {"title": "t", "usermeta": {"finding": "f", "caption": "c"}}
    for name in ("ceiling", "gallery", "error_by_severity"):
        (results / f"charts/{name}.vl.json").write_text(json.dumps(specification), encoding="utf-8")
    (results / "charts/ceiling.svg").write_text("<svg/>", encoding="utf-8")
    Image.new("RGB", (4, 4)).save(results / "charts/ceiling.png")
    docs.mkdir()
    end_run(results)
    assert "/ceiling.svg)" in publish(results, docs).read_text(encoding="utf-8")
    monkeypatch.setattr("resiliency.results.page.LARGE_PICTURE", 3)
    monkeypatch.setattr("resiliency.results.page.LONG_TABLE", 3)
    assert "/ceiling.png)" in publish(results, docs).read_text(encoding="utf-8")
    kept = {path.name for path in (docs / "mine").iterdir()}
    assert {"ceiling.png", "members.parquet", "observations.parquet"} <= kept
    assert "ceiling.svg" not in kept
    assert set(kept_specs(docs / "mine")) == {"ceiling"}  # of no pictures, and of none that tables suffice for
