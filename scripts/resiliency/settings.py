"""The base of all settings: unknown keys are errors, values never change."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

AUTO = "auto"


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def distinct(values: list) -> list:
    """A validator: `values`, if each is there once."""
    if len(set(values)) < len(values):
        raise ValueError("must name each one once")
    return values


def auto_or(kind: type, low: float, high: float) -> Any:
    """The type of a number of `kind` from `low` to `high`, or "auto"."""

    def check(value: object) -> object:
        is_number = isinstance(value, int | kind) and not isinstance(value, bool)
        if value != AUTO and not (is_number and low <= value <= high):
            raise ValueError(f"must be auto, or {'a whole number' if kind is int else 'a number'} from {low} to {high}")
        return value

    return Annotated[kind | Literal["auto"], BeforeValidator(check)]
