"""Studies of published labels, which anybody can run, give what is published, and tables that were
reviewed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from golden_tables import compare_tables

from published.kept import RESULTS, present_file

REPOSITORY = Path(__file__).parents[2]
REGISTERED = {"cifar10_lengths_labels": "cifar10_lengths", "traffic_signs_labels": "traffic_signs"}
STUDIES = (*REGISTERED, "imagenet_decisions", "cifar10_published")
ENSEMBLES = 300  # what is tested here is about members
# Table -> its keys, the numbers that are compared, and the rows that the library has always
# estimated in this way.
RATES = [
    "points",
    "points_low",
    "points_high",
    "median_error",
    "log_odds",
    "log_odds_low",
    "log_odds_high",
]
COMPARED = {
    "observations": (["observation", "part"], ["estimate", "low", "high"], ["1a"]),
    "exchange_rates": (["exchange"], RATES, ["doubling_of_parameters", "doubling_of_training"]),
}


@pytest.fixture(scope="module", params=STUDIES)
def of_labels(request, tmp_path_factory, workflow_in):
    """The name of a study of published labels, and its results, with fewer ensembles."""
    folder = tmp_path_factory.mktemp("labels")
    (folder / "studies").symlink_to(REPOSITORY / "studies")
    study = yaml.safe_load((REPOSITORY / f"studies/{request.param}.yaml").read_text())
    study["ensembles"]["limit"] = ENSEMBLES
    workflow = workflow_in(folder, study)
    workflow.finish("--cores", "2", "tables")
    return request.param, workflow.results


def test_the_tables_are_those_that_were_reviewed(request, of_labels):
    study, results = of_labels
    compare_tables(request, results, study, trained=False)


def test_a_registered_study_has_the_numbers_that_its_labels_give(of_labels):
    """Those that are kept of the present library, and, if it left these alone, those of the
    registered commit."""
    study, results = of_labels
    if study not in REGISTERED:
        pytest.skip("no registered study")
    name = REGISTERED[study]
    for table, (keys, numbers, same) in COMPARED.items():
        own = pd.read_csv(results / f"tables/{table}.csv").set_index(keys)
        present = pd.read_csv(present_file(name, table)).set_index(keys)
        registered = pd.read_csv(RESULTS / name / f"{table}.csv").set_index(keys)
        np.testing.assert_allclose(own.loc[present.index, numbers], present[numbers], rtol=1e-6)
        same = registered.loc[same].index
        np.testing.assert_allclose(
            own.loc[same, numbers[0]], registered.loc[same, numbers[0]], rtol=1e-6
        )
