"""A run of some of the targets."""


def test_a_run_of_one_target_names_no_report(workflow_in, tmp_path):
    study = workflow_in(tmp_path)
    card = f"results/{study.results.name}/data/card.json"
    stale = study.results / "report.html"
    stale.parent.mkdir(parents=True)
    stale.write_text("of an earlier run", encoding="utf-8")
    run = study.snakemake("--cores", "1", card)
    assert run.returncode == 0, run.stdout
    assert (tmp_path / card).is_file()
    last = run.stdout.rstrip().splitlines()[-1]
    assert last.startswith("Done in ")
    assert last.endswith(" No report: it is not among the targets of this run")
    assert "Report: results" not in run.stdout
