"""The profiles parse, and name what the workflow has."""

import re
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
PROFILES = {path.parent.name: yaml.safe_load(path.read_text()) for path in REPOSITORY.glob("profiles/*/config.yaml")}
RULES = "".join(path.read_text() for path in (REPOSITORY / "rules").glob("*.smk"))
OWN = {
    rule.partition(":")[0]: rule.split("use rule")[0] for rule in re.split(r"^\s*rule ", RULES, flags=re.MULTILINE)[1:]
}
DERIVED = {new: old for old, new in re.findall(r"use rule (\w+) as (\w+) with", RULES)}
WITH_GPU = {name for name in [*OWN, *DERIVED] if "gpu=1" in OWN[DERIVED.get(name, name)]}
LARGE = {"dataset", "units", "score_members", "pairwise_diversity", "score_ensembles", "choose_ensembles"}
LARGE |= {"assess_ensembles", "leave_out_images", "export"}
LOCAL = {name for name, text in OWN.items() if "script:" not in text}


def test_jobs_with_a_gpu_and_no_others_go_to_its_partition():
    set_resources = PROFILES["slurm"]["set-resources"]
    assert set(set_resources) == WITH_GPU
    assert len({str(resources) for resources in set_resources.values()}) == 1


@pytest.mark.parametrize("rule", sorted(WITH_GPU & set(OWN)))
def test_scripts_of_jobs_with_a_gpu_claim_it(rule):
    assert "snakemake.resources.gpu)" in (REPOSITORY / f"scripts/{rule}.py").read_text()


def test_every_short_cpu_stage_shares_a_submission():
    assert set(PROFILES["slurm"]["groups"]) == {*OWN, *DERIVED} - WITH_GPU - LARGE - LOCAL


def test_profiles_leave_out_the_trigger_that_fingerprints_replace():
    assert "code" not in PROFILES["default"]["rerun-triggers"]
    assert not any("rerun-triggers" in profile for name, profile in PROFILES.items() if name != "default")
