"""Settings of designs and of the members made from them."""

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from resiliency.base.names import family_fault
from resiliency.base.settings import Keys, Settings

_REGISTERED = re.compile(r"^@register_model\s+def (\w+)", re.MULTILINE)


@cache
def architectures() -> dict[str, str]:
    """Architecture name -> family (the module of timm that defines it); empty if timm is not
    installed."""
    spec = find_spec("timm")
    if not spec or not spec.submodule_search_locations:
        return {}
    modules = sorted(Path(spec.submodule_search_locations[0], "models").glob("*.py"))
    return {
        name: module.stem
        for module in modules
        for name in _REGISTERED.findall(module.read_text(encoding="utf-8"))
    }


# Which families compute by convolution, by attention, or by both beyond stem and embeddings; what
# their papers describe decides. Families are modules of timm, and those of published classifiers.
_FAMILIES = {
    "attention": "beit cait crossvit davit deit eva hiera naflexvit pvt_v2 swin_transformer "
    "swin_transformer_v2 "
    "swin_transformer_v2_cr tnt twins vision_transformer vision_transformer_relpos "
    "vision_transformer_sam xcit",
    "both": "byoanet coat convit cpubone csatv2 edgenext efficientformer efficientformer_v2 "
    "efficientvit_mit "
    "efficientvit_msra fastvit gcvit iformer levit lowformer maxxvit mobilenetv5 mobilevit mvitv2 "
    "nest nextvit pit "
    "shvit swiftformer tiny_vit visformer vision_transformer_hybrid vitamin volo",
    "convolution": "alexnet convmixer convnext cspnet densenet dla dpn efficientnet fasternet "
    "ghostnet hgnet hrnet "
    "inception inception_next inception_resnet_v2 inception_v3 inception_v4 mambaout mobilenet "
    "mobilenetv3 nasnet "
    "nfnet pnasnet polynet pyramidnet rdnet regnet repghost repvit res2net resnest resnet "
    "resnet_preact resnetv2 "
    "resnext rexnet selecsls senet shake_drop shake_shake sknet squeezenet starnet tresnet vgg "
    "vovnet wide_resnet "
    "xception xception_aligned",
}
KINDS = {family: kind for kind, families in _FAMILIES.items() for family in families.split()}


ALEXNET = "alexnet"
RESERVED = {
    "pretrained",
    "num_classes",
    "checkpoint_path",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "features_only",
}
LARGEST_ADAPTED = 64
VIEW = ("input_size", "crop", "interpolation")
MOST_SEEDS = 1000
SEEDS = {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS}
SEEDS_SCHEMA = {"anyOf": [SEEDS, {"type": "object", "additionalProperties": SEEDS}]}
SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".tar")


def _weights(value: Any) -> Any:
    if value in ("random", "pretrained"):
        return value
    files = value if isinstance(value, list) else [value]
    if not files or not all(isinstance(file, str) and file.endswith(SUFFIXES) for file in files):
        raise ValueError(
            "must be random, pretrained, or a file or list of files ending in "
            f"{', '.join(SUFFIXES)}"
        )
    if len(set(files)) < len(files):
        raise ValueError("must name each file once")
    return value


def _class_names(value: Any) -> Any:
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError("must be a text file with one class name per line, or a list of names")
    return value


def _seeds(value: Any) -> Any:
    """Whole numbers, which may come as text, as all within braces does on Snakemake's command
    line."""
    numbers = value if isinstance(value, dict) else {None: value}
    texts = {
        design: re.fullmatch(r"\d{1,9}", str(number), re.ASCII)
        for design, number in numbers.items()
    }
    numbers = {design: int(text[0]) if text else 0 for design, text in texts.items()}
    if not all(1 <= number <= MOST_SEEDS for number in numbers.values()):
        raise ValueError(
            f"must be a whole number from 1 to {MOST_SEEDS:,}, or such a number for each design by "
            "name"
        )
    return numbers if isinstance(value, dict) else numbers[None]


Share = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(ge=1e-3, le=1)]


