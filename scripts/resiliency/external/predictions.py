"""Predictions and descriptions of imported members, in the form of those of all members."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from resiliency.base.faults import Fault, available, difference, hint, short
from resiliency.base.names import INDEPENDENT, design_of, family_fault
from resiliency.designs.members import Member, WeightsKind
from resiliency.designs.settings import architectures
from resiliency.external.arrays import Decisions, order_of, read_decisions, read_labels, read_logits, read_units
from resiliency.external.tables import as_numbers, check_members, class_count, read_foreign, refuse_wrong
from resiliency.statistics.resampling import Units


class Reader:
    """Reads one file of decisions, or folder of logits or probabilities.

    Args:
        kind: content of the file: decisions, logits or probabilities.
        file: path of the file or folder.
        layout: test set -> names of its conditions in the file.
        classes: number or names of the classes, if known.
        decisions: decisions of the file, if it was read before.
    """

    def __init__(
        self,
        kind: str,
        file: str,
        layout: dict[str, list[str]],
        classes: int | Sequence[str] | None,
        decisions: Decisions | None = None,
    ):
        self.kind, self.file, self.layout = kind, file, layout
        self.class_count = class_count(classes)
        self.orders: dict[str, np.ndarray] = {}
        self.decisions = decisions
        if kind == "decisions" and not decisions:
            self.decisions = read_decisions(file, classes, [name for names in layout.values() for name in names])

    def labels(self) -> dict[str, np.ndarray]:
        """Test set -> labels, int64 N.

        Raises:
            Fault: corrupted images are not those of the test set, or have other labels.
        """
        common = {}
        for test_set, (first, *others) in self.layout.items():
            labels, images = self._labels(first), self._images(first)
            common[test_set] = labels
            for name in others:
                if not np.array_equal(self._images(name), images):
                    named = difference(self._images(name), images)
                    raise Fault(f"{self.file}: images of {name!r} differ from those of {first!r}{named}; use the same")
                wrong = np.flatnonzero(self._labels(name) != labels)
                if len(wrong):
                    raise self._label_fault(name, wrong[0], labels[wrong[0]], f"in {first!r}", "use the same images")
        return common

    def images(self) -> dict[str, list[str]]:
        """Test set -> the names of its N images; numbers from 0 if the file has none."""
        return {test_set: list(map(str, self._images(names[0]))) for test_set, names in self.layout.items()}

    def units(self) -> dict[str, Units]:
        """Test set -> units of its images; each image is a unit if the file has none.

        Raises:
            Fault: a corrupted image is in another unit than the image itself; or as `read_units`.
        """
        units = {test_set: self._units(names[0]) for test_set, names in self.layout.items()}
        for test_set, names in self.layout.items() if self.decisions else ():
            for name in names[1:]:
                if not np.array_equal(self._units(name).of_image, units[test_set].of_image):
                    raise Fault(f"{self.file}: units of {name!r} differ from those of {names[0]!r}; use the same units")
        return units

    def classes(self, members: list[str]) -> int:
        """Number of classes: as given, else the number of columns, else the largest label or answer plus 1."""
        if self.class_count:
            return self.class_count
        if self.decisions:
            answers = [of_set for of_member in self.decisions.answers.values() for of_set in of_member.values()]
            return 1 + max(int(values.max()) for values in (*self.decisions.labels.values(), *answers))
        return self._logits(members[0], next(iter(self.layout.values()))[0]).shape[-1]

    def read(self, member: str, classes: int) -> Iterator[tuple[str, np.ndarray]]:
        """Test set, and decisions int16 C x N of its C conditions, or logits float32 C x N x K.

        Images are in the order of those that were given to `check`, else in that of the file.

        Args:
            classes: number of classes of the study, K.

        Raises:
            Fault: the member answers a class outside the study's, or has another number of columns.
        """
        for test_set, names in self.layout.items():
            order, values = self.orders.get(test_set, slice(None)), []
            for name in names:
                if self.decisions:
                    under = self.decisions.answers[member][name]
                    wrong = f"class {under.max()}" if under.max() >= classes else ""
                else:
                    under = self._logits(member, name)
                    wrong = f"{under.shape[1]:,} columns" if under.shape[1] != classes else ""
                if wrong:
                    raise Fault(
                        f"{self.file}: member {member!r}, test set {name!r}: expected classes 0 to {classes - 1} of "
                        f"the study, got {wrong}; without a dataset, set external.classes"
                    )
                values.append(under[order])
            if self.decisions:
                yield test_set, np.stack(values).astype(np.int32 if np.max(values) > 32_000 else np.int16)
            else:
                yield test_set, np.stack(values)

    def check(self, truths: Mapping[str, np.ndarray], items: Mapping[str, tuple[list[str], list[str]]]) -> None:
        """Put images into the order of those on which all members of the study are evaluated.

        Args:
            truths: test set -> labels of these images.
            items: test set -> classes and names of these images.

        Raises:
            Fault: the file has other images, or other labels for them.
        """
        for test_set, labels in self.labels().items():
            classes, names = items[test_set]
            images = self._images(self.layout[test_set][0])
            order = self.orders[test_set] = order_of(self.file, test_set, images, names, classes)
            wrong = np.flatnonzero(labels[order] != truths[test_set])
            if len(wrong):
                image, label = order[wrong[0]], truths[test_set][wrong[0]]
                name = self.layout[test_set][0]
                raise self._label_fault(name, image, label, "for other members", "put the images in the same order")

    def _label_fault(self, name: str, place: int, label: int, where: str, remedy: str) -> Fault:
        row = self.decisions.rows[name][place] if self.decisions else place + 1
        image, got = self._images(name)[place], self._labels(name)[place]
        return Fault(
            f"{self.file}: test set {name!r}, row {row}, image {image}: expected label {label}, as {where}, got {got}; "
            f"{remedy}"
        )

    def _labels(self, name: str) -> np.ndarray:
        return self.decisions.labels[name] if self.decisions else read_labels(self.file, name, self.class_count)

    def _units(self, name: str) -> Units:
        images = len(self._labels(name))
        keys = self.decisions.units.get(name) if self.decisions else read_units(self.file, name, images)
        return Units.single(images) if keys is None else Units.numbered(keys)

    def _images(self, name: str) -> np.ndarray:
        return self.decisions.images[name] if self.decisions else np.arange(len(self._labels(name)))

    def _logits(self, member: str, name: str) -> np.ndarray:
        return read_logits(self.file, member, name, self._labels(name), self.kind)


TEXTS = ("design", "family", "recipe", "architecture")
NUMBERS = ("parameters", "macs", "epochs")
FEWEST, MOST = 1_000, 10**18  # more than any network has; detects values in millions
LONGEST = 10**6  # epochs


def read_members(file: str) -> pd.DataFrame:
    """Descriptions of members in a CSV or Parquet file: index member; columns `TEXTS`, "" if empty, and `NUMBERS`.

    Raises:
        Fault: a column is unknown, a name comes twice, or a value is wrong; the line names column and row.
    """
    table = read_foreign(file, ["member"])
    check_members(file, table["member"])
    for column in table:
        if column not in ("member", *TEXTS, *NUMBERS):
            raise Fault(f"{file}: {available('column', column, ('member', *TEXTS, *NUMBERS))}")
    empty = pd.Series("", table.index)
    columns = {name: table[name].fillna("").astype(str) if name in table else empty for name in TEXTS}
    for column in ("family", "recipe"):
        for member, text in zip(table["member"], columns[column], strict=False):
            if text and (fault := family_fault(text)):
                raise Fault(f"{file}: member {member!r}: {column} {short(text)} {fault}; rename it")
    columns |= dict.fromkeys(NUMBERS, pd.Series(np.nan, table.index))
    for name in (name for name in NUMBERS if name in table):
        low, high, form = (0, LONGEST, "") if name == "epochs" else (FEWEST, MOST, ", not in millions")
        values = columns[name] = as_numbers(table[name])
        wrong = ~((values >= low) & (values <= high)) & table[name].notna().to_numpy()
        refuse_wrong(file, table[name], wrong, f"a number from {low:,} to {high:.0e}{form}")
    catalogue = architectures()
    if catalogue and "architecture" in table:
        architecture = columns["architecture"].str.partition(".")[0]
        wrong = ((architecture != "") & ~architecture.isin(list(catalogue))).to_numpy()
        refuse_wrong(file, table["architecture"], wrong, "the name of an architecture of timm")
    return pd.DataFrame(columns).set_axis(pd.Index(table["member"].astype(str), name="member"))


def described_members(members: Iterable[str], tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Description of each of `members`: columns as from `read_members`, with a design and a family for each.

    The design is the name without a last `-s0`, `-s1`, ..., by which members of one design differ. The family is by
    default timm's module of the architecture, else the design.

    Raises:
        Fault: two tables describe one member, a table describes an unknown member, or a design differs from that in the
            name.
    """
    members = list(members)
    everything = pd.concat(tables) if (tables := list(tables)) else pd.DataFrame(columns=[*TEXTS, *NUMBERS])
    twice = everything.index[everything.index.duplicated()]
    if len(twice):
        raise Fault(f"external.members: member {twice[0]!r} is in two tables; keep one row")
    if others := [name for name in everything.index if name not in members]:
        near = hint(others[0], sorted(set(members) - set(everything.index)))
        raise Fault(
            f"external.members: member {short(others[0])} is in no file of members{near}; rename it, or remove its row"
        )
    table = everything.reindex(pd.Index(members, name="member"))
    table = table.fillna(dict.fromkeys(TEXTS, ""))
    designs = [design_of(member) for member in table.index]
    for member, design, entry in zip(table.index, designs, table["design"], strict=True):
        if entry not in ("", design):
            raise Fault(
                f"external.members: member {member!r}: design {entry!r} needs the name {entry} or {entry}-s0, "
                f"{entry}-s1, ..., by which its members differ"
            )
    catalogue = architectures()
    modules = [catalogue.get(name.partition(".")[0], "") for name in table["architecture"]]
    table["design"] = designs
    table["family"] = [
        entry or module or design for entry, module, design in zip(table["family"], modules, designs, strict=True)
    ]
    return table


