"""Settings of designs and of the members trained from them."""

from typing import Any

from pydantic import Field, field_validator

from resiliency.settings import Settings

ALEXNET = "alexnet"
RESERVED = {"pretrained", "num_classes", "checkpoint_path", "pretrained_cfg", "features_only"}


class Design(Settings):
    architecture: str = Field(description="name of an architecture in timm")
    arguments: dict[str, Any] = Field({}, description="keyword arguments of timm.create_model, such as channels")
    family: str | None = Field(None, description="group for observation 1; by default timm's module, such as resnet")
    training: dict[str, Any] = Field({}, description="what differs from the study's training recipe")

    @field_validator("arguments")
    @classmethod
    def _not_ours(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        if taken := RESERVED & set(arguments):
            raise ValueError(f"must not hold {', '.join(sorted(taken))}: the study says what a member learns from")
        return arguments


class Members(Settings):
    designs: list[str] = Field(min_length=1, description="designs, by name, that are trained independently")
    seeds: int = Field(2, ge=1, le=1000, description="members trained from each design")
    baseline: str = Field(
        description="member whose errors are 100 % in CE and mCE, or alexnet for its published ImageNet-C errors"
    )
