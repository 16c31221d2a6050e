"""Settings of the corruptions."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from resiliency.base.names import HELD_OUT, MAIN
from resiliency.base.settings import AUTO, Keys, Settings, distinct

SEVERITIES = (1, 2, 3, 4, 5)
LARGEST_CIFAR = 64


def table_for(side: int) -> str:
    """The published severity parameters that suit images whose larger side is `side` pixels."""
    return "cifar-10-c" if side <= LARGEST_CIFAR else "imagenet-c"


class Corruptions(Settings):
    names: list[Literal[MAIN + HELD_OUT]] = Field(
        list(MAIN),
        min_length=1,
        description="names of the corruptions; mCE is the mean over the main ones",
    )
    severities: list[Annotated[int, Field(ge=SEVERITIES[0], le=SEVERITIES[-1])]] = Field(
        list(SEVERITIES),
        min_length=1,
        description="severities of each corruption, from 1 (slight) to 5 (severe)",
    )
    source: Literal["generated", "precomputed"] = Field(
        "generated", description="generated here, or read from a published set in `folder`"
    )
    folder: str | None = Field(
        None,
        min_length=1,
        description="folder of the precomputed set: CIFAR-10-C or CIFAR-100-C, else a set in the "
        "layout of ImageNet-C",
    )
    table: Literal["auto", "imagenet-c", "cifar-10-c"] = Field(
        AUTO,
        description="published severity parameters; auto: cifar-10-c for images up to 64 px, else "
        "imagenet-c",
    )
    engine: Literal["resiliency", "imagecorruptions"] = Field(
        "resiliency",
        description="corruption engine: that of this project, or the package imagecorruptions, "
        "which is slow and "
        "has only imagenet-c",
    )

    _distinct = field_validator("names", "severities")(distinct)

    @model_validator(mode="after")
    def _folder_where_needed(self) -> "Corruptions":
        if (self.source == "precomputed") != bool(self.folder):
            raise ValueError("folder: goes with source precomputed only; give both or neither")
        return self

    def table_at(self, image_size: int) -> str:
        """The table of severities for images of `image_size` pixels a side."""
        if self.table != AUTO:
            return self.table
        return "imagenet-c" if self.engine == "imagecorruptions" else table_for(image_size)

    def pictured(self) -> dict[str, list[str] | list[int]]:
        """Corruptions and severities in the gallery: all of them, or for a published set those of
        the study."""
        if self.source == "precomputed":
            return {"names": self.names, "severities": self.severities}
        return {"names": [*MAIN, *HELD_OUT], "severities": list(SEVERITIES)}

    def severest(self) -> Keys:
        """The `condition` whose attributions are shown, the first corruption at its severest, and
        its `position`."""
        severity = max(self.severities)
        condition = {"corruption": self.names[0], "severity": severity}
        return {"condition": condition, "position": self.severities.index(severity)}

    def table_label(self, image_size: int) -> str:
        """Whose severities they are, in words."""
        return "the published set" if self.source == "precomputed" else self.table_at(image_size)
