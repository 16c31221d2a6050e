"""What a study consists of, as rules need it: its members, test sets, corruptions and tables."""

from typing import Any, NamedTuple

from resiliency import tables
from resiliency.base.names import CLEAN, FEWEST_IMAGES, FEWEST_UNITS, design_of
from resiliency.study.model import Study


class Plan(NamedTuple):
    """Members by name, and what they are evaluated on.

    Attributes:
        independent: members that are trained or loaded here, each alone.
        loaded: those of `independent` that are not trained.
        together: `loaded` by the job that predicts several of them; empty if each is predicted alone.
        joint, searched: members that are trained jointly, or found by the search.
        sources: what files hold of members from elsewhere (`resiliency.external.contents.Source`).
        kinds: member from elsewhere -> kind of what is known of it.
        predicted: those of `kinds` that are known by more than scores.
        added: those of `kinds` that were added to the study's.
        left_out: part of the study or of its files that is not used -> reason.
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
    sources: list[Any]
    kinds: dict[str, str]
    predicted: list[str]
    added: list[str]
    left_out: dict[str, str]
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
        loaded = set(self.loaded)
        return [member for member in self.independent if member not in loaded] + self.joint

    @property
    def in_ensembles(self) -> list[str]:
        """Members that are in any ensemble."""
        return self.pooled + self.joint + self.searched

    @property
    def pooled_networks(self) -> list[str]:
        """The networks among `pooled`."""
        pooled = set(self.pooled)
        return [member for member in self.independent if member in pooled]

    @property
    def networks_in_ensembles(self) -> list[str]:
        """The networks among `in_ensembles`."""
        return self.pooled_networks + self.joint + self.searched

    def lacking_for_few_images(self) -> list[str]:
        """Names of the tables that the study makes only with more images."""
        return [name for name in tables.made(self.has | {"images"}) if name not in self.tables]

    @property
    def fewest_units(self) -> int:
        """The smallest number of clean images, or units of them, by which members are compared."""
        return FEWEST_IMAGES if {"ensembles", "images"} <= self.has else FEWEST_UNITS


def plan_of(study: Study) -> Plan:
    """The plan of a study.

    Raises:
        Fault: a file of members from elsewhere is wrong.
    """
    contents, independent, pooled = study.contents(), study.independent_members(), study.combined_members()
    loaded, searched = set(study.loaded_designs()), study.searched_members()
    given, at_once = [name for name in independent if design_of(name) in loaded], study.prediction.members_per_job
    together = [given[start : start + at_once] for start in range(0, len(given), at_once)]
    made_here = bool(independent or searched or study.joint_members())
    sources, predicted = (contents.sources, contents.predicted) if contents else ([], [])
    corruptions = study.corruptions.names if study.dataset else contents.corruptions
    test_sets = [CLEAN, *(study.test_sets if study.dataset else contents.test_sets)]
    probabilities = any(source.kind in ("logits", "probabilities") for source in sources)
    has = {
        "ensembles": len(pooled) >= min(study.ensembles.sizes),
        "images": bool(study.dataset) or not predicted or contents.n_clean_images >= FEWEST_IMAGES,
        "networks": made_here,
        "probabilities": made_here or probabilities,
        "corruptions": bool(corruptions),
        "robustness": bool(corruptions or study.statistics.robustness),
        "shifts": bool(corruptions) or len(test_sets) > 1,
        "search": bool(searched),
        "joint": bool(study.joint_settings()),
        "costs": bool(study.costs),
    }
    properties = {name for name, there in has.items() if there}
    return Plan(
        independent=independent,
        loaded=given,
        together=together if len(together) < len(given) else [],
        joint=study.joint_members(),
        searched=searched,
        sources=sources,
        kinds=contents.kinds if contents else {},
        predicted=predicted,
        added=contents.added if contents else [],
        left_out=contents.left_out if contents else {},
        pooled=pooled,
        test_sets=test_sets,
        corruptions=corruptions,
        has=properties,
        tables=tables.made(properties),
    )
