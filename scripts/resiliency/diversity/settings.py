"""Settings of attributions, and the metrics that charts and observations show."""

from typing import Literal

from pydantic import Field, field_validator

from resiliency.base.settings import Settings, distinct

METHODS = ("saliency", "input_x_gradient", "integrated_gradients", "grad_cam", "occlusion")
SIMILARITIES = ("cosine", "spearman")
STAGES = ("first_stage", "middle_stage", "last_stage")

# Metrics in charts and observations; the tables hold every metric.
MAIN = (
    "disagreement",
    "double_fault",
    "q_statistic",
    "jensen_shannon",
    *(f"{method}_cosine" for method in METHODS),
    "linear_cka",
)

# Prediction diversity in verdicts: metrics without labels. Mean pairwise double fault equals mean
# error of the members less half their disagreement, so that it contains accuracy, and other metrics
# of correctness lean the same way: they correlate with accuracy by construction.
LABEL_FREE = ("label_disagreement", "cohen_kappa", "jensen_shannon", "probability_cosine")


class Attribution(Settings):
    methods: list[Literal[METHODS]] = Field(
        ["saliency", "integrated_gradients", "grad_cam"],
        min_length=1,
        description="attribution methods, computed with Captum",
    )
    similarities: list[Literal[SIMILARITIES]] = Field(
        ["cosine", "spearman"],
        min_length=1,
        description="similarities by which the maps of two members are compared",
    )
    target: Literal["label", "prediction"] = Field(
        "prediction", description="class that attributions explain: the true or the predicted one"
    )
    steps: int = Field(
        50,
        ge=2,
        le=1000,
        description="number of steps along the path of integrated gradients, from a black image",
    )

    _distinct = field_validator("methods", "similarities")(distinct)

    @field_validator("similarities")
    @classmethod
    def _with_cosine(cls, values: list[str]) -> list[str]:
        if "cosine" not in values:
            raise ValueError("must include cosine, which charts and observations use")
        return values

    def metrics(self) -> list[str]:
        """The attribution metrics that the study asks for, such as `saliency_cosine`."""
        return [
            f"{method}_{similarity}" for method in self.methods for similarity in self.similarities
        ]
