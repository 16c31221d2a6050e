"""The study: the one place that knows its keys, defaults and limits, and the words for their
faults."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from itertools import chain, product
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, field_validator

from resiliency.base.faults import Fault, hint, path_fault, short
from resiliency.base.names import FILE_NAME, LONGEST, design_of
from resiliency.base.settings import AUTO, NUMBER, Keys, Settings, distinct
from resiliency.corruptions.settings import Corruptions
from resiliency.data.folder import folder_classes
from resiliency.data.reading import CLASSES
from resiliency.data.settings import Dataset, Probe, TestSet, table_of
from resiliency.data.source import SPLITS, names_for_classes, read_class_names
from resiliency.data.split import read_groups
from resiliency.designs.settings import Design, Members
from resiliency.diversity.settings import Attribution
from resiliency.ensembles.settings import Deployment, Ensembles
from resiliency.export.settings import BEST, Requirements, checked_ensemble
from resiliency.external.contents import Contents, described_members, read_contents
from resiliency.external.tables import External, Paths, name_in_tables
from resiliency.metrics.classification import cost_matrix, read_costs
from resiliency.prediction.reading import Prediction
from resiliency.report.settings import Charts
from resiliency.search.space import Search
from resiliency.training.settings import FineTuning, Joint, Recipe

MOST_PICTURED = 8


class Statistics(Settings):
    resamples: int = Field(
        2000, ge=100, le=10**6, description="number of bootstrap resamples of the images"
    )
    reference: str | None = Field(
        None,
        description="recipe of the reference members, in a table that describes imported members: "
        "observation 1 and "
        "the line of effective robustness use only these; null for all members",
    )
    robustness: list[str] = Field(
        [],
        description="additional test sets whose mean error observation 1 uses in place of "
        "corrupted error; it is then "
        "about natural shifts, not about the paper's statement",
    )
    accuracy_on: str | None = Field(
        None,
        min_length=1,
        description="additional test set whose accuracy observation 1b and exchange rates use as "
        "clean accuracy, so "
        "that no image of it is one of the corrupted error; null: the images of the dataset, in "
        "halves",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="confidence level of the intervals")

    _distinct = field_validator("robustness")(distinct)


class Study(Settings):
    study: str = Field(
        pattern=FILE_NAME,
        max_length=LONGEST,
        description="name of the study; results go to results/<study>",
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**63,
        description="random seed for the splits, corruptions, training, search, ensemble sampling "
        "and bootstrap; "
        "jackknife groups, and draws that estimate a standard error, a histogram or MACs, are the "
        "same "
        "for all seeds",
    )
    dataset: Dataset | None = Field(
        Dataset(), description="images and their splits; null if all members are imported"
    )
    test_sets: dict[str, TestSet] = Field({}, description="additional test sets, by name")
    corruptions: Corruptions = Field(Corruptions(), description="corruptions of the test images")
    designs: dict[str, Design] = Field(description="catalogue of designs, by name")
    training: Recipe = Field(Recipe(), description="training recipe of all designs")
    members: Members = Field(description="independently trained or loaded members")
    external: External | None = Field(
        None, description="imported members: predictions or accuracies in files"
    )
    add: Paths = Field(
        [],
        description="your own models beside those of `external`: CSV or Parquet files of the same "
        "kind, or folders of "
        "arrays; on the command line `--config add=mine.csv`",
    )
    joint: Joint | None = Field(None, description="jointly trained members")
    search: Search | None = Field(
        None, description="members that are sub-networks of a super-network"
    )
    prediction: Prediction = Field(Prediction(), description="how test images are predicted")
    probe: Probe = Field(Probe(), description="test images for attributions and activations")
    attribution: Attribution = Field(Attribution(), description="attribution methods")
    ensembles: Ensembles = Field(Ensembles(), description="ensembles of the members")
    deployment: Deployment = Field(Deployment(), description="selection of the ensembles to deploy")
    costs: str | None = Field(
        None,
        min_length=1,
        description="CSV file with the costs of answers: a row per true class, a column per "
        "answered class; wrong "
        "answers that it does not list cost 1, right ones 0. null: no table of costs",
    )
    ensemble: Annotated[
        str | Annotated[int, Field(ge=1, lt=10**9)], BeforeValidator(checked_ensemble)
    ] = Field(
        BEST,
        description="ensemble that `snakemake export` exports: best (the recommended one), best "
        "under N MACs, best "
        "of at most N members, most_accurate, or the number of a row of deployment.csv",
    )
    requirements: Requirements = Field(
        Requirements(),
        description="largest values that an exported ensemble may have, which evidence.json and "
        "evidence.html judge by "
        "one-sided bounds, with Holm's correction for their number; null: not judged",
    )
    statistics: Statistics = Field(Statistics(), description="intervals and margins")
    charts: Charts = Field(Charts(), description="look of the charts")

    @property
    def data(self) -> Dataset:
        """The dataset; its defaults if there is none, which nothing that runs then uses."""
        return self.dataset or Dataset()

    def resolved(self) -> Keys:
        """All keys with their values, but for the ensemble to export, on which no result
        depends."""
        return self.model_dump(mode="json", exclude={"ensemble"})

    def class_names_elsewhere(self) -> list[str]:
        """Names of the classes of members from elsewhere; empty if only their number is known."""
        known = self.external.known_classes if self.external else []
        return known if isinstance(known, list) else []

    def recipe(self, design: str) -> Recipe:
        """The training recipe of `design`: the study's, with what the design changes in it."""
        return self._resolved(
            self.designs[design].training, FineTuning if self.designs[design].fine_tuned else Recipe
        )

    def joint_recipe(self) -> Recipe:
        """The recipe of joint training: that of its design, if it has but one, else the study's,
        with its changes."""
        assert self.joint is not None
        common = (
            self.designs[self.joint.designs[0]].training if len({*self.joint.designs}) == 1 else {}
        )
        return self._resolved(common | self.joint.training)

    def search_recipe(self) -> Recipe:
        """The recipe of the super-network: that of its design, with its changes."""
        assert self.search is not None
        return self._resolved(self.designs[self.search.design].training | self.search.training)

    def _resolved(self, changes: Keys, kind: type[Recipe] = Recipe) -> Recipe:
        values = self.training.model_dump() | changes
        decided = {"shift": self.data.largest_shift, "flip": self.data.mirrored}
        return kind(
            **(values | {key: value for key, value in decided.items() if values[key] == AUTO})
        )

    def description(self, design: str) -> Keys:
        """The description from which a member of `design` is made; see `Design.description`."""
        return self.designs[design].description(
            self.data.side, None if self.data.one_size else self.data.margin
        )

    def trained_designs(self) -> list[str]:
        """Designs of the independent members that are trained here."""
        return [name for name in self.members.designs if not self.designs[name].loaded]

    def fine_tuned_designs(self) -> list[str]:
        """The `trained_designs` that start from given weights."""
        return [name for name in self.trained_designs() if self.designs[name].fine_tuned]

    def given_designs(self) -> list[str]:
        """Designs of the independent members whose weights are loaded, to be fine-tuned or not."""
        return [*self.loaded_designs(), *self.fine_tuned_designs()]

    def loaded_designs(self) -> list[str]:
        """Designs of the independent members whose weights are loaded."""
        return [name for name in self.members.designs if self.designs[name].loaded]

    def learning(self) -> list[str]:
        """Keys of the study that need training images."""
        keys = [f"designs.{name}" for name in self.trained_designs()]
        keys += ["joint"] if self.joint_settings() else []
        return keys + (["search"] if self.search else [])

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of the dataset that the study has: those that something is trained on,
        validated or tested on."""
        return SPLITS if self.learning() else SPLITS[2:]

    def independent_members(self) -> list[str]:
        """Names of the members that are not trained jointly, such as `resnet50-s0`."""
        return [
            f"{design}-s{seed}"
            for design in self.members.designs
            for seed in range(self.designs[design].member_count(self.members.seed_count(design)))
        ]

    def combined_members(self) -> list[str]:
        """Names of the independent members that ensembles are formed of, made here or elsewhere."""
        members, chosen = (
            self.independent_members() + self.elsewhere.predicted,
            self.ensembles.designs,
        )
        added = self.elsewhere.added
        return [
            member
            for member in members
            if not chosen or member in added or design_of(member) in chosen
        ]

    def pictured_members(self) -> list[str]:
        """Names of the members whose attributions are shown: the first of each family, or the
        baseline of its own."""
        first = {}
        for member in self.independent_members():
            family = self.designs[design_of(member)].family_name
            if member == self.members.baseline or family not in first:
                first[family] = member
        return list(first.values())[:MOST_PICTURED]

    @cached_property
    def elsewhere(self) -> Contents:
        """What the imported files hold; nothing if there are none.

        Raises:
            Fault: a file is wrong.
        """
        if self.external is None:
            return Contents([], [], [], [])
        needed = list(self.test_sets) if self.dataset else None
        return read_contents(
            self.external, self.corruptions.names, self.corruptions.severities, needed, self.add
        )

    def shifts(self) -> list[str]:
        """Names in tables of the test sets in `statistics.robustness`."""
        return list(map(name_in_tables, self.statistics.robustness))

    def accuracy_on(self) -> str | None:
        """Name in tables of the test set in `statistics.accuracy_on`."""
        return self.statistics.accuracy_on and name_in_tables(self.statistics.accuracy_on)

    def described_elsewhere(self) -> pd.DataFrame:
        """Descriptions of the imported members in tables, as from
        `resiliency.external.contents.described_members`.

        Raises:
            Fault: a table is wrong.
        """
        return described_members(
            self.elsewhere.kinds, self.external.members if self.external else []
        )

    def joint_settings(self) -> dict[str, tuple[str, float]]:
        """Setting of joint training, such as `balanced-l0.5` -> (objective, loss_weight).

        Names of ensembles join those of members by "+", which is therefore left out of 1e+06.
        """
        objectives = self.joint.objectives if self.joint else {}
        return {
            f"{objective}-l{loss_weight:g}".replace("+", ""): (objective, loss_weight)
            for objective, loss_weights in objectives.items()
            for loss_weight in loss_weights
        }

    def joint_ensembles(self) -> list[list[str]]:
        """Names of the members of each jointly trained ensemble, such as `balanced-l0.5-s0-m1`."""
        settings = product(self.joint_settings(), range(self.joint.seeds)) if self.joint else ()
        indices = range(len(self.joint.designs) if self.joint else 0)
        return [[f"{setting}-s{seed}-m{index}" for index in indices] for setting, seed in settings]

    def joint_members(self) -> list[str]:
        """Names of all members trained jointly."""
        return list(chain.from_iterable(self.joint_ensembles()))

    def searched_members(self) -> list[str]:
        """Names of the members that a search finds, such as `search-00`."""
        return [f"search-{index:02}" for index in range(self.search.members if self.search else 0)]


@cache
def _known_keys() -> list[str]:
    """The names of all keys of a study, in any section."""
    schema = Study.model_json_schema()
    return [
        name for part in (schema, *schema["$defs"].values()) for name in part.get("properties", ())
    ]


def messages(error: ValidationError) -> Iterator[str]:
    """A line for each fault in `error`, in the words of pydantic."""
    for fault in error.errors(include_url=False):
        path = ".".join(short(part, quote=False) for part in fault["loc"] if part != "[key]")
        words, of = fault["msg"].removeprefix("Value error, "), f": {short(fault['input'])}: "
        if fault["type"] == "extra_forbidden":
            words, of = f"unknown key{hint(fault['loc'][-1], _known_keys())}", ": "
        # Words about several keys begin with the one to change.
        elif isinstance(fault["input"], dict):
            of = "." if words.partition(": ")[0].isidentifier() else ": "
        yield f"{path}{of}{words}"


def odd_numbers(given: Any, made: Any, path: str = "") -> Iterator[str]:
    """A line for each true, false or text such as 1_000, in the configuration, that is a number in
    the settings `made`.

    Python takes true for 1 and 1_000 for 1000, and pydantic lets them pass. Text itself may be a
    number: all within braces on Snakemake's command line is text.
    """
    if isinstance(given, bool) and not isinstance(made, bool | str):
        yield f"{path}: {short(given)}: must be a number, not true or false"
    elif isinstance(given, str) and isinstance(made, int | float) and not isinstance(made, bool):
        if not NUMBER.fullmatch(given):
            yield f"{path}: {short(given)}: must be a number in digits, e.g. 1000 or 0.001"
    elif isinstance(given, list) and isinstance(made, list):
        for index, (inner, of_inner) in enumerate(zip(given, made, strict=False)):
            yield from odd_numbers(inner, of_inner, f"{path}.{index}")
    elif isinstance(given, dict):
        values = dict(made) if isinstance(made, BaseModel | dict) else {}
        for key in (key for key in given if key in values):
            yield from odd_numbers(given[key], values[key], f"{path}.{key}" if path else str(key))


def file_faults(study: Study) -> Iterator[str]:
    """Files that members are loaded from, or additional test sets read from, and that are not there
    or badly named."""
    if study.corruptions.folder and (fault := path_fault(study.corruptions.folder)):
        yield f"corruptions.folder: {study.corruptions.folder}: {fault}"
    yield from _file("dataset.images", study.data.images)
    yield from _file("dataset.groups", table_of(study.data.groups), read_groups)
    yield from _file("dataset.test_groups", table_of(study.data.test_groups), read_groups)
    yield from _file("dataset.classes", study.data.classes, read_class_names)
    for name, test_set in study.test_sets.items():
        if test_set.folder and not Path(test_set.folder).is_dir():
            yield f"test_sets.{name}.folder: there is no folder {test_set.folder}"
        elif test_set.folder and (fault := path_fault(test_set.folder)):
            yield f"test_sets.{name}.folder: {test_set.folder}: {fault}"
        for key, path in test_set.inputs().items():
            yield from _file(f"test_sets.{name}.{key}", path)
        yield from _file(f"test_sets.{name}.groups", table_of(test_set.groups), read_groups)
    for name in study.given_designs():
        design = study.designs[name]
        for index in range(design.member_count(1)):
            for key, path in design.inputs(index).items():
                yield from _file(f"designs.{name}.{key}", path)


def cost_faults(study: Study) -> Iterator[str]:
    """Costs of answers that are of no classes of the dataset, as far as these are known before it
    is read."""
    if not study.costs:
        return
    if not study.dataset:
        yield "costs: names of classes are those of a dataset, and the study has none; remove it"
        return
    faults = list(_file("costs", study.costs, read_costs))
    yield from faults
    if not faults:
        try:
            if classes := _known_classes(study.data, study.splits):
                cost_matrix(read_costs(study.costs), classes)
        except Fault as fault:
            yield str(fault)


def _known_classes(dataset: Dataset, splits: Sequence[str]) -> list[str]:
    """Names of the classes, as far as they are known before the dataset is read; else empty."""
    if dataset.name == "image_folder":
        classes = folder_classes(dataset.place, splits)
        return names_for_classes(classes, dataset.classes) if dataset.classes else classes
    if dataset.name == "gtsrb":
        return list(CLASSES)
    return list(map(str, range(10))) if dataset.name in ("digits", "svhn") else []


def _file(key: str, path: str | None, read: Callable[[str], object] | None = None) -> Iterator[str]:
    """The fault of the file that `key` names, if it names one: raised by `read`, or missing or
    badly named."""
    if not path:
        return
    if not Path(path).is_file():
        yield f"{key}: there is no file {path}"
    elif fault := path_fault(path):
        yield f"{key}: {path}: {fault}"
    elif read:
        try:
            read(path)
        except Fault as fault:
            yield f"{key}: {fault}"
