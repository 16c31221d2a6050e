"""What a study consists of, as rules need it: its members, test sets, corruptions and tables."""

from types import SimpleNamespace
from typing import Any, NamedTuple

from resiliency import tables
from resiliency.base.names import CLEAN, FEWEST_IMAGES, design_of
from resiliency.study.model import Study

NOTHING = SimpleNamespace(sources=[], kinds={}, predicted=[], added=[], left_out={}, test_sets=[], corruptions=[])


class Plan(NamedTuple):
    """Members by name, and what they are evaluated on.

    Attributes:
        independent: members that are trained or loaded here, each alone.
        loaded: those of `independent` that are not trained.
        together: `loaded` by the job that predicts several of them; empty if each is predicted alone.
        joint, searched: members that are trained jointly, or found by the search.
        elsewhere: what files hold of members from elsewhere (`resiliency.external.contents.Contents`).
        pooled: members of whose ensembles all are scored.
        test_sets, corruptions: names, clean images first.
        has: properties of the study, which tables and charts need.
        tables: names of the tables that the study makes.
    """

    independent: list[str]
    loaded: list[str]
    together: list[list[str]]
    joint: list[str]
    searched: list[str]
    elsewhere: Any
    pooled: list[str]
    test_sets: list[str]
    corruptions: list[str]
    has: set[str]
    tables: list[str]

    @property
    def networks(self) -> list[str]:
        """All members that are networks, made here."""
        return self.independent + self.joint + self.searched

    @property
    def trained(self) -> list[str]:
        """Members of which each has a history of its own training."""
        loaded = {*self.loaded}
        return [member for member in self.independent if member not in loaded] + self.joint

    @property
    def in_ensembles(self) -> list[str]:
        """Members that are in any ensemble."""
        return self.pooled + self.joint + self.searched

    @property
    def pooled_networks(self) -> list[str]:
        """The networks among `pooled`."""
        return [member for member in self.pooled if member not in self.elsewhere.kinds]

    @property
    def networks_in_ensembles(self) -> list[str]:
        """The networks among `in_ensembles`."""
        return self.pooled_networks + self.joint + self.searched


def plan_of(study: Study) -> Plan:
    """The plan of a study.

    Raises:
        Fault: a file of members from elsewhere is wrong.
    """
    elsewhere, independent, pooled = study.contents() or NOTHING, study.independent_members(), study.combined_members()
    given, at_once = {*study.loaded_designs()}, study.prediction.members_per_job
    loaded = [member for member in independent if design_of(member) in given]
    together = [loaded[start : start + at_once] for start in range(0, len(loaded), at_once)]
    joint, searched = study.joint_members(), study.searched_members()
    networks = bool(independent or joint or searched)
    corruptions = study.corruptions.names if study.dataset else elsewhere.corruptions
    test_sets = [CLEAN, *(study.test_sets if study.dataset else elsewhere.test_sets)]
    probabilities = {"logits", "probabilities"} & {*elsewhere.kinds.values()}
    has = {
        "ensembles": len(pooled) >= min(study.ensembles.sizes),
        "images": study.dataset or not elsewhere.predicted or elsewhere.n_clean_images >= FEWEST_IMAGES,
        "networks": networks,
        "probabilities": networks or probabilities,
        "corruptions": corruptions,
        "robustness": corruptions or study.statistics.robustness,
        "shifts": corruptions or len(test_sets) > 1,
        "search": searched,
        "joint": joint,
        "costs": study.costs,
    }
    properties = {name for name, there in has.items() if there}
    return Plan(
        independent,
        loaded,
        together if len(together) < len(loaded) else [],
        joint,
        searched,
        elsewhere,
        pooled,
        test_sets,
        corruptions,
        properties,
        tables.made(properties),
    )
