"""A corruption, a metric and a chart of another package, through Snakemake."""

import os

import numpy as np
import own_package
import pandas as pd
import pytest

from resiliency.storage.files import read_json

PACKAGES = "packages"
STUDY = {
    "study": "lens",
    "dataset": {"test_fraction": 0.1, "images_per_class": {"train": 20}},
    "corruptions": {"names": ["fog", "vignetting"], "severities": [1, 5]},
    "training": {"epochs": 1, "warmup_epochs": 0.5},
    "members": {"designs": ["densenet_s"], "seeds": 3, "baseline": "densenet_s-s0"},
    "joint": None,
    "search": None,
    "probe": {"images": 20},
    "attribution": {"methods": ["saliency"], "steps": 4},
    "ensembles": {"sizes": [2]},
    "statistics": {"resamples": 200},
    "charts": {"pixels_per_point": 1},
}


@pytest.fixture(scope="module")
def study(workflow_in, tmp_path_factory):
    """The study, finished in an environment that has the package."""
    directory = tmp_path_factory.mktemp("lens")
    own_package.install(directory / PACKAGES)
    path = os.pathsep.join([str(directory / PACKAGES), os.environ.get("PYTHONPATH", "")])
    study = workflow_in(directory, STUDY, environment=os.environ | {"PYTHONPATH": path}, forked=True)
    study.finish("--cores", "2")
    return study


def test_members_are_tested_under_the_corruption(study):
    clean = np.load(study.results / "data/test/images.npy").astype(float)
    corrupted = np.load(study.results / "corrupted/vignetting.npy")
    np.testing.assert_array_equal(corrupted[1][:, 0, 0], 0)
    middle = slice(15, 17)
    assert abs(corrupted[1][:, middle, middle] - clean[:, middle, middle]).max() <= 1
    errors = pd.read_csv(study.results / "tables/corruption_errors.csv")
    assert set(errors.loc[errors["corruption"] == "vignetting", "severity"]) == {1, 5}
    members = pd.read_csv(study.results / "tables/members.csv").set_index("member")
    fog = errors[errors["corruption"] == "fog"].groupby("member")["error"].mean()
    np.testing.assert_allclose(members["mce"], (fog / fog["densenet_s-s0"])[members.index])


def test_the_report_shows_all_three(study):
    page = (study.results / "report.html").read_text()
    section = page.partition('<h2 id="designs">')[2].partition("<h2 ")[0]
    assert 'id="chart-accuracy_by_family"' in section
    assert "Hellinger" in (study.results / "charts/correlation_heatmap.svg").read_text()
    assert read_json(study.results / "provenance.json")["packages"]["lens-study"] == "1.0"


def test_a_change_of_the_package_makes_what_it_adds_again(study):
    assert study.planned() == {}
    path = study.directory / PACKAGES / "lens_study/hellinger.py"
    path.write_text(path.read_text() + "\n")
    planned = study.planned()
    assert {"corrupt", "pairwise_diversity", "score_ensembles", "charts", "report"} <= set(planned)
    assert "train" not in planned
