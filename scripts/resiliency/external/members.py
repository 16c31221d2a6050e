"""The table about members that come from elsewhere."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from resiliency.base.allowed_names import family_fault
from resiliency.base.faults import Fault, available, hint, short
from resiliency.base.names import design_of
from resiliency.designs.architectures import architectures
from resiliency.external.names import check_members
from resiliency.external.tables import as_numbers, read_foreign, refuse_wrong

TEXTS = ("design", "family", "recipe", "architecture")
NUMBERS = ("parameters", "macs", "epochs")
FEWEST, MOST = 1_000, 10**18  # parameters and MACs of any network, so that millions of them are told from them
LONGEST = 10**6  # epochs


def read_members(file: str) -> pd.DataFrame:
    """What a CSV or Parquet file says of members: index member; columns `TEXTS`, "" where it says nothing, `NUMBERS`.

    Raises:
        Fault: a column is not one of these, a name is there twice, or a value is wrong; the line names column and row.
    """
    table = read_foreign(file, ["member"])
    check_members(file, table["member"])
    for column in table:
        if column not in ("member", *TEXTS, *NUMBERS):
            raise Fault(f"{file}: {available('column', column, ('member', *TEXTS, *NUMBERS))}")
    columns = {name: table[name].fillna("").astype(str) if name in table else "" for name in TEXTS}
    for member, family in zip(table["member"], columns["family"] if "family" in table else [], strict=False):
        if family and (fault := family_fault(family)):
            raise Fault(f"{file}: member {member!r}: family {short(family)} {fault}; rename it")
    for name in NUMBERS:
        columns[name] = _counted(file, table, name) if name in table else float("nan")
    catalogue = architectures()
    if catalogue and "architecture" in table:
        architecture = columns["architecture"].str.partition(".")[0]
        wrong = ((architecture != "") & ~architecture.isin(list(catalogue))).to_numpy()
        refuse_wrong(file, table["architecture"], wrong, "the name of an architecture of timm")
    return pd.DataFrame(columns).set_axis(pd.Index(table["member"].astype(str), name="member"))


def _counted(file: str, table: pd.DataFrame, name: str) -> np.ndarray:
    """A column of `NUMBERS` as float64; NaN for empty cells."""
    values = as_numbers(table[name])
    low, high, form = (0, LONGEST, "") if name == "epochs" else (FEWEST, MOST, ", not in millions")
    wrong = ~((values >= low) & (values <= high)) & table[name].notna().to_numpy()
    refuse_wrong(file, table[name], wrong, f"a number from {low:,} to {high:.0e}{form}")
    return values


def described_members(members: Iterable[str], tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """What is known of each of `members`: as `read_members`, with a design and a family for each.

    The design is what is left of the name without a last `-s0`, `-s1`, ..., by which members of one design differ. The
    family is by default timm's module of the architecture, else the design.

    Raises:
        Fault: two tables speak of one member, one speaks of a member that is not there though another has no row, or a
            design is not the one that the name has.
    """
    members = list(members)
    everything = pd.concat(tables) if (tables := list(tables)) else pd.DataFrame(columns=[*TEXTS, *NUMBERS])
    twice = everything.index[everything.index.duplicated()]
    if len(twice):
        raise Fault(f"external.members: member {twice[0]!r} is in two tables; keep one row")
    others, lacking = [name for name in everything.index if name not in members], set(members) - set(everything.index)
    if others and lacking:
        lacks = f"{min(lacking)!r} has no row{hint(others[0], sorted(lacking))}"
        raise Fault(f"external.members: member {short(others[0])} is in no file of members, and {lacks}; rename it")
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
