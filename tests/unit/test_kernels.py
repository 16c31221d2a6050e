"""Compiled sums over images and classes, against loops; test_ensembles.py has the answers of
ensembles."""

import numpy as np
import pytest

from resiliency.ensembles import kernels
from resiliency.ensembles.pool import ensembles_of
from resiliency.ensembles.scoring import blocks


@pytest.mark.parametrize("count", [1, 8, 1003])
def test_logarithms_add_up_with_a_least_probability(count):
    values = np.random.default_rng(0).random(count).astype(np.float32)
    values[-1] = 0
    expected = np.log(np.maximum(values.astype(float), 1e-12)).sum()
    assert kernels._log_sum(values, np.empty(kernels.FACTORS)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("members", "classes", "size", "thinned"),
    [(20, 1000, 5, 1), *((7, 70, size, thinned) for size in (2, 3, 4, 7) for thinned in (1, 2, 5))],
)
@pytest.mark.parametrize("largest", [10**6, 9])
def test_sums_of_products_by_loops(members, classes, size, thinned, largest):
    """Those of many members and classes are products of large matrices, in parts."""
    values = np.random.default_rng(0).random((3, members, classes)).astype(np.float32)
    ensembles = ensembles_of(members, size)[::thinned]
    products = np.full((len(values), len(ensembles)), np.nan)
    for block in blocks(ensembles, largest):
        sums = np.empty((len(values), len(block.places)), np.float32)
        parts = block.before, block.after, block.of_before, block.of_after
        kernels.product_sums(block.ensembles, *parts, block.runs, values, sums)
        products[:, block.places] = sums
    some = slice(None, None, 1 + len(ensembles) // 200)
    expected = [
        values[:, members].astype(float).prod(axis=1).sum(axis=1) for members in ensembles[some]
    ]
    np.testing.assert_allclose(products[:, some], np.transpose(expected), rtol=1e-5)
