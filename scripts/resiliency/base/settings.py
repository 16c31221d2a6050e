"""The base of all settings: unknown keys are errors, values never change."""

import contextlib
import json
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

AUTO = "auto"
Item = TypeVar("Item")
Keys = dict[str, Any]  # of a configuration: values of any kind, as YAML and JSON have them
# A number as text: Python also takes 1_000 and digits of other scripts for numbers.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def distinct(values: list[Item]) -> list[Item]:
    """A validator: `values`, if each is there once."""
    if len(set(values)) < len(values):
        raise ValueError("must name each one once")
    return values


def auto_or(kind: type, low: float = 0, high: float = 1) -> Any:
    """The type of a number of `kind` from `low` to `high`, or of a bool, or "auto".

    It may come as text, as all within braces does on Snakemake's command line.
    """
    allowed = (
        "true or false"
        if kind is bool
        else f"or a {'whole ' if kind is int else ''}number from {low} to {high}"
    )

    def check(value: Any) -> Any:
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = json.loads(value)
        fits = isinstance(value, bool) == (kind is bool) and isinstance(value, int | kind)
        if value != AUTO and not (fits and low <= value <= high):
            raise ValueError(f"must be auto, {allowed}")
        return value

    numbers = {"type": "integer" if kind is int else "number", "minimum": low, "maximum": high}
    schema = {"anyOf": [{"const": AUTO}, {"type": "boolean"} if kind is bool else numbers]}
    return Annotated[kind | Literal["auto"], BeforeValidator(check), WithJsonSchema(schema)]
