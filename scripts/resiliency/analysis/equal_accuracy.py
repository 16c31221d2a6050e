"""Differences between families in corrupted error at equal clean accuracy and size: a mixed model
of the designs.

The logit of the corrupted error of a design, the mean of its seeds' logits, is a line in that of
its clean accuracy and in log2 of its parameters, plus a random intercept per family, per
architecture and per recipe, as far as a study can separate them
(`resiliency.statistics.mixed_model`). Clean accuracy enters as three deviations that add up to it:
of a design from the mean of its architecture, which is what other training lengths do; of an
architecture from the mean of its family; and of a family from the mean of all. Each has a slope of
its own (Mundlak, Econometrica 46, 1978): the first is not distorted by what families differ in
beside accuracy, and the last takes from the families' intercepts what their mean accuracy predicts.
What is left between families is their spread at equal clean accuracy and size.

Noise of clean accuracy that the corrupted error does not follow makes such a spread out of nothing.
So accuracy and error come from different halves of the test images, or accuracy from half of an
additional test set, and the part of that noise which families share, known from the accuracy on the
other half, is subtracted: slope² times its variance. What depends on the division into halves is
averaged over `DIVISIONS` of them: slopes, and variances between families.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logit

from resiliency.base.names import N_SEPARATE_IMAGES, SEPARATE_ACCURACY
from resiliency.base.streams import stream
from resiliency.statistics.intervals import Scale
from resiliency.statistics.mixed_model import Fits, Layout, fit, logits, points, precisions

OTHER_ACCURACY = "other_accuracy"  # accuracy on the images of the error
DIVISIONS = 30  # divisions of the ten groups of images into halves
# Least number of recipes that this many families share, for the variance between recipes.
SHARED = 3
LENGTH, OF_FAMILY, FAMILIES, SIZE = NAMES = (
    "clean accuracy, training lengths of one architecture",
    "clean accuracy, architectures of one family",
    "clean accuracy, families",
    "log2 parameters",
)
CONSTANT = "constant"
FEWEST = 5  # least number of families for a fit
SINGULAR = 1e-3  # least singular value of separable fixed effects, each scaled to at most 1
LEAST = 1e-4
SPARE = 5  # designs beyond one per family, so that both variances have some degrees of freedom


class Measured(NamedTuple):
    """M members by clean accuracy and error on different halves of the images, divided in S ways.

    Attributes:
        members: rows of members.csv.
        accuracy, other, error: clean accuracy on one half, and on the half of the errors, and
            these, float S x M; without halves, S is 1, and `other` None if that accuracy is
            unknown.
        n_images: how many images the accuracies have, float S; 0 if unknown.
        weights: of G groups of images in the accuracies, float S x G.
    """

    members: pd.DataFrame
    accuracy: np.ndarray
    other: np.ndarray | None
    error: np.ndarray
    n_images: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Model:
    """The fitted model of a study, for each of S divisions of the images.

    Attributes:
        names: names of the fixed effects: the constant, then those of `NAMES` that vary.
        layout: families, architectures and recipes of the designs.
        accuracies: logit clean accuracy of each design, float64 S x n.
        size: log2 parameters of each design, float64 n.
        fits: fits with all families, then without each.
        noise: variances of logit clean accuracy that corrupted error does not follow, float64 3 x
            S: common to the designs of a family, and to those of an architecture, on the same test
            images; and of one design alone.
        weights: of groups of images in the accuracies, as in `Measured`.
        shares: median corrupted error of the designs, at which logits are converted to percentage
            points; of all families, then without each, float64 1 + F.
    """

    names: tuple[str, ...]
    layout: Layout
    accuracies: np.ndarray
    size: np.ndarray
    fits: Fits
    noise: np.ndarray
    weights: np.ndarray
    shares: np.ndarray

    @property
    def share(self) -> float:
        """Median corrupted error of the designs of all families."""
        return float(self.shares[0])

    @property
    def coefficients(self) -> dict[str, np.ndarray]:
        """Fixed effect -> its estimates in logits, of all families and without each, float64 1 +
        F."""
        return dict(zip(self.names, self.fits.coefficients.mean(axis=0).T, strict=True))

    @property
    def freedoms(self) -> dict[str, float]:
        """Fixed effect -> degrees of freedom of its slope, by what the others leave of its
        column."""
        columns = _columns(
            self.accuracies.mean(axis=0)[None], self.size[None], self.layout, self.names
        )[0]
        left = {}
        for place, name in enumerate(self.names):
            others = np.delete(columns, place, axis=1)
            own = columns[:, place] - others @ np.linalg.lstsq(others, columns[:, place])[0]
            left[name] = slope_freedom(own, self.layout.family)
        return left

    @cached_property
    def deviations(self) -> np.ndarray:
        """Standard deviation between families in logits, of all families and without each, float64
        1 + F."""
        variances = _variances(self.fits, self.names, self.noise[0, :, None])
        return np.sqrt(np.maximum(variances.mean(axis=0), 0))

    @property
    def spread(self) -> np.ndarray:
        """`deviations` in percentage points of corrupted error, at the pool's median without each
        family, too."""
        return points(self.deviations, self.shares)

    @cached_property
    def scale(self) -> Scale:
        """A scale on which `deviations` have about the same variance everywhere: their logarithm,
        flat near 0.

        It is log(1 + s²/c) / 2 of a standard deviation s, where c is the variance that the mean of
        a family has from its designs (Miller, Annals of Mathematical Statistics 39, 1968, has the
        logarithm).
        """
        of_families = precisions(
            self.layout, self.fits.components[:, 0, 1], self.fits.residual[:, 0]
        )[1]
        floor = max(float(np.mean(1 / of_families)), 1e-9)
        return Scale(
            lambda spread: np.sign(spread) * np.log1p(np.square(spread) / floor) / 2,
            lambda values: np.sqrt(floor * np.expm1(2 * np.maximum(values, 0))),
        )

    @property
    def scale_in_points(self) -> Scale:
        """The `scale` of `spread`."""
        return Scale(
            lambda spread: self.scale.to(logits(spread, self.share)),
            lambda values: points(self.scale.back(values), self.share),
        )

    def of_slopes(self, varying: float) -> np.ndarray:
        """The `spread` that slopes on clean accuracy give whose standard deviation is this share of
        their mean.

        Lines of families that cross at the pool's mean accuracy differ at a family's own by its
        distance from there.
        """
        slope = np.abs(next(self.coefficients[name] for name in NAMES if name in self.names))
        means = group_means(self.accuracies.mean(axis=0), self.layout.family)
        kept = [means, *(np.delete(means, family) for family in range(len(means)))]
        distances = np.array([np.std(of, ddof=1) for of in kept])
        return points(varying * slope * distances[: len(slope)], self.shares)

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the variance between families: their number less the constant and
        the slope."""
        return self.layout.families - 2

    @property
    def least_error(self) -> float:
        """Standard error of `deviations` on `scale` if families were normal and their designs
        without noise.

        The jackknife gives a smaller one where no family happens to lie far out, and 0 if no spread
        is estimated.
        """
        return 1 / np.sqrt(2 * self.freedom)

    def without_family(self, draws: int) -> np.ndarray:
        """`spread` in studies without a spread between families, float64 draws.

        They are drawn from this model with the variance between families set to 0, and the noise of
        clean accuracy is added to the accuracies once more, for each group of images (parametric
        bootstrap).
        """
        random, count = stream(0, "placebo", "spread between families"), len(self.size)
        ways, groups = self.weights.shape
        mean, layout, own = self.accuracies.mean(axis=0), self.layout, np.arange(count)

        def intercepts(variance: float, labels: np.ndarray, each: int) -> np.ndarray:
            return (
                np.sqrt(variance)
                * random.standard_normal((draws, each, labels.max() + 1))[:, :, labels]
            )

        fixed = _columns(mean[None], self.size[None], layout, self.names)[0]
        errors = fixed @ self.fits.coefficients[:, 0].mean(axis=0)
        _, design, recipe = self.fits.components[:, 0].mean(axis=0)
        residual = self.fits.residual[:, 0].mean()
        factors = zip((design, recipe, residual), (layout.design, layout.recipe, own), strict=True)
        errors = errors + sum(intercepts(*factor, 1) for factor in factors)
        noise = zip(self.noise.mean(axis=1), (layout.family, layout.design, own), strict=True)
        of_groups = sum(intercepts(*factor, groups) for factor in noise)
        per_group = 1 / np.sqrt(np.square(self.weights).sum(axis=1))
        accuracies = mean + np.einsum("sg,dgn->dsn", self.weights * per_group[:, None], of_groups)
        columns = _columns(accuracies.reshape(-1, count), self.size[None], layout, self.names)
        fits = fit(np.repeat(errors[:, 0], ways, axis=0), columns, layout)
        variances = _variances(fits, self.names, self.noise[0].mean()).reshape(draws, ways)
        return points(np.sqrt(np.maximum(variances.mean(axis=1), 0)), self.share)


