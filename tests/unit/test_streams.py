"""Random streams depend on their names alone; those that draw together give the numbers of NumPy's
generators."""

import numpy as np
import pytest

from resiliency.base import streams
from resiliency.base.streams import derived_seed, stream
from resiliency.corruptions.filters import Streams, draw, seeded


def test_known_values_stay():
    assert derived_seed(0, "train", "resnet50", 0) == 3107299669247147850
    assert stream(0, "bootstrap", "members").integers(0, 1000, 4).tolist() == [543, 584, 861, 34]


@pytest.mark.parametrize(
    "number", [2**256 - 1, 2**255 + 7, 2**224, 2**224 - 1, 2**130 + 1, 2**32, 5]
)
def test_words_seed_as_their_number_does(number, monkeypatch):
    monkeypatch.setattr(streams, "entropy", lambda *_: number)
    expected = np.random.default_rng(np.random.SeedSequence(number)).integers(0, 2**63, 4)
    np.testing.assert_array_equal(stream(0).integers(0, 2**63, 4), expected)


@pytest.mark.parametrize("zeros", range(9))
def test_highest_words_that_are_0_do_not_seed(zeros):
    """As of a number, whose words end at the last that is not 0; those within count."""
    entropy = np.arange(1, 9)
    entropy[8 - zeros :], entropy[1] = 0, 0
    number = sum(int(word) << 32 * place for place, word in enumerate(entropy))
    states, words = np.empty((1, 4), np.uint64), np.empty((1, 5), np.uint64)
    seeded(entropy[None].astype(np.uint64), states)
    draw(states, words)
    np.testing.assert_array_equal(
        words[0], np.random.PCG64(np.random.SeedSequence(number)).random_raw(5)
    )


def test_streams_draw_as_their_generators():
    seed, names, indices = 2**70, ("corrupt", "fog", 3), [0, 7, 123456789, 2**40]
    streams, expected = (
        Streams(seed, names, indices),
        [stream(seed, *names, index) for index in indices],
    )
    for of in ((-45, 45, ()), (0.1, 0.3, (3, 2))):
        np.testing.assert_array_equal(streams.uniform(*of), [one.uniform(*of) for one in expected])
    for count in (1, 0, 996):
        raw = [other.bit_generator.random_raw(count) for other in expected]
        np.testing.assert_array_equal(streams.words(count), raw)
    limits = np.array([6, 417, 2**20])
    drawn = streams.parts("<u4", (3,)).astype(np.uint64) * limits.astype(np.uint64) >> np.uint64(32)
    np.testing.assert_array_equal(drawn, [one.integers(limits) for one in expected])
