"""Settings of the prediction."""

from typing import Literal

from pydantic import Field

from resiliency.settings import Settings


class Prediction(Settings):
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        "float32",
        description="of the layers' arithmetic on a GPU; the log compares with float32. On a CPU it is float32",
    )
    members_a_job: int = Field(
        1,
        ge=1,
        le=100,
        description="loaded members that one job predicts, so that images are decoded once for all of them: those that "
        "follow each other in members.designs, whose networks must fit into memory together",
    )
