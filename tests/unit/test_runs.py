"""Only what the last run of a study made is read of its results."""

from pathlib import Path

import pytest
from ended_runs import PUBLISHED, run_as_published

from resiliency.api import Fault, load_ensemble
from resiliency.storage.files import write_json
from resiliency.storage.runs import Run
from resiliency.storage.tables import read_table, write_table


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A finished run with the tables of a published study."""
    return run_as_published("imagenet_published", tmp_path / "results/mine")


def test_no_ensemble_of_an_earlier_run_is_loaded(results):
    write_table(results / "tables/deployment.csv", read_table(PUBLISHED / "digits/deployment.csv"))
    with pytest.raises(Fault, match=r"tables/deployment\.csv: is of an earlier run"):
        load_ensemble(results)


def test_results_without_provenance_or_of_an_earlier_version_are_refused(results):
    write_json(results / "provenance.json", {"study": {}})
    with pytest.raises(Fault, match="an earlier version made"):
        Run(results)
    (results / "provenance.json").unlink()
    with pytest.raises(Fault, match=r"has no provenance\.json; run the study to its end first"):
        Run(results)
