"""What files from elsewhere hold: members, how each is known, and the conditions that all of them share."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from resiliency.allowed_names import LONGEST
from resiliency.external.arrays import members_of, test_sets_of
from resiliency.external.decisions import read_decisions
from resiliency.external.names import corrupted
from resiliency.external.scores import read_scores
from resiliency.external.settings import External
from resiliency.faults import Fault
from resiliency.names import CLEAN

KINDS = ("decisions", "logits", "probabilities", "scores")


@dataclass(frozen=True)
class Source:
    """One file or folder: its kind, a key of the settings, its members, and name of a condition -> name in the file."""

    kind: str
    file: str
    members: list[str]
    names: dict[str, str]

    @property
    def name(self) -> str:
        """A word for the file, under which its results are kept."""
        return re.sub(r"\W", "_", Path(self.file).stem, flags=re.ASCII)


@dataclass(frozen=True)
class Contents:
    """All that there is from elsewhere.

    Attributes:
        sources: files and folders.
        test_sets: names of the further test sets that all sources have.
        corruptions: those that all sources have.
        severities: of each corruption.
    """

    sources: list[Source]
    test_sets: list[str]
    corruptions: list[str]
    severities: list[int]

    @property
    def kinds(self) -> dict[str, str]:
        """Member -> how it is known, one of `KINDS`."""
        return {member: source.kind for source in self.sources for member in source.members}

    @property
    def predicted(self) -> list[str]:
        """Members that are known by their predictions."""
        return [member for member, kind in self.kinds.items() if kind != "scores"]

    def layout(self, source: Source) -> dict[str, list[str]]:
        """Test set -> the names in the file of its conditions, in the order of conditions.csv."""
        of_clean = [CLEAN, *(f"{name}.{severity}" for name in self.corruptions for severity in self.severities)]
        sets = {CLEAN: of_clean} | {name: [name] for name in self.test_sets}
        return {test_set: [source.names[name] for name in names] for test_set, names in sets.items()}


def read_contents(
    external: External, corruptions: Sequence[str], severities: Sequence[int], needed: Sequence[str] | None
) -> Contents:
    """What the files of `external` hold.

    Args:
        corruptions, severities: of the study; what else there is is left alone.
        needed: further test sets of the study where it has images, so that every condition must be in every file; None
            where it has not: then what all files share is used.

    Raises:
        Fault: a file is wrong, two members have one name, or files do not have what they must.
    """
    sources = list(_sources(external))
    members = [(member, source.file) for source in sources for member in source.members]
    words = {}
    for source in sources:
        word = source.name.lower()
        if word in words:
            raise Fault(f"{source.file}: {words[word]} has the same name; rename one")
        if len(word) > LONGEST:
            raise Fault(f"{source.file}: expected a name of at most {LONGEST} characters, got {len(word)}; shorten it")
        words[word] = source.file
    first = {}
    for member, file in members:
        if member in first:
            raise Fault(f"{file}: member {member!r} is in {first[member]} too; each member needs a name of its own")
        first[member] = file
    if needed is None:
        common = [name for name in corruptions if all(_has(source, name) for source in sources)]
        shared = [name for name in sources[0].names if all(name in source.names for source in sources)]
        test_sets = [name for name in shared if name != CLEAN and not corrupted(name)]
    else:
        common, test_sets = list(corruptions), list(needed)
    for source in sources:
        for name in [CLEAN, *test_sets, *(f"{name}.{severity}" for name in common for severity in severities)]:
            if name not in source.names:
                there = ", ".join(list(source.names)[:8])
                raise Fault(f"{source.file}: {name!r} is missing, on which other members are tested; there are {there}")
    return Contents(sources, test_sets, common, list(severities))


def _has(source: Source, corruption: str) -> bool:
    """Whether a corruption is there at any severity; it must then be at all of the study."""
    return any((corrupted(name) or ("", 0))[0] == corruption for name in source.names)


def _sources(external: External) -> Iterator[Source]:
    for kind in KINDS:
        for file in getattr(external, kind):
            yield _source(kind, file, external)


def _source(kind: str, file: str, external: External) -> Source:
    if kind == "decisions":
        decisions = read_decisions(file, external.classes)
        return Source(kind, file, list(decisions.answers), _names(file, list(decisions.labels), external))
    if kind == "scores":
        of_classes = set(external.clean_on.values())
        columns = external.test_sets and [*external.test_sets, *of_classes]
        table = read_scores(file, external.clean, external.scores_are, columns)
        present = [external.clean if name == CLEAN else name for name in table if name not in of_classes]
        return Source(kind, file, list(table.index), _names(file, present, external))
    return Source(kind, file, members_of(file), _names(file, test_sets_of(file), external))


def _names(file: str, present: list[str], external: External) -> dict[str, str]:
    """Name of a condition -> its name in the file; names of test sets keep letters and digits, `_` is for the rest."""
    for name in (external.clean, *(external.test_sets or ())):
        if name not in present:
            raise Fault(f"{file}: test set {name!r} is missing; there are {', '.join(present[:10])}")
    names = {CLEAN: external.clean}
    for name in present:
        further = name != external.clean and not corrupted(name)
        if name == external.clean or (further and external.test_sets and name not in external.test_sets):
            continue
        called = internal(name) if further else name
        if called in names:
            raise Fault(f"{file}: test sets {names[called]!r} and {name!r} would both be called {called}; rename one")
        names[called] = name
    return names


def internal(test_set: str) -> str:
    """The name of a further test set in tables: its letters and digits, with `_` for anything else."""
    called = re.sub(r"\W", "_", test_set, flags=re.ASCII)
    return called if called[:1].isalpha() else f"set_{called}"
