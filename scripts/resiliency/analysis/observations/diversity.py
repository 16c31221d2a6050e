"""Observation 4: diversity of ensembles of different designs against ensembles of one design, at
equal size."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.left_out import LeftOut, Part, is_sample, mean_over_sizes, units_of
from resiliency.analysis.observations.correlation import diversity_columns
from resiliency.analysis.verdicts import DRAWS, Observation, Placebo
from resiliency.base.names import CLEAN, CORRUPTED, INDEPENDENT, design_of
from resiliency.base.streams import stream
from resiliency.diversity.settings import LABEL_FREE, MAIN
from resiliency.metrics.classification import images_of
from resiliency.statistics.correlation import (
    cliffs_deltas_of_partitions,
    weighted_cliffs_delta,
    weighted_ranks,
)
from resiliency.statistics.intervals import ANGULAR, studentised

# Families with a design of two or more members; with fewer, designs are left out in turn.
FAMILIES = 6
# Designs with two or more members; with fewer, leaving one out says too little about the others.
DESIGNS = 6
MARGIN = 0.15  # Cliff's delta; below 0.147 it is called negligible (Romano et al. 2006)
EQUAL = "at equal accuracy of the members"
CHUNK = 50  # number of draws that are computed at a time
KINDS = {"prediction": "predictions", "attribution": "attributions", "activation": "activations"}


class Units(NamedTuple):
    """Words for what ensembles have one or several of: one of them, several, and those that count
    for the verdict."""

    one: str
    several: str
    counting: str
    note: str = ""


OF_DESIGNS = Units("design", "designs", "designs of two seeds or more")
OF_FAMILIES = Units(
    "family", "families", "families of two members or more", ": no design has two seeds"
)


def architecture_brings_diversity(
    ensembles: pd.DataFrame,
    pairs: pd.DataFrame,
    rule: str,
    n_images: int,
    units: Units = OF_DESIGNS,
    families: Mapping[str, str] | None = None,
    draws: int = DRAWS,
) -> Observation:
    """Test observation 4: architecture diversity gives more diversity of predictions, attributions
    and activations.

    The statistic of each kind is Cliff's delta, from -1 to 1, of the mean rank over the metrics of
    the kind, between ensembles of several designs and ensembles of one. It is averaged over the
    sizes that have both. Metrics are those in `MAIN`; for predictions, those in `LABEL_FREE`,
    because others contain accuracy. Families are left out in turn if enough of them have a design
    of two or more members, else designs; only units that have one count for degrees of freedom.
    Additional test sets and single metrics are listed beside, without a verdict.

    Seeds of one design differ less than designs by construction. The placebo permutes designs among
    all members that have the kind of diversity, those of designs with one too, so that its mean is
    0. The control of each part compares ensembles at equal accuracy of their members: of ranks it
    takes what a straight line in the ranks of the mean and of the spread of these accuracies
    leaves.

    Args:
        ensembles: table ensembles.parquet, one row per ensemble; only ensembles of independent
            members under `rule` count.
        pairs: table with the columns kind and metric of each diversity metric.
        rule: combination rule, such as mean_probability.
        n_images: number of test images.
        units: unit that the column `designs` of ensembles counts, and with whose names the names of
            members begin.
        families: member -> its family; without it, designs are left out.
        draws: number of draws of the placebo; 0 for none.
    """
    scored = ensembles[(ensembles.origin == INDEPENDENT) & (ensembles.rule == rule)]
    pool = scored[(scored.designs == 1) | (scored.designs == scored["size"])]
    sizes = [group for _, group in pool.groupby("size") if group.designs.nunique() == 2]
    of_one = _members(sizes, of_one=True)
    unit_of, unit = units_of(of_one, families, FAMILIES)
    unit = units.several if unit_of is design_of else unit
    left_out = [LeftOut(group, unit_of) for group in sizes]
    by_images = {group: diversity_columns(pairs, group) for group in images_of(pool)}
    columns = dict(chain.from_iterable(of_images.items() for of_images in by_images.values()))
    parts, controls, beside, omitted, tested = [], [], [], [], []
    seeded = {"": len(set(map(design_of, of_one)))}
    for kind, name in KINDS.items() if sizes else ():
        counts = LABEL_FREE if kind == "prediction" else MAIN
        of_images = {
            group: [
                column
                for column, (its_kind, metric) in of_group.items()
                if its_kind == kind and metric in counts
            ]
            for group, of_group in by_images.items()
        }
        counting = list(
            dict.fromkeys(chain(of_images.pop(CLEAN, ()), of_images.pop(CORRUPTED, ())))
        )
        added = of_images if kind == "prediction" else {}
        if not counting:
            continue
        tested.append(counting)
        of_kind = _members(sizes, counting, of_one=True)
        freedom, seeded[name] = (
            len(set(map(unit_of, of_kind))) - 1,
            len(set(map(design_of, of_kind))),
        )
        replicates, left = mean_over_sizes(left_out, partial(_delta, counting, False))
        parts.append(Part.from_replicates(name, replicates, ANGULAR, freedom))
        omitted += left
        replicates = mean_over_sizes(left_out, partial(_delta, counting, True))[0]
        controls.append(
            Part.from_replicates(f"{name}, {EQUAL}", replicates, ANGULAR, freedom, reading=EQUAL)
        )
        beside += _parts_beside(left_out, columns, added, kind)
    return Observation(
        number="4",
        statement="Architecture diversity gives more diversity in all three kinds: predictions, "
        "attributions, "
        "activations.",
        statistic=f"Cliff's delta of ensembles of different {units.several} against ensembles of "
        f"one {units.one}"
        f"{units.note}",
        sign=1,
        margin=MARGIN,
        unit=unit,
        resampled=unit,
        parts=parts,
        beside=beside,
        missing=_missing(parts, seeded, units),
        omitted="; ".join(dict.fromkeys(omitted)),
        designs=len({design_of(member) for of_size in left_out for member in of_size.members}),
        members=len({member for of_size in left_out for member in of_size.members}),
        ensembles=sum(len(group) for group in sizes),
        n_images=n_images,
        sampled=is_sample(scored),
        controls=controls,
        placebo=_placebo(left_out, tested, [part.freedom for part in parts], units, draws)
        if parts and draws
        else None,
    )


def _parts_beside(
    left_out: list[LeftOut],
    columns: dict[str, tuple[str, str]],
    added: dict[str, list[str]],
    kind: str,
) -> Iterator[Part]:
    """Statistics of a kind without a verdict: additional test sets, and each metric by itself."""
    for group, of_group in added.items():
        replicates = mean_over_sizes(left_out, partial(_delta, of_group, False))[0]
        yield Part.from_replicates(f"{KINDS[kind]}, {group} images", replicates, ANGULAR)
    for column, (its_kind, metric) in columns.items():
        if its_kind != kind or metric not in {*MAIN, *LABEL_FREE}:
            continue
        replicates = mean_over_sizes(left_out, partial(_delta, [column], False))[0]
        label = f"{kind}: {metric}, {column.removeprefix(metric + '_')} images"
        yield Part.from_replicates(label, replicates, ANGULAR)


def permuted(members: Collection[str], draws: int) -> dict[str, np.ndarray]:
    """Member -> the design that each draw gives it, int D: designs keep their numbers of
    members."""
    members = sorted(members)
    designs = np.unique(list(map(design_of, members)), return_inverse=True)[1].reshape(-1)
    random = stream(0, "placebo", "designs")
    return dict(zip(members, random.permuted(np.tile(designs, (draws, 1)), axis=1).T, strict=True))


def _placebo(
    left_out: list[LeftOut],
    tested: list[list[str]],
    freedoms: list[float],
    units: Units,
    draws: int,
) -> Placebo:
    """Draws of the parts and then of the controls.

    Args:
        tested: columns of each part.
        freedoms: degrees of freedom of each part.
    """
    tables, sides = [of_size.ensembles for of_size in left_out], {}
    members = [frozenset(_members(tables, columns)) for columns in tested]
    for some in dict.fromkeys(members):
        labels = permuted(some, draws)
        sides[some] = {table["size"].iloc[0]: sides_of(table, labels) for table in tables}
    statistics = [
        partial(_deltas, columns, equal, sides[some])
        for equal in (False, True)
        for columns, some in zip(tested, members, strict=True)
    ]
    drawn = [mean_over_sizes(left_out, statistic)[0] for statistic in statistics]
    errors = np.column_stack([studentised(replicates, ANGULAR)[1] for replicates in drawn])
    removed = f"{units.several} permuted among all members"
    return Placebo(
        np.column_stack([of[0] for of in drawn]), errors, np.array(2 * freedoms, float), removed
    )


def _members(
    sizes: list[pd.DataFrame], columns: Sequence[str] = (), *, of_one: bool = False
) -> set[str]:
    """The members of ensembles (`of_one` design) with all of the `columns` that any ensemble of a
    size has."""
    known = [group[list(columns)].dropna(axis=1, how="all").notna().all(axis=1) for group in sizes]
    chosen = (
        group.members[has & ((group.designs == 1) | (not of_one))]
        for group, has in zip(sizes, known, strict=True)
    )
    return {name for members in chosen for joined in members for name in joined.split("+")}


def _missing(parts: list[Part], seeded: dict[str, int], units: Units) -> str:
    """The requirements of a verdict that the study lacks.

    Args:
        seeded: number of units with two or more members in ensembles, and of those whose diversity
            of each kind, by its name, is known.
    """
    reasons, counting = [], seeded[""]
    fewest = min(seeded, key=seeded.__getitem__)
    if seeded[fewest] < DESIGNS:
        reasons.append(
            f"needs {DESIGNS} {units.counting}; there are "
            f"{seeded[fewest]}{fewest and f' with {fewest}'}"
        )
    missing = [name for name in KINDS.values() if name not in {part.name for part in parts}]
    if counting and missing:
        reasons.append(f"no diversity of {' and '.join(missing)} was measured")
    undefined = [part.name for part in parts if not np.isfinite(part.error)]
    if undefined:
        reasons.append(
            f"nothing is left to compare of {', '.join(undefined)} without some {units.one}"
        )
    return "; ".join(reasons)


def _delta(columns: list[str], equal: bool, of_size: LeftOut) -> np.ndarray:
    """Replicates of Cliff's delta of the mean rank over `columns`, among the ensembles that have
    them all."""
    one = (of_size.ensembles.designs == 1).to_numpy()[None]
    return _deltas(columns, equal, {of_size.ensembles["size"].iloc[0]: (one, ~one)}, of_size)[
        :, :, 0
    ]


def _deltas(
    columns: list[str],
    equal: bool,
    sides: dict[int, tuple[np.ndarray, np.ndarray]],
    of_size: LeftOut,
) -> np.ndarray:
    """`_delta` in each of D draws, float64 (1 + units) x 1 x D.

    Args:
        equal: whether ensembles are compared at equal accuracy of their members.
        sides: size -> which ensembles have one design in each draw, and which have different
            designs only, as from `sides_of`.
    """
    ensembles = of_size.ensembles
    values = ensembles[columns].to_numpy(np.float64)
    measured = np.isfinite(values).any(axis=0)
    chosen = np.isfinite(values[:, measured]).all(axis=1)
    one, different = (side[:, chosen] for side in sides[ensembles["size"].iloc[0]])
    if not measured.any() or not chosen.any():
        return np.full((len(of_size.weights), 1, len(one)), np.nan)
    weights = of_size.weights[:, chosen]
    ranks = np.mean(
        [weighted_ranks(weights, column) for column in values[chosen][:, measured].T], axis=0
    )
    if equal:
        accuracies = of_size.member_accuracies[chosen]
        ranks = np.stack(
            [left_by(accuracies, *of_unit) for of_unit in zip(ranks, weights, strict=True)]
        )
    return deltas_of(ranks, weights, one, different)[:, None]


def deltas_of(
    ranks: np.ndarray, weights: np.ndarray, one: np.ndarray, different: np.ndarray
) -> np.ndarray:
    """Cliff's delta of ensembles of different designs against those of one design, of D draws;
    float64 (1 + units) x D.

    Args:
        ranks, weights: float (1 + units) x E, ranks and weights of E ensembles, with all units and
            then without each.
        one, different: bool D x E, which ensembles are of one design, or of different designs only,
            in each draw.
    """
    if (one | different).all():
        return np.stack(
            [
                cliffs_deltas_of_partitions(*of_unit, one)
                for of_unit in zip(ranks, weights, strict=True)
            ]
        )
    deltas = np.empty((len(weights), len(one)))
    for some in (slice(start, start + CHUNK) for start in range(0, len(one), CHUNK)):
        for row, (rank, weight) in enumerate(zip(ranks, weights, strict=True)):
            deltas[row, some] = weighted_cliffs_delta(
                rank, rank, weight * different[some], weight * one[some]
            )
    return deltas


def sides_of(
    ensembles: pd.DataFrame, labels: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Which ensembles are of one design, and which of different designs only, by the labels of D
    draws; bool D x E."""
    draws = len(next(iter(labels.values())))
    names = sorted({name for joined in ensembles.members for name in joined.split("+")})
    others = {
        name: np.full(draws, -1 - index)
        for index, name in enumerate(sorted({*map(design_of, names)}))
    }
    of_member = {
        name: labels[name] if name in labels else others[design_of(name)] for name in names
    }
    designs = np.array(
        [[of_member[name] for name in joined.split("+")] for joined in ensembles.members]
    )
    steps = np.diff(np.sort(designs, axis=1), axis=1)
    return (steps == 0).all(axis=1).T, (steps != 0).all(axis=1).T


def left_by(features: np.ndarray, rank: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Residuals of ranks, float E, after a weighted linear fit on `features`, float E x F; the
    ranks without weight."""
    if not weight.any():
        return rank
    centred = features - np.average(features, axis=0, weights=weight)
    root = np.sqrt(weight)
    slopes = np.linalg.lstsq(centred * root[:, None], rank * root, rcond=1e-9)[0]
    return rank - centred @ slopes
