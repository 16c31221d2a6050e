"""Statistics of ensembles: of all, and without those that contain a member, or a design, for each in turn."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from resiliency.base.names import CLEAN, CORRUPTED, INDEPENDENT, accuracy_of, design_of, mean_member_accuracy_of
from resiliency.statistics.correlation import MEASURES, ordinals, weighted_cliffs_delta
from resiliency.statistics.intervals import Scale

FEWEST_FAMILIES = 5  # for an interval that leaves out each


def is_sample(pool: pd.DataFrame) -> bool:
    """Whether not all ensembles that are possible at a size are there."""
    sizes = pool.groupby("size")["possible"]
    return bool((sizes.size() < sizes.first()).any())


def kept_weights(units: list[list[str]]) -> np.ndarray:
    """Weights of ensembles: all of them, and those without each unit in turn.

    Args:
        units: members, or designs, of each of E ensembles.

    Returns:
        float64 (1 + U) x E of zeros and ones, units in alphabetical order.
    """
    places, names = pd.factorize(np.array([unit for ensemble in units for unit in ensemble], object), sort=True)
    weights = np.ones((1 + len(names), len(units)))
    weights[1 + places, np.repeat(np.arange(len(units)), list(map(len, units)))] = 0
    return weights


class LeftOut:
    """Ensembles of one size and rule: all, and without those that a member, or a design, takes part in.

    Attributes:
        ensembles: rows of ensembles.parquet, all of independent members.
        members: names of the members of these ensembles.
        units: names of the units that are left out in turn, in alphabetical order.
        weights: float64 (1 + units) x E, number of possible ensembles that each represents; 0 if it is left out.

    Args:
        ensembles: rows of ensembles.parquet, all of independent members.
        unit: member -> the unit with which it is left out; by default the member itself.
    """

    def __init__(self, ensembles: pd.DataFrame, unit: Callable[[str], str] = str):
        lists = [members.split("+") for members in ensembles.members]
        self.ensembles = ensembles
        self.members = sorted({member for members in lists for member in members})
        unit_of = {member: unit(member) for member in self.members}
        self.units = sorted(set(unit_of.values()))
        kept = kept_weights([[unit_of[member] for member in members] for members in lists])
        self.weights = kept * ensembles.weight.to_numpy(float)
        self._behind: dict[bytes, tuple[np.ndarray, dict[str, int]]] = {}

    @cached_property
    def chosen(self) -> np.ndarray:
        """The members of each ensemble, int E x size, positions in `members`."""
        return np.searchsorted(self.members, [joined.split("+") for joined in self.ensembles.members])

    def behind(self, some: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
        """What is behind a statistic of `some` of the ensembles, bool E.

        Returns:
            Which replicates count, bool 1 + units: that of all, and those without each unit that takes part in these
            ensembles; and the numbers of members and units that do.
        """
        if (key := some.tobytes()) not in self._behind:
            kept = counting(self.weights, some)
            counts = {"members": len(np.unique(self.chosen[some])), "units": int(kept[1:].sum())}
            self._behind[key] = kept, counts
        return self._behind[key]

    def correlations(self, columns: list[str], condition: str, measure: str) -> np.ndarray:
        """Correlation of each column with accuracy on `condition`, float64 columns x (1 + units).

        Ensembles that lack a column, since no pair of their members could be measured, do not count for it.
        """
        accuracy, given = self.accuracies(condition)
        values = self.ensembles[columns].to_numpy(np.float64).T
        finite, alike = np.isfinite(values), {}
        for row, of_column in enumerate(finite):
            alike.setdefault(of_column.tobytes(), []).append(row)
        correlations = np.full((len(columns), len(self.weights)), np.nan)
        for rows in alike.values():
            if (has := finite[rows[0]]).any():
                kept = self.weights if has.all() else self.weights[:, has]
                correlations[rows] = MEASURES[measure](kept, values[rows][:, has], accuracy[has], given[has])
        return correlations

    def compared(
        self, first: list[str], second: list[str], condition: str, measure: str, scale: Scale
    ) -> tuple[np.ndarray, np.ndarray]:
        """Correlation of each of `first` with accuracy, and that of each of `second`, over ensembles that have both.

        Both float64 (1 + units) x first x second, on `scale`; their difference on Fisher's is Cohen's q.
        """
        accuracy, given = self.accuracies(condition)
        values = {column: self.ensembles[column].to_numpy(np.float64) for column in [*first, *second]}
        finite = {column: np.isfinite(of_column) for column, of_column in values.items()}
        memo: dict[tuple[str, bytes], np.ndarray] = {}

        def correlation(column: str, chosen: np.ndarray) -> np.ndarray:
            key = column, chosen.tobytes()
            if key not in memo:
                of_both = values[column][chosen], accuracy[chosen], given[chosen]
                memo[key] = scale.to(MEASURES[measure](self.weights[:, chosen], *of_both))
            return memo[key]

        compared = np.full((2, len(self.weights), len(first), len(second)), np.nan)
        for row, one in enumerate(first):
            for column, other in enumerate(second):
                both = finite[one] & finite[other]
                if both.any():
                    compared[:, :, row, column] = correlation(one, both), correlation(other, both)
        return compared[0], compared[1]

    def of_several(self, column: str) -> np.ndarray:
        """Cliff's delta of `column` between ensembles of several designs and those of one; float64 1 + units."""
        values, one = self.ensembles[column].to_numpy(np.float64), (self.ensembles["designs"] == 1).to_numpy()
        one, other = (chosen & np.isfinite(values) for chosen in (one, ~one))
        return weighted_cliffs_delta(values[other], values[one], self.weights[:, other], self.weights[:, one])

    def accuracies(self, condition: str) -> tuple[np.ndarray, np.ndarray]:
        """Accuracy of each ensemble, and mean accuracy of its members, on the same images."""
        if accuracy_of(condition) in self.ensembles:
            accuracy = self.ensembles[accuracy_of(condition)]
        else:
            accuracy = 1 - self.ensembles[f"error_{condition}"]
        return accuracy.to_numpy(np.float64), self.ensembles[mean_member_accuracy_of(condition)].to_numpy(np.float64)

    @cached_property
    def member_accuracies(self) -> np.ndarray:
        """Ranks of the mean and of the spread of the accuracies of members, on clean and corrupted images.

        The accuracies of members follow from the means of ensembles, by least squares. float64 E x features.
        """
        chosen = self.chosen
        shares = np.zeros((len(chosen), len(self.members)))
        shares[np.arange(len(chosen))[:, None], chosen] = 1 / chosen.shape[1]
        features = []
        for images in (CLEAN, CORRUPTED):
            if (column := mean_member_accuracy_of(images)) in self.ensembles:
                mean = self.ensembles[column].to_numpy(np.float64)
                of_members = np.linalg.lstsq(shares, mean, rcond=None)[0]
                features += [mean, of_members[chosen].std(axis=1)]
        return np.column_stack([rankdata(ordinals(feature)) for feature in features])


