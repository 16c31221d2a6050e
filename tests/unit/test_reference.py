"""The pages of reference, and the schema, say what the code says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from bounds import expanded, listed
from jsonschema import Draft202012Validator

from resiliency.reference import pages
from resiliency.storage import read_table
from resiliency.study.files import read_merged
from resiliency.tables import TABLES, described, faults, made

REPOSITORY = Path(__file__).parents[2]
STUDIES = [REPOSITORY / "config.yaml", *sorted((REPOSITORY / "studies").glob("*.yaml"))]
SCHEMA = Draft202012Validator(json.loads((REPOSITORY / "studies/study.schema.json").read_text(encoding="utf-8")))
WRITTEN = pages(REPOSITORY)


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", WRITTEN)
def test_files_are_what_the_code_gives(name):
    """`python -m resiliency.reference` writes them."""
    assert (REPOSITORY / name).read_text(encoding="utf-8") == WRITTEN[name]


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_studies_alone_and_merged_fit_the_schema(study):
    SCHEMA.validate(read(study))
    SCHEMA.validate(read_merged([REPOSITORY / "config.yaml", study]))


def parts(schema: object) -> Iterator[dict]:
    """`schema` and all schemas in it."""
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
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
    for number, example in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_of_studies_fit_the_schema(example):
    SCHEMA.validate(yaml.safe_load(example))


OF_STUDIES = (file.parent for file in (REPOSITORY / "published/results").glob("*/provenance.json"))
# Tables, and columns of correlations.csv, selective_prediction.csv and observations.csv, by the code of registered
# studies, which stays that of their registration.
FORMER_TABLES = ["origins"]
FORMER = ["naive_low", "naive_high", "width_ratio", "design_low", "design_high", "difference_of_means"]
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
    assert yaml.load(text, yaml.SafeLoader)["tables"].keys() == {table.path for table in TABLES.values()}
