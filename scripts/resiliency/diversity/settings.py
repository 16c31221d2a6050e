"""Settings of attributions."""

from typing import Literal

from pydantic import Field

from resiliency.settings import Settings


class Attribution(Settings):
    methods: list[Literal["saliency", "integrated_gradients"]] = Field(
        ["saliency", "integrated_gradients"], min_length=1, description="attribution methods, computed through Captum"
    )
    target: Literal["label", "prediction"] = Field("label", description="class that is explained: true or predicted")
    steps: int = Field(50, ge=2, description="steps along the path of integrated gradients, from a black image")
