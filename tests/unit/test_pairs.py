"""The table of pairs, of a study small enough to compute by loops."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from four_members import ACTIVATIONS, CONDITIONS, IMAGES, MEASURED, NAMES, pairs_of, wrong

from resiliency.diversity.metrics import METRICS


def test_a_row_per_pair_metric_and_condition(pairs):
    assert pairs.columns.tolist() == ["first", "second", "kind", "metric", "condition", "raw", "diversity"]
    assert not pairs.duplicated(["first", "second", "metric", "condition"]).any()
    counts = pairs.groupby("metric").size().to_dict()
    expected = {name: 6 * len(CONDITIONS) for name, metric in METRICS.items() if metric.kind == "prediction"}
    assert counts == expected | dict.fromkeys([*MEASURED, *ACTIVATIONS], 6)
    assert set(zip(pairs["first"], pairs["second"], strict=True)) == set(combinations(NAMES, 2))
    assert (pairs[pairs.kind != "prediction"].condition == 0).all()
    assert np.isfinite(pairs[["raw", "diversity"]]).all(axis=None)


def test_pairs_by_loops(study, pairs):
    rows = pairs.set_index(["metric", "condition", "first", "second"])
    for (i, one), (j, other) in combinations(enumerate(NAMES), 2):
        for condition in range(len(CONDITIONS)):
            failures = list(zip(wrong(study, i, condition), wrong(study, j, condition), strict=True))
            expected = sum(a != b for a, b in failures) / IMAGES
            assert rows.loc[("disagreement", condition, one, other), "diversity"] == pytest.approx(expected)
            both = rows.loc[("double_fault", condition, one, other)]
            assert both.raw == pytest.approx(sum(a and b for a, b in failures) / IMAGES)
            assert both.diversity == -both.raw
        maps = study["maps"]["saliency"].astype(float)
        cosines = [
            (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()) for a, b in zip(maps[i], maps[j], strict=True)
        ]
        cosine = rows.loc[("saliency_cosine", 0, one, other)]
        assert cosine.raw == pytest.approx(np.mean(cosines))
        assert cosine.diversity == pytest.approx(1 - cosine.raw)


def test_pairs_of_a_member_that_a_method_does_not_apply_to_are_left_out(study, pairs):
    maps = study["maps"]["saliency"].copy()
    maps[1] = np.nan
    remaining = pairs_of(study | {"maps": study["maps"] | {"saliency": maps}})
    touched = pairs.metric.str.startswith("saliency") & ((pairs["first"] == NAMES[1]) | (pairs["second"] == NAMES[1]))
    assert touched.sum() == 4 * 3
    columns = ["metric", "condition", "first", "second"]
    expected, remaining = (table.sort_values(columns).reset_index(drop=True) for table in (pairs[~touched], remaining))
    pd.testing.assert_frame_equal(remaining, expected, atol=1e-9)
