"""The contents of imported files: members, their descriptions, and the conditions that all of them
share."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from resiliency.base.faults import Fault, available, excerpt, expected, hint, short
from resiliency.base.names import CLEAN, INDEPENDENT, LONGEST, design_of, family_fault
from resiliency.designs.members import Member, WeightsKind
from resiliency.designs.settings import architectures
from resiliency.external.predictions import (
    KEYS,
    Content,
    Reader,
    are_numbers,
    members_of,
    open_scores,
    read_decisions,
    read_labels,
    test_sets_of,
)
from resiliency.external.tables import (
    MEMBER,
    External,
    as_numbers,
    check_members,
    check_spelling,
    class_count,
    columns_of,
    corruption_and_severity,
    name_in_tables,
    read_foreign,
    read_scores,
    refuse_wrong,
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
        left_out: part of the study or of the files that is not used -> reason, and what tables mean
            without it.
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
    def corrupted_conditions(self) -> list[str]:
        """Names of the corrupted conditions, such as `fog.3`."""
        return [f"{name}.{severity}" for name in self.corruptions for severity in self.severities]

    def layout(self, source: Source) -> dict[str, list[str]]:
        """Test set -> the names in the file of its conditions, in the order of conditions.csv."""
        sets = {CLEAN: [CLEAN, *self.corrupted_conditions]} | {
            name: [name] for name in self.test_sets
        }
        return {
            test_set: [source.names[name] for name in names] for test_set, names in sets.items()
        }


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
        needed: additional test sets of the study if it has images, and then every file must have
            every condition; None if it has no images, and then the conditions that all files share
            are used.

    Raises:
        Fault: a file is wrong, two members have one name, or a file lacks what it must have.
    """
    of_study = external.clean
    external, missing = _with_added(external, added)
    # They describe the study's clean images.
    corruptions = corruptions if external.clean == of_study else []
    read = [_source(kind, file, external) for kind in KINDS for file in getattr(external, kind)]
    read += [_source(_kind(file, external), file, external, added=True) for file in added]
    sources = [source for source, _ in read]
    _check_distinct(sources)
    if needed is None:
        contents = _shared_conditions(sources, corruptions, severities)
        contents = replace(contents, left_out=missing | contents.left_out)
        _check_images(contents, [content for _, content in read], external.known_classes)
        return contents
    contents = Contents(
        sources, list(needed), list(corruptions), list(severities), _numbered_images(sources)
    )
    for source in sources:
        for name in [CLEAN, *contents.test_sets, *contents.corrupted_conditions]:
            if name not in source.names:
                lacking = f"{source.file}: {name!r} not found, on which other members are tested"
                raise Fault(f"{lacking}; available: {', '.join(list(source.names)[:8])}")
    return contents


def _with_added(external: External, added: Sequence[str]) -> tuple[External, dict[str, str]]:
    """`external` with those of its test sets that the files of predictions in `added` have, and why
    it lacks others.

    The first of them counts as clean. It is a fault if a file has none of these test sets.
    """
    listed = [external.clean, *(external.test_sets or ())]
    shared, missing = listed, {}
    for file in added:
        if (kind := _kind(file, external)) == "scores":
            continue
        named = (
            read_foreign(file, KEYS)["test_set"].dropna().astype(str)
            if kind == "decisions"
            else test_sets_of(file)
        )
        present = list(dict.fromkeys(named))
        lacking = [name for name in shared if name not in present]
        if lacking == shared:
            raise Fault(
                f"{file}: "
                f"{expected(f'a test set of the study ({excerpt(shared)})', excerpt(present))}"
            )
        shared = [name for name in shared if name in present]
        missing |= dict.fromkeys(lacking, f"not in {file}, so that no member is tested on it")
    clean, *further = shared
    if clean != external.clean:
        missing[external.clean] += f"; {clean} counts as clean"
    return external.model_copy(
        update={"clean": clean, "test_sets": external.test_sets and further}
    ), missing


