"""The pages of reference, and the schema, say what the code says; with allowed names each column
has one meaning."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from bounds import expanded, listed
from jsonschema import Draft202012Validator

from resiliency.base.names import HELD_OUT, MAIN, images_fault
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.reference import pages
from resiliency.storage import read_table
from resiliency.study.files import read_merged
from resiliency.tables import METRICS as NAMED
from resiliency.tables import TABLES, described, faults, made

REPOSITORY = Path(__file__).parents[2]
STUDIES = [REPOSITORY / "config.yaml", *sorted((REPOSITORY / "studies").glob("*.yaml"))]
SCHEMA = Draft202012Validator(
    json.loads((REPOSITORY / "studies/study.schema.json").read_text(encoding="utf-8"))
)
WRITTEN = pages(REPOSITORY)


@pytest.mark.parametrize("name", WRITTEN)
def test_files_are_what_the_code_gives(name):
    """`python -m resiliency.reference` writes them."""
    assert (REPOSITORY / name).read_text(encoding="utf-8") == WRITTEN[name]


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_studies_alone_and_merged_fit_the_schema(study):
    SCHEMA.validate(yaml.safe_load(study.read_text(encoding="utf-8")))
    SCHEMA.validate(read_merged([REPOSITORY / "config.yaml", study]))


def parts(schema: object) -> Iterator[dict]:
    """`schema` and all schemas in it."""
    if isinstance(schema, dict):
        yield schema
    for inner in (
        schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    ):
        yield from parts(inner)


def test_every_number_has_a_lower_and_an_upper_limit():
    numbers = [part for part in parts(SCHEMA.schema) if part.get("type") in ("integer", "number")]
    assert len(numbers) > 50
    for low_or_high in ({"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}):
        assert [number for number in numbers if not low_or_high & number.keys()] == []


PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
EXAMPLES = [
    pytest.param(example, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, example in enumerate(
        re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    )
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_of_studies_fit_the_schema(example):
    SCHEMA.validate(yaml.safe_load(example))


OF_STUDIES = (file.parent for file in (REPOSITORY / "published/results").glob("*/provenance.json"))
# Tables, and columns of correlations.csv, selective_prediction.csv and observations.csv, by the
# code of registered studies, which stays that of their registration.
FORMER_TABLES = ["origins"]
FORMER = [
    "naive_low",
    "naive_high",
    "width_ratio",
    "design_low",
    "design_high",
    "difference_of_means",
]
FORMER += ["influential", "without_it"]
FORMER += ["aurc_difference", "aurc_difference_low", "aurc_difference_high"]
FILES = (path for of in OF_STUDIES for path in of.iterdir() if path.suffix in (".csv", ".parquet"))
KEPT = sorted(path for path in FILES if path.stem not in FORMER_TABLES)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_columns_of_published_tables_are_described(path):
    """Some tables are kept in another format than that of the study."""
    errors = read_table(path.parent / "corruption_errors.parquet")
    corruptions = [name for name in errors.corruption.unique() if name != "clean"]
    further = [name for name in errors.test_set.unique() if name != "clean"]
    frame = read_table(path).drop(columns=FORMER, errors="ignore")
    table = TABLES[path.stem]
    assert set(frame) - dict(expanded(listed(table), further, corruptions)).keys() == set()
    assert faults(table, frame) == []


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"epoch": 1, "learning_rate": None, "origin": ""}, ""),
        ({"epochs": 1}, "epochs: unknown column"),
        ({"epoch": 0}, "epoch: 0, expected whole number, from 1"),
        ({"validation_accuracy": 1.5}, "validation_accuracy: 1.5, expected 0 to 1"),
        ({"origin": "search"}, "origin: search, expected `independent` or `joint`"),
        ({"family": 3}, "family: 3, expected text"),
    ],
)
def test_columns_and_values_that_are_not_as_described_are_found(cells, fault):
    table = pd.DataFrame([{"member": "a-s0", **cells}])
    assert faults(TABLES["histories"], table) == ([fault] if fault else [])


def test_the_metrics_in_names_of_columns_are_those_of_the_registries():
    assert {"pair metric": [*METRICS], "ensemble metric": [*ENSEMBLE_METRICS]} == NAMED


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_made_where_the_study_has_all_that_it_needs(name):
    needs = {*TABLES[name].needs}
    assert name in made(needs)
    assert all(name not in made(needs - {need}) for need in needs)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("error_consistency_clean", "<pair metric>_<images>"),
        ("error_consistency_clean_pairs", "<pair metric>_<images>_pairs"),
        ("error_fog", "error_<corruption>"),
        ("clean_on_photos_accuracy", "clean_on_<further>_accuracy"),
        ("photos_accuracy_low", "<test set>_accuracy_low"),
        ("consistency", None),
    ],
)
def test_columns_are_found_by_the_names_of_metrics_and_images_in_theirs(name, column):
    found = described(TABLES["ensembles"], name)
    assert (column in found.names) if column else found is None


def test_tables_are_read_where_yaml_has_no_c():
    text = (REPOSITORY / "scripts/resiliency/tables.yaml").read_text(encoding="utf-8")
    assert yaml.load(text, yaml.SafeLoader)["tables"].keys() == {
        table.path for table in TABLES.values()
    }


CORRUPTIONS = [*MAIN, *HELD_OUT]
BUILT_IN = [*METRICS, *ENSEMBLE_METRICS]
# Columns of the tables, which hold names at placeholders; by_corruption.parquet is joined to
# ensembles.parquet.
WIDE = {
    table.path: listed(table)
    for table in TABLES.values()
    if any("<" in name for name in listed(table))
}
WIDE["tables/ensembles.parquet"] += ["mean_member_<corruption>_accuracy"]
WIDE["tables/ensembles.parquet"] += ["<ensemble metric>_<corruption>", "<pair metric>_<corruption>"]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Entropy", "a corruption or metric"),
        ("Selection", "held_out, selection, validation"),
        ("Fog", "a corruption or metric"),
        ("photos_RAW", "does not end in raw"),
        ("Clean_on_photos", "does not begin with clean_on"),
        ("first_stage", "does not begin with first_stage"),
        ("night", "a corruption or metric, their parts"),
        ("photos_low", ""),
    ],
)
def test_names_of_images_with_which_a_column_has_two_meanings_are_refused(name, fault):
    said = images_fault(name, [*CORRUPTIONS, "first_stage_night"], BUILT_IN)
    assert fault in said
    assert bool(fault) == bool(said)


def test_columns_have_one_meaning_where_test_sets_are_called_as_parts_of_columns():
    parts = {
        re.sub("<.+?>", "", name).strip("_") for of_table in WIDE.values() for name in of_table
    }
    parts |= {word for name in [*parts, *BUILT_IN, *CORRUPTIONS] for word in name.split("_")}
    near = {name for part in parts for name in (part, f"photos_{part}", f"{part}_photos")}
    further = [
        "photos",
        *(name for name in sorted(near) if not images_fault(name, CORRUPTIONS, BUILT_IN)),
    ]
    assert len(further) > 100
    for of_table in WIDE.values():
        made = Counter(column for column, _ in expanded(of_table, further, CORRUPTIONS))
        assert [column for column, count in made.items() if count > 1] == []
