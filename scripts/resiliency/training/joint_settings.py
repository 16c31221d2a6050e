"""Settings of joint training, apart from the recipe, so that a new objective trains no other member again."""

from math import inf
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_validator

from resiliency.base.settings import Settings


class Limits(NamedTuple):
    """Limits of the weight lambda of a joint objective, both allowed."""

    lowest: float
    highest: float


JOINT_OBJECTIVES = {  # their losses are in `objectives.py`, which needs torch
    "independent": Limits(0, 0),
    "balanced": Limits(0, 1),
    "gncl": Limits(0, 1),
    "ncl": Limits(0, inf),
    "kl": Limits(0, 1),
    "adp": Limits(0, inf),
    "attribution": Limits(0, inf),
    "activation": Limits(0, inf),
}


class Joint(Settings):
    designs: list[str] = Field(min_length=2, description="names of the designs of an ensemble's members")
    seeds: int = Field(2, ge=1, le=1000, description="number of jointly trained ensembles per setting")
    objectives: dict[Literal[tuple(JOINT_OBJECTIVES)], list[float]] = Field(
        {}, description="weights lambda per objective; 0 is independent training, [] leaves the objective out"
    )
    training: dict[str, Any] = Field(
        {}, description="changes to the recipe: that of the design if all members have the same, else that of the study"
    )

    @field_validator("objectives")
    @classmethod
    def _loss_weights(cls, objectives: dict[str, list[float]]) -> dict[str, list[float]]:
        for name, loss_weights in objectives.items():
            lowest, highest = JOINT_OBJECTIVES[name]
            names = {f"{loss_weight:g}" for loss_weight in loss_weights}
            are_allowed = all(lowest <= loss_weight <= highest for loss_weight in loss_weights)
            if len(names) < len(loss_weights) or not are_allowed:
                limits = f"from {lowest} " + (f"to {highest}" if highest < inf else "up")
                raise ValueError(f"{name} must list distinct weights {limits}, of at most six digits")
        return objectives