def _check_distinct(sources: list[Source]) -> None:
    words, first = {}, {}
    for source in sources:
        word = source.name.lower()
        if word in words:
            raise Fault(f"{source.file}: same name as {words[word]}; rename one")
        if len(word) > LONGEST:
            raise Fault(
                f"{source.file}: {expected(f'a name of at most {LONGEST} characters', len(word))}; "
                "shorten it"
            )
        words[word] = source.file
        for member in source.members:
            if member in first:
                raise Fault(
                    f"{source.file}: member {member!r} is also in {first[member]}; rename one"
                )
            first[member] = source.file


def _shared_conditions(
    sources: list[Source], corruptions: Sequence[str], severities: Sequence[int]
) -> Contents:
    """The conditions that all files have, and every corruption at each of the same severities."""
    first, *others = [list(source.names) for source in sources]
    shared = [name for name in first if all(name in names for names in others)]
    there = {name: [s for s in severities if f"{name}.{s}" in shared] for name in corruptions}
    used = [name for name in corruptions if there[name]]
    common = (
        [s for s in severities if all(s in there[name] for name in used)]
        if used
        else list(severities)
    )
    if not common:
        got = ", ".join(f"{name} {' '.join(map(str, there[name]))}" for name in used[:4])
        needed = "a severity that all corruptions have in every file"
        raise Fault(f"{expected(needed, got)}; set corruptions.names to fewer")
    test_sets = [name for name in shared if name != CLEAN and not corruption_and_severity(name)]
    left_out = (
        _numbered_images(sources) if sum(source.kind != "scores" for source in sources) > 1 else {}
    )
    conditions = {
        CLEAN,
        *test_sets,
        *(f"{name}.{severity}" for name in used for severity in common),
    }
    present = dict.fromkeys(name for source in sources for name in source.names)
    if unused := [name for name in present if name not in conditions]:
        more = f" and {len(unused) - NAMED:,} more" if len(unused) > NAMED else ""
        left_out[", ".join(unused[:NAMED]) + more] = (
            "not in every file, not of every corruption, or not in the study"
        )
    if used and (used != list(corruptions) or common != list(severities)):
        at = f"{'severity' if len(common) == 1 else 'severities'} {', '.join(map(str, common))}"
        means = f"corrupted errors are means over what all files share: {', '.join(used)} at {at}"
        left_out["other corruptions and severities"] = means
    return Contents(sources, test_sets, used, common, left_out)


def _numbered_images(sources: list[Source]) -> dict[str, str]:
    """Sentences about files that number the images, which therefore cannot be matched by name."""
    files = ", ".join(
        source.file for source in sources if source.kind != "scores" and not source.named
    )
    why = f"numbered, so taken in the order of their numbers: {files}"
    return {"comparison of images by name": why} if files else {}


def _check_images(
    contents: Contents, read: list[Content | None], classes: int | list[str] | None
) -> None:
    """Raise a Fault if files have other images or labels than the first of them."""
    readers = [
        Reader(source.kind, source.file, contents.layout(source), classes, content)
        for source, content in zip(contents.sources, read, strict=True)
        if source.kind != "scores"
    ]
    for reader in readers[1:]:
        labels = readers[0].labels()
        items = {
            name: (list(map(str, labels[name])), images)
            for name, images in readers[0].images().items()
        }
        reader.check(labels, items)


def _kind(file: str, external: External) -> str:
    """The kind of a file or folder that is added, from what it holds."""
    if Path(file).is_dir():
        return "logits"
    columns = columns_of(file)
    if set(KEYS) <= set(columns):
        return "decisions"
    if external.scores and MEMBER in columns:
        return "scores"
    needed = f"the columns {', '.join(KEYS)} and one per model"
    needed += f", or {MEMBER} and one per condition" if external.scores else ""
    raise Fault(
        f"{file}: {expected(needed, ', '.join(columns[:NAMED]))}; name the columns in the first row"
    )


