"""The recipe of training, independent and joint."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from resiliency.base.settings import AUTO, Keys, Settings, auto_or


class Recipe(Settings):
    epochs: int = Field(
        25, ge=1, le=100_000, description="number of passes over the training images"
    )
    batch_size: int = Field(
        64,
        ge=2,
        le=65_536,
        description="images per step; the last, smaller batch of an epoch is left out",
    )
    optimizer: Literal["adamw", "muon", "sgd"] = Field(
        "adamw",
        description="optimizer; muon uses AdamW for norms, biases, embeddings and heads, sgd has "
        "Nesterov momentum 0.9",
    )
    learning_rate: float = Field(
        0.003, ge=1e-9, le=100, description="peak learning rate of the cosine schedule"
    )
    warmup_epochs: float = Field(
        2, ge=0, le=100_000, description="number of epochs of linear warm-up; fractions are allowed"
    )
    weight_decay: float = Field(
        0.05,
        ge=0,
        le=100,
        description="weight decay, decoupled for adamw and muon; norms and biases are left out",
    )
    gradient_clip: float | None = Field(
        None, ge=1e-9, le=1e9, description="largest norm of the gradient; null: no clipping"
    )
    label_smoothing: float = Field(
        0, ge=0, lt=1, description="share of the target spread over all classes"
    )
    ema: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="decay of a moving average of the weights, which then are the member; null: no "
        "average",
    )
    shift: auto_or(int, 0, 256) = Field(
        AUTO,
        description="largest random shift of a stored image along each axis, in pixels; auto: 1/8 "
        "of the side, 2 "
        "for digits",
    )
    flip: auto_or(bool) = Field(
        AUTO,
        description="whether half of the training images are mirrored; auto: not for digits, svhn "
        "and gtsrb",
    )
    smallest_crop: float = Field(
        0.08,
        gt=0,
        le=1,
        description="smallest share of an image that a random crop keeps, for images in files",
    )
    augment: Literal["none", "trivial", "augmix"] = Field(
        "none",
        description="additional augmentation: TrivialAugment, or AugMix, which resembles some of "
        "the corruptions",
    )
    mixup: float = Field(
        0,
        ge=0,
        le=100,
        description="parameter of the Beta distribution that mixes pairs of images; 0: none",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        AUTO,
        description="precision of the layers' arithmetic; auto: bfloat16 on a GPU and, on "
        "processors that have it, "
        "for networks that it makes faster, else float32",
    )


ALL, HEAD = "all", "head"
MOST_STAGES = 100
TRAINED_SCHEMA = {
    "anyOf": [{"enum": [ALL, HEAD]}, {"type": "integer", "minimum": 1, "maximum": MOST_STAGES}]
}


def _trained(value: object) -> object:
    """A number may come as text, as all within braces does on Snakemake's command line."""
    value = int(value) if isinstance(value, str) and value.isdecimal() else value
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if value not in (ALL, HEAD) and not (is_number and 1 <= value <= MOST_STAGES):
        raise ValueError(f"must be all, head, or a whole number of stages from 1 to {MOST_STAGES}")
    return value


class FineTuning(Recipe):
    train: Annotated[
        Literal["all", "head"] | int, BeforeValidator(_trained), WithJsonSchema(TRAINED_SCHEMA)
    ] = Field(
        ALL,
        description="layers that are trained: all; the head, on features that are computed once, "
        "of images without "
        "augmentation; or the last so many feature stages and all that is after them",
    )
    body_rate: float = Field(
        0.1,
        gt=0,
        le=1,
        description="learning rate of the layers before the head, as a share of `learning_rate`",
    )


LEAST_WEIGHT, LARGEST_WEIGHT = 1e-6, 1e6  # of the weights lambda, which may also be 0
# Objective -> its largest weight; the losses are in `objectives.py`, which needs torch.
JOINT_OBJECTIVES = {"independent": 0, "balanced": 1, "gncl": 1, "ncl": LARGEST_WEIGHT, "kl": 1}
Weight = Annotated[float, Field(ge=0, le=LARGEST_WEIGHT)]


class Joint(Settings):
    designs: list[str] = Field(
        min_length=2, description="names of the designs of an ensemble's members"
    )
    seeds: int = Field(
        2, ge=1, le=1000, description="number of jointly trained ensembles per setting"
    )
    objectives: dict[Literal[tuple(JOINT_OBJECTIVES)], list[Weight]] = Field(
        {},
        description="weights lambda per objective; 0 is independent training, [] leaves the "
        "objective out",
    )
    training: Keys = Field(
        {},
        description="changes to the recipe: that of the design if all members have the same, else "
        "that of the study",
    )

    @field_validator("objectives")
    @classmethod
    def _loss_weights(cls, objectives: dict[str, list[float]]) -> dict[str, list[float]]:
        for name, loss_weights in objectives.items():
            highest, names = JOINT_OBJECTIVES[name], {f"{weight:g}" for weight in loss_weights}
            are_allowed = all(
                weight == 0 or LEAST_WEIGHT <= weight <= highest for weight in loss_weights
            )
            if len(names) < len(loss_weights) or not are_allowed:
                limits = f"0 or from {LEAST_WEIGHT:g} to {highest:,g}" if highest else "0"
                raise ValueError(
                    f"{name} must list distinct weights, {limits}, of at most six digits"
                )
        return objectives
