"""The recipe of training, independent and joint."""

from typing import Literal

from pydantic import Field

from resiliency.base.settings import AUTO, Settings, auto_or


class Recipe(Settings):
    epochs: int = Field(25, ge=1, description="number of passes over the training images")
    batch_size: int = Field(64, ge=2, description="images per step; the last, smaller batch of an epoch is left out")
    optimizer: Literal["adamw", "muon", "sgd"] = Field(
        "adamw",
        description="optimizer; muon uses AdamW for norms, biases, embeddings and heads, sgd has Nesterov momentum 0.9",
    )
    learning_rate: float = Field(0.003, gt=0, description="peak learning rate of the cosine schedule")
    warmup_epochs: float = Field(2, ge=0, description="number of epochs of linear warm-up; fractions are allowed")
    weight_decay: float = Field(
        0.05, ge=0, description="weight decay, decoupled for adamw and muon; norms and biases are left out"
    )
    gradient_clip: float | None = Field(None, gt=0, description="largest norm of the gradient; null: no clipping")
    label_smoothing: float = Field(0, ge=0, lt=1, description="share of the target spread over all classes")
    ema: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="decay of a moving average of the weights, which then are the member; null: no average",
    )
    shift: auto_or(int, 0, 256) = Field(
        AUTO,
        description="largest random shift of a stored image along each axis, in pixels; auto: 1/8 of the side, 2 "
        "for digits",
    )
    flip: auto_or(bool) = Field(
        AUTO, description="whether half of the training images are mirrored; auto: not for digits, svhn and gtsrb"
    )
    smallest_crop: float = Field(
        0.08, gt=0, le=1, description="smallest share of an image that a random crop keeps, for images in files"
    )
    augment: Literal["none", "trivial", "augmix"] = Field(
        "none",
        description="additional augmentation: TrivialAugment, or AugMix, which resembles some of the corruptions",
    )
    mixup: float = Field(0, ge=0, description="parameter of the Beta distribution that mixes pairs of images; 0: none")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        AUTO,
        description="precision of the layers' arithmetic; auto: bfloat16 on a GPU and, on processors that have it, "
        "for networks that it makes faster, else float32",
    )
    compile: bool = Field(False, description="whether networks are compiled by torch.compile")