SEED = re.compile(r"-s(\d+)$")
IMPORTED = {"decisions": "predicted labels", "scores": "accuracies"}  # kind of file -> what it holds of a member


def descriptions(table: pd.DataFrame, kinds: dict[str, str], image_size: int | None) -> list[Member]:
    """The descriptions of imported members.

    Parameters and MACs that the table lacks are those of timm's architecture with its own number of classes.

    Args:
        table: table from `described_members`.
        kinds: member -> kind of its predictions or scores.
        image_size: height and width, in pixels, of the images for which MACs are counted; None for each architecture's
            own.
    """
    missing = table["parameters"].isna() | table["macs"].isna()
    names = sorted(set(table.loc[missing, "architecture"]) - {""})
    sizes = {name: _size(name, image_size) for name in names}
    members = []
    for member, row in table.iterrows():
        parameters, macs = sizes.get(row["architecture"], (None, None))
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


def _size(architecture: str, image_size: int | None) -> tuple[int, int]:
    """Parameters of timm's network and its MACs for one image, counted without memory for its weights."""
    import timm
    import torch

    from resiliency.designs.networks import parameters_and_macs

    with torch.device("meta"):
        network: Any = timm.create_model(architecture)
        side = image_size or network.pretrained_cfg["input_size"][-1]
        return parameters_and_macs(network, [side, side, 3])
