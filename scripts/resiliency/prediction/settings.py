"""Settings of the prediction."""

from typing import Literal

from pydantic import Field

from resiliency.base.settings import Settings


class Prediction(Settings):
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        "float32",
        description="precision of the layers' arithmetic in predictions and in the search; the logs of predictions "
        "compare it with float32, which is used where the device does not offer it: CPUs do not offer tf32, and only "
        "those with AVX512-BF16 or AMX offer bfloat16",
    )
    members_per_job: int = Field(
        1,
        ge=1,
        le=100,
        description="number of loaded members that one job predicts, in the order of members.designs, so that "
        "images are decoded once for all of them; their networks must fit into memory together",
    )
