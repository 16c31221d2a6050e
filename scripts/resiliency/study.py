"""The study: the one place that knows all keys of the configuration, their defaults and their limits."""

import re
from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from itertools import chain
from math import inf
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import Field, ValidationError

from resiliency.analysis.settings import Statistics
from resiliency.conditions import CLEAN, CORRUPTED
from resiliency.corruptions.settings import HELD_OUT, MAIN, SEVERITIES, Corruptions
from resiliency.data.folder import folder_classes
from resiliency.data.settings import PUBLISHED, Dataset, Probe, TestSet
from resiliency.designs.architectures import architectures
from resiliency.designs.settings import ALEXNET, Design, Members
from resiliency.diversity.settings import Attribution
from resiliency.ensembles.settings import Deployment, Ensembles
from resiliency.faults import Fault
from resiliency.report.settings import Charts
from resiliency.search.faults import search_faults
from resiliency.search.settings import Search
from resiliency.settings import AUTO, Settings
from resiliency.training.settings import Joint, Recipe

NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.]*$"
TEST_SET_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
RESERVED = {CLEAN, CORRUPTED, *MAIN, *HELD_OUT}  # names that tables already give to images
MOST_FAULTS = 20
MOST_PICTURED = 8


class Study(Settings):
    study: str = Field(pattern=NAME, description="name of the study: its results are in results/<study>")
    seed: int = Field(0, ge=0, description="seed that every random stream is derived from")
    dataset: Dataset = Field(Dataset(), description="images and their split")
    test_sets: dict[str, TestSet] = Field({}, description="further test sets, by name")
    corruptions: Corruptions = Field(Corruptions(), description="corruptions of the test images")
    designs: dict[str, Design] = Field(description="catalogue of designs, by name")
    training: Recipe = Field(Recipe(), description="training recipe of all designs")
    members: Members = Field(description="members trained independently")
    joint: Joint | None = Field(None, description="members trained jointly")
    search: Search | None = Field(None, description="members that are sub-networks of a super-network")
    probe: Probe = Field(Probe(), description="images for attributions and activations")
    attribution: Attribution = Field(Attribution(), description="attribution methods")
    ensembles: Ensembles = Field(Ensembles(), description="ensembles of the members")
    deployment: Deployment = Field(Deployment(), description="choice of the ensembles to deploy")
    statistics: Statistics = Field(Statistics(), description="intervals")
    charts: Charts = Field(Charts(), description="looks of the charts")

    def recipe(self, design: str) -> Recipe:
        """The training recipe of `design`: the study's, with what the design changes in it."""
        return self._resolved(self.training.model_dump() | self.designs[design].training)

    def joint_recipe(self) -> Recipe:
        """The recipe of joint training: that of its design, if it has but one, else the study's, with its changes."""
        designs = set(self.joint.designs)
        common = self.designs[self.joint.designs[0]].training if len(designs) == 1 else {}
        return self._resolved(self.training.model_dump() | common | self.joint.training)

    def search_recipe(self) -> Recipe:
        """The recipe of the super-network: that of its design, with its changes."""
        values = self.training.model_dump() | self.designs[self.search.design].training | self.search.training
        return self._resolved(values)

    def _resolved(self, values: dict[str, Any]) -> Recipe:
        decided = {"shift": self.dataset.largest_shift, "flip": self.dataset.mirrored}
        return Recipe(**(values | {key: value for key, value in decided.items() if values[key] == AUTO}))

    def family(self, design: str) -> str:
        """The family of `design`: as the study says, else timm's module of its architecture, or its factory."""
        return self.designs[design].group

    def trained_designs(self) -> list[str]:
        """Designs of the independent members that are trained here."""
        return [name for name in self.members.designs if not self.designs[name].loaded]

    def loaded_designs(self) -> list[str]:
        """Designs of the independent members whose weights are loaded."""
        return [name for name in self.members.designs if self.designs[name].loaded]

    def independent_members(self) -> list[str]:
        """Names of the members that are not trained jointly, such as `resnet50-s0`."""
        return [
            f"{design}-s{seed}"
            for design in self.members.designs
            for seed in range(self.designs[design].members(self.members.seeds))
        ]

    def pictured_members(self) -> list[str]:
        """Names of the members whose attributions are shown: the first of each family, or the baseline of its own."""
        first = {}
        for member in self.independent_members():
            family = self.family(member.rpartition("-")[0])
            if member == self.members.baseline or family not in first:
                first[family] = member
        return list(first.values())[:MOST_PICTURED]

    def joint_settings(self) -> dict[str, tuple[str, float]]:
        """Setting of joint training, such as `balanced-l0.5` -> (objective, strength).

        Names of ensembles join those of members by "+", which is therefore left out of 1e+06.
        """
        objectives = self.joint.objectives if self.joint else {}
        return {
            f"{objective}-l{strength:g}".replace("+", ""): (objective, strength)
            for objective, strengths in objectives.items()
            for strength in strengths
        }

    def joint_ensembles(self) -> list[list[str]]:
        """Names of the members of each jointly trained ensemble, such as `balanced-l0.5-s0-m1`."""
        return [
            [f"{setting}-s{seed}-m{index}" for index in range(len(self.joint.designs))]
            for setting in self.joint_settings()
            for seed in range(self.joint.seeds)
        ]

    def joint_members(self) -> list[str]:
        """Names of all members trained jointly."""
        return list(chain.from_iterable(self.joint_ensembles()))

    def searched_members(self) -> list[str]:
        """Names of the members that a search finds, such as `search-00`."""
        return [f"search-{index:02}" for index in range(self.search.members if self.search else 0)]


