"""Families in place of designs: as what is left out in turn, and where no design has a second seed."""

from collections.abc import Callable, Iterable, Mapping

import pandas as pd

from resiliency.base.names import INDEPENDENT, design_of


def units_of(
    members: Iterable[str], families: Mapping[str, str] | None, fewest: int
) -> tuple[Callable[[str], str], str]:
    """Member -> what is left out with it, and what that is in the plural: families where there are enough, or designs.

    Designs of a family are much alike, so that leaving out one of them says too little of other families.

    Args:
        families: member -> its family; none where families are not known.
        fewest: families that are enough.
    """
    if families and len({families[member] for member in members}) >= fewest:
        return families.__getitem__, "families"
    return design_of, "designs"


def lack_second_seeds(ensembles: pd.DataFrame) -> bool:
    """Whether independent members form ensembles, none of which is of one design."""
    independent = ensembles[ensembles["origin"] == INDEPENDENT]
    return bool(len(independent)) and not (independent["designs"] == 1).any()


def by_family(ensembles: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """`ensembles` as if every family were a design and its members seeds: `designs`, and names such as resnet-s3.

    So what compares designs, and leaves them out in turn, compares families and leaves these out.

    Args:
        ensembles: ensembles.parquet.
        members: members.csv.
    """
    independent = members[members["origin"] == INDEPENDENT]
    seeds = independent.groupby("family").cumcount()
    names = dict(zip(independent["member"], independent["family"] + "-s" + seeds.astype(str), strict=True))
    renamed = ["+".join(names.get(name, name) for name in joined.split("+")) for joined in ensembles["members"]]
    return ensembles.assign(members=renamed, designs=ensembles["families"])
