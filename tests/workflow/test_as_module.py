"""Another workflow imports this one as a module, with a study that searches for an ensemble from a
member on."""

import json
from pathlib import Path

import pandas as pd
import yaml

REPOSITORY = Path(__file__).parents[2]
STUDY = yaml.safe_load("""
study: mine
dataset: {test_fraction: 0.1, images_per_class: {train: 70}}
corruptions: {names: [fog], severities: [1]}
training: {epochs: 2, warmup_epochs: 0.5}
members: {designs: [densenet_s, small], seeds: 1, baseline: small-s0}
designs: {small: {architecture: resnet18, stem: original, arguments: {channels: [8, 8, 16, 16]}}}
ensembles: {sizes: [2]}
joint: null
search:
  design: small
  start: small-s0
  elastic: {depth: [1, 1, 1, 1], width: [1, 0.5]}
  strategy: progressive
  objective: ensemble
  n_calibration_images: 64
  population: 8
  evaluations: 16
  members: 3
""")
FOLDER = f"results/{STUDY['study']}"
SNAKEFILE = f"""
configfile: "theirs.yaml"


module resiliency:
    snakefile: "{REPOSITORY}/Snakefile"
    config: config["resiliency"]


use rule * from resiliency as resiliency_*


rule count:
    default_target: True
    input: "{FOLDER}/conditions.csv", "{FOLDER}/search/evaluations.csv"
    output: "count.txt"
    shell: "wc -l < {{input[0]}} > {{output}}"
"""


def test_its_study_runs_over_the_defaults_and_is_current_afterwards(tmp_path, snakemake):
    """Beside other keys of the importing workflow."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "theirs.yaml").write_text(yaml.safe_dump({"epochs": 3, "resiliency": STUDY}))
    planned = snakemake(["-n", f"{FOLDER}/report.html"], tmp_path)
    assert planned.returncode == 0, planned.stdout
    for job in ("train", "corrupt", "report"):
        assert f"rule resiliency_{job}:" in planned.stdout
    done = snakemake(["--cores", "2"], tmp_path)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "count.txt").read_text().strip() == "3"  # the header, clean and fog
    assert "Nothing to be done" in snakemake(["-n"], tmp_path).stdout
    evaluations = pd.read_csv(tmp_path / FOLDER / "search/evaluations.csv")
    assert len(evaluations) == STUDY["search"]["evaluations"]
    chosen = evaluations.dropna(subset=["member"])
    assert sorted(chosen.member) == ["search-00", "search-01", "search-02"]
    supernet = json.loads((tmp_path / FOLDER / "search/supernet/member.json").read_text())
    assert supernet["start"].startswith("small-s0 (sha256 ")
