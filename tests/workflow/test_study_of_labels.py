"""Studies of published labels, which anybody can run, give what is published."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from resiliency.analysis.exchange_rates import exchange_rates
from resiliency.analysis.observations.study import observations
from resiliency.analysis.verdicts import observation_table
from resiliency.analysis.without_images import EnsembleTables, WithoutImages
from resiliency.storage.tables import read_distinct, read_table, write_table

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
EXACT = ("family_at_equal_accuracy", "doubling_of_parameters", "doubling_of_training")
# Without the noise of images, by random groups of these, in which probe images of the published study count.
BY_GROUPS = ("family", "best_to_worst_family", "point_of_clean_accuracy", "another_seed")


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
    name, paths = of_labels
    kept = REPOSITORY / "published/results" / name
    if not kept.is_dir():
        pytest.skip("its training has not ended")
    observed, rates = without_placebos(paths, tmp_path)
    own, published = (of.set_index(["observation", "part"])["estimate"] for of in (observed, _of(kept, "observations")))
    np.testing.assert_allclose(own.loc[["1a", "1b"]], published.loc[own.loc[["1a", "1b"]].index], rtol=1e-6)
    own, published = (of.set_index("exchange")["points"] for of in (rates, _of(kept, "exchange_rates")))
    np.testing.assert_allclose(own.loc[[*EXACT]], published.loc[[*EXACT]], rtol=1e-6)
    np.testing.assert_allclose(own.loc[[*BY_GROUPS]], published.loc[[*BY_GROUPS]], rtol=0.1)


def without_placebos(paths: dict[str, Path], folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Observations and exchange rates of the study, written to a folder; placebos of observations take a minute."""
    read = {name: read_table(path) for name, path in paths.items() if name != "pairs"}
    tables = EnsembleTables(
        ensembles=read["ensembles"],
        image_errors=read["image_errors"],
        without_images=WithoutImages(read["ensembles_without"], read["members_without"]),
        metrics=read_distinct(paths["pairs"], ["kind", "metric"]),
    )
    members, images = read["members"], int(read["conditions"].images.iloc[0])
    observed = observations(members, images, tables, RULE, None, "label", draws=0)
    write_table(folder / "observations.csv", observation_table(observed, CONFIDENCE))
    write_table(folder / "exchange_rates.csv", exchange_rates(members, tables, images, RULE, CONFIDENCE))
    return _of(folder, "observations"), _of(folder, "exchange_rates")


def _of(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv")
