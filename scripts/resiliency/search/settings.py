"""Settings of the architecture search."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from resiliency.base.settings import Settings, distinct

RANDOM = "random"


class Elastic(Settings):
    depth: list[Annotated[int, Field(ge=1)]] | None = Field(
        None, description="fewest blocks of each stage; default: all blocks"
    )
    width: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [1, 0.75, 0.5], min_length=1, description="shares of the channels that a stage may keep, among them 1"
    )
    kernel: list[int] = Field(
        [3], min_length=1, description="sizes that the 3x3 kernels of a stage may have: 3, or 3 and 1"
    )

    _distinct = field_validator("width", "kernel")(distinct)

    @field_validator("kernel")
    @classmethod
    def _kernels_of_a_resnet(cls, sizes: list[int]) -> list[int]:
        if not {3, 1}.issuperset(sizes):
            raise ValueError("must contain only 3 and 1, because the 3x3 kernels of a ResNet can only shrink to 1x1")
        return sizes

    @model_validator(mode="after")
    def _largest_among_them(self) -> "Elastic":
        if 1 not in self.width:
            raise ValueError("width: must contain 1, the full width")
        if 3 not in self.kernel:
            raise ValueError("kernel: must contain 3, the full size")
        return self


class Search(Settings):
    design: str = Field(description="name of the design whose network is the largest sub-network: a ResNet of timm")
    start: str = Field(
        RANDOM, description="initial weights of the super-network: random, or those of a member of the design"
    )
    elastic: Elastic = Field(Elastic(), description="dimensions along which sub-networks may shrink")
    training: dict[str, Any] = Field({}, description="changes to the recipe of the design")
    strategy: Literal["sandwich", "progressive"] = Field(
        "sandwich",
        description="training of the super-network; sandwich: each step trains the largest, the smallest and random "
        "sub-networks; progressive: the largest and random ones, of more and more dimensions",
    )
    random_subnetworks: int = Field(1, ge=1, description="number of random sub-networks per step")
    calibration_images: int = Field(
        512, ge=2, description="number of training images for the batch-norm statistics of a sub-network"
    )
    population: int = Field(16, ge=4, description="number of sub-networks per generation of NSGA-II")
    evaluations: int = Field(64, ge=4, description="number of sub-networks evaluated in total")
    members: int = Field(3, ge=1, le=100, description="number of sub-networks that become members")
    objective: Literal["members", "ensemble"] = Field(
        "members",
        description="selection of the members: sub-networks along the Pareto front of validation error and MACs; or "
        "the ensemble of lowest validation error, highest diversity and fewest MACs",
    )
    macs_budget: int | None = Field(
        None,
        ge=1,
        description="largest number of multiply–accumulate operations per image: of each member, or of the ensemble",
    )

    @model_validator(mode="after")
    def _enough_evaluations(self) -> "Search":
        if self.evaluations < max(self.members, self.population):
            raise ValueError("evaluations: must be at least as many as population and as members")
        return self