class Design(Settings):
    architecture: str | None = Field(
        None,
        description="architecture in timm, optionally with the tag of its weights, e.g. "
        "resnet50.a1_in1k",
    )
    factory: str | None = Field(
        None,
        pattern=r"^\w+(\.\w+)*:\w+$",
        description="instead of an architecture: package.module:function, which returns a network "
        "from `arguments`; "
        "the network maps normalised images, float32 Bx3xHxW, to logits BxK. The folder that "
        "Snakemake "
        "runs in is searched first",
    )
    arguments: Keys = Field(
        {}, description="keyword arguments of timm.create_model, or of the factory"
    )
    family: str | None = Field(
        None,
        description="family of the design, for observation 1; default: timm's module, e.g. resnet, "
        "or the factory's "
        "function",
    )
    recipe: str | None = Field(
        None,
        description="name of the training recipe, for observation 1, where designs differ in more "
        "than the length of "
        "training; default: none",
    )
    stem: Literal["auto", "original", "adapted"] = Field(
        "auto",
        description="stem of timm's networks for images up to 64 px; adapted: less stride and "
        "pooling; auto: "
        "adapted if the network is trained here, original if weights are loaded",
    )
    weights: Annotated[str | list[str], BeforeValidator(_weights)] = Field(
        "random",
        description="initial weights; random: trained here; pretrained: from timm's hub; or a "
        "file, or a list of "
        "files, one per member",
    )
    revision: str | None = Field(
        None,
        min_length=1,
        description="commit or tag of pretrained weights in their repository; default: the newest",
    )
    classes: Annotated[str | list[str], BeforeValidator(_class_names)] | None = Field(
        None,
        description="class names in the order of the network's outputs: a list, or a text file "
        "with one name per "
        "line; default: those of the dataset, or ImageNet's if weights are pretrained and classes "
        "are "
        "synsets",
    )
    mean: list[Share] | None = Field(
        None,
        min_length=3,
        max_length=3,
        description="per-channel mean used for normalisation of values in 0..1, for loaded "
        "weights; default: timm's "
        "for the architecture",
    )
    std: list[PositiveShare] | None = Field(
        None,
        min_length=3,
        max_length=3,
        description="per-channel standard deviation used for normalisation; default: timm's for "
        "the architecture",
    )
    input_size: int | None = Field(
        None,
        ge=32,
        le=1024,
        description="pixels per side of the images on which loaded weights were trained, if images "
        "stay in their "
        "files and dataset.image_size is auto; default: timm's, or for a factory that of the "
        "dataset",
    )
    crop: float | None = Field(
        None,
        ge=0.1,
        le=1,
        description="side of the centre crop relative to the resized image in that training; "
        "default: timm's",
    )
    interpolation: Literal["bilinear", "bicubic"] | None = Field(
        None, description="interpolation used in that training; default: timm's"
    )
    training: Keys = Field(
        {},
        description="changes to the training recipe of the study. A design with loaded weights is "
        "fine-tuned if it has "
        "any; the keys below are for such a design only",
    )

    @field_validator("arguments")
    @classmethod
    def _plain(cls, arguments: Keys) -> Keys:
        try:
            json.dumps(arguments, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "must contain only text, finite numbers, true, false, null, lists and mappings"
            ) from error
        return arguments

    @field_validator("family", "recipe")
    @classmethod
    def _is_displayed(cls, name: str | None) -> str | None:
        if name is not None and (fault := family_fault(name)):
            raise ValueError(fault)
        return name

    @model_validator(mode="after")
    def _one_network(self) -> "Design":
        if not self.architecture and not self.factory:
            raise ValueError("architecture: required; give it, or a factory")
        if self.architecture and self.factory:
            raise ValueError("factory: cannot be combined with architecture; keep one")
        if self.architecture and (reserved := RESERVED & set(self.arguments)):
            raise ValueError(
                f"arguments: must not contain {', '.join(sorted(reserved))}; the study sets these"
            )
        return self

    @model_validator(mode="after")
    def _weights_go_with_the_rest(self) -> "Design":
        if self.factory and self.weights == "pretrained":
            raise ValueError(
                "weights: expected random or a file for a factory, got pretrained, which only "
                "timm's architectures have"
            )
        if self.revision and self.weights != "pretrained":
            raise ValueError("revision: only pretrained weights have one; remove it")
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean, std: only one is given; give both")
        for key in ("classes", "mean", "std", *VIEW):
            if getattr(self, key) is not None and not self.has_given_weights:
                raise ValueError(f"{key}: only loaded weights need it; remove it, or load weights")
        if self.factory and self.has_given_weights and self.mean is None:
            raise ValueError(
                "mean, std: required for loaded weights; give the values used in training"
            )
        if self.fine_tuned and len(self.files) > 1:
            raise ValueError(
                "weights: fine-tuning starts from one file; name one here, and the others in "
                "designs of theirs"
            )
        if self.fine_tuned and self.classes is not None:
            raise ValueError(
                "classes: fine-tuning makes a new head of the data set's classes; delete classes"
            )
        return self

    @property
    def has_given_weights(self) -> bool:
        """Whether somebody else trained the weights, which members have or start from."""
        return self.weights != "random"

    @property
    def fine_tuned(self) -> bool:
        """Whether members start from given weights and are trained here."""
        return self.has_given_weights and bool(self.training)

    @property
    def loaded(self) -> bool:
        """Whether members are loaded, instead of trained here."""
        return self.has_given_weights and not self.training

    @property
    def files(self) -> list[str]:
        """The files with the weights of each member; empty if they come from elsewhere."""
        if self.weights in ("random", "pretrained"):
            return []
        return self.weights if isinstance(self.weights, list) else [self.weights]

    @property
    def family_name(self) -> str:
        """The family: as the study says, else timm's module with the architecture, or the
        function."""
        if self.factory:
            return self.family or self.factory.rpartition(":")[2]
        name = (self.architecture or "").partition(".")[0]
        return self.family or architectures().get(name, name)

    def member_count(self, seeds: int) -> int:
        """Number of members of this design, where each design that is trained has `seeds`."""
        return (len(self.files) or 1) if self.loaded else seeds

    def inputs(self, index: int) -> dict[str, str]:
        """Files that member `index` is loaded from: its weights and its classes."""
        files = dict(zip(["weights"], self.files[index : index + 1], strict=False))
        if isinstance(self.classes, str):
            files["classes"] = self.classes
        return files

    def description(self, side: int, margin: float | None = None) -> Keys:
        """The description from which a member is made, for images of `side` pixels squared, without
        `inputs`.

        These are entries of a `designs.members.Member`: `architecture`, `factory`, `arguments`,
        `stem` ("adapted" or "original") and `side`, None if timm knows it. If weights are given,
        `loaded` holds a `designs.members.Given`.

        Args:
            margin: margin of the dataset if loaded members see images as in their training; else
                None.
        """
        description = self.model_dump(include={"architecture", "factory", "arguments"})
        adaptable = self.stem == "adapted" or (self.stem == "auto" and not self.has_given_weights)
        adapted = self.architecture and adaptable and side <= LARGEST_ADAPTED
        description |= {"stem": "adapted" if adapted else "original", "side": side}
        if self.has_given_weights:
            view = self._view(side, margin) if margin else None
            description["side"] = view["size"] if view else side
            description["loaded"] = self.model_dump(include={"revision", "mean", "std"}) | {
                "weights": "file" if self.files else "pretrained",
                "classes": None if isinstance(self.classes, str) else self.classes,
                "view": view,
            }
        return description

    def _view(self, side: int, margin: float) -> Keys | None:
        view = {"size": self.input_size, "margin": self.crop, "interpolation": self.interpolation}
        if self.architecture:
            return view
        if not any(view.values()):
            return None
        defaults = {"size": side, "margin": margin, "interpolation": "bilinear"}
        return {key: value or defaults[key] for key, value in view.items()}


class Members(Settings):
    designs: list[str] = Field(
        description="names of the designs that are trained or loaded independently"
    )
    seeds: Annotated[
        int | dict[str, int], BeforeValidator(_seeds), WithJsonSchema(SEEDS_SCHEMA)
    ] = Field(
        2,
        description="number of members trained per design; or a mapping of designs to numbers, "
        "with 1 for the "
        "designs that it leaves out",
    )
    baseline: str = Field(
        description="member whose errors are 100% in CE and mCE; or alexnet for its published "
        "errors, only on "
        "ImageNet-C"
    )

    @property
    def seeds_by_design(self) -> dict[str, int]:
        """The numbers of those designs that are named with one; empty if all have the same."""
        return self.seeds if isinstance(self.seeds, dict) else {}

    def seed_count(self, design: str) -> int:
        """Number of members of `design`, if it is trained."""
        return self.seeds_by_design.get(design, 1 if isinstance(self.seeds, dict) else self.seeds)
