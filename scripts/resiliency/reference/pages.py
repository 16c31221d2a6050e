"""docs/configuration.md and docs/tables.md, and the JSON schema of studies."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from resiliency.base.corruption_names import BUILT_IN
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.report.words import KINDS, kind_of, label
from resiliency.study.model import Study
from resiliency.tables import TABLES
from resiliency.tables.record import Column, Table
from resiliency.training.settings import FineTuning


def table_row(*cells: str) -> str:
    """A row of a table, with its line end; text in backticks stays as it is, marks elsewhere are literal."""
    return "| " + " | ".join(_literal(cell) for cell in cells) + " |\n"


def _literal(text: str) -> str:
    parts = re.split(r"(`[^`]*`)", text.replace("|", "\\|"))
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;").replace("*", "\\*") for part in parts)


LONGEST_DEFAULT = 80
ELSEWHERE = "see `config.yaml`"
COMPONENT = "#/$defs/"
RECIPE = COMPONENT + "Recipe"
TUNING = COMPONENT + "FineTuning"

CONFIGURATION = """# Configuration

This page lists all keys of a study. `python -m resiliency.reference` writes it from the models that check a study
(`scripts/resiliency/study/model.py` and the `settings.py` files that it combines). Unknown keys are refused. A study is
merged into [config.yaml](../config.yaml); if that file has a key, its value there is the default in these tables.
Entries of `designs` and some mappings are replaced whole: see
[How files are merged](studies.md#how-files-are-merged).

Editors such as Visual Studio Code with the YAML extension complete keys and mark errors if the first line of a study is
`# yaml-language-server: $schema=study.schema.json`; the schema is
[studies/study.schema.json](../studies/study.schema.json). Rules that involve several keys, e.g. that a baseline must be
a member, are checked when Snakemake starts.
"""


def study_schema() -> dict[str, Any]:
    """The JSON schema of a file in studies/, which names only what differs from config.yaml: no key is required."""
    schema = _relaxed(Study.model_json_schema())
    for name, kind in schema["$defs"].items():
        if kind.get("properties", {}).get("training", {}).get("type") == "object":
            kind["properties"]["training"] |= {"$ref": TUNING if name == "Design" else RECIPE}
    schema["$defs"]["FineTuning"] = _relaxed(FineTuning.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Study"} | schema


def _relaxed(schema: Any) -> Any:
    """`schema` without `required` and the titles that pydantic makes of names."""
    if isinstance(schema, list):
        return [_relaxed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    left_out = {"required"} | ({"title"} if isinstance(schema.get("title"), str) else set())
    return {key: _relaxed(part) for key, part in schema.items() if key not in left_out}


def configuration_page(config: dict[str, Any]) -> str:
    """The text of docs/configuration.md.

    Args:
        config: content of config.yaml.
    """
    schema = study_schema()
    recipe, tuning = (schema["$defs"][of.removeprefix(COMPONENT)]["properties"] for of in (RECIPE, TUNING))
    for key in recipe:
        del tuning[key]
    return CONFIGURATION + "".join(_sections("", schema, schema["$defs"], config))


def _sections(path: str, section: dict[str, Any], kinds: dict[str, Any], config: Any) -> Iterator[str]:
    """The section of the page about the keys under `path`, then those about the mappings among them."""
    yield f"\n## `{path}`\n\n" if path else "\n## Sections, and keys outside them\n\n"
    yield "| Key | Value | Default | Meaning |\n|---|---|---|---|\n"
    inner = []
    for key, value in section["properties"].items():
        named = f"{path}.{key}" if path else key
        given = config[key] if isinstance(config, dict) and key in config else value.get("default")
        yield table_row(
            f"`{key}`", _values(value, named), _default(value, given, key in (config or {})), value["description"]
        )
        reference, by_name = component(value)
        if reference and (reference != RECIPE or named == "training"):
            under = f"{named}.<name>" if by_name else named
            inner.append((under, kinds[reference.removeprefix(COMPONENT)], None if by_name else given))
    for under, kind, values in inner:
        yield from _sections(under, kind, kinds, values)


def component(value: dict[str, Any]) -> tuple[str | None, bool]:
    """The reference to other settings in the schema of `value`, and whether there are several, by name."""
    for part in (value, *value.get("anyOf", ())):
        if "$ref" in part:
            return part["$ref"], False
        inner = part.get("additionalProperties")
        if isinstance(inner, dict) and "$ref" in inner:
            return inner["$ref"], True
    return None, False


def _default(value: dict[str, Any], given: Any, configured: bool) -> str:
    """`given` as YAML on one line; empty for a section, and a hint if config.yaml has a long value."""
    if component(value)[0] and given is not None:
        return "" if given else "`{}`"
    text = json.dumps(given, ensure_ascii=False)
    return ELSEWHERE if configured and len(text) > LONGEST_DEFAULT else f"`{text}`"


def _values(value: dict[str, Any], path: str) -> str:
    """The values that the schema `value` allows, in words."""
    if "anyOf" in value:
        return " or ".join(_values(part, path) for part in value["anyOf"])
    if "$ref" in value:
        to = "training" if value["$ref"] == RECIPE else path
        return f"[keys](#{_anchor(to)})"
    if "enum" in value:
        return ", ".join(f"`{allowed}`" for allowed in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    return {
        "array": _list,
        "object": _mapping,
        "integer": _number,
        "number": _number,
        "string": _text,
    }.get(value.get("type"), _plain)(value, path)


def _plain(value: dict[str, Any], path: str) -> str:
    return {"boolean": "`true` or `false`", "null": "`null`"}.get(value.get("type"), "any")


def _text(value: dict[str, Any], path: str) -> str:
    return f"text like `{value['pattern']}`" if "pattern" in value else "text"


def _list(value: dict[str, Any], path: str) -> str:
    least, most = value.get("minItems", 0), value.get("maxItems")
    count = f" of {least}" if least == most else f" of {least} or more" if least > 1 else ""
    return f"list{count}; each: {_values(value['items'], path)}"


def _mapping(value: dict[str, Any], path: str) -> str:
    inner = value.get("additionalProperties")
    if not isinstance(inner, dict):
        return "mapping"
    keys = value.get("propertyNames", {}).get("enum")
    names = ", ".join(f"`{name}`" for name in keys) if keys else "names"
    return f"mapping of {names}; each: {_values(inner, f'{path}.<name>')}"


def _number(value: dict[str, Any], path: str) -> str:
    name = "whole number" if value["type"] == "integer" else "number"
    if {"minimum", "maximum"} <= value.keys():
        return f"{name} from {value['minimum']} to {value['maximum']}"
    limits = {"minimum": "from", "exclusiveMinimum": "above", "exclusiveMaximum": "below", "maximum": "at most"}
    return " ".join([name, ", ".join(f"{words} {value[key]}" for key, words in limits.items() if key in value)]).strip()


COLUMNS = """# Tables

This page lists every table in `results/<study>/`, column by column. `python -m resiliency.reference` writes it; a test
compares it with the tables of real studies.

Each row is one record. CSV files have floats with eight significant digits. An empty cell (NaN) means
that the value is undefined or unknown. Accuracies, errors and rates are fractions from 0 to 1, not per cent.
MACs are multiply–accumulate operations for one image.

`<further>` stands for the name of an additional test set, `corrupted` for the mean over corruptions and severities. The
[diversity metrics](#diversity-metrics) and their columns are listed at the end; [Metrics](formulae.md) defines them.
An interval has two columns, mostly `_low` and `_high` after the name of its value. If no method is named, it is a
bootstrap over units of test images.
"""
METRIC_COLUMNS = """
## Diversity metrics

In every column, larger means more diverse. *Sign reversed* marks the negative of a metric that decreases with
diversity. For metrics of pairs, `_pairs` counts the pairs in the mean, if some have no value. For metrics of whole
ensembles, `_raw` is the value as the literature defines it. Additional test sets have columns of their own.

"""
SHARED = 3  # number of tables from which on a shared column is described once
FURTHER = "<further>"
PLACEHOLDERS = {
    "<images>": (CLEAN, CORRUPTED, FURTHER),
    "<test set>": (CLEAN, FURTHER),
    "<corruption>": BUILT_IN,
}
ENDS = re.compile(r"lower end of the interval(?: \((.*)\))?$")
USUAL = "bootstrap over units of images"


def tables_page() -> str:
    """The text of docs/tables.md."""
    shared = _shared()
    links = ", ".join(f"[{name}](#{_anchor(table.path)})" for name, table in TABLES.items())
    parts = [COLUMNS, f"\n{links}.\n", "\n## Columns of several tables\n\n", *_rows(shared)]
    for table in TABLES.values():
        parts += [f"\n## `{table.path}`\n\n", f"{table.holds} One row per {table.row}.{_also(table, shared)}\n\n"]
        parts += _rows([column for column in table.columns if column not in shared])
    return "".join([*parts, *_metrics()])


def _shared() -> list[Column]:
    """The columns that several tables have, with the meaning that most give them; not those of intervals."""
    counts = Counter(column for table in TABLES.values() for column in table.columns)
    pairs = (pair for table in TABLES.values() for pair in pairwise(table.columns))
    values = {value for value, lower in pairs if ENDS.match(lower.meaning)}
    often = [column for column, count in counts.most_common() if count >= SHARED and column not in values]
    first = {column.name: column for column in reversed(often) if not re.search("(low|high)$|<", column.name)}
    return list(first.values())


def _also(table: Table, shared: list[Column]) -> str:
    names = [f"`{column.name}`" for column in table.columns if column in shared]
    return f" It also has {', '.join(names)}." if names else ""


def _rows(columns: list[Column]) -> Iterator[str]:
    """A table of columns, each interval in the row of its value if that is the column before."""
    yield table_row("Column", "Meaning", "Unit and range") + "|---|---|---|\n"
    rows: list[list] = []
    for column in columns:
        names = list(_names(column.name))
        if rows and (ends := ENDS.match(rows[-1][1])) and column.meaning == "upper end":
            lower = rows.pop()
            interval = "interval" if ends[1] in (None, USUAL) else f"interval: {ends[1]}"
            if rows and _of_value(lower[3], rows[-1][3]):
                rows[-1][0] += [*lower[0], *names]
                rows[-1][1] += f" ({interval})"
            else:
                rows.append([[*lower[0], *names], interval, *lower[2:]])
        else:
            rows.append([names, column.meaning, column.values.words, column.name])
    for names, meaning, values, _ in rows:
        yield table_row(", ".join(f"`{name}`" for name in names), meaning, values)


def _of_value(lower: str, value: str) -> bool:
    """Whether the column of a lower end belongs to that of a value."""
    return lower in ("low", f"{value}_low") or lower.removesuffix("_low") == value.removesuffix("_difference")


def _names(name: str) -> Iterator[str]:
    """The names that a column has, written out; those of metrics are listed with these."""
    placeholder = next((of for of in PLACEHOLDERS if of in name), None)
    if placeholder is None:
        yield name
        return
    for value in PLACEHOLDERS[placeholder]:
        yield name.replace(placeholder, value)


def _metrics() -> Iterator[str]:
    yield METRIC_COLUMNS
    yield table_row("Name", "Kind", "Metric", "Columns of `ensembles.parquet`") + "|---|---|---|---|\n"
    for name in (*METRICS, *ENSEMBLE_METRICS):
        kind, ending = kind_of(name), "_pairs" if name in METRICS else "_raw"
        images = (CLEAN, CORRUPTED) if kind == "prediction" else (CLEAN,)
        columns = ", ".join(f"`{name}_{of}`, `{name}_{of}{ending}`" for of in images)
        yield table_row(f"`{name}`", KINDS[kind].lower(), label(name), columns)


def _anchor(path: str) -> str:
    """The anchor that Markdown gives to the heading `path`."""
    return re.sub(r"[^\w-]", "", path.lower())
