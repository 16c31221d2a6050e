"""The base of all settings: unknown keys are errors, values never change."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def distinct(values: list) -> list:
    """A validator: `values`, if each is there once."""
    if len(set(values)) < len(values):
        raise ValueError("must name each one once")
    return values
