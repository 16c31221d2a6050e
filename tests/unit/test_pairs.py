"""The table of pairs, of a study small enough to compute by loops."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from four_members import ACTIVATIONS, CLASSES, CONDITIONS, IMAGES, MEASURED, NAMES, pairs_of, wrong

from resiliency.diversity.metrics import METRICS
from resiliency.diversity.pairs import pair_tables
from resiliency.ensembles.table import _diversity_matrices


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


def test_a_pair_does_not_depend_on_the_others(study, pairs):
    alone = pairs_of(study, [1, 3]).set_index(["metric", "condition"])
    among = pairs[(pairs["first"] == NAMES[1]) & (pairs["second"] == NAMES[3])].set_index(["metric", "condition"])
    pd.testing.assert_frame_equal(alone, among.loc[alone.index], atol=1e-9)


def test_chunks_of_images_do_not_matter(study, pairs, monkeypatch):
    monkeypatch.setattr("resiliency.diversity.pairs.CHUNK_VALUES", 4 * CLASSES * 7)
    pd.testing.assert_frame_equal(pairs_of(study), pairs, atol=1e-6)


@pytest.mark.parametrize("threads", [2, 100])
def test_threads_do_not_matter(study, threads):
    one, several = (list(pair_tables(NAMES, study["predictions"], None, [], threads=t)) for t in (1, threads))
    assert len(one) == len(several)
    for table, other in zip(one, several, strict=True):
        pd.testing.assert_frame_equal(table, other, check_exact=True)


def test_only_the_chosen_metrics_are_compared(study):
    table = pairs_of(study, metrics=["saliency_iou"])
    assert set(table[table.kind != "prediction"].metric) == {"saliency_iou"}


def test_pairs_of_a_member_that_a_method_does_not_apply_to_are_left_out(study, pairs):
    maps = study["maps"]["saliency"].copy()
    maps[1] = np.nan
    remaining = pairs_of(study | {"maps": study["maps"] | {"saliency": maps}})
    touched = pairs.metric.str.startswith("saliency") & ((pairs["first"] == NAMES[1]) | (pairs["second"] == NAMES[1]))
    assert touched.sum() == 4 * 3
    columns = ["metric", "condition", "first", "second"]
    expected, remaining = (table.sort_values(columns).reset_index(drop=True) for table in (pairs[~touched], remaining))
    pd.testing.assert_frame_equal(remaining, expected, atol=1e-9)


def test_pairs_are_written_a_condition_and_many_a_metric_at_a_time(study, pairs, monkeypatch):
    tables = list(pair_tables(NAMES, study["predictions"], lambda source: [], []))
    assert {len(table) for table in tables} == {6 * 7, 6 * 2}  # metrics of decisions, and of probabilities
    monkeypatch.setattr("resiliency.diversity.pairs.TABLE_ROWS", 11)
    split = list(pair_tables(NAMES, study["predictions"], lambda source: [], []))
    assert {len(table) for table in split} == {6}
    pd.testing.assert_frame_equal(*(pd.concat(some, ignore_index=True) for some in (tables, split)))
    parts = [pairs[:7], pairs[7:8], pairs[8:]]
    one, split = (
        _diversity_matrices(blocks, NAMES, [np.array(["clean", "a", "a", "b", None])]) for blocks in ([pairs], parts)
    )
    assert list(one[0]) == list(split[0])
    for name, matrix in one[0].items():
        np.testing.assert_array_equal(matrix, split[0][name])
