"""Settings of training, independent and joint."""

from typing import Literal

from pydantic import Field, field_validator

from resiliency.settings import Settings


class Recipe(Settings):
    epochs: int = Field(25, ge=1, description="passes over the training images")
    batch_size: int = Field(64, ge=2, description="images in a step; the last, smaller batch of an epoch is left out")
    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="sgd has Nesterov momentum 0.9")
    learning_rate: float = Field(0.003, gt=0, description="peak of the cosine schedule")
    warmup_epochs: float = Field(2, ge=0, description="epochs of linear warm-up; fractions are allowed")
    weight_decay: float = Field(0.05, ge=0, description="decoupled for adamw; norms and biases are left out")
    shift: int = Field(2, ge=0, description="largest random shift of a training image, in pixels, along each axis")
    flip: bool = Field(False, description="mirror half of the training images left to right")
    smallest_crop: float = Field(
        0.08, gt=0, le=1, description="smallest share of a picture that a random crop keeps, for images left in files"
    )
    gradient_clip: float | None = Field(None, gt=0, description="largest norm of the gradient; none by default")


class Joint(Settings):
    design: str = Field(description="design, by name, of all members of a jointly trained ensemble")
    members: int = Field(3, ge=2, description="members of a jointly trained ensemble")
    seeds: int = Field(2, ge=1, description="jointly trained ensembles of each setting")
    objectives: dict[Literal["balanced"], list[float]] = Field(
        {}, description="objective -> strengths (lambda); balanced takes 0 (independent) to 1 (ensemble loss alone)"
    )

    @field_validator("objectives")
    @classmethod
    def _strengths(cls, objectives: dict[str, list[float]]) -> dict[str, list[float]]:
        for name, strengths in objectives.items():
            names = {f"{strength:g}" for strength in strengths}
            if not strengths or len(names) < len(strengths) or not all(0 <= s <= 1 for s in strengths):
                raise ValueError(f"{name} must list distinct strengths from 0 to 1, of at most six digits")
        return objectives
