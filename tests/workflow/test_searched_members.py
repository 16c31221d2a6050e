"""A search that starts from a member, shrinks progressively and looks for the best ensemble, through Snakemake."""

import json

import pandas as pd

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


def test_a_started_search_for_an_ensemble_keeps_its_budget(workflow_in, tmp_path):
    searched = workflow_in(tmp_path, STUDY)
    searched.finish("--cores", "2", TABLE)
    evaluations = pd.read_csv(tmp_path / TABLE)
    assert len(evaluations) == SEARCH["evaluations"]
    chosen = evaluations.dropna(subset=["member"])
    assert sorted(chosen.member) == ["search-00", "search-01", "search-02"]
    assert chosen.macs.sum() <= SEARCH["macs_budget"]
    supernet = json.loads((searched.results / "search/supernet/member.json").read_text())
    assert supernet["start"].startswith("small-s0 (sha256 ")
