"""Settings of training, independent and joint."""

from math import inf
from typing import Any, Literal

from pydantic import Field, field_validator

from resiliency.settings import AUTO, Settings, auto_or

# Lowest and highest strength of each objective.
STRENGTHS = {
    "independent": (0, 0),
    "balanced": (0, 1),
    "gncl": (0, 1),
    "ncl": (0, inf),
    "kl": (0, 1),
    "adp": (0, inf),
    "attribution": (0, inf),
    "activation": (0, inf),
}


class Recipe(Settings):
    epochs: int = Field(25, ge=1, description="passes over the training images")
    batch_size: int = Field(64, ge=2, description="images in a step; the last, smaller batch of an epoch is left out")
    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="sgd has Nesterov momentum 0.9")
    learning_rate: float = Field(0.003, gt=0, description="peak of the cosine schedule")
    warmup_epochs: float = Field(2, ge=0, description="epochs of linear warm-up; fractions are allowed")
    weight_decay: float = Field(0.05, ge=0, description="decoupled for adamw; norms and biases are left out")
    gradient_clip: float | None = Field(None, gt=0, description="largest norm of the gradient; none by default")
    label_smoothing: float = Field(0, ge=0, lt=1, description="share of the target spread over all classes")
    ema: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="decay of a moving average of the weights, which is then the member; none by default",
    )
    shift: auto_or(int, 0, 256) = Field(
        AUTO,
        description="largest random shift of a stored image along each axis, in pixels; auto: 1/8 side, 2 for digits",
    )
    flip: auto_or(bool) = Field(
        AUTO, description="mirror half of the training images; auto: all data sets but digits and svhn"
    )
    smallest_crop: float = Field(
        0.08, gt=0, le=1, description="smallest share of a picture that a random crop keeps, for images left in files"
    )
    augment: Literal["none", "trivial", "augmix"] = Field(
        "none", description="TrivialAugment or AugMix, which resembles some of the corruptions, on top"
    )
    mixup: float = Field(0, ge=0, description="parameter of the Beta distribution that mixes pairs of images; 0: none")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        AUTO, description="of the layers' arithmetic; auto: bfloat16 on a GPU, else float32"
    )
    compile: bool = Field(False, description="compile the networks by torch.compile")


class Joint(Settings):
    designs: list[str] = Field(min_length=2, description="design of each member of an ensemble, by name")
    seeds: int = Field(2, ge=1, le=1000, description="jointly trained ensembles of each setting")
    objectives: dict[Literal[tuple(STRENGTHS)], list[float]] = Field(
        {}, description="objective -> strengths (lambda); 0 is independent training, [] leaves the objective out"
    )
    training: dict[str, Any] = Field(
        {}, description="what differs from the recipe: that of the design, if there is one, else the study's"
    )

    @field_validator("objectives")
    @classmethod
    def _strengths(cls, objectives: dict[str, list[float]]) -> dict[str, list[float]]:
        for name, strengths in objectives.items():
            lowest, highest = STRENGTHS[name]
            names = {f"{strength:g}" for strength in strengths}
            within = all(lowest <= strength <= highest for strength in strengths)
            if len(names) < len(strengths) or not within:
                limits = f"from {lowest} " + (f"to {highest}" if highest < inf else "up")
                raise ValueError(f"{name} must list distinct strengths {limits}, of at most six digits")
        return objectives
