"""Votes of ensembles of which a member may be known by its predicted labels alone."""

import numpy as np
import pytest
from four_members import BASELINE, CONDITIONS, IMAGES, answers, described

from resiliency.base.names import CLEAN
from resiliency.ensembles.combination import VOTE, Ensemble
from resiliency.ensembles.pool import EnsembleErrors, ensembles_of
from resiliency.ensembles.table import Pool
from resiliency.prediction.reading import Predictions, Truth

EVERYTHING = np.arange(IMAGES)


@pytest.fixture(scope="module")
def predictions(study) -> list[Predictions]:
    """The four members, the third known by its predicted labels alone."""
    decided = {CLEAN: study["logits"][2].argmax(axis=-1)}
    members = list(study["predictions"])
    members[2] = Predictions(CONDITIONS, decided, {CLEAN: Truth(study["labels"])})
    return members


def wrong(predictions: list[Predictions], ensemble: np.ndarray) -> np.ndarray:
    """What the ensemble by itself gets wrong, float32 conditions x images."""
    alone = Ensemble([predictions[member] for member in ensemble], np.ones(len(ensemble)), VOTE)
    return np.array([next(alone.outputs(condition, EVERYTHING)).errors for condition in range(len(CONDITIONS))])


@pytest.mark.parametrize("size", [2, 3])
def test_mean_probabilities_break_the_ties_of_ensembles_that_have_them(study, pairs, predictions, size):
    ensembles = ensembles_of(4, size)
    expected = np.array([wrong(predictions, ensemble) for ensemble in ensembles])
    known = (ensembles != 2).all(axis=1)
    by_loops = [[answers(study, one, c, VOTE) for c in range(len(CONDITIONS))] for one in ensembles[known]]
    assert (expected[known] == ~np.array(by_loops)).all()
    assert not np.isin(expected[~known], [0, 1]).all()
    scored = EnsembleErrors(predictions, np.ones(4), VOTE)
    corrupted = expected[:, 1:]
    assert np.array([scored.wrong(one, EVERYTHING) for one in ensembles]) == pytest.approx(corrupted)
    assert scored.condition_errors(ensembles, EVERYTHING) == pytest.approx(corrupted.mean(axis=2))
    assert scored.image_errors(ensembles, EVERYTHING) == pytest.approx(corrupted.mean(axis=1))
    table = Pool(described(study), predictions, [pairs], BASELINE, 0.95).score([ensembles], [VOTE])[0]
    assert table["corrupted_error"].to_numpy() == pytest.approx(corrupted.mean(axis=(1, 2)))
    assert table["clean_accuracy"].to_numpy() == pytest.approx(1 - expected[:, 0].mean(axis=1))
