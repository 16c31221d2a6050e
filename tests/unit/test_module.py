"""Another workflow can take this one as a module."""

from pathlib import Path

import pytest

SNAKEFILE = Path(__file__).parents[2] / "Snakefile"


@pytest.mark.parametrize("prefix", ["", " as resiliency_*"])
def test_another_workflow_plans_a_study(prefix, tmp_path, snakemake):
    (tmp_path / "Snakefile").write_text(
        f'configfile: "{SNAKEFILE.with_name("config.yaml")}"\n\n\n'
        f'module resiliency:\n    snakefile:\n        "{SNAKEFILE}"\n    config:\n        config\n\n\n'
        f"use rule * from resiliency{prefix}\n"
    )
    run = snakemake(["--dry-run", "--cores", "1", "results/mine/report.html", "--config", "study=mine"], tmp_path)
    assert run.returncode == 0, run.stdout
    assert f"{'resiliency_' if prefix else ''}train " in run.stdout
