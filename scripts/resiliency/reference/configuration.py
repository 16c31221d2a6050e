"""The keys of a study, from its models: a JSON schema for editors, and docs/configuration.md."""

import json
from collections.abc import Iterator
from typing import Any

from resiliency.reference.markdown import table_row
from resiliency.study.model import Study
from resiliency.training.settings import FineTuning

LONGEST_DEFAULT = 80
ELSEWHERE = "see `config.yaml`"
COMPONENT = "#/$defs/"
RECIPE = COMPONENT + "Recipe"
TUNING = COMPONENT + "FineTuning"

INTRODUCTION = """# Configuration

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
        config: what config.yaml holds.
    """
    schema = study_schema()
    recipe, tuning = (schema["$defs"][of.removeprefix(COMPONENT)]["properties"] for of in (RECIPE, TUNING))
    for key in recipe:
        del tuning[key]
    return INTRODUCTION + "".join(_sections("", schema, schema["$defs"], config))


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
    """`given`, as YAML has it on one line; nothing for a section, or a hint where config.yaml has a long value."""
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


def _anchor(path: str) -> str:
    """The anchor that Markdown gives to the heading `path`."""
    return "".join(letter for letter in path.lower() if letter.isalnum() or letter in "_-")


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
