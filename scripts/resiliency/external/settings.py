"""Settings of members that are known by predictions or scores that were computed elsewhere."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from resiliency.base.faults import Fault
from resiliency.base.settings import Settings, distinct
from resiliency.data.class_names import read_class_names


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


ONE_OR_MORE = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Paths = Annotated[list[str], BeforeValidator(_as_list), WithJsonSchema(ONE_OR_MORE)]


def _classes(value: object) -> object:
    """A validator of a number of classes, which may come as text, or of their names, or of a file of these."""
    if isinstance(value, str) and not value.isdecimal():
        if not Path(value).is_file():
            raise ValueError(
                f"must be an integer ≥ 2, a list of names, or a text file of them; there is no file {value}"
            )
        try:
            _classes(read_class_names(value))
        except Fault as fault:
            raise ValueError(str(fault)) from fault
        return value
    value = int(value) if isinstance(value, str) else value
    if isinstance(value, list):  # YAML takes the names true and false for booleans
        value = [str(name).lower() if isinstance(name, bool) else name for name in value]
    if isinstance(value, list) and len(value) >= 2 and all(isinstance(name, str) for name in value):
        if any(map(str.isdecimal, value)):
            raise ValueError("must be names, not numbers, which stand for positions")
        return distinct(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 2):
        raise ValueError("must be an integer ≥ 2, or a list of names")
    return value


COUNT_OR_NAMES = {
    "anyOf": [
        {"type": "integer", "minimum": 2},
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 2},
        {"type": "null"},
    ]
}
Classes = Annotated[int | str | list[str] | None, BeforeValidator(_classes), WithJsonSchema(COUNT_OR_NAMES)]


class External(Settings):
    decisions: Paths = Field(
        [],
        description="Parquet or CSV files with the columns test_set, image, label, optionally unit (equal for images "
        "that belong together) and, for each member, one with its predicted classes",
    )
    logits: Paths = Field(
        [],
        description="folders with logits, <member>/<test set>.npy (or .npz), N x K each, labels/<test set>.npy, and "
        "optionally units/<test set>.npy, equal integers for images that belong together",
    )
    probabilities: Paths = Field([], description="folders of the same layout with probabilities, which sum to 1")
    scores: Paths = Field(
        [],
        description="CSV files with accuracies (or errors) in per cent: a row for each member and a column for each "
        "condition: clean, corruptions such as fog.3, and additional test sets",
    )
    score_type: Literal["accuracy", "error"] = Field("accuracy", description="quantity in `scores`: accuracy or error")
    members: Paths = Field(
        [],
        description="CSV files that describe the members: member, and any of design, family, parameters, macs, "
        "epochs (of training), recipe and architecture (if it is one of timm's, its parameters and MACs are counted)",
    )
    clean: str = Field("clean", description="name of the test set, or column of scores, that counts as clean")
    test_sets: list[str] | None = Field(None, description="additional test sets to use; default: all in the files")
    classes: Classes = Field(
        None,
        description="number of classes, or their names in order, or a text file with a name per line, which decisions "
        "may then contain; default: the number of columns of arrays, or the largest label or prediction plus 1",
    )
    images: dict[str, Annotated[int, Field(ge=1)]] = Field(
        {}, description="number of images behind the scores of each test set, for intervals"
    )
    clean_on: dict[str, str] = Field(
        {}, description="for each test set, the column of scores with the clean accuracy on its classes"
    )

    _distinct = field_validator("decisions", "logits", "probabilities", "scores", "members")(distinct)

    @property
    def known_classes(self) -> int | list[str] | None:
        """The number of classes, or their names in order, read from the file if one is named."""
        return read_class_names(self.classes) if isinstance(self.classes, str) else self.classes

    @model_validator(mode="after")
    def _something(self) -> "External":
        if not (self.decisions or self.logits or self.probabilities or self.scores):
            raise ValueError("decisions: required; give decisions, logits, probabilities or scores")
        return self