def load(config: dict[str, Any]) -> Study:
    """The study that `config`, as read from YAML, describes.

    Raises:
        Fault: one line for each fault: the key's path, its value and what is allowed.
    """
    try:
        study = Study(**config)
    except ValidationError as error:
        faults = [_told(fault) for fault in error.errors()]
    except TypeError:
        faults = ["keys must be words"]
    else:
        faults = list(_design_faults(study)) or list(
            chain(_size_faults(study), _file_faults(study), _search_faults(study))
        )
    if faults:
        raise Fault("\n".join(faults[:MOST_FAULTS]))
    return study


def _told(fault: dict[str, Any]) -> str:
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = _keys_beside(fault["loc"])
        return f"{path}: unknown key{_hint(str(fault['loc'][-1]), known) or '; there are ' + ', '.join(known)}"
    if fault["type"] == "missing":
        return f"{path}: missing; it must be given"
    if fault["type"] == "literal_error":
        allowed = fault["ctx"]["expected"]
        hint = _hint(fault["input"], re.findall("'(.+?)'", allowed))
        return f"{path}: {fault['input']!r} is not one of {allowed}{hint}"
    told = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "value_error" and isinstance(fault["input"], dict):
        return f"{path}.{told}"  # of several keys at once; it begins with the one to change
    return f"{path}: {_short(fault['input'])}: {told}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _hint(word: object, known: list[str]) -> str:
    nearest = get_close_matches(str(word), known, n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _keys_beside(path: tuple) -> list[str]:
    """The keys that the settings holding the key at `path` know."""
    kind: Any = Study
    for part in path[:-1]:
        is_model = isinstance(kind, type) and issubclass(kind, Settings)
        kind = kind.model_fields[part].annotation if is_model else get_args(kind)[-1]
        if get_origin(kind) is UnionType:
            kind = get_args(kind)[0]
    return list(kind.model_fields)


def _design_faults(study: Study):
    """Designs that are not in the catalogue, recipes and architectures that do not exist."""
    asked = [(f"members.designs.{i}", design) for i, design in enumerate(study.members.designs)]
    asked += [(f"joint.designs.{i}", design) for i, design in enumerate(study.joint.designs)] if study.joint else []
    for path, design in asked:
        if design not in study.designs:
            yield f"{path}: {design!r} is not in the catalogue of designs{_hint(design, list(study.designs))}"
        elif path.startswith("joint") and study.designs[design].loaded:
            yield f"{path}: {design!r} has weights that are loaded; an ensemble is trained jointly from random ones"
    if study.search and study.search.design not in study.designs:
        design = study.search.design
        yield f"search.design: {design!r} is not in the catalogue of designs{_hint(design, list(study.designs))}"
    known = architectures()
    for name, design in study.designs.items():
        if not name.replace("_", "").replace(".", "").isalnum() or not name.isascii():
            yield f"designs.{name}: a name of letters, digits, '_' and '.' is needed"
        architecture = (design.architecture or "").partition(".")[0]
        if known and architecture and architecture not in known:
            hint = _hint(architecture, list(known))
            yield f"designs.{name}.architecture: timm has no {design.architecture!r}{hint}"
        yield from _recipe_faults(f"designs.{name}", study.recipe, name)
    if study.joint and all(design in study.designs for design in study.joint.designs):
        yield from _recipe_faults("joint", study.joint_recipe)
    if study.search and study.search.design in study.designs:
        yield from _recipe_faults("search", study.search_recipe)
    if len(set(study.members.designs)) < len(study.members.designs):
        yield "members.designs: must name each design once"


def _file_faults(study: Study):
    """Files that members are loaded from, or further test sets read from, and that are not there."""
    for name, test_set in study.test_sets.items():
        if test_set.folder and not Path(test_set.folder).is_dir():
            yield f"test_sets.{name}.folder: there is no folder {test_set.folder}"
        for key, path in test_set.inputs().items():
            if not Path(path).is_file():
                yield f"test_sets.{name}.{key}: there is no file {path}"
    for name in study.loaded_designs():
        design = study.designs[name]
        for index in range(design.members(1)):
            for key, path in design.inputs(index).items():
                if not Path(path).is_file():
                    yield f"designs.{name}.{key}: there is no file {path}"


def _recipe_faults(path: str, recipe: Callable[..., Recipe], *arguments: str):
    """What is wrong with the changes to a recipe under `path`."""
    try:
        recipe(*arguments)
    except ValidationError as error:
        for fault in error.errors():
            yield f"{path}.{_told(fault | {'loc': ('training', *fault['loc'])})}"


def _size_faults(study: Study):
    """Values that do not go together."""
    if study.corruptions.engine == "imagecorruptions" and study.corruptions.table == "cifar-10-c":
        yield "corruptions.table: 'cifar-10-c' is not in the engine imagecorruptions, which has imagenet-c alone"
    members = study.independent_members()
    baseline = study.members.baseline
    if baseline == ALEXNET:
        if set(study.corruptions.names) - set(MAIN) or set(study.corruptions.severities) != set(SEVERITIES):
            yield "members.baseline: alexnet has published errors of the 15 main corruptions at severities 1 to 5 only"
    elif baseline not in members:
        yield f"members.baseline: {baseline!r} is not a member{_hint(baseline, members)}"
    if max(study.ensembles.sizes) > len(members):
        yield f"ensembles.sizes: {max(study.ensembles.sizes)} is more than the {len(members)} members"
    for name in study.test_sets:
        if name in RESERVED or not re.fullmatch(TEST_SET_NAME, name):
            yield (
                f"test_sets.{name}: a name of letters, digits and '_' is needed, other than clean, corrupted and the "
                "corruptions'"
            )
    dataset, most = study.dataset, study.dataset.most_images()
    if study.corruptions.source == "precomputed" and dataset.name.startswith("cifar") and dataset.side != 32:
        yield f"dataset.image_size: {dataset.side} is not the 32 px of the precomputed set of {dataset.name}"
    if study.probe.images > most.get("test", inf):
        yield f"probe.images: {study.probe.images} is more than the {most['test']} test images"
    if min(most.values(), default=inf) < 10:
        yield "dataset: validation_fraction and test_fraction must leave at least 10 images to each of the three splits"
    for path, recipe in _valid_recipes(study):
        if recipe.batch_size > most.get("train", inf):
            yield f"{path}: batch_size {recipe.batch_size} is more than the {most['train']} training images"
        if path == "joint" and (recipe.mixup or recipe.label_smoothing):
            yield "joint.training: mixup and label_smoothing must be 0, for the objectives are of whole labels"


def _search_faults(study: Study):
    """A search that the network of its design does not allow."""
    if study.search:
        design, classes = study.designs[study.search.design], _class_count(study.dataset)
        yield from search_faults(study.search, design, study.dataset.side, classes, study.independent_members())


def _class_count(dataset: Dataset) -> int:
    """Classes of the data set; 1 where they are folders that cannot be read, of which the rule `dataset` tells."""
    if dataset.name in PUBLISHED:
        return PUBLISHED[dataset.name].classes
    with suppress(Fault):
        return len(folder_classes(Path(dataset.folder)))
    return 1


def _valid_recipes(study: Study):
    """Where each recipe that is used, and is one, comes from, and the recipe."""
    asked = [(f"designs.{name}", partial(study.recipe, name)) for name in study.trained_designs()]
    asked += [("joint", study.joint_recipe)] if study.joint else []
    asked += [("search", study.search_recipe)] if study.search else []
    for path, recipe in asked:
        with suppress(KeyError, ValidationError):
            yield path, recipe()
