"""Another workflow that imports this one as a module, with a study of its own."""

from pathlib import Path

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


def test_its_study_runs_over_the_defaults_and_is_current_afterwards(tmp_path, snakemake):
    """Beside other keys of the importing workflow."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "theirs.yaml").write_text(yaml.safe_dump({"epochs": 3, "resiliency": STUDY}))
    planned = snakemake(["-n", "results/mine/report.html"], tmp_path)
    assert planned.returncode == 0, planned.stdout
    for job in ("train", "corrupt", "report"):
        assert f"rule resiliency_{job}:" in planned.stdout
    assert "results/mine/members/small-s0/weights.safetensors" in planned.stdout
    done = snakemake(["--cores", "2"], tmp_path)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "count.txt").read_text().strip() == "3"  # the header, clean and fog
    assert "Nothing to be done" in snakemake(["-n"], tmp_path).stdout