def _source(
    kind: str, file: str, external: External, added: bool = False
) -> tuple[Source, Content | None]:
    """A file or folder, and the decisions in it."""
    if kind == "decisions":
        content = read_decisions(file, external.known_classes)
        names = _names(file, list(content.labels), external)
        named = not any(map(are_numbers, content.images.values()))
        images = len(content.labels[external.clean])
        return Source(kind, file, list(content.answers), names, images, named, added), content
    if kind == "scores":
        of_classes = set(external.clean_on.values())
        columns = external.test_sets and [*external.test_sets, *of_classes]
        table = read_scores(file, external.clean, external.score_type, columns)
        present = [
            external.clean if name == CLEAN else name for name in table if name not in of_classes
        ]
        return Source(
            kind, file, list(table.index), _names(file, present, external), added=added
        ), None
    names = _names(file, test_sets_of(file), external)
    labels = read_labels(file, external.clean, class_count(external.known_classes))
    members = members_of(file)
    for member in members:
        open_scores(file, member, external.clean, labels, kind)
    return Source(kind, file, members, names, len(labels), added=added), None


def _names(file: str, present: list[str], external: External) -> dict[str, str]:
    """Name of a condition -> its name in the file; names of test sets keep letters and digits, `_`
    is for the rest."""
    for name in (external.clean, *(external.test_sets or ())):
        if name not in present:
            raise Fault(f"{file}: {available('test set', name, present)}")
    names = {CLEAN: external.clean}
    for name in present:
        further = name != external.clean and not corruption_and_severity(name)
        if name == external.clean or (
            further and external.test_sets is not None and name not in external.test_sets
        ):
            continue
        if further and external.test_sets is None:
            check_spelling(file, name)
        called = name_in_tables(name) if further else name
        if called in names:
            raise Fault(
                f"{file}: test sets {names[called]!r} and {name!r} would both be called {called}; "
                "rename one"
            )
        names[called] = name
    return names


TEXTS = ("design", "family", "recipe", "architecture")
NUMBERS = ("parameters", "macs", "epochs")
FEWEST, MOST = 1_000, 10**18  # more than any network has; detects values in millions
MOST_EPOCHS = 10**6


def _read_members(file: str) -> pd.DataFrame:
    """Descriptions of members in a CSV or Parquet file: index member; columns `TEXTS`, "" if empty,
    and `NUMBERS`.

    Raises:
        Fault: a column is unknown, a name comes twice, or a value is wrong; the line names column
            and row.
    """
    table = read_foreign(file, ["member"])
    check_members(file, table["member"])
    known = [MEMBER, *TEXTS, *NUMBERS]
    for column in table:
        if column not in known:
            raise Fault(f"{file}: {available('column', column, known)}")
    table = table.assign(**dict.fromkeys(set(known) - set(table)))  # None in each
    columns = {name: table[name].fillna("").astype(str) for name in TEXTS}
    for column in ("family", "recipe"):
        for member, text in zip(table["member"], columns[column], strict=False):
            if text and (fault := family_fault(text)):
                raise Fault(f"{file}: member {member!r}: {column} {short(text)} {fault}; rename it")
    for name in NUMBERS:
        low, high, form = (
            (0, MOST_EPOCHS, "") if name == "epochs" else (FEWEST, MOST, ", not in millions")
        )
        values = columns[name] = as_numbers(table[name])
        wrong = ~((values >= low) & (values <= high)) & table[name].notna().to_numpy()
        refuse_wrong(file, table[name], wrong, f"a number from {low:,} to {high:.0e}{form}")
    if catalogue := architectures():
        architecture = columns["architecture"].str.partition(".")[0]
        wrong = ((architecture != "") & ~architecture.isin(list(catalogue))).to_numpy()
        refuse_wrong(file, table["architecture"], wrong, "the name of an architecture of timm")
    return pd.DataFrame(columns).set_axis(pd.Index(table["member"].astype(str), name="member"))


