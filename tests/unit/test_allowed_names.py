"""Names that would give a column two meanings are refused; with those that are accepted each column has one."""

import re
from collections import Counter

import pytest
from bounds import expanded, listed

from resiliency.base.names import HELD_OUT, MAIN, images_fault
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.tables import TABLES

CORRUPTIONS = [*MAIN, *HELD_OUT]
BUILT_IN = [*METRICS, *ENSEMBLE_METRICS]
# Columns of the tables, which hold names at placeholders; by_corruption.parquet is joined to ensembles.parquet.
WIDE = {table.path: listed(table) for table in TABLES.values() if any("<" in name for name in listed(table))}
WIDE["tables/ensembles.parquet"] += ["mean_member_<corruption>_accuracy"]
WIDE["tables/ensembles.parquet"] += ["<ensemble metric>_<corruption>", "<pair metric>_<corruption>"]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Entropy", "a corruption or metric"),
        ("Selection", "held_out, selection, validation"),
        ("Fog", "a corruption or metric"),
        ("photos_RAW", "does not end in raw"),
        ("nll", "does not end in nll"),
        ("mean_member", "does not begin with mean_member"),
        ("Clean_on_photos", "does not begin with clean_on"),
        ("first_stage", "does not begin with first_stage"),
        ("consistency_fog", "does not begin with consistency"),
        ("night", "a corruption or metric, their parts"),
        ("photos_low", ""),
    ],
)
def test_names_of_images_with_which_a_column_has_two_meanings_are_refused(name, fault):
    said = images_fault(name, [*CORRUPTIONS, "first_stage_night"], BUILT_IN)
    assert fault in said
    assert bool(fault) == bool(said)


def test_columns_have_one_meaning_where_test_sets_are_called_as_parts_of_columns():
    parts = {re.sub("<.+?>", "", name).strip("_") for of_table in WIDE.values() for name in of_table}
    parts |= {word for name in [*parts, *BUILT_IN, *CORRUPTIONS] for word in name.split("_")}
    near = {name for part in parts for name in (part, f"photos_{part}", f"{part}_photos")}
    further = ["photos", *(name for name in sorted(near) if not images_fault(name, CORRUPTIONS, BUILT_IN))]
    assert len(further) > 100
    for of_table in WIDE.values():
        made = Counter(column for column, _ in expanded(of_table, further, CORRUPTIONS))
        assert [column for column, count in made.items() if count > 1] == []
