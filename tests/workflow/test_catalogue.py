"""The Snakefile that the catalogue of workflows looks for, on a cluster, with an image."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_it_plans_what_the_one_at_the_top_does_and_a_plan_says_what_jobs_ask_for(
    tmp_path, snakemake, workflow_in, monkeypatch
):
    monkeypatch.setenv("RESILIENCY_IMAGE", "resiliency.sif")
    options = ["-n", "--profile", "profiles/slurm", "--directory", str(tmp_path)]
    options += ["--configfile", "studies/cifar10.yaml"]
    runs = [
        snakemake([*options, "--snakefile", name], REPOSITORY)
        for name in ("Snakefile", "workflow/Snakefile")
    ]
    top, other = (workflow_in.planned_in(run.stdout) for run in runs)
    assert len(top) > 20
    assert other == top | {"default": 1}
    table = runs[1].stdout.partition("Each job asks for:\n")[2].splitlines()
    asked = {rule: words for rule, *words in map(str.split, table)}
    assert asked.keys() == {"rule", *top}
    shown = (
        (REPOSITORY / "docs/cluster.md")
        .read_text(encoding="utf-8")
        .partition("Each job asks for:\n")[2]
    )
    lines = shown.partition("  ...")[0].splitlines()
    assert len(lines) > 2
    assert set(lines) <= set(table)