def described_members(members: Iterable[str], files: Iterable[str]) -> pd.DataFrame:
    """Description of each of `members` by the tables in `files`: columns `TEXTS` and `NUMBERS`,
    indexed by member.

    The design is the name without a last `-s0`, `-s1`, ..., by which members of one design differ.
    The family is by default timm's module of the architecture, else the design.

    Raises:
        Fault: a table is wrong, two describe one member, one describes an unknown member, or a
            design differs from that in the name.
    """
    members, nobody = list(members), pd.DataFrame(columns=[*TEXTS, *NUMBERS])
    everything = (
        pd.concat(tables) if (tables := [_read_members(file) for file in files]) else nobody
    )
    if len(twice := everything.index[everything.index.duplicated()]):
        raise Fault(f"external.members: member {twice[0]!r} is in two tables; keep one row")
    if others := [name for name in everything.index if name not in members]:
        near = hint(others[0], sorted(set(members) - set(everything.index)))
        lost = f"member {short(others[0])} is in no file of members{near}"
        raise Fault(f"external.members: {lost}; rename it, or remove its row")
    table = everything.reindex(pd.Index(members, name="member")).fillna(dict.fromkeys(TEXTS, ""))
    designs = [design_of(member) for member in table.index]
    for member, design, entry in zip(table.index, designs, table["design"], strict=True):
        if entry not in ("", design):
            needed = (
                f"needs the name {entry} or {entry}-s0, {entry}-s1, ..., by which its "
                "members differ"
            )
            raise Fault(f"external.members: member {member!r}: design {entry!r} {needed}")
    catalogue = architectures()
    modules = [catalogue.get(name.partition(".")[0], "") for name in table["architecture"]]
    table["design"] = designs
    families = zip(table["family"], modules, designs, strict=True)
    table["family"] = [entry or module or design for entry, module, design in families]
    return table


SEED = re.compile(r"-s(\d+)$")
# Kind of file -> what it holds of a member.
IMPORTED = {"decisions": "predicted labels", "scores": "accuracies"}


def descriptions(
    table: pd.DataFrame, kinds: dict[str, str], image_size: int | None
) -> list[Member]:
    """The descriptions of imported members.

    Parameters and MACs that the table lacks are those of timm's architecture with its own number of
    classes.

    Args:
        table: table from `described_members`.
        kinds: member -> kind of its predictions or scores.
        image_size: height and width, in pixels, of the images for which MACs are counted; None for
            each architecture's own.
    """
    members = []
    for member, row in table.iterrows():
        is_counted = row["architecture"] and (pd.isna(row["parameters"]) or pd.isna(row["macs"]))
        parameters, macs = _size(row["architecture"], image_size) if is_counted else (None, None)
        seed = SEED.search(member)
        members.append(
            Member(
                member=member,
                origin=INDEPENDENT,
                design=row["design"],
                seed=int(seed[1]) if seed else 0,
                family=row["family"],
                recipe=row["recipe"],
                architecture=row["architecture"] or None,
                weights_kind=WeightsKind.NONE,
                weights_source=f"imported as {IMPORTED.get(kinds[member], kinds[member])}",
                device="elsewhere",
                training_cost=None if pd.isna(row["epochs"]) else {"epochs": row["epochs"]},
                parameters=parameters if pd.isna(row["parameters"]) else row["parameters"],
                macs=macs if pd.isna(row["macs"]) else row["macs"],
            )
        )
    return members


@cache
def _size(architecture: str, image_size: int | None) -> tuple[int, int]:
    """Parameters of timm's network and its MACs for one image, counted without memory for its
    weights."""
    import timm
    import torch

    from resiliency.designs.networks import parameters_and_macs

    with torch.device("meta"):
        network: Any = timm.create_model(architecture)
        side = image_size or network.pretrained_cfg["input_size"][-1]
        return parameters_and_macs(network, [side, side, 3])
