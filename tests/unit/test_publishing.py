"""What is kept of a run that is published, and what its page says of runs and settings that differ
from it."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from ended_runs import end_run, run_as_published

from published.kept import RESULTS, as_now, kept_tables
from published.page import longest_training, page, publish, shown_charts
from published.seeds import publish as publish_seeds
from published.seeds import runs_of
from resiliency.base.faults import Fault
from resiliency.report.overview import contenders
from resiliency.storage import read_json, read_table, write_json
from resiliency.tables import TABLES

DIGITS = RESULTS / "digits"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run with the tables of a published study, and the specification of a chart."""
    folder = run_as_published("imagenet_published", tmp_path / "results/mine")
    (folder / "charts").mkdir()
    spec = {"title": "t", "usermeta": {"finding": "f"}, "data": {"values": []}, "mark": "point"}
    write_json(folder / "charts/loss_weight.vl.json", spec)
    return end_run(folder)


def kept(run: Path) -> set[str]:
    """The names of what is kept of a run once it is published, in the folder that it lies in."""
    (pages := run.parents[1] / "docs").mkdir(exist_ok=True)
    publish(run, pages, pages)
    return {path.name for path in (pages / run.name).iterdir()}


def test_correlations_of_a_former_library_get_the_p_values_of_their_intervals_without_designs():
    tables = kept_tables(DIGITS)
    now = tables["correlations"]
    former = now.rename(columns={"low": "design_low", "high": "design_high"})
    former = former.assign(
        low=now["correlation"], high=now["correlation"], p_value=0.0, p_holm=0.0, units=24
    )
    made = as_now(tables | {"correlations": former})["correlations"][list(now)]
    pd.testing.assert_frame_equal(made, now, check_dtype=False, rtol=1e-4, atol=1e-7)


def test_no_table_chart_or_card_of_an_earlier_run_is_kept(run):
    assert {"observations.csv", "loss_weight.svg", "skipped.csv"} <= kept(run)
    provenance = read_json(run / "provenance.json")
    provenance["tables"].remove("skipped")
    provenance["charts"].remove("loss_weight")
    write_json(run / "provenance.json", provenance)
    assert not kept(run) & {"skipped.csv", "loss_weight.svg"}


def test_the_card_of_an_ensemble_that_was_exported_of_earlier_tables_is_not_kept(tmp_path):
    run = run_as_published("digits", tmp_path / "results/mine")
    number = contenders(read_table(run / "tables/deployment.csv"))[0]["number"]
    card = run / f"export/{number}/card.md"
    card.parent.mkdir(parents=True)
    card.write_text("# A placeholder")
    assert "export_card.md" in kept(run)
    os.utime(card, (0, 0))
    shutil.rmtree(run.parents[1] / "docs")
    assert "export_card.md" not in kept(run)


def test_what_is_kept_of_a_study_are_the_published_tables():
    """A registered study lacks those that are newer and has a former one, the default study lacks
    those of costs."""
    folders = (RESULTS / "traffic_signs", DIGITS)
    names = {path.name.partition(".")[0] for folder in folders for path in folder.glob("*.[cp]*")}
    assert names - {"origins"} == {
        Path(table.path).stem for table in TABLES.values() if table.published
    }


def test_members_of_several_training_lengths_are_not_shown_as_one_line():
    digits, signs = (
        shown_charts(kept_tables(RESULTS / name)) for name in ("digits", "traffic_signs")
    )
    assert set(digits) - set(signs) == {"effective_robustness"}


def test_designs_of_the_longest_training_that_still_learn_are_named():
    """Of five epochs, the last is a fifth: a rises by 2 points in it, b by less than one, c trains
    for four."""
    rising = [0.1, 0.2, 0.3, 0.4]
    curves = {"a": [*rising, 0.42], "b": [*rising, 0.405], "c": [*rising[:3], 0.9], "j": [0.5] * 9}
    rows = [
        (f"{name}-s0", name, epoch, value)
        for name, of in curves.items()
        for epoch, value in enumerate(of, 1)
    ]
    histories = pd.DataFrame(rows, columns=["member", "design", "epoch", "validation_accuracy"])
    members = (
        histories.groupby("member", as_index=False)["epoch"]
        .max()
        .rename(columns={"epoch": "training_epochs"})
    )
    members = members.assign(origin=["independent"] * 3 + ["joint"])
    assert longest_training(members, histories) == {"epochs": 5, "trained": 2, "late": ["a"]}
    assert longest_training(members, histories[:0]) == {"epochs": 0, "trained": 0, "late": []}


def test_a_page_says_how_the_study_that_ran_differs_from_its_file(tmp_path):
    copy = shutil.copytree(DIGITS, tmp_path / "digits")
    provenance = read_json(copy / "provenance.json")
    provenance["study"]["dataset"] |= {"name": "image_folder", "folder": "photos", "image_size": 32}
    provenance["study"] |= {"search": None, "probe": provenance["study"]["probe"] | {"n_images": 3}}
    provenance["study"]["training"]["flip"] = True
    write_json(copy / "provenance.json", provenance)
    images = '"dataset={name: image_folder, folder: <folder>, image_size: 32}"'
    text = page(copy)
    assert f'snakemake --cores all --config {images} "training={{flip: true}}" search=\n' in text
    assert "since then 1 key of its file changed: `probe.n_images`." in text
    assert "`probe.n_images`" not in page(DIGITS)


def finished(name: str, seed: int) -> Path:
    """Results of a study in the working folder: those published of the default study, with another
    seed."""
    results = run_as_published("digits", Path("results") / name)
    provenance = read_json(results / "provenance.json")
    provenance["study"] |= {"study": name, "seed": seed}
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
    assert publish_seeds({0: "digits", 1: "digits_seed1"}, docs, docs) == Path("docs/seeds.md")
    runs = pd.read_csv("docs/seeds/runs.csv")
    assert runs["seed"].tolist() == [0, 1]
    assert runs["clean_accuracy"].iloc[1] == 0.5
    assert (
        runs["gain"] - (runs["best_member_error"] - runs["best_ensemble_error"])
    ).abs().max() < 1e-6
    text = Path("docs/seeds.md").read_text(encoding="utf-8")
    assert "Observation 2 is no better than noise with 1 and undecided with 1 of 2 seeds." in text
    first = pd.read_csv("docs/seeds/verdicts.csv").query("observation == '2' and seed == 0").iloc[0]
    row = next(line for line in text.splitlines() if line.startswith(f"| 2 | {first['part']} |"))
    assert row.split(" | ")[-4:] == [f"{first['estimate'] + add:.3f}" for add in (0, 0.1, 0.2)] + [
        "0.141 |"
    ]


def test_each_seed_is_a_study_of_its_own(tmp_path):
    own = tmp_path / "mine.yaml"
    own.write_text("study: mine\nseed: 7\n")
    assert runs_of([own], 3) == {7: "mine", 8: "mine_seed8", 9: "mine_seed9"}


def test_a_study_with_the_name_of_another_page_is_refused(run):
    with pytest.raises(
        Fault, match=r"results/seeds: seeds\.md is a page about several runs; rename the folder"
    ):
        kept(run.rename(run.with_name("seeds")))
