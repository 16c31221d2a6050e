"""Test sets added to a finished study: only they are predicted, and what the tables said before stays."""

import json
import os

import numpy as np
import pandas as pd
import pytest
from bounds import expanded, outside
from PIL import Image
from test_staleness import SCORES
from test_tables import conditions_of
from tiny_tables import TABLES

from resiliency.storage.tables import read_table

ADDED = {"noisy": {"images": "noisy_images.npy", "labels": "noisy_labels.npy"}, "negatives": {"folder": "negatives"}}
SOME = (3, 5, 8)


@pytest.fixture(scope="module")
def added(workflow, tmp_path_factory):
    """A copy of the tiny study with two test sets: arrays of noisy digits, and a folder of negatives of some digits."""
    copy = workflow.copied(tmp_path_factory.mktemp("further") / "copy")
    images, labels = (np.load(copy.results / f"data/test/{name}.npy") for name in ("images", "labels"))
    noise = np.random.default_rng(0).normal(0, 60, images[:50].shape)
    np.save(copy.directory / "noisy_images.npy", np.clip(images[:50] + noise, 0, 255).astype(np.uint8))
    np.save(copy.directory / "noisy_labels.npy", labels[:50].astype(np.int32))
    for index in np.flatnonzero(np.isin(labels, SOME)):
        path = copy.directory / f"negatives/{labels[index]}/{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - images[index]).save(path)
    copy.study = copy.directory / "study.yaml"
    copy.study.write_text(workflow.study.read_text() + f"\ntest_sets: {json.dumps(ADDED)}\n")
    planned = copy.planned()
    copy.finish("--cores", "2")
    return copy, planned


def test_a_new_test_set_predicts_only_that_test_set(added):
    finished, planned = added
    read = {"test_set_noisy": 1, "test_set_negatives": 1, "units": 2, "conditions": 1}
    assert planned == {**read, "predict_test_set": 2 * 12, **SCORES}
    for path in (finished.directory / "negatives").rglob("*.png"):
        os.utime(path)  # which does not matter for images that are stored as one array
    assert finished.planned() == {}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_columns_of_test_sets_are_described_and_there(table, added):
    results = added[0].results
    frame, (further, corruptions) = read_table(results / table.path), conditions_of(results)
    names, there = expanded(table, further, corruptions), set(frame)
    assert there - names.keys() == set()
    assert outside(table, frame, further, corruptions) == []
    of_test_sets = {column for column in table.columns if "<further>" in column.name}
    assert of_test_sets <= {names[name] for name in there}


def test_accuracy_of_members_among_the_classes_of_the_test_set(added):
    finished, _ = added
    members = pd.read_csv(finished.results / "tables/members.csv").set_index("member")
    labels = np.load(finished.results / "data/test_sets/negatives/labels.npy")
    for member, row in members.iterrows():
        logits = np.load(finished.results / f"predictions/{member}/negatives.npy")
        assert (logits.shape, logits.dtype) == ((1, len(labels), 10), np.float16)
        right = np.array(SOME)[logits[0][:, SOME].argmax(axis=1)] == labels
        assert row.negatives_accuracy == pytest.approx(right.mean())
        assert row.negatives_accuracy_low <= row.negatives_accuracy <= row.negatives_accuracy_high
        assert 0 <= row.noisy_accuracy <= 1


def test_every_analysis_tells_of_the_test_sets(added):
    tables = added[0].results / "tables"
    names = {"clean", "corrupted", *ADDED}
    columns = {"correlations": "condition", "correlation_differences": "condition", "calibration": "images"}
    for table, column in (columns | {"coincident_failures": "corruption"}).items():
        assert names <= set(pd.read_csv(tables / f"{table}.csv")[column])
    assert {f"{name}_accuracy" for name in names} < set(pd.read_csv(tables / "origins.csv").measure)


def test_nothing_that_was_there_changes(workflow, added):
    """Tables gain rows and columns; those that were there are the same to the last digit."""
    finished, _ = added
    for name in ("members.csv", "ensembles.parquet", "correlations.csv", "coincident_failures.csv", "deployment.csv"):
        read = pd.read_csv if name.endswith(".csv") else pd.read_parquet
        before, after = (read(study.results / "tables" / name) for study in (workflow, finished))
        for key in {"condition", "corruption"} & set(after):
            after = after[~after[key].isin(ADDED)].reset_index(drop=True)
        pd.testing.assert_frame_equal(after[list(before)], before, check_exact=True)
