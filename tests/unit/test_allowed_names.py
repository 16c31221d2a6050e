"""Names are refused by whatever road they come; columns of those that are accepted can be read in one way."""

import re
from collections import Counter, defaultdict
from functools import cache
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resiliency.base.corruption_names import HELD_OUT, MAIN
from resiliency.base.names import CLEAN, CORRUPTED, alike, extension_fault, form_fault, images_fault
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.tables import TABLES

CORRUPTIONS = (*MAIN, *HELD_OUT)
BUILT_IN = (*METRICS, *ENSEMBLE_METRICS)
PLACEHOLDER = re.compile("<(.+?)>")
# Columns of the tables, which hold names at placeholders; by_corruption.parquet is joined to ensembles.parquet.
WIDE = {
    table.path: [c.name for c in table.columns]
    for table in TABLES.values()
    if any("<" in c.name for c in table.columns)
}
WIDE["tables/ensembles.parquet"] += ["mean_member_<corruption>_accuracy"]
WIDE["tables/ensembles.parquet"] += ["<ensemble metric>_<corruption>", "<pair metric>_<corruption>"]
WORDS = sorted(
    {word for names in WIDE.values() for name in names for word in PLACEHOLDER.sub("", name).split("_") if word}
    | {word for name in (*BUILT_IN, *CORRUPTIONS) for word in name.split("_")}
    | {"photos", "night"}
)


class Form(NamedTuple):
    """A column as documented: what is before and after a name of a kind; without such a name it is all before."""

    before: str
    kind: str
    after: str
    column: str


class Names(NamedTuple):
    """Names that are given: of test sets, and of extensions."""

    test_sets: list[str]
    corruptions: list[str]
    metrics: list[str]


def forms(columns: list[str], metrics: list[str]) -> list[Form]:
    """Those of the columns of a table, with the names of metrics filled in."""
    of_kind = {"<pair metric>": [*METRICS, *metrics], "<ensemble metric>": [*ENSEMBLE_METRICS, *metrics]}
    filled = set()
    for column in columns:
        kind = next((kind for kind in of_kind if kind in column), "<>")
        for metric in of_kind.get(kind, [""]):
            parts = [*PLACEHOLDER.split(column.replace(kind, metric)), "", ""]
            filled.add(Form(*parts[:3], column.replace(kind, "<metric>")))
    return sorted(filled)


def standing(kind: str) -> list[str]:
    """Names that every study has at a placeholder."""
    return {"images": [CLEAN, CORRUPTED], "test set": [CLEAN], "": [""], "corruption": list(CORRUPTIONS)}.get(kind, [])


def given_names(kind: str, names: Names) -> list[str]:
    return standing(kind) + {"": [], "corruption": names.corruptions}.get(kind, names.test_sets)


def accepted(drawn: Names) -> Names:
    """Those of the names that a study may have, at once."""
    metrics = [m for m in dict.fromkeys(drawn.metrics) if m not in BUILT_IN and not extension_fault("metrics", m, ())]
    everything = [*BUILT_IN, *metrics]
    corruptions = [c for c in dict.fromkeys(drawn.corruptions) if c not in CORRUPTIONS]
    corruptions = [c for c in corruptions if not extension_fault("corruptions", c, everything)]
    taken = [*CORRUPTIONS, *corruptions]
    test_sets = [t for t in dict.fromkeys(drawn.test_sets) if not images_fault(t, taken, everything)]
    second = {other for _, other in alike(test_sets)}
    return Names([t for t in test_sets if t not in second and not form_fault("test set", t)], corruptions, metrics)


def spelled(least: int = 0) -> st.SearchStrategy[list[str]]:
    name = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map("_".join)
    return st.lists(st.one_of(name, name.map(str.capitalize)), min_size=least, max_size=4)


DOCUMENTED = [form for columns in WIDE.values() for form in forms(columns, [])]
NEAR = sorted({f"photos{form.after}" for form in DOCUMENTED} | {f"{form.before}photos" for form in DOCUMENTED})


@pytest.mark.slow
@given(st.builds(Names, spelled(1), spelled(), spelled()))
@settings(max_examples=50, deadline=None)
@example(Names(NEAR, [], []))
@example(Names(["consistency_fog", "Photos", "photos"], ["consistency_clean", "nll"], ["error"]))
@example(Names(["stage_x", "x"], [], ["linear_cka_first", "linear"]))
@example(Names(["noise", "weight"], [], ["accuracy", "accuracy_speckle", "loss"]))
@example(Names(["error", "under", "accuracy"], ["night_low"], ["corrupted", "mce_undefined", "mean_member"]))
def test_each_column_of_names_that_are_accepted_is_read_in_one_way(drawn):
    names = accepted(drawn)
    metrics, taken = [*BUILT_IN, *names.metrics], [*CORRUPTIONS, *names.corruptions]

    @cache
    def possible(kind: str, name: str) -> bool:
        """Whether a name may be at a placeholder of a column, be it in this study or in another."""
        if kind in ("", "corruption") or name in standing(kind):
            return name in given_names(kind, names)
        return not form_fault("test set", name) and not images_fault(name, taken, metrics)

    for columns in WIDE.values():
        all_forms = forms(columns, names.metrics)
        made = [form.before + n + form.after for form in all_forms for n in given_names(form.kind, names)]
        assert [column for column, count in Counter(map(str.lower, made)).items() if count > 1] == []
        beginning = defaultdict(list)
        for form in all_forms:
            beginning[form.before].append(form)
        for column in made:
            readings = [
                (form, name)
                for end in range(len(column) + 1)
                for form in beginning.get(column[:end], ())
                if column[end:].endswith(form.after)
                if possible(form.kind, name := column[end : len(column) - len(form.after)])
            ]
            assert len(readings) == 1, (column, readings)