def mean_over_sizes(
    left_out: list[LeftOut], statistic: Callable[[LeftOut], np.ndarray]
) -> tuple[np.ndarray, list[str]]:
    """The mean over ensemble sizes of a statistic, of all and without each unit that takes part at any size.

    Units are matched by name: where one takes part at no ensemble of a size, leaving it out changes nothing there. What
    is not defined without some unit is left out altogether, and named if anything is left.

    Args:
        left_out: ensembles of each size.
        statistic: -> float (1 + units); or (1 + units) x columns, whose mean is taken; or (1 + units) x columns x D for
            D draws.

    Returns:
        float64 (1 + all units) or (1 + all units) x D, NaN if nothing is defined; and what was left out, in words.
    """
    units = sorted({unit for of_size in left_out for unit in of_size.units})
    parts, omitted, draws = [], [], ()
    for of_size in left_out:
        values = statistic(of_size)
        values = values if values.ndim > 2 else values.reshape(len(values), -1)
        draws = values.shape[2:]
        defined = np.isfinite(values).all(axis=(0, *range(2, values.ndim)))
        if not defined.all():
            scope = f"ensembles of {of_size.ensembles['size'].iloc[0]}"
            missing = int((~defined).sum())
            scope += f" in {missing} of {len(defined)} comparisons" if defined.any() else ""
            omitted.append(f"left out {scope}: not defined without some design")
        if defined.any():
            row = {unit: index for index, unit in enumerate(of_size.units, start=1)}
            parts.append(values[[0, *(row.get(unit, 0) for unit in units)]][:, defined].mean(axis=1))
    return (np.mean(parts, axis=0), omitted) if parts else (np.full((1 + len(units), *draws), np.nan), [])


Unit = Callable[[str], str]


def weights_of_both(first: pd.DataFrame, second: pd.DataFrame, unit: Unit) -> tuple[np.ndarray, np.ndarray]:
    """Weights of two groups of ensembles, of all and without each unit of either in turn; float64 (1 + units) x E."""
    weights = LeftOut(pd.concat([first, second]), unit).weights
    return weights[:, : len(first)], weights[:, len(first) :]


def counting(weights: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Which replicates of a statistic of `some` ensembles count, bool 1 + units: those without a unit that takes part.

    Args:
        weights: float (1 + units) x E, of all and without each unit in turn.
        some: bool E.
    """
    return np.append(True, ((weights[1:, some] == 0) & (weights[0, some] > 0)).any(axis=1))


def weighted_means(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weighted means of the known values of each column of `values`, for each row of `weights`; NaN without any."""
    finite = np.isfinite(values)
    count = weights @ finite
    total = weights @ np.where(finite, values, 0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def units_of(
    members: Iterable[str], families: Mapping[str, str] | None, fewest: int
) -> tuple[Callable[[str], str], str]:
    """Member -> the unit with which it is left out, and the name of these units: families if enough, else designs.

    Designs of a family are much alike, so that leaving out one of them says too little of other families.

    Args:
        families: member -> its family; None if families are unknown.
        fewest: number of families that is enough.
    """
    if families and len({families[member] for member in members}) >= fewest:
        return families.__getitem__, "families"
    return design_of, "designs"


def lack_second_seeds(ensembles: pd.DataFrame) -> bool:
    """Whether independent members form ensembles, but none of one design."""
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
