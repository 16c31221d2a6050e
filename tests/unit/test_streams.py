"""Random streams depend on their names and on nothing else."""

import hashlib

import numpy as np
import pytest

from resiliency.base import streams
from resiliency.base.streams import derived_seed, entropy, stream


def test_entropy_is_the_hash_of_seed_and_names():
    expected = hashlib.sha256(b'[0, "train", "resnet50", 3]').hexdigest()
    assert f"{entropy(0, 'train', 'resnet50', 3):064x}" == expected


def test_known_values_stay():
    assert derived_seed(0, "train", "resnet50", 0) == 3107299669247147850
    assert stream(0, "bootstrap", "members").integers(0, 1000, 4).tolist() == [543, 584, 861, 34]


@pytest.mark.parametrize("number", [2**256 - 1, 2**255 + 7, 2**224, 2**224 - 1, 2**130 + 1, 2**32, 5])
def test_words_seed_as_their_number_does(number, monkeypatch):
    monkeypatch.setattr(streams, "entropy", lambda *_: number)
    expected = np.random.default_rng(np.random.SeedSequence(number)).integers(0, 2**63, 4)
    np.testing.assert_array_equal(stream(0).integers(0, 2**63, 4), expected)
