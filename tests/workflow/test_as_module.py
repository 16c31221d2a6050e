"""Another workflow that imports this one as a module, with a study of its own."""

from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
STUDY = {
    "study": "mine",
    "corruptions": {"names": ["fog"], "severities": [1]},
    "members": {"designs": ["densenet_s", "small"], "seeds": 1, "baseline": "small-s0"},
    "designs": {"small": {"architecture": "convnext_atto", "stem": "original", "arguments": {"dims": [6, 12, 24, 48]}}},
    "ensembles": {"sizes": [2]},
    "joint": None,
    "search": None,
}
SNAKEFILE = f"""
configfile: "theirs.yaml"


module resiliency:
    snakefile: "{REPOSITORY}/Snakefile"
    config: config["resiliency"]


use rule * from resiliency as resiliency_*


rule count:
    default_target: True
    input: f"results/{{config['resiliency']['study']}}/conditions.csv"
    output: "count.txt"
    shell: "wc -l < {{input}} > {{output}}"
"""


@pytest.fixture
def importing(tmp_path):
    """The folder of the importing workflow; its file of configuration has other keys beside the study."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "theirs.yaml").write_text(yaml.safe_dump({"epochs": 3, "resiliency": STUDY}))
    return tmp_path


def test_its_study_runs_over_the_defaults_and_is_current_afterwards(importing, snakemake):
    planned = snakemake(["-n", "results/mine/report.html"], importing)
    assert planned.returncode == 0, planned.stdout
    for job in ("resiliency_train", "resiliency_report", "resiliency_corrupt"):
        assert f"rule {job}:" in planned.stdout
    assert "results/mine/members/small-s0/weights.safetensors" in planned.stdout
    done = snakemake(["--cores", "2"], importing)
    assert done.returncode == 0, done.stdout
    assert (importing / "count.txt").read_text().strip() == "3"  # the header, clean and fog
    again = snakemake(["-n"], importing)
    assert "Nothing to be done" in again.stdout
