"""Ensembles by where their members come from."""

import numpy as np
import pandas as pd
import pytest

from resiliency.analysis.origins import ORIGINS, origin_of, origin_table

COLUMNS = ["origin", "strength", "size", "designs", "macs", "clean_accuracy"]
ROWS = [
    ("independent", np.nan, 2, 1, 100, 0.5),
    ("independent", np.nan, 2, 1, 100, 0.7),
    ("independent", np.nan, 2, 2, 130, 0.8),
    ("independent", np.nan, 3, 2, 200, 0.9),
    ("independent", np.nan, 3, 3, 255, 0.6),
    ("search", np.nan, 2, 2, 64, 0.4),
    ("joint", 0.0, 2, 1, 100, 0.1),
    ("joint", 0.5, 2, 1, 127, 0.2),
]


def ensembles() -> pd.DataFrame:
    table = pd.DataFrame(ROWS, columns=COLUMNS).assign(rule="vote", corrupted_accuracy=0.5, mean_corruption_error=0.5)
    return table.assign(mce=np.nan, disagreement_clean=0.25)


def test_origins_by_hand():
    one, several, search, joint = ORIGINS
    assert origin_of(ensembles()).tolist() == [one, one, several, "", several, search, "", joint]


def test_means_at_equal_size_and_at_equal_cost():
    table = origin_table(ensembles())
    assert set(table.measure) == {"clean_accuracy", "corrupted_accuracy", "mean_corruption_error", "disagreement_clean"}
    accuracy = table[table.measure == "clean_accuracy"].set_index(["equal", "least", "most", "origin"])
    one, several, search, joint = ORIGINS
    assert accuracy["mean"].to_dict() == pytest.approx(
        {
            ("size", 2, 2, one): 0.6,
            ("size", 2, 2, several): 0.8,
            ("size", 2, 2, search): 0.4,
            ("size", 2, 2, joint): 0.2,
            ("size", 3, 3, several): 0.6,
            ("macs", 64, 128, one): 0.6,
            ("macs", 64, 128, search): 0.4,
            ("macs", 64, 128, joint): 0.2,
            ("macs", 128, 256, several): 0.7,
        }
    )
    assert list(accuracy.index)[:4] == [("size", 2, 2, origin) for origin in ORIGINS]
    pair = accuracy.loc[("size", 2, 2, one)]
    assert (pair.ensembles, pair.lower_quartile, pair.upper_quartile) == pytest.approx((2, 0.55, 0.65))


def test_a_study_without_ensembles_has_an_empty_table():
    assert origin_table(ensembles().iloc[:0]).empty
