"""Studies of published labels, which anybody can run, give what the labels say and what is published."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from resiliency.analysis.exchange_rates import exchange_rates
from resiliency.analysis.observations.study import observations
from resiliency.analysis.verdicts import observation_table
from resiliency.analysis.without_images import EnsembleTables, WithoutImages
from resiliency.base.corruption_names import MAIN
from resiliency.storage.tables import read_distinct, read_table, write_table

REPOSITORY = Path(__file__).parents[2]
STUDIES = sorted((REPOSITORY / "studies").glob("*_labels.yaml"))
CONFIDENCE = 0.95
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
def finished(request, tmp_path_factory, workflow_in) -> tuple[Path, dict[str, pd.DataFrame]]:
    """A study, and its tables about single members: observations without placebos, which take a minute."""
    folder, study = tmp_path_factory.mktemp("labels"), yaml.safe_load(request.param.read_text())
    (folder / "studies").symlink_to(REPOSITORY / "studies")
    study["ensembles"]["limit"] = ENSEMBLES
    workflow = workflow_in(folder, study)
    paths = {name: workflow.results / path for name, path in MADE.items()}
    workflow.finish("--cores", "2", *(str(path.relative_to(folder)) for path in paths.values()))
    made = {name: read_table(path) for name, path in paths.items() if name != "pairs"}
    tables = EnsembleTables(
        ensembles=made["ensembles"],
        image_errors=made["image_errors"],
        without_images=WithoutImages(made["ensembles_without"], made["members_without"]),
        metrics=read_distinct(paths["pairs"], ["kind", "metric"]),
    )
    members, images, (rule,) = made["members"], int(made["conditions"].images.iloc[0]), study["ensembles"]["rules"]
    observed = observations(members, images, tables, rule, None, "label", draws=0)
    write_table(folder / "observations.csv", observation_table(observed, CONFIDENCE))
    write_table(folder / "exchange_rates.csv", exchange_rates(members, tables, images, rule, CONFIDENCE))
    written = {name: pd.read_csv(folder / f"{name}.csv") for name in ("observations", "exchange_rates")}
    return request.param, written | {"members": members}


def test_members_have_the_accuracies_of_their_labels(finished):
    """Computed from the files anew; corrupted error is the mean over the main corruptions and their severities."""
    study, tables = finished
    settings, members = yaml.safe_load(study.read_text()), tables["members"].set_index("member")
    for file in settings["external"]["decisions"]:
        labels = pd.read_parquet(REPOSITORY / file)
        names = list(labels.columns.drop(["test_set", "image", "label", "unit"]))
        right = labels[names].eq(labels["label"], axis=0).groupby(labels["test_set"]).mean()
        corrupted = [name for name in right.index if name.partition(".")[0] in MAIN]
        assert len(corrupted) == 5 * len(MAIN)
        found = members.loc[names]
        np.testing.assert_allclose(found["corrupted_error"], 1 - right.loc[corrupted].mean(), rtol=1e-6)
        np.testing.assert_allclose(found["clean_accuracy"], right.loc["clean"], rtol=1e-6)
        (other,) = settings["external"]["test_sets"]
        np.testing.assert_allclose(found[f"{other}_accuracy"], right.loc[other], rtol=1e-6)


def test_a_published_study_has_the_numbers_that_its_labels_give(finished):
    study, tables = finished
    kept = REPOSITORY / "published/results" / study.stem.removesuffix("_labels")
    if not kept.is_dir():
        pytest.skip("its training has not ended")
    own, published = (of.set_index(["observation", "part"])["estimate"] for of in _both(tables, kept, "observations"))
    np.testing.assert_allclose(own.loc[["1a", "1b"]], published.loc[own.loc[["1a", "1b"]].index], rtol=1e-6)
    own, published = (of.set_index("exchange")["points"] for of in _both(tables, kept, "exchange_rates"))
    np.testing.assert_allclose(own.loc[[*EXACT]], published.loc[[*EXACT]], rtol=1e-6)
    np.testing.assert_allclose(own.loc[[*BY_GROUPS]], published.loc[[*BY_GROUPS]], rtol=0.1)


def _both(tables: dict[str, pd.DataFrame], kept: Path, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    return tables[name], pd.read_csv(kept / f"{name}.csv")
