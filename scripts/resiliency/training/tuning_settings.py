"""The recipe of fine-tuning."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from resiliency.training.settings import Recipe

ALL, HEAD = "all", "head"
TRAINED_SCHEMA = {"anyOf": [{"enum": [ALL, HEAD]}, {"type": "integer", "minimum": 1}]}


def _trained(value: object) -> object:
    """A number may come as text, as all within braces does on Snakemake's command line."""
    value = int(value) if isinstance(value, str) and value.isdecimal() else value
    if value not in (ALL, HEAD) and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError("must be all, head, or a whole number of stages from 1")
    return value


class FineTuning(Recipe):
    train: Annotated[Literal["all", "head"] | int, BeforeValidator(_trained), WithJsonSchema(TRAINED_SCHEMA)] = Field(
        ALL,
        description="layers that are trained: all; the head, on features that are computed once, of images without "
        "augmentation; or the last so many feature stages and all that is after them",
    )
    body_rate: float = Field(
        0.1, gt=0, le=1, description="learning rate of the layers before the head, as a share of `learning_rate`"
    )
