"""The description of a member: the content of its `member.json`."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import TypeAdapter, ValidationError

from resiliency.base.faults import Fault, brief
from resiliency.base.settings import Keys
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
        origin: independent, joint or search; "" for a super-network, which is no member of an
            ensemble.
        objective, loss_weight, setting: objective, weight and setting of joint training; else "",
            None and "".
        seed, index: numbers that identify it among members of its design, and among members trained
            together.
        recipe: training recipe of an imported or loaded member, in a word.
        architecture, factory, arguments, stem, side: description of its network; see
            `designs.networks.build`.
        start: member with whose weights the training of a super-network started.
        weights_kind, weights_source: source of its weights: a `WeightsKind`, and details in words.
        parameters, macs: size of the network, and multiply-accumulate operations for one image.
        input_size, view: H, W, 3; and what `view_of` reads, None if it sees images as the dataset
            has them.
        mean, std: of each channel, that images are normalised with.
        classes: those of the dataset, in its order.
        network_outputs, outputs: number of outputs; index of the output for each class, None if
            these are the same.
        normalisation: words for whose mean and std these are.
        device: that it was made on.
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
    arguments: Keys | None = None
    stem: str = "original"
    side: int | None = None
    start: str | None = None
    parameters: float | None = None
    macs: float | None = None
    input_size: list[int] | None = None
    view: Keys | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    classes: list[str] | None = None
    network_outputs: int | None = None
    outputs: list[int] | None = None
    weights_kind: str = ""
    weights_source: str = ""
    normalisation: str = ""
    training_cost: dict[str, float] | None = None
    device: str = ""
    precision: str = ""
    validation_accuracy: float | None = None

    @property
    def network(self) -> str | None:
        """The name of its network: an architecture or a factory."""
        return self.architecture or self.factory

    @property
    def normalising(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation per channel, of values in 0..1, by which the network sees
        images normalised."""
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
            raise Fault(
                f"{path}: not the description of a member ({brief(error)}); delete it and run again"
            ) from error

    def write(self, path: str | Path) -> None:
        """Write `member.json` to `path`."""
        write_json(path, asdict(self))


_MEMBER = TypeAdapter(Member)


class Given(NamedTuple):
    """Weights that somebody else trained, as a study describes them.

    Attributes:
        weights: "pretrained" or "file".
        revision: commit or tag of pretrained weights; None for the newest.
        classes: classes of the network's outputs; None if a file names them, or nobody.
        mean, std: of each channel; None for timm's.
        view: `size`, `margin` and `interpolation`, each None if timm knows it; or None if members
            see images as the dataset has them.
    """

    weights: str
    revision: str | None
    classes: list[str] | None
    mean: list[float] | None
    std: list[float] | None
    view: Keys | None


def described(name: str, description: Keys) -> Member:
    """The member `name` before it is made.

    Args:
        description: as from `Design.description`, perhaps with further entries of a `Member`.
    """
    return Member(name, **{key: value for key, value in description.items() if key != "loaded"})


def named_factories(config: Keys) -> set[str]:
    """The factories that the designs of a study name, whose configuration this is."""
    return {
        design["factory"]
        for design in (config.get("designs") or {}).values()
        if design.get("factory")
    }


def view_of(member: Member) -> View | None:
    """The view that a member sees images in; None is that of the study."""
    return View(**member.view) if member.view else None
