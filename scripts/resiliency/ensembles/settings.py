"""Settings of ensembles."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from resiliency.base.settings import Settings, distinct


class Ensembles(Settings):
    sizes: list[Annotated[int, Field(ge=2, le=1000)]] = Field(
        [2, 3, 4, 5],
        min_length=1,
        description="sizes of the ensembles; all ensembles of independently trained members of "
        "each size are formed",
    )
    rules: list[Literal["mean_probability", "plurality_vote"]] = Field(
        ["mean_probability", "plurality_vote"],
        min_length=1,
        description="combination rules; the first is the main one",
    )
    limit: int = Field(
        100_000,
        ge=100,
        le=10**8,
        description="largest number of scored ensembles of independent members, and of "
        "sub-networks; above it, a "
        "sample stratified by size and design",
    )
    designs: list[str] | None = Field(
        None,
        min_length=1,
        description="designs whose independent members take part in ensembles, beside models in "
        "`add`; others, such as "
        "shorter trainings, count in observation 1 and in exchange rates alone; null: all",
    )
    min_clean_accuracy: float = Field(
        0,
        ge=0,
        lt=1,
        description="lowest clean accuracy with which an independent member takes part in "
        "ensembles",
    )

    _distinct = field_validator("sizes", "rules")(distinct)

    @property
    def main_rule(self) -> str:
        """The combination rule that observations, choices and comparisons of ensembles are about:
        the first."""
        return self.rules[0]


class Limits(Settings):
    members: int | None = Field(
        None, ge=1, le=1000, description="largest number of members of a recommended model"
    )
    macs: float | None = Field(
        None,
        ge=1,
        le=1e18,
        description="largest number of MACs of a recommended model, for one image",
    )


class Deployment(Settings):
    objective: Literal["mean", "worst_condition", "quantile", "cost"] = Field(
        "mean",
        description="error by which ensembles are selected: mean over corruptions and severities, "
        "worst condition, "
        "or quantile; or cost, the mean cost of the answers by the table `costs`, over corruptions "
        "and severities",
    )
    quantile: float = Field(
        0.9,
        gt=0,
        le=1,
        description="quantile of the errors under corruptions and severities; 0.9 leaves out the "
        "worst tenth",
    )
    max_size: int = Field(
        8, ge=2, le=1000, description="largest number of members of an ensemble in greedy selection"
    )
    margin: float | None = Field(
        None,
        ge=1e-9,
        le=1e9,
        description="largest difference by which the recommended model may be worse than the best, "
        "as a fraction (0.01 "
        "is one percentage point) or in units of `costs`; null: 0.01, or a tenth of the best error "
        "if that is less",
    )
    limits: Limits = Field(
        Limits(), description="what a recommended model may cost at most; null: no limit"
    )