def slope_freedom(within: np.ndarray, family: np.ndarray) -> float:
    """Degrees of freedom of a slope: the effective number of families, but at most their number
    less one.

    A family counts by the squares of the predictor's deviations in it, so that few in which it
    varies most may decide (Carter, Schnepel and Steigerwald, Review of Economics and Statistics 99,
    2017).
    """
    squares = np.bincount(np.unique(family, return_inverse=True)[1], within**2)
    return float(min(squares.sum() ** 2 / (squares**2).sum(), len(squares) - 1))


def empirical_logit(shares: np.ndarray, n_images: np.ndarray | float) -> np.ndarray:
    """Log odds of shares of `n_images` images, with half an image added on either side (Haldane
    1956; Anscombe 1956).

    The plain logit if the number of images is 0, which means unknown.
    """
    half, n_images = (
        np.where(np.equal(n_images, 0), 0.0, 0.5),
        np.where(np.equal(n_images, 0), 1, n_images),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log((shares * n_images + half) / ((1 - shares) * n_images + half))


def bounded_logit(shares: np.ndarray) -> np.ndarray:
    """Logits of shares that are kept `LEAST` away from 0 and 1, whose logits are infinite."""
    return logit(np.clip(shares, LEAST, 1 - LEAST))


def designs_of(members: pd.DataFrame, response: str) -> pd.DataFrame:
    """A row per design: means over its seeds, and which architecture it is.

    Designs of one family with one architecture, parameters and MACs are the same architecture,
    trained differently.

    Returns:
        `family`, `architecture`, `recipe` (with the training length), `epochs` (NaN if unknown),
        `parameters`, `clean_accuracy`, the response and `seeds`.
    """
    known = members.reindex(
        columns=[*members, *({"architecture", "macs", "recipe", "training_epochs"} - {*members})]
    )
    means = ["clean_accuracy", response]
    first = ["family", "architecture", "macs", "recipe", "training_epochs", "parameters"]
    grouped = known.groupby("design", sort=False)
    designs = (
        grouped[first]
        .first()
        .join(grouped[means].mean())
        .assign(seeds=grouped.size())
        .reset_index()
    )
    named = designs["architecture"].notna() & (designs["architecture"] != "")
    architecture, parameters, macs = (
        designs[name].astype(str) for name in ("architecture", "parameters", "macs")
    )
    epochs = designs["training_epochs"].astype(float)
    return designs.assign(
        architecture=(architecture + " " + parameters + " " + macs).where(named, designs["design"]),
        epochs=epochs,
        recipe=designs["recipe"].astype(object).fillna("").astype(str) + " " + epochs.astype(str),
    )


def recipes_of(designs: pd.DataFrame) -> pd.Series:
    """The recipe of each design, as `designs_of` has it; "" for all if recipes cannot be told from
    families.

    Of few, or of recipes of few families, the variance between recipes would take what families
    differ by.
    """
    shared = designs.groupby("recipe")["family"].nunique() >= SHARED
    return designs["recipe"] if shared.sum() >= SHARED else designs["recipe"].map(lambda _: "")


def model_of(of: Measured, response: str, leave_out: bool = True) -> Model | None:
    """The model of the members of a study, which are all independently trained; None if there are
    too few to fit it.

    Args:
        response: name of the column of errors.
        leave_out: whether to fit without each family in turn, too.
    """
    designs = designs_of(of.members, response)
    families, seeds = designs["family"].nunique(), pd.factorize(of.members["design"])[0]
    if families < FEWEST or len(designs) < families + SPARE:
        return None
    accuracies, errors = (
        empirical_logit(shares, of.n_images[:, None]) for shares in (of.accuracy, of.error)
    )
    accuracy, error = group_means(accuracies, seeds), group_means(errors, seeds)
    size = np.log2(designs["parameters"].to_numpy(float))
    if not all(np.isfinite(values).all() for values in (accuracy, error, size)):
        return None
    named = [designs["family"], designs["architecture"], recipes_of(designs)]
    layout = Layout.of(*(names.astype(str).to_numpy() for names in named))
    names, fits = fits_of(accuracy, error, size[None], layout, leave_out)
    noise = np.zeros((3, len(error)))
    if of.other is not None:
        other = group_means(empirical_logit(of.other, of.n_images[:, None]), seeds)
        noise = noise_of_halves(accuracy, other, layout).T
        # The variance between seeds that their errors do not follow.
        if freedom := len(seeds) - len(designs):
            slopes = (
                fits.coefficients[:, 0, names.index(FAMILIES)]
                if FAMILIES in names
                else np.zeros(len(error))
            )
            of_seeds = accuracies - accuracy[:, seeds]
            variance, common = (
                (of_seeds * each).sum(axis=1) / freedom
                for each in (of_seeds, errors - error[:, seeds])
            )
            followed = np.divide(common, slopes, out=variance.copy(), where=slopes != 0)
            noise[2] = np.maximum(
                noise[2], np.clip(variance - followed, 0, variance) / designs["seeds"].mean()
            )
    shares = medians(group_means(of.error.mean(axis=0), seeds), layout.family)[
        : fits.residual.shape[1]
    ]
    return Model(names, layout, accuracy, size, fits, noise, of.weights, shares)


def group_means(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Means of values, ... x N, over each of G groups, which are given by labels, int N; float64
    ... x G."""
    indicators = np.eye(labels.max() + 1)[labels]
    return values @ (indicators / indicators.sum(axis=0))


def medians(values: np.ndarray, family: np.ndarray) -> np.ndarray:
    """Medians over n designs of values, ... x n: of all designs, then without each family, ... x (1
    + F)."""
    kept = [np.ones(len(family), bool), *(family != one for one in np.unique(family))]
    return np.stack([np.median(values[..., of], axis=-1) for of in kept], axis=-1)


def fits_of(
    accuracies: np.ndarray,
    errors: np.ndarray,
    sizes: np.ndarray,
    layout: Layout,
    leave_out: bool = True,
) -> tuple[tuple[str, ...], Fits]:
    """The fixed effects of each of S studies, and the studies' models, perhaps also without each
    family.

    Those effects count that vary, also without any one family, and are not lines in those before.

    Args:
        accuracies, errors, sizes: logits and log2 parameters of n designs, float S x n.
    """
    chosen: tuple[str, ...] = (CONSTANT,)
    of_family = np.eye(layout.families)[layout.family]
    for name in NAMES:
        columns = _columns(accuracies, sizes, layout, (*chosen, name))
        columns = columns / np.maximum(np.abs(columns).max(axis=1, keepdims=True), 1e-6)
        products = np.einsum("nf,sni,snj->sfij", of_family, columns, columns, optimize=True)
        without = products.sum(axis=1, keepdims=True) - products
        if np.linalg.eigvalsh(without).min() > SINGULAR**2:
            chosen = (*chosen, name)
    return chosen, fit(errors, _columns(accuracies, sizes, layout, chosen), layout, leave_out)


def _columns(
    accuracies: np.ndarray, sizes: np.ndarray, layout: Layout, names: tuple[str, ...]
) -> np.ndarray:
    """Fixed effects of S studies, float64 S x n x p, from logit accuracies, float S x n, and log2
    parameters, the same.

    Means are of architectures, and of families over these; they are centred.
    """
    family = layout.family[np.unique(layout.design, return_index=True)[1]]
    of_designs = group_means(accuracies, layout.design)
    of_families = group_means(of_designs, family)
    each, whole = of_designs[:, layout.design], of_families[:, layout.family]
    columns = {
        CONSTANT: np.ones_like(accuracies),
        LENGTH: accuracies - each,
        OF_FAMILY: each - whole,
        FAMILIES: whole - of_families.mean(axis=1, keepdims=True),
        SIZE: np.broadcast_to(sizes - sizes.mean(axis=1, keepdims=True), accuracies.shape),
    }
    return np.stack([columns[name] for name in names], axis=2)


def _variances(fits: Fits, names: tuple[str, ...], noise: np.ndarray | float) -> np.ndarray:
    """Variances between families less what the noise that families share makes, float64 S x (1 +
    F)."""
    slopes = fits.coefficients[:, :, names.index(FAMILIES)] if FAMILIES in names else 0.0
    return fits.components[:, :, 0] - slopes**2 * noise


def noise_of_halves(one: np.ndarray, other: np.ndarray, layout: Layout) -> np.ndarray:
    """The noise of a `Model`, float64 S x 3, from logit accuracies of S studies on two halves of
    the images, S x n."""
    alike = Layout(layout.family, layout.design, np.zeros_like(layout.recipe))
    fits = fit(one - other, np.ones((one.shape[1], 1)), alike)
    return np.column_stack([fits.components[:, 0, :2], fits.residual[:, 0]]) / 2


def on_one_set(members: pd.DataFrame, response: str, n_images: float) -> Measured:
    """Members by the accuracy and the error that they have, and `other_accuracy` if it is among
    their columns.

    Args:
        n_images: how many images there are; 0 if unknown.
    """
    accuracy, error = (members[name].to_numpy(float)[None] for name in ("clean_accuracy", response))
    other = members[OTHER_ACCURACY].to_numpy(float)[None] if OTHER_ACCURACY in members else None
    return Measured(members, accuracy, other, error, np.array([float(n_images)]), np.ones((1, 1)))


def on_halves(members: pd.DataFrame, scores: pd.DataFrame, without: int | None = None) -> Measured:
    """Members with their accuracy on one half of the test images and their error on the other.

    The ten groups of images, which are drawn at random, are divided into two fives in `DIVISIONS`
    ways; units of images are in one group. Where clean accuracy is that of an additional test set,
    both accuracies are of its halves, and the error is of all images of the dataset.

    Args:
        members: members.csv.
        scores: table members_leave_images_out.parquet.
        without: a group of images that is left out.
    """
    separate = SEPARATE_ACCURACY in scores
    accuracy, counted = (
        (SEPARATE_ACCURACY, N_SEPARATE_IMAGES) if separate else ("clean_accuracy", "n_images")
    )
    groups = np.unique(scores["without"])
    # The second half of these is the rest of the first.
    halves = np.array(list(combinations(groups, len(groups) // 2)))
    random = stream(0, "halves of images")
    drawn = halves[random.permutation(len(halves) // 2)[:DIVISIONS]]
    swapped = random.random((len(drawn), 1)) < 0.5
    first = np.array([np.isin(groups, of) for of in drawn]) ^ swapped
    kept = groups != without
    first, second = first & kept, ~first & kept

    def of_members(column: str, counted: str, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        means, n_images = means_of_groups(scores, column, counted, chosen)
        return means.reindex(columns=members["member"]).to_numpy(), n_images

    error, _ = of_members("corrupted_error", "n_images", first | second if separate else second)
    (of_first, n_images), (other, _) = (
        of_members(accuracy, counted, half) for half in (first, second)
    )
    return Measured(
        members, of_first, other, error, n_images, first / first.sum(axis=1, keepdims=True)
    )


def means_of_groups(
    scores: pd.DataFrame, column: str, counted: str, chosen: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """Means of a column over the images of some of the groups, and how many images these are,
    float64 S.

    The means have a row for each choice and a column for each member.

    Args:
        scores: table as for `on_halves`.
        counted: column with the number of remaining images.
        chosen: bool S x G, the groups of each choice, in ascending order.
    """
    kept = scores.groupby("without")[counted].first()
    sums = scores.pivot(index="without", columns="member", values=column).mul(kept, axis=0)
    of_groups = sums.sum(skipna=False) / (len(kept) - 1) - sums
    n_images = chosen @ (kept.sum() / (len(kept) - 1) - kept).to_numpy(float)
    means = chosen.astype(float) @ of_groups.to_numpy() / n_images[:, None]
    return pd.DataFrame(means, columns=of_groups.columns).clip(0, 1), n_images
