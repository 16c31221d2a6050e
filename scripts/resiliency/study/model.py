"""The study: the one place that knows all keys of the configuration, their defaults and their limits."""

from functools import cached_property
from itertools import chain
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from resiliency.analysis.member_tables import Statistics
from resiliency.base.names import FILE_NAME, LONGEST, design_of
from resiliency.base.settings import AUTO, Settings
from resiliency.corruptions.settings import Corruptions
from resiliency.data.settings import Dataset, Probe, TestSet
from resiliency.data.source import SPLITS
from resiliency.designs.settings import Design, Members
from resiliency.diversity.settings import Attribution
from resiliency.ensembles.settings import Deployment, Ensembles
from resiliency.export.choice import BEST, checked_ensemble
from resiliency.external.tables import External, Paths
from resiliency.prediction.reading import Prediction
from resiliency.report.settings import Charts
from resiliency.search.space import Search
from resiliency.training.settings import FineTuning, Joint, Recipe

MOST_PICTURED = 8


class Study(Settings):
    study: str = Field(
        pattern=FILE_NAME, max_length=LONGEST, description="name of the study; results go to results/<study>"
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**63,
        description="random seed for the splits, corruptions, training, search, ensemble sampling and bootstrap; "
        "jackknife groups, and draws that estimate a standard error, a histogram or MACs, are the same "
        "for all seeds",
    )
    dataset: Dataset | None = Field(Dataset(), description="images and their splits; null if all members are imported")
    test_sets: dict[str, TestSet] = Field({}, description="additional test sets, by name")
    corruptions: Corruptions = Field(Corruptions(), description="corruptions of the test images")
    designs: dict[str, Design] = Field(description="catalogue of designs, by name")
    training: Recipe = Field(Recipe(), description="training recipe of all designs")
    members: Members = Field(description="independently trained or loaded members")
    external: External | None = Field(None, description="imported members: predictions or accuracies in files")
    add: Paths = Field(
        [],
        description="your own models beside those of `external`: CSV or Parquet files of the same kind, or folders of "
        "arrays; on the command line `--config add=mine.csv`",
    )
    joint: Joint | None = Field(None, description="jointly trained members")
    search: Search | None = Field(None, description="members that are sub-networks of a super-network")
    prediction: Prediction = Field(Prediction(), description="how test images are predicted")
    probe: Probe = Field(Probe(), description="test images for attributions and activations")
    attribution: Attribution = Field(Attribution(), description="attribution methods")
    ensembles: Ensembles = Field(Ensembles(), description="ensembles of the members")
    deployment: Deployment = Field(Deployment(), description="selection of the ensembles to deploy")
    costs: str | None = Field(
        None,
        min_length=1,
        description="CSV file with the costs of answers: a row per true class, a column per answered class; wrong "
        "answers that it does not list cost 1, right ones 0. null: no table of costs",
    )
    ensemble: Annotated[str | int, BeforeValidator(checked_ensemble)] = Field(
        BEST,
        description="ensemble that `snakemake export` exports: best (the recommended one), best under N MACs, best "
        "under N ms, best of at most N members, most_accurate, or the number of a row of deployment.csv",
    )
    statistics: Statistics = Field(Statistics(), description="intervals and margins")
    charts: Charts = Field(Charts(), description="look of the charts")

    @property
    def data(self) -> Dataset:
        """The data set; its defaults where there is none, which nothing that runs then uses."""
        return self.dataset or Dataset()

    def recipe(self, design: str) -> Recipe:
        """The training recipe of `design`: the study's, with what the design changes in it."""
        kind = FineTuning if self.designs[design].fine_tuned else Recipe
        return self._resolved(self.training.model_dump() | self.designs[design].training, kind)

    def joint_recipe(self) -> Recipe:
        """The recipe of joint training: that of its design, if it has but one, else the study's, with its changes."""
        designs = set(self.joint.designs)
        common = self.designs[self.joint.designs[0]].training if len(designs) == 1 else {}
        return self._resolved(self.training.model_dump() | common | self.joint.training)

    def search_recipe(self) -> Recipe:
        """The recipe of the super-network: that of its design, with its changes."""
        values = self.training.model_dump() | self.designs[self.search.design].training | self.search.training
        return self._resolved(values)

    def _resolved(self, values: dict[str, Any], kind: type[Recipe] = Recipe) -> Recipe:
        decided = {"shift": self.data.largest_shift, "flip": self.data.mirrored}
        return kind(**(values | {key: value for key, value in decided.items() if values[key] == AUTO}))

    def family(self, design: str) -> str:
        """The family of `design`: as the study says, else timm's module of its architecture, or its factory."""
        return self.designs[design].family_name

    def description(self, design: str) -> dict[str, Any]:
        """What making a member of `design` needs to know; see `Design.description`."""
        return self.designs[design].description(self.data.side, None if self.data.one_size else self.data.margin)

    def trained_designs(self) -> list[str]:
        """Designs of the independent members that are trained here."""
        return [name for name in self.members.designs if not self.designs[name].loaded]

    def fine_tuned_designs(self) -> list[str]:
        """Those of `trained_designs` that start from given weights."""
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
        """The splits of the data set that the study has: those that something is trained on, validated or tested on."""
        if self.learning():
            return SPLITS
        return SPLITS[1:] if "weighted_mean" in self.ensembles.rules else SPLITS[2:]

    def independent_members(self) -> list[str]:
        """Names of the members that are not trained jointly, such as `resnet50-s0`."""
        return [
            f"{design}-s{seed}"
            for design in self.members.designs
            for seed in range(self.designs[design].member_count(self.members.seed_count(design)))
        ]

    def combined_members(self) -> list[str]:
        """Names of the independent members that ensembles are formed of, made here or elsewhere."""
        contents, chosen = self.contents(), self.ensembles.designs
        members = self.independent_members() + (contents.predicted if contents else [])
        added = contents.added if contents else []
        return [member for member in members if not chosen or member in added or design_of(member) in chosen]

    def pictured_members(self) -> list[str]:
        """Names of the members whose attributions are shown: the first of each family, or the baseline of its own."""
        first = {}
        for member in self.independent_members():
            if self.designs[design_of(member)].onnx:  # without gradients
                continue
            family = self.family(design_of(member))
            if member == self.members.baseline or family not in first:
                first[family] = member
        return list(first.values())[:MOST_PICTURED]

    @cached_property
    def _contents(self) -> Any:
        from resiliency.external.contents import read_contents  # it takes a second to import what it needs

        needed = list(self.test_sets) if self.dataset else None
        return read_contents(self.external, self.corruptions.names, self.corruptions.severities, needed, self.add)

    def contents(self) -> Any:
        """What the files from elsewhere hold (`resiliency.external.contents.Contents`); None where there are none.

        Raises:
            Fault: something is wrong with one.
        """
        return self._contents if self.external else None

    def shifts(self) -> list[str]:
        """Names in tables of the test sets in `statistics.robustness`."""
        from resiliency.external.tables import name_in_tables

        return list(map(name_in_tables, self.statistics.robustness))

    def accuracy_on(self) -> str | None:
        """Name in tables of the test set in `statistics.accuracy_on`."""
        from resiliency.external.tables import name_in_tables

        return self.statistics.accuracy_on and name_in_tables(self.statistics.accuracy_on)

    def described_elsewhere(self) -> Any:
        """What tables say of the members from elsewhere, as `resiliency.external.predictions.described_members` has it.

        Raises:
            Fault: something is wrong with one.
        """
        from resiliency.external.predictions import described_members, read_members

        return described_members(self.contents().kinds, [read_members(file) for file in self.external.members])

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
