"""A search that starts from a member, shrinks progressively and looks for the best ensemble, through Snakemake."""

import json
import time
from pathlib import Path

import pandas as pd
import pytest
from test_faults import jobs_of

REPOSITORY = Path(__file__).parents[2]
SEARCH = {
    "design": "small",
    "start": "small-s0",
    "elastic": {"depth": [1, 1, 1, 1], "width": [1, 0.5], "kernel": [3, 1]},
    "strategy": "progressive",
    "objective": "ensemble",
    "macs_budget": 4_000_000,
    "calibration_images": 64,
    "population": 8,
    "evaluations": 60,
    "members": 3,
}
STUDY = {
    "study": "searched",
    "dataset": {"test_fraction": 0.1, "images_per_class": {"train": 70}},
    "training": {"epochs": 2, "warmup_epochs": 0.5},
    "designs": {"small": {"architecture": "resnet18", "stem": "original", "arguments": {"channels": [8, 8, 16, 16]}}},
    "members": {"designs": ["small"], "seeds": 2, "baseline": "small-s0"},
    "joint": None,
    "search": SEARCH,
    "probe": {"images": 20},
    "ensembles": {"sizes": [2]},
}
TABLE = "results/searched/search/evaluations.csv"
SUPERNET = "results/searched/search/supernet/weights.safetensors"
SAVING = """
import sys
sys.path.insert(0, {scripts!r})
from resiliency.training import checkpoints
checkpoints.PAUSE = 0
"""


@pytest.fixture(scope="module")
def searched(workflow_in, tmp_path_factory):
    """The study, up to the members that the search finds."""
    directory = tmp_path_factory.mktemp("searched")
    study = workflow_in(directory, STUDY)
    study.finish("--cores", "2", TABLE)
    return study


def results_of(study) -> dict[str, bytes]:
    """Files that super-network and search leave, without the checksums, which tell of earlier runs too."""
    paths = [path for folder in ("search", "members") for path in (study.results / folder).rglob("*") if path.is_file()]
    files = {str(path.relative_to(study.results)): path.read_bytes() for path in paths}
    return {name: content for name, content in files.items() if ".checksums" not in name}


def test_a_started_search_for_an_ensemble_keeps_its_budget(searched):
    evaluations = pd.read_csv(searched.directory / TABLE)
    assert len(evaluations) == SEARCH["evaluations"]
    chosen = evaluations.dropna(subset=["member"])
    assert sorted(chosen.member) == ["search-00", "search-01", "search-02"]
    assert chosen.macs.sum() <= SEARCH["macs_budget"]
    supernet = json.loads((searched.results / "search/supernet/member.json").read_text())
    assert supernet["start"].startswith("small-s0 (sha256 ")


@pytest.fixture(scope="module")
def saving(tmp_path_factory):
    """A path for Python on which jobs save where they stand at every opportunity."""
    path = tmp_path_factory.mktemp("saving")
    (path / "sitecustomize.py").write_text(SAVING.format(scripts=str(REPOSITORY / "scripts")))
    return path


@pytest.fixture
def killed(searched, saving, tmp_path, monkeypatch):
    """A copy of the study in which the job of a script was killed after its first checkpoint, in a folder."""

    def kill(script: str, folder: str):
        killed = searched.copied(tmp_path / "killed")
        with monkeypatch.context() as patched:
            patched.setenv("PYTHONPATH", str(saving))
            run = killed.start("--cores", "1", SUPERNET, TABLE, "--forcerun", script)
        while not (killed.results / folder / "checkpoint.pt").exists():
            assert run.poll() is None
            time.sleep(0.01)
        for job in jobs_of(killed):
            if job.info["cmdline"][-1].endswith(f".{script}.py"):
                job.kill()
        assert run.wait(60) != 0
        return killed

    return kill


def test_a_killed_super_network_starts_anew_if_other_sub_networks_shall_learn(killed):
    changed = killed("train_supernet", "search/supernet")
    changed.finish("--cores", "2", SUPERNET, "--config", "search={random_subnetworks: 3}")
    log = (changed.results / "logs/train_supernet/all.log").read_text()
    assert "checkpoint has different settings; training from scratch" in log
    assert "resuming" not in log


@pytest.mark.parametrize(("script", "folder"), [("train_supernet", "search/supernet"), ("search", "search")])
def test_a_killed_job_ends_with_the_same_files(searched, killed, script, folder):
    killed = killed(script, folder)
    killed.finish("--cores", "2", SUPERNET, TABLE)
    log = (killed.results / "logs" / script / "all.log").read_text()
    assert script == "search" or "resuming at step" in log
    assert not list(killed.results.rglob("checkpoint.pt"))
    assert results_of(killed) == results_of(searched)
