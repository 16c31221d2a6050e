"""Settings of the statistics."""

from pydantic import Field

from resiliency.settings import Settings


class Statistics(Settings):
    resamples: int = Field(2000, ge=100, description="resamples of the bootstrap over images")
    reference: str | None = Field(
        None,
        description="recipe, in a table about members from elsewhere, of the members that observation 1 and the line "
        "of effective robustness are of; null for all",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="confidence of the intervals")
    error_margin: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="difference of mean corruption error that counts as none when joint losses are compared",
    )
