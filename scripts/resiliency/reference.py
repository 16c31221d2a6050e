"""Write docs/configuration.md, docs/tables.md and the JSON schema of studies; run it in the root of
the repository.

What stands before the first section of a page is written by hand, and kept.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from resiliency.base.faults import parser
from resiliency.base.settings import Keys
from resiliency.study.model import Study
from resiliency.tables import SHARED, TABLES, Column
from resiliency.training.settings import FineTuning

TYPES = {
    "array": "list",
    "boolean": "`true` or `false`",
    "integer": "whole number",
    "null": "`null`",
}
TYPES |= {"number": "number", "object": "mapping", "string": "text"}
LIMITS = {"pattern": "like `{}`", "minimum": "from {}", "exclusiveMinimum": "above {}"}
LIMITS |= {"maximum": "to {}", "exclusiveMaximum": "below {}"}
LONGEST_DEFAULT = 80
KEYS = "| Key | Value | Default | Meaning |\n|---|---|---|---|\n"
COLUMNS = "| Column | Meaning | Unit and range |\n|---|---|---|\n"


class OfStudies(GenerateJsonSchema):
    """The schema of studies, which name only what differs from config.yaml: no key is required."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return False

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def pages(root: Path) -> dict[str, str]:
    """Path in the repository, whose root is `root`, -> text."""
    schema, tuning = (
        model.model_json_schema(schema_generator=OfStudies) for model in (Study, FineTuning)
    )
    kinds, config = (
        schema["$defs"] | {"FineTuning": tuning},
        yaml.safe_load((root / "config.yaml").read_text("utf-8")),
    )
    for name, kind in {"Design": "FineTuning", "Joint": "Recipe", "Search": "Recipe"}.items():
        kinds[name]["properties"]["training"]["$ref"] = f"#/$defs/{kind}"
    schema = {"$schema": OfStudies.schema_dialect} | schema | {"$defs": kinds}
    text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    for key in kinds["Recipe"]["properties"]:
        del tuning["properties"][key]
    sections = {
        "docs/configuration.md": _keys("", schema, kinds, config),
        "docs/tables.md": _tables(),
    }
    heads = {page: (root / page).read_text("utf-8").partition("\n## ")[0] for page in sections}
    written = {page: "".join([heads[page], *lines]) for page, lines in sections.items()}
    return written | {"studies/study.schema.json": text}


def _table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown; marks outside backticks are literal."""
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |\n" for row in rows]
    parts = re.split("(`[^`\n]*`)", head + "".join(lines))
    return "".join(part if part[:1] == "`" else re.sub("([<*])", r"\\\1", part) for part in parts)


def _keys(
    path: str, section: JsonSchemaValue, kinds: dict[str, JsonSchemaValue], config: Keys
) -> Iterator[str]:
    """The section of the page about the keys under `path`, then those about the mappings among
    them."""
    rows, inner = [], []
    for key, value in section["properties"].items():
        named, given = f"{path}.{key}".lstrip("."), config.get(key, value.get("default"))
        default = json.dumps(given, ensure_ascii=False)
        default = f"`{default}`" if len(default) <= LONGEST_DEFAULT else "see `config.yaml`"
        words = _words(value)
        if found := re.search(
            r'("additionalProperties": {)?"\$ref": "#/\$defs/(\w+)"', json.dumps(value)
        ):
            under = f"{named}.<name>" if found[1] else named if found[2] != "Recipe" else "training"
            anchor = re.sub(r"[^\w-]", "", under)
            default, words = "" if given else default, words.replace(found[2], f"[keys](#{anchor})")
            if under.startswith(named):
                inner.append(
                    (under, kinds[found[2]], kinds, {} if found[1] or not given else given)
                )
        rows.append((f"`{key}`", words, default, value["description"]))
    yield (
        f"\n## {f'`{path}`' if path else 'Sections, and keys outside them'}\n\n{_table(KEYS, rows)}"
    )
    for arguments in inner:
        yield from _keys(*arguments)


def _words(value: JsonSchemaValue) -> str:
    """The values that the schema `value` allows."""
    if "anyOf" in value:
        return " or ".join(_words(part) for part in value["anyOf"])
    if "$ref" in value:
        return value["$ref"].rpartition("/")[2]
    if "enum" in value or "const" in value:
        return ", ".join(f"`{one}`" for one in value.get("enum", [value.get("const")]))
    given = {
        key: f"{of:,}" if isinstance(of, int) else f"{of:g}" if isinstance(of, float) else of
        for key, of in value.items()
    }
    limits = (limit.format(given[key]) for key, limit in LIMITS.items() if key in value)
    words = [TYPES.get(value.get("type", ""), "any"), *limits]
    of, to = value.get("propertyNames", value.get("items")), value.get("additionalProperties")
    words += [f"of {_words(of)}"] if of else []
    words += [f"to {_words(to)}"] if isinstance(to, dict) else []
    return " ".join(words)


def _tables() -> Iterator[str]:
    """The sections about columns of several tables, and about each table."""
    yield f"\n## Columns of several tables\n\n{_columns(SHARED.values())}"
    for table in TABLES.values():
        also = ", ".join(f"`{name}`" for column in table.shared for name in column.names)
        own = _columns(column for column in table.columns if column not in table.shared)
        words = f"{table.holds} One row per {table.row}.{also and f' It also has {also}.'}"
        yield f"\n## `{table.path}`\n\n{words}\n\n{own}"


def _columns(columns: Iterable[Column]) -> str:
    """A table of columns, each with its interval."""
    rows = []
    for column in columns:
        interval = f" (interval: {column.method})" if column.method else ""
        rows.append(
            (
                ", ".join(f"`{name}`" for name in column.names),
                column.meaning + interval,
                column.words,
            )
        )
    return _table(COLUMNS, rows)


def main() -> None:
    """Write the files that differ from what is there, and print their names."""
    parser(__doc__).parse_args()
    for name, text in pages(Path()).items():
        if not (path := Path(name)).is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(name)


if __name__ == "__main__":
    main()
