"""Settings of ensembles."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from resiliency.settings import Settings, distinct


class Ensembles(Settings):
    sizes: list[Annotated[int, Field(ge=2)]] = Field(
        [2, 3, 4, 5], min_length=1, description="all ensembles of so many independently trained members"
    )
    rules: list[Literal["mean_probability", "mean_logit", "plurality_vote"]] = Field(
        ["mean_probability", "plurality_vote"], min_length=1, description="combination rules; the first is the main one"
    )

    _distinct = field_validator("sizes", "rules")(distinct)
