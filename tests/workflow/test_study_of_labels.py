"""Studies of published labels, which anybody can run, give what is published."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from published.kept import PRESENT, RESULTS, present_file
from resiliency.analysis.exchange_rates import exchange_rates
from resiliency.analysis.observations import observations
from resiliency.analysis.verdicts import observation_table
from resiliency.storage import read_distinct, read_table, write_table

REPOSITORY = Path(__file__).parents[2]
STUDIES = sorted((REPOSITORY / "studies").glob("*_labels.yaml"))
CONFIDENCE, RULE = 0.95, "plurality_vote"
ENSEMBLES = 300  # what is tested here is about members
MADE = {
    "members": "tables/members.csv",
    "conditions": "conditions.csv",
    "ensembles": "tables/ensembles.parquet",
    "pairs": "diversity/pairs.parquet",
    "image_errors": "ensembles/image_errors.parquet",
    "ensembles_without": "ensembles/leave_images_out.parquet",
    "members_without": "ensembles/members_leave_images_out.parquet",
}
# Table -> its keys, the numbers that are compared, and the rows that the library has always estimated in this way.
RATES = ["points", "points_low", "points_high", "median_error", "log_odds", "log_odds_low", "log_odds_high"]
COMPARED = {
    "observations": (["observation", "part"], ["estimate", "low", "high"], ["1a"]),
    "exchange_rates": (["exchange"], RATES, ["doubling_of_parameters", "doubling_of_training"]),
}


@pytest.fixture(scope="module", params=STUDIES, ids=lambda file: file.stem)
def of_labels(request, tmp_path_factory, workflow_in):
    """The name of a published study, and files of the study of its labels, which makes fewer ensembles here."""
    folder, study = tmp_path_factory.mktemp("labels"), yaml.safe_load(request.param.read_text())
    (folder / "studies").symlink_to(REPOSITORY / "studies")
    study["ensembles"]["limit"] = ENSEMBLES
    workflow = workflow_in(folder, study)
    paths = {name: workflow.results / path for name, path in MADE.items()}
    workflow.finish("--cores", "2", *(str(path.relative_to(folder)) for path in paths.values()))
    return request.param.stem.removesuffix("_labels"), paths


def test_a_published_study_has_the_numbers_that_its_labels_give(of_labels, tmp_path):
    """Those that are kept of the present library, and, where it left these alone, those of the registered commit."""
    name, paths = of_labels
    kept = RESULTS / name
    if not kept.is_dir():
        pytest.skip("its training has not ended")
    for table, own in zip(PRESENT, without_placebos(paths, tmp_path), strict=True):
        present, registered = pd.read_csv(present_file(name, table)), _of(kept, table)
        keys, numbers, same = COMPARED[table]
        own, present, registered = (of.set_index(keys) for of in (own, present, registered))
        np.testing.assert_allclose(own.loc[present.index, numbers], present[numbers], rtol=1e-6)
        same = registered.loc[same].index
        np.testing.assert_allclose(own.loc[same, numbers[0]], registered.loc[same, numbers[0]], rtol=1e-6)


def without_placebos(paths: dict[str, Path], folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Observations and exchange rates of the study, written to a folder; placebos of observations take a minute."""
    read = {name: read_table(path) for name, path in paths.items() if name != "pairs"}
    tables = read | {"pairs": read_distinct(paths["pairs"], ["kind", "metric"])}
    members, n_images = read["members"], int(read["conditions"].n_images.iloc[0])
    observed = observations(members, n_images, tables, RULE, None, "label", draws=0)
    write_table(folder / "observations.csv", observation_table(observed, CONFIDENCE))
    write_table(folder / "exchange_rates.csv", exchange_rates(members, tables, observed, RULE, CONFIDENCE))
    return _of(folder, "observations"), _of(folder, "exchange_rates")


def _of(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv")
