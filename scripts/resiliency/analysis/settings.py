"""Settings of the statistics."""

from pydantic import Field, field_validator

from resiliency.base.settings import Settings, distinct


class Statistics(Settings):
    resamples: int = Field(2000, ge=100, le=10**6, description="number of bootstrap resamples of the images")
    reference: str | None = Field(
        None,
        description="recipe of the reference members, in a table that describes imported members: observation 1 and "
        "the line of effective robustness use only these; null for all members",
    )
    robustness: list[str] = Field(
        [],
        description="additional test sets whose mean error observation 1 uses in place of corrupted error; it is then "
        "about natural shifts, not about the paper's statement",
    )
    accuracy_on: str | None = Field(
        None,
        min_length=1,
        description="additional test set whose accuracy observation 1b and exchange rates use as clean accuracy, so "
        "that no image of it is one of the corrupted error; null: the images of the dataset, in halves",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="confidence level of the intervals")

    _distinct = field_validator("robustness")(distinct)
