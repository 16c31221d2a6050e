"""Sub-networks of a space of architectures, and what training them costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_spaces import everything, space_of

from resiliency.search.network import training_macs


def test_the_smallest_sub_networks_are_found_in_order():
    space = space_of(width=(1, 0.75, 0.5))
    costs = sorted(space.macs(genes) for genes in everything(space))
    smallest = space.smallest(25)
    assert [space.macs(genes) for genes in smallest] == costs[:25]
    assert len({genes.tobytes() for genes in smallest}) == 25
    assert len(space.smallest(10**6)) == space.count == len(costs)
    assert len({str(space.shape(genes)) for genes in everything(space)}) == space.count


@given(st.integers(0, 2**32), st.sampled_from([None, [], ["depth"], ["width", "kernel"]]))
@settings(max_examples=50)
def test_random_sub_networks_are_in_the_space(seed, dimensions):
    space = space_of("bottleneck", width=(1, 0.75, 0.5))
    genes = space.random(np.random.default_rng(seed), dimensions)
    assert (genes >= 0).all()
    assert (genes < space.sizes).all()
    for name, part in zip(("depth", "width", "kernel"), genes.reshape(3, -1), strict=True):
        assert dimensions is None or name in dimensions or not part.any()


def test_what_training_costs():
    space = space_of(depth=[1, 2, 1, 2], kernel=(3,))
    largest, smallest = space.macs(0 * space.sizes), space.macs(space.sizes - 1)
    mean = np.mean([space.macs(genes) for genes in everything(space)])
    assert training_macs(space, "sandwich", 2, []) == pytest.approx(largest + smallest + 2 * mean, rel=0.05)
    phases = [[], ["width"]]
    assert training_macs(space, "progressive", 1, phases) == pytest.approx(largest + mean / 2, rel=0.05)
