"""Reading imported tables, and saying where a value in one is wrong."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from resiliency.base.faults import Fault, available, duplicate, expected, hint, short
from resiliency.base.names import CLEAN, CLEAN_ON, form_fault
from resiliency.base.settings import Settings, distinct
from resiliency.corruptions.settings import HELD_OUT, MAIN, SEVERITIES
from resiliency.data.source import read_class_names

SPELLED = re.compile(r"(.*?)[ ._-]?(\d)")
MOST_CLASSES = 1_000_000
LIKE = 0.8  # similarity, 0 to 1, from which a name is taken for a misspelled corruption


def check_members(file: str, names: Iterable[object]) -> None:
    """Raise a Fault if a name of a member is not allowed, or is there twice, in this file."""
    written = ["" if pd.isna(name) else str(name) for name in names]
    for name, count in Counter(written).items():
        if fault := form_fault("member", name):
            raise Fault(f"{file}: member {short(name)}: {fault}")
        if count > 1:
            raise Fault(f"{file}: {duplicate('member', name, count)}")


def corruption_and_severity(condition: str) -> tuple[str, int] | None:
    """Corruption and severity of a condition such as `fog.3`; None for a test set that is not a
    corruption."""
    name, _, severity = condition.rpartition(".")
    if name in (*MAIN, *HELD_OUT) and severity in map(str, SEVERITIES):
        return name, int(severity)
    return None


def check_spelling(file: str, condition: str) -> None:
    """Raise a Fault if the name of a test set is like a corruption with a severity, as fogg.3,
    fog_3 or fog.6."""
    spelled = SPELLED.fullmatch(condition)
    if spelled and (
        near := get_close_matches(spelled[1].lower(), (*MAIN, *HELD_OUT), n=1, cutoff=LIKE)
    ):
        known = f"a corruption with a severity from {SEVERITIES[0]} to {SEVERITIES[-1]}"
        meant = f"did you mean {near[0]}.{spelled[2]}? " if int(spelled[2]) in SEVERITIES else ""
        raise Fault(
            f"{file}: {condition!r} is not {known}; {meant}rename it, or list it in "
            "external.test_sets"
        )


def class_count(classes: int | Sequence[str] | None) -> int | None:
    """The number of classes, given as a number or as names; None if not given."""
    return classes if classes is None or isinstance(classes, int) else len(classes)


def name_in_tables(test_set: str) -> str:
    """The name of an additional test set in tables: its letters and digits, with `_` for anything
    else."""
    called = re.sub(r"\W", "_", test_set, flags=re.ASCII)
    return called if called[:1].isalpha() else f"set_{called}"


OTHER_SEPARATORS = ";\t"
OF_NO_NAME = re.compile(r"__index_level_\d+__")  # how pandas writes an index without a name
# Columns that stay text, as 01 does.
NAMES = ("member", "design", "family", "recipe", "architecture", "test_set", "image")
TOO_MANY = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def read_foreign(file: str, needed: Sequence[str]) -> pd.DataFrame:
    """The table in a CSV or Parquet file, with its columns as they are named there.

    Commas separate the values of a CSV file.

    Raises:
        Fault: the file is missing or neither CSV nor Parquet, other characters separate its values,
            a needed column is missing, two columns have one name, or a row has more values than
            there are columns.
    """
    path, names = Path(file), columns_of(file)
    try:
        if missing := [name for name in needed if name not in names]:
            raise Fault(f"{file}: {available('column', missing[0], names)}")
        if twice := [name for name in names if names.count(name) > 1]:
            raise Fault(f"{file}: {duplicate('column', twice[0], names.count(twice[0]))}")
        if path.suffix == ".parquet":
            from pyarrow import parquet, types

            for column in parquet.read_schema(path):
                if types.is_nested(column.type):
                    raise Fault(
                        f"{path}: column {column.name!r}: "
                        f"{expected('one value per row', column.type)}"
                    )
            table = pd.read_parquet(path)
            table = table.reset_index(drop=not any(table.index.names))
        else:
            table = _read_csv(path)
    except (OSError, ValueError, csv.Error) as error:
        raise _unreadable(file, error) from error
    if table.empty:
        raise Fault(f"{file}: expected at least one row, got none")
    return table


def columns_of(file: str) -> list[str]:
    """The names of the columns of a CSV or Parquet file, without reading the rest.

    Raises:
        Fault: the file is missing or neither CSV nor Parquet, or other characters than commas
            separate its values.
    """
    path = Path(file)
    if not path.is_file():
        raise Fault(f"{file}: there is no such file")
    if path.suffix not in (".csv", ".parquet"):
        raise Fault(f"{file}: {expected('a file ending in .csv or .parquet', repr(path.suffix))}")
    try:
        if path.suffix == ".parquet":
            from pyarrow import parquet

            names = [
                name for name in parquet.read_schema(path).names if not OF_NO_NAME.fullmatch(name)
            ]
        else:
            with path.open(newline="", encoding="utf-8-sig") as opened:
                names = next(csv.reader(opened), [])
    except (OSError, ValueError, csv.Error) as error:
        raise _unreadable(file, error) from error
    if len(names) == 1 and any(character in names[0] for character in OTHER_SEPARATORS):
        raise Fault(
            f"{file}: {expected('values separated by commas', f'the header {short(names[0])}')}"
        )
    return names


def _read_csv(path: Path) -> pd.DataFrame:
    table = pd.read_csv(
        path,
        keep_default_na=False,
        na_values=[""],
        dtype=dict.fromkeys(NAMES, "str"),
        encoding="utf-8-sig",
        low_memory=False,
    )
    # Pandas takes the first values for names of rows.
    if not isinstance(table.index, pd.RangeIndex):
        raise Fault(
            f"{path}: expected {len(table.columns)} values per row, one per column, got more; name "
            "or remove the rest"
        )
    return table


def _unreadable(file: str, error: Exception) -> Fault:
    if counts := TOO_MANY.search(str(error)):
        fields, line, got = counts.groups()
        return Fault(f"{file}: line {line}: expected {fields} values, got {got}; remove the rest")
    return Fault(f"{file}: cannot be read as a table ({' '.join(str(error).split())})")


def as_numbers(column: pd.Series) -> np.ndarray:
    """A column as float64, NaN if a cell is no number; true, false and times are none."""
    if pd.api.types.is_bool_dtype(column) or column.dtype.kind in "mM":
        return np.full(len(column), np.nan)
    if column.dtype == object:
        column = column.mask(column.map(lambda cell: isinstance(cell, bool)))
    return pd.to_numeric(column, errors="coerce").to_numpy(float)


def class_numbers(
    file: str, table: pd.DataFrame, column: str, classes: int | Sequence[str] | None
) -> np.ndarray:
    """A column of classes as int64, each from 0 to below their number; their names are replaced by
    positions.

    Args:
        classes: number of classes, if known, or their names in order.

    Raises:
        Fault: a value is no class; the line names file, column and row (of the data, from 1).
    """
    if classes is None or isinstance(classes, int) or pd.api.types.is_numeric_dtype(table[column]):
        values, most = as_numbers(table[column]), class_count(classes) or MOST_CLASSES
        wrong = ~(values >= 0) | (values != np.floor(values)) | (values >= most)
        refuse_wrong(file, table[column], wrong, f"a class (integer from 0 to {most - 1})")
        return values.astype(np.int64)
    positions = table[column].map({name: position for position, name in enumerate(classes)})
    if (wrong := positions.isna().to_numpy()).any():
        near = hint(table[column].iloc[wrong.argmax()], list(classes))
        available_ones = f"; available classes: {', '.join(classes[:10])}"
        refuse_wrong(
            file, table[column], wrong, "a class of external.classes", near or available_ones
        )
    return positions.to_numpy(np.int64)


def refuse_wrong(
    file: str, column: pd.Series, wrong: np.ndarray, needed: str, hint: str = ""
) -> None:
    """Raise a Fault of the first value of a column that is `wrong`, and should be what is `needed`;
    `hint` follows."""
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    value = column.iloc[row]
    text = "nothing" if pd.isna(value) else repr(value.item() if hasattr(value, "item") else value)
    more = f" (and {wrong.sum() - 1:,} more rows)" if wrong.sum() > 1 else ""
    raise Fault(
        f"{file}: column {column.name!r}, row {row + 1}: {expected(needed, text)}{more}{hint}"
    )


MEMBER = "member"
PERCENT = 100


def read_scores(
    file: str, clean: str = CLEAN, kind: str = "accuracy", test_sets: list[str] | None = None
) -> pd.DataFrame:
    """Top-1 errors in 0..1: a row for each member, under its name, a column for each condition,
    `clean` first.

    Conditions are `clean`, corruptions such as `fog.3`, and additional test sets, on which a member
    may lack a score.

    Args:
        clean: column of the clean scores.
        kind: `accuracy` or `error`, in per cent.
        test_sets: additional test sets that are read; by default all.

    Raises:
        Fault: something is wrong with the file; the line names column and row.
    """
    table = read_foreign(file, [MEMBER, clean])
    check_members(file, table[MEMBER])
    for name in test_sets or ():
        if name not in table:
            raise Fault(f"{file}: {available('column', name, table)}")
    corruptions = [name for name in table if corruption_and_severity(name)]
    further = test_sets
    if further is None:
        further = [name for name in table if name not in (MEMBER, clean, *corruptions)]
    if clean != CLEAN and CLEAN in further:
        raise Fault(
            f"{file}: columns {clean!r} and {CLEAN!r} would both be called {CLEAN}; rename "
            f"{CLEAN!r}"
        )
    scores = pd.DataFrame(
        {name: as_numbers(table[name]) for name in (clean, *corruptions, *further)}
    )
    for name, values in scores.items():
        wrong = ~values.between(0, PERCENT) & (table[name].notna() | (name not in further))
        refuse_wrong(file, table[name], wrong.to_numpy(), f"a number from 0 to {PERCENT}")
    scores.index = pd.Index(table[MEMBER].astype(str), name=MEMBER)
    _check_per_cent(file, scores, clean, kind, test_sets or ())
    errors = scores / PERCENT if kind == "error" else 1 - scores / PERCENT
    return errors.rename(columns={clean: CLEAN})


def _check_per_cent(
    file: str, scores: pd.DataFrame, clean: str, kind: str, listed: Sequence[str]
) -> None:
    """Raise a Fault if a member or a column has fractions, no value above 1, where nobody is so
    rarely right or wrong.

    Args:
        listed: names of additional test sets that the study lists, some of which may be as hard as
            ImageNet-A.
    """
    of_members, of_columns = scores.max(axis=1), scores.max()
    members, columns = (
        of_members.index[of_members <= 1],
        of_columns.index[(of_columns > 0) & (of_columns <= 1)],
    )
    remedy = f"no {kind} above 1; expected per cent, got fractions; multiply by {PERCENT}"
    if len(members) == len(scores) or (kind == "accuracy" and len(members)):
        raise Fault(f"{file}: member {members[0]!r}: {remedy}")
    if kind == "error":
        columns = columns if scores[clean].min() > 1 else []
    if wrong := [name for name in columns if name not in listed]:
        raise Fault(
            f"{file}: column {wrong[0]!r}: {remedy}, or list a test set in external.test_sets"
        )


def error_rows(
    scores: pd.DataFrame,
    layout: Mapping[str, list[str]],
    n_images: Mapping[str, int],
    clean_on: Mapping[str, str],
) -> pd.DataFrame:
    """A row per member and condition: member, test_set, corruption, severity, images (0 if unknown)
    and error.

    Last come the clean images of the classes that an additional test set has, as `clean_on_<test
    set>`.

    Args:
        scores: table from `read_scores`.
        layout: test set -> columns of the file, in the order of the conditions.
        n_images: name of a test set in the study -> number of its images.
        clean_on: column of an additional test set -> column of the clean images of its classes.
    """
    rows = [
        (
            column if column in scores else CLEAN,
            test_set,
            *(corruption_and_severity(column) or (CLEAN, 0)),
        )
        for test_set, columns in layout.items()
        for column in columns
    ]
    of_columns = {columns[0]: test_set for test_set, columns in layout.items()}
    rows += [(other, f"{CLEAN_ON}{of_columns[name]}", CLEAN, 0) for name, other in clean_on.items()]
    columns = [MEMBER, "test_set", "corruption", "severity", "n_images", "error"]
    errors = [
        (member, test_set, corruption, severity, n_images.get(test_set, 0), error)
        for column, test_set, corruption, severity in rows
        for member, error in scores[column].items()
    ]
    return pd.DataFrame(errors, columns=columns).sort_values(
        MEMBER, kind="stable", ignore_index=True
    )


ONE_OR_MORE = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
AS_LIST = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
Paths = Annotated[list[str], AS_LIST, WithJsonSchema(ONE_OR_MORE)]


def _classes(value: object) -> object:
    """A validator of a number of classes, which may come as text, or of their names, or of a file
    of these."""
    if isinstance(value, str) and not value.isdecimal():
        if not Path(value).is_file():
            raise ValueError(
                "must be an integer ≥ 2, a list of names, or a text file of them; there is no "
                f"file {value}"
            )
        try:
            _classes(read_class_names(value))
        except Fault as fault:
            raise ValueError(str(fault)) from fault
        return value
    value = int(value) if isinstance(value, str) else value
    if isinstance(value, list):  # YAML takes the names true and false for booleans
        value = [str(name).lower() if isinstance(name, bool) else name for name in value]
    if isinstance(value, list) and len(value) >= 2 and all(isinstance(name, str) for name in value):
        if any(map(str.isdecimal, value)):
            raise ValueError("must be names, not numbers, which stand for positions")
        return distinct(value)
    if value is None or (
        isinstance(value, int) and not isinstance(value, bool) and 2 <= value <= MOST_CLASSES
    ):
        return value
    raise ValueError(f"must be an integer from 2 to {MOST_CLASSES:,}, or a list of names")


Count = Annotated[int, Field(ge=2, le=MOST_CLASSES)]
Names = Annotated[list[str], Field(min_length=2)]
Classes = Annotated[Count | str | Names | None, BeforeValidator(_classes)]


class External(Settings):
    decisions: Paths = Field(
        [],
        description="Parquet or CSV files with the columns test_set, image, label, optionally unit "
        "(equal for images "
        "that belong together) and, for each member, one with its predicted classes",
    )
    logits: Paths = Field(
        [],
        description="folders with logits, <member>/<test set>.npy, N x K each, labels/<test "
        "set>.npy, and "
        "optionally units/<test set>.npy, equal integers for images that belong together",
    )
    probabilities: Paths = Field(
        [], description="folders of the same layout with probabilities, which sum to 1"
    )
    scores: Paths = Field(
        [],
        description="CSV files with accuracies (or errors) in per cent: a row for each member and "
        "a column for each "
        "condition: clean, corruptions such as fog.3, and additional test sets",
    )
    score_type: Literal["accuracy", "error"] = Field(
        "accuracy", description="quantity in `scores`: accuracy or error"
    )
    members: Paths = Field(
        [],
        description="CSV files that describe the members: member, and any of design, family, "
        "parameters, macs, "
        "epochs (of training), recipe and architecture (if it is one of timm's, its parameters and "
        "MACs are counted)",
    )
    clean: str = Field(
        "clean", description="name of the test set, or column of scores, that counts as clean"
    )
    test_sets: list[str] | None = Field(
        None, description="additional test sets to use; default: all in the files"
    )
    classes: Classes = Field(
        None,
        description="number of classes, or their names in order, or a text file with a name per "
        "line, which decisions "
        "may then contain; default: the number of columns of arrays, or the largest label or "
        "prediction plus 1",
    )
    n_images: dict[str, Annotated[int, Field(ge=1, le=10**9)]] = Field(
        {}, description="number of images behind the scores of each test set, for intervals"
    )
    clean_on: dict[str, str] = Field(
        {},
        description="for each test set, the column of scores with the clean accuracy on its "
        "classes",
    )

    _distinct = field_validator("decisions", "logits", "probabilities", "scores", "members")(
        distinct
    )

    @property
    def known_classes(self) -> int | list[str] | None:
        """The number of classes, or their names in order, read from the file if one is named."""
        return read_class_names(self.classes) if isinstance(self.classes, str) else self.classes

    @model_validator(mode="after")
    def _something(self) -> "External":
        if not (self.decisions or self.logits or self.probabilities or self.scores):
            raise ValueError("decisions: required; give decisions, logits, probabilities or scores")
        return self
