"""The tables of the ensembles of deployment.csv, from the tables and predictions that a study keeps."""

import numpy as np
import pandas as pd
import pytest
from predicted import drawn, logits_of

from resiliency.analysis.assessment import NO_VALIDATION, temperature_of
from resiliency.analysis.contenders import (
    CALIBRATION_OF_ROLES,
    UNDER_CORRUPTION,
    assessment,
    both_halves,
    comparison,
    contenders,
    ensemble_of,
    errors_under,
    judged_half,
    named_in,
)
from resiliency.analysis.left_out import Resampling
from resiliency.prediction.reading import read_validation

IMAGES, NAMES = 60, ["a-s0", "b-s0", "c-s0"]
SETTINGS = Resampling(50, 0.9, 0)
MEMBERS = pd.DataFrame(
    {
        "member": NAMES,
        "validation_accuracy": [0.5, 0.7, 0.9],
        "weights_kind": ["trained", "trained", "pretrained"],
        "macs": [3e6, 1e6, np.nan],
    }
)
DEPLOYMENT = pd.DataFrame(
    {
        "members": ["a-s0", "a-s0+b-s0", "b-s0+c-s0"],
        "size": [1, 2, 2],
        "rule": "mean_probability",
        "selection_error": [0.3, 0.1, 0.2],
        "corrupted_error": [0.3, 0.1, 0.2],
        "baseline": [True, False, False],
    }
)


@pytest.fixture
def predictions():
    return dict(zip(NAMES, drawn(len(NAMES), IMAGES)[1], strict=True))


@pytest.fixture
def validation(tmp_path):
    logits, labels = logits_of(2, IMAGES, 1)
    for name, of_member in zip(NAMES, logits, strict=False):
        np.save(tmp_path / f"{name}.npy", of_member[:1])
    return read_validation([tmp_path / f"{name}.npy" for name in NAMES], labels, {"a-s0", "b-s0"})


def test_each_ensemble_is_assessed_with_its_own_members(predictions, validation):
    tables = assessment(DEPLOYMENT, MEMBERS, predictions, validation, SETTINGS)
    of_ensemble = tables.temperatures.drop_duplicates("members").set_index("members")
    members, (chosen, _) = MEMBERS.set_index("member"), both_halves(predictions, SETTINGS)
    for joined in ("a-s0", "a-s0+b-s0"):
        own, of_validation = (
            ensemble_of(joined.split("+"), "mean_probability", of, members) for of in (predictions, validation)
        )
        assert of_ensemble.temperature[joined] == temperature_of(of_validation, False, own, chosen).value
    assert of_ensemble.fitted_on.to_dict() == {
        "a-s0": "validation",
        "a-s0+b-s0": "validation",
        "b-s0+c-s0": "corrupted",
    }
    assert of_ensemble.note["b-s0+c-s0"] == NO_VALIDATION
    assert of_ensemble.brier_difference.isna().to_dict() == {"a-s0": True, "a-s0+b-s0": False, "b-s0+c-s0": False}
    assert list(dict.fromkeys(tables.selective.members)) == list(DEPLOYMENT.members)
    assert list(dict.fromkeys(tables.curves.members)) == list(DEPLOYMENT.members)
    assert set(tables.selective.confidence) == set(tables.temperatures.confidence) == {0.9}


def test_roles_are_compared_on_the_images_that_judge(predictions):
    roles = contenders(DEPLOYMENT)
    assert named_in(row["members"] for row in roles.values()) == {"a-s0", "b-s0"}
    needed = {name: predictions[name] for name in ("a-s0", "b-s0")}
    tables = comparison(roles, MEMBERS, needed, SETTINGS)
    judged = judged_half(needed, SETTINGS)
    best = ensemble_of(["a-s0", "b-s0"], "mean_probability", needed, MEMBERS.set_index("member"))
    table = tables.under_corruptions.query("corruption == 'corrupted'").set_index("role")
    assert table.error["best ensemble"] == pytest.approx(errors_under(best, judged).mean())
    assert table.members.to_dict() == {"best ensemble": "a-s0+b-s0", "best member": "a-s0", "baseline": "a-s0"}
    assert list(tables.under_corruptions) == [*UNDER_CORRUPTION, "confidence"]
    assert list(tables.calibration) == CALIBRATION_OF_ROLES
    clean = tables.calibration[tables.calibration.images == "clean"].groupby("role").predictions.sum()
    assert clean.to_dict() == dict.fromkeys(roles, IMAGES // 2)


def test_nobody_is_compared_where_no_error_is_known():
    nobody = comparison({}, MEMBERS, {}, SETTINGS)
    assert (len(nobody.under_corruptions), len(nobody.calibration)) == (0, 0)
    assert list(nobody.under_corruptions) == [*UNDER_CORRUPTION, "confidence"]
