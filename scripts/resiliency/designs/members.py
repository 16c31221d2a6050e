"""The description of a member: the content of its `member.json`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from resiliency.base.faults import Fault, brief
from resiliency.data.pictures import View
from resiliency.storage import read_json, write_json


class WeightsKind(StrEnum):
    """The source of a member's weights."""

    TRAINED = "trained"  # in this study
    FINE_TUNED = "fine-tuned"  # in this study, from weights of somebody else
    SUPERNET = "super-network"  # cut out of one that was trained in this study
    FILE = "file"
    PRETRAINED = "pretrained"  # from timm's hub
    NONE = "none"  # the member is known by predictions or scores


LOADED = (WeightsKind.FILE, WeightsKind.PRETRAINED)  # weights that somebody else trained


@dataclass
class Member:
    """A trained network, or an imported classifier, which has fewer entries.

    Attributes:
        member: name of the member.
        origin: independent, joint or search; "" for a super-network, which is no member of an ensemble.
        objective, loss_weight, setting: objective, weight and setting of joint training; else "", None and "".
        seed, index: numbers that identify it among members of its design, and among members trained together.
        recipe: training recipe of an imported or loaded member, in a word.
        architecture, factory, arguments, stem, side: description of its network; see `designs.networks.build`.
        start: member with whose weights the training of a super-network started.
        weights_kind, weights_source: source of its weights: a `WeightsKind`, and details in words.
        parameters, macs, ..., device: design card; see `designs.weights.design_card`.
        precision: precision of training, float32 or bfloat16; "" if not trained here.
        validation_accuracy: accuracy on validation images, 0 to 1; None without these.
    """

    member: str
    origin: str = ""
    objective: str = ""
    design: str = ""
    setting: str = ""
    loss_weight: float | None = None
    seed: int = 0
    index: int = 0
    family: str = ""
    recipe: str = ""
    architecture: str | None = None
    factory: str | None = None
    arguments: dict[str, Any] | None = None
    stem: str = "original"
    side: int | None = None
    start: str | None = None
    parameters: float | None = None
    macs: float | None = None
    input_size: list[int] | None = None
    view: dict[str, Any] | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    classes: list[str] | None = None
    network_outputs: int | None = None
    outputs: list[int] | None = None
    weights_kind: str = ""
    weights_source: str = ""
    normalisation: str = ""
    training_cost: dict[str, Any] | None = None
    device: str = ""
    precision: str = ""
    validation_accuracy: float | None = None

    @property
    def normalising(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation per channel, of values in 0..1, by which the network sees images normalised."""
        assert self.mean is not None
        assert self.std is not None
        return self.mean, self.std

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """The member that the file `member.json` at `path` describes.

        Raises:
            Fault: the file is missing, damaged or not of this version.
        """
        content = read_json(path)
        try:
            _MEMBER.validate_json(Path(path).read_bytes(), strict=True)
            return cls(**content)
        except (TypeError, ValidationError) as error:
            raise Fault(f"{path}: not the description of a member ({brief(error)}); delete it and run again") from error

    def write(self, path: str | Path) -> None:
        """Write `member.json` to `path`."""
        write_json(path, asdict(self))


_MEMBER = TypeAdapter(Member)


def named_factories(config: Mapping[str, Any]) -> set[str]:
    """The factories that the designs of a study name, whose configuration this is."""
    return {design["factory"] for design in (config.get("designs") or {}).values() if design.get("factory")}


def view_of(member: Member) -> View | None:
    """The view that a member sees images in; None is that of the study."""
    return View(**member.view) if member.view else None
