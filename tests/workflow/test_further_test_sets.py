"""Test sets added to a finished study: only they are predicted, what tables said stays, all columns
are described."""

import json

import numpy as np
import pandas as pd
import pytest
from bounds import expanded, listed
from PIL import Image
from test_staleness import PAGE, SCORES
from tiny_tables import TABLES

from resiliency.storage import read_table
from resiliency.tables import faults

ADDED = {
    "noisy": {"images": "noisy_images.npy", "labels": "noisy_labels.npy"},
    "negatives": {"folder": "negatives"},
}
SOME = (3, 5, 8)
# Columns that a study of digits, all of whose members can be compared, does not have, and those of
# limits and costs.
ELSEWHERE = ("_pairs", "shifted_error", "n_clean_effective_images", "cost", "limit_")


@pytest.fixture(scope="module")
def added(workflow, tmp_path_factory):
    """A copy of the tiny study with two test sets: arrays of noisy digits, and a folder of
    negatives of some digits."""
    copy = workflow.copied(tmp_path_factory.mktemp("further") / "copy")
    images, labels = (
        np.load(copy.results / f"data/test/{name}.npy") for name in ("images", "labels")
    )
    noise = np.random.default_rng(0).normal(0, 60, images[:50].shape)
    np.save(
        copy.directory / "noisy_images.npy", np.clip(images[:50] + noise, 0, 255).astype(np.uint8)
    )
    np.save(copy.directory / "noisy_labels.npy", labels[:50].astype(np.int32))
    for index in np.flatnonzero(np.isin(labels, SOME)):
        path = copy.directory / f"negatives/{labels[index]}/{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - images[index]).save(path)
    copy.study = copy.directory / "study.yaml"
    copy.study.write_text(workflow.study.read_text() + f"\ntest_sets: {json.dumps(ADDED)}\n")
    planned = copy.planned("tables")
    copy.finish("--cores", "2", "tables")
    return copy, planned


def test_a_new_test_set_predicts_only_that_test_set(added):
    finished, planned = added
    read = {"test_set_noisy": 1, "test_set_negatives": 1, "units": 2, "conditions": 1}
    expected = {**read, "predict_test_set": 2 * 12, **SCORES, "tables": 1}
    assert planned == {rule: jobs for rule, jobs in expected.items() if rule not in PAGE}
    assert finished.planned("tables") == {}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_columns_are_described_and_there_and_keep_to_their_bounds(table, added):
    frame = read_table(added[0].results / table.path)
    names = dict(expanded(listed(table), ADDED, ["gaussian_noise", "contrast"]))
    assert set(frame) - names.keys() == set()
    assert faults(table, frame) == []
    missing = {*listed(table)} - {names[name] for name in frame}
    assert [name for name in missing if not any(part in name for part in ELSEWHERE)] == []


def test_every_analysis_tells_of_the_test_sets(added):
    tables = added[0].results / "tables"
    names = {"clean", "corrupted", *ADDED}
    for table in ("correlations", "coincident_failures"):
        assert names <= set(pd.read_csv(tables / f"{table}.csv")["images"])
    assert {f"{name}_accuracy" for name in names} < set(
        pd.read_csv(tables / "ensemble_sizes.csv").measure
    )


def test_nothing_that_was_there_changes(workflow, added):
    """Tables gain rows and columns; those that were there are the same to the last digit."""
    finished, _ = added
    for name in (
        "members.csv",
        "ensembles.parquet",
        "correlations.csv",
        "coincident_failures.csv",
        "deployment.csv",
    ):
        read = pd.read_csv if name.endswith(".csv") else pd.read_parquet
        before, after = (read(study.results / "tables" / name) for study in (workflow, finished))
        if "images" in after:
            after = after[~after["images"].isin(ADDED)].reset_index(drop=True)
        pd.testing.assert_frame_equal(after[list(before)], before, check_exact=True)
