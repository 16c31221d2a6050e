"""The contents of imported files: members, the kind of each, and the conditions that all of them share."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from resiliency.base.faults import Fault, available, excerpt, expected
from resiliency.base.names import CLEAN, LONGEST
from resiliency.external.arrays import (
    KEYS,
    Decisions,
    are_numbers,
    members_of,
    open_scores,
    read_decisions,
    read_labels,
    test_sets_in,
    test_sets_of,
)
from resiliency.external.predictions import Reader
from resiliency.external.tables import (
    MEMBER,
    External,
    check_spelling,
    class_count,
    columns_of,
    corruption_and_severity,
    name_in_tables,
    read_scores,
)

NAMED = 6
KINDS = ("decisions", "logits", "probabilities", "scores")


@dataclass(frozen=True)
class Source:
    """One imported file or folder.

    Attributes:
        kind: key of the settings.
        names: name of a condition -> its name in the file.
        n_images: number of clean images; 0 if unknown.
        named: whether images have names in the file, not numbers.
        added: whether its members were added to those of the study.
    """

    kind: str
    file: str
    members: list[str]
    names: dict[str, str]
    n_images: int = 0
    named: bool = False
    added: bool = False

    @property
    def name(self) -> str:
        """A word for the file, under which its results are kept."""
        return re.sub(r"\W", "_", Path(self.file).stem, flags=re.ASCII)


@dataclass(frozen=True)
class Contents:
    """Content of all imported files.

    Attributes:
        test_sets: names of the additional test sets that all sources have.
        corruptions: corruptions that all sources have.
        severities: severities of every corruption.
        left_out: part of the study or of the files that is not used -> reason, and what tables mean without it.
    """

    sources: list[Source]
    test_sets: list[str]
    corruptions: list[str]
    severities: list[int]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, str]:
        """Member -> kind of its predictions or scores, one of `KINDS`."""
        return {member: source.kind for source in self.sources for member in source.members}

    @property
    def predicted(self) -> list[str]:
        """Members with predictions."""
        return [member for member, kind in self.kinds.items() if kind != "scores"]

    @property
    def added(self) -> list[str]:
        """Members that were added to those of the study."""
        return [name for source in self.sources if source.added for name in source.members]

    @property
    def n_clean_images(self) -> int:
        """Number of clean images on which all members with predictions are evaluated; 0 if there are none."""
        return max((source.n_images for source in self.sources), default=0)

    @property
    def corrupted_conditions(self) -> list[str]:
        """Names of the corrupted conditions, such as `fog.3`."""
        return [f"{name}.{severity}" for name in self.corruptions for severity in self.severities]

    def layout(self, source: Source) -> dict[str, list[str]]:
        """Test set -> the names in the file of its conditions, in the order of conditions.csv."""
        sets = {CLEAN: [CLEAN, *self.corrupted_conditions]} | {name: [name] for name in self.test_sets}
        return {test_set: [source.names[name] for name in names] for test_set, names in sets.items()}


def read_contents(
    external: External,
    corruptions: Sequence[str],
    severities: Sequence[int],
    needed: Sequence[str] | None,
    added: Sequence[str] = (),
) -> Contents:
    """Content of the files in `external`, and of those that are `added`.

    Args:
        corruptions, severities: corruptions and severities of the study; others are ignored.
        needed: additional test sets of the study if it has images, and then every file must have every condition; None
            if it has no images, and then the conditions that all files share are used.

    Raises:
        Fault: a file is wrong, two members have one name, or a file lacks what it must have.
    """
    of_study = external.clean
    external, missing = _with_added(external, added)
    corruptions = corruptions if external.clean == of_study else []  # they describe the study's clean images
    read = [_source(kind, file, external) for kind in KINDS for file in getattr(external, kind)]
    for file in added:
        source, content = _source(_kind(file, external), file, external)
        read.append((replace(source, added=True), content))
    sources = [source for source, _ in read]
    _check_distinct(sources)
    if needed is None:
        contents = _shared_conditions(sources, corruptions, severities)
        contents = replace(contents, left_out=missing | contents.left_out)
        _check_images(contents, [decisions for _, decisions in read], external.known_classes)
    else:
        contents = Contents(sources, list(needed), list(corruptions), list(severities), _numbered_images(sources))
        for source in sources:
            for name in [CLEAN, *contents.test_sets, *contents.corrupted_conditions]:
                if name not in source.names:
                    there = ", ".join(list(source.names)[:8])
                    missing_name = f"{source.file}: {name!r} not found, on which other members are tested"
                    raise Fault(f"{missing_name}; available: {there}")
    return contents


def _with_added(external: External, added: Sequence[str]) -> tuple[External, dict[str, str]]:
    """`external` with those of its test sets that the files of predictions in `added` have, and why it lacks others.

    The first of them counts as clean.

    Raises:
        Fault: a file has none of these test sets.
    """
    listed = [external.clean, *(external.test_sets or ())]
    shared, missing = listed, {}
    for file in added:
        if (kind := _kind(file, external)) == "scores":
            continue
        present = test_sets_in(file) if kind == "decisions" else test_sets_of(file)
        lacking = [name for name in shared if name not in present]
        if lacking == shared:
            raise Fault(f"{file}: {expected(f'a test set of the study ({excerpt(shared)})', excerpt(present))}")
        shared = [name for name in shared if name in present]
        missing |= dict.fromkeys(lacking, f"not in {file}, so that no member is tested on it")
    clean, *further = shared
    if clean != external.clean:
        missing[external.clean] += f"; {clean} counts as clean"
    return external.model_copy(update={"clean": clean, "test_sets": external.test_sets and further}), missing


def _check_distinct(sources: list[Source]) -> None:
    words, first = {}, {}
    for source in sources:
        word = source.name.lower()
        if word in words:
            raise Fault(f"{source.file}: same name as {words[word]}; rename one")
        if len(word) > LONGEST:
            raise Fault(f"{source.file}: expected a name of at most {LONGEST} characters, got {len(word)}; shorten it")
        words[word] = source.file
        for member in source.members:
            if member in first:
                raise Fault(f"{source.file}: member {member!r} is also in {first[member]}; rename one")
            first[member] = source.file


def _shared_conditions(sources: list[Source], corruptions: Sequence[str], severities: Sequence[int]) -> Contents:
    """The conditions that all files have, and every corruption at each of the same severities.

    Raises:
        Fault: corruptions have no severity in common.
    """
    first, *others = [list(source.names) for source in sources]
    shared = [name for name in first if all(name in names for names in others)]
    there = {name: [s for s in severities if f"{name}.{s}" in shared] for name in corruptions}
    used = [name for name in corruptions if there[name]]
    common = [s for s in severities if all(s in there[name] for name in used)] if used else list(severities)
    if not common:
        got = ", ".join(f"{name} {' '.join(map(str, there[name]))}" for name in used[:4])
        raise Fault(
            f"expected a severity that all corruptions have in every file, got {got}; set corruptions.names to fewer"
        )
    test_sets = [name for name in shared if name != CLEAN and not corruption_and_severity(name)]
    left_out = _numbered_images(sources) if sum(source.kind != "scores" for source in sources) > 1 else {}
    conditions = {CLEAN, *test_sets, *(f"{name}.{severity}" for name in used for severity in common)}
    present = dict.fromkeys(name for source in sources for name in source.names)
    if unused := [name for name in present if name not in conditions]:
        more = f" and {len(unused) - NAMED:,} more" if len(unused) > NAMED else ""
        left_out[", ".join(unused[:NAMED]) + more] = "not in every file, not of every corruption, or not in the study"
    if used and (used != list(corruptions) or common != list(severities)):
        at = f"{'severity' if len(common) == 1 else 'severities'} {', '.join(map(str, common))}"
        means = f"corrupted errors are means over what all files share: {', '.join(used)} at {at}"
        left_out["other corruptions and severities"] = means
    return Contents(sources, test_sets, used, common, left_out)


def _numbered_images(sources: list[Source]) -> dict[str, str]:
    """Sentences about files that number the images, which therefore cannot be matched by name."""
    files = ", ".join(source.file for source in sources if source.kind != "scores" and not source.named)
    why = f"numbered, so taken in the order of their numbers: {files}"
    return {"comparison of images by name": why} if files else {}


def _check_images(contents: Contents, decisions: list, classes: int | list[str] | None) -> None:
    """Raise a Fault if files have other images or labels than the first of them."""
    readers = [
        Reader(source.kind, source.file, contents.layout(source), classes, of_file)
        for source, of_file in zip(contents.sources, decisions, strict=True)
        if source.kind != "scores"
    ]
    if readers:
        first, *others = readers
        labels = first.labels()
        items = {name: (list(map(str, labels[name])), images) for name, images in first.images().items()}
        for reader in others:
            reader.check(labels, items)


def _kind(file: str, external: External) -> str:
    """The kind of a file or folder that is added, from what it holds.

    Raises:
        Fault: the file is of no kind that can be compared with the members of the study.
    """
    if Path(file).is_dir():
        return "logits"
    columns = columns_of(file)
    if set(KEYS) <= set(columns):
        return "decisions"
    if external.scores and MEMBER in columns:
        return "scores"
    needed = f"the columns {', '.join(KEYS)} and one per model"
    needed += f", or {MEMBER} and one per condition" if external.scores else ""
    raise Fault(f"{file}: {expected(needed, ', '.join(columns[:NAMED]))}; name the columns in the first row")


def _source(kind: str, file: str, external: External) -> tuple[Source, Decisions | pd.DataFrame | None]:
    if kind == "decisions":
        decisions = read_decisions(file, external.known_classes)
        names = _names(file, list(decisions.labels), external)
        named = not any(map(are_numbers, decisions.images.values()))
        images = len(decisions.labels[external.clean])
        return Source(kind, file, list(decisions.answers), names, images, named), decisions
    if kind == "scores":
        of_classes = set(external.clean_on.values())
        columns = external.test_sets and [*external.test_sets, *of_classes]
        table = read_scores(file, external.clean, external.score_type, columns)
        present = [external.clean if name == CLEAN else name for name in table if name not in of_classes]
        return Source(kind, file, list(table.index), _names(file, present, external)), table
    names = _names(file, test_sets_of(file), external)
    labels = read_labels(file, external.clean, class_count(external.known_classes))
    source = Source(kind, file, members_of(file), names, len(labels))
    for member in source.members:
        open_scores(file, member, external.clean, labels, kind)
    return source, None


def _names(file: str, present: list[str], external: External) -> dict[str, str]:
    """Name of a condition -> its name in the file; names of test sets keep letters and digits, `_` is for the rest."""
    for name in (external.clean, *(external.test_sets or ())):
        if name not in present:
            raise Fault(f"{file}: {available('test set', name, present)}")
    names = {CLEAN: external.clean}
    for name in present:
        further = name != external.clean and not corruption_and_severity(name)
        if name == external.clean or (further and external.test_sets is not None and name not in external.test_sets):
            continue
        if further and external.test_sets is None:
            check_spelling(file, name)
        called = name_in_tables(name) if further else name
        if called in names:
            raise Fault(f"{file}: test sets {names[called]!r} and {name!r} would both be called {called}; rename one")
        names[called] = name
    return names
