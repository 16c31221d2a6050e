"""Differences between families in corrupted error at equal clean accuracy and size: a mixed model of the designs.

The logit of the corrupted error of a design, the mean of its seeds' logits, is a line in that of its clean accuracy and
in log2 of its parameters, plus a random intercept per family, per architecture and per recipe, as far as a study can
separate them (`resiliency.statistics.mixed_model`). Clean accuracy enters as three deviations that add up to it: of a
design from the mean of its architecture, which is what other training lengths do; of an architecture from the mean of
its family; and of a family from the mean of all. Each has a slope of its own (Mundlak, Econometrica 46, 1978): the
first is not distorted by what families differ in beside accuracy, and the last takes from the families' intercepts what
their mean accuracy predicts. What is left between families is their spread at equal clean accuracy and size.

Noise of clean accuracy that the corrupted error does not follow makes such a spread out of nothing. So accuracy and
error come from different halves of the test images, or accuracy from half of an additional test set, and the part of
that noise which families share, known from the accuracy on the other half, is subtracted: slope² times its variance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from resiliency.base.names import SEPARATE_ACCURACY, SEPARATE_IMAGES
from resiliency.base.streams import stream
from resiliency.statistics.mixed_model import Fits, Layout, fit, logits, points
from resiliency.statistics.resampling import Scale

OTHER_ACCURACY = "other_accuracy"  # accuracy on the images of the error
LENGTH, OF_FAMILY, FAMILIES, SIZE = NAMES = (
    "clean accuracy, training lengths of one architecture",
    "clean accuracy, architectures of one family",
    "clean accuracy, families",
    "log2 parameters",
)
CONSTANT = "constant"
FEWEST = 5  # least number of families for a fit
SINGULAR = 1e-3  # least singular value of separable fixed effects, each scaled to at most 1
SPARE = 5  # designs beyond one per family, so that both variances have some degrees of freedom


@dataclass(frozen=True)
class Noise:
    """Variances of logit clean accuracy that corrupted error does not follow, of one design.

    Attributes:
        family, design: variances common to the designs of a family, and to those of an architecture, on the same test
            images.
        own: variance of the design alone.
    """

    family: float = 0.0
    design: float = 0.0
    own: float = 0.0


@dataclass(frozen=True)
class Model:
    """The fitted model of a study.

    Attributes:
        names: names of the fixed effects: the constant, then those of `NAMES` that vary.
        families: names of the families, in the order of `fits`.
        layout: families, architectures and recipes of the designs.
        accuracy, size: logit clean accuracy and log2 parameters of each design, float64 n.
        fits: fits with all families, then without each, for one response.
        noise: noise of clean accuracy.
        share: median corrupted error of the designs, at which logits are converted to percentage points.
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    layout: Layout
    accuracy: np.ndarray
    size: np.ndarray
    fits: Fits
    noise: Noise
    share: float

    @property
    def coefficients(self) -> dict[str, np.ndarray]:
        """Fixed effect -> its estimates in logits, of all families and without each, float64 1 + F."""
        return dict(zip(self.names, self.fits.coefficients[0].T, strict=True))

    def points(self, difference: np.ndarray | float) -> np.ndarray:
        """A difference of logits in percentage points of corrupted error, at the pool's median."""
        return points(difference, self.share)

    @cached_property
    def spread(self) -> np.ndarray:
        """Standard deviation between families in points, of all families and without each, float64 1 + F."""
        return self.points(_deviations(self.fits, self.names, self.noise.family)[0])

    @cached_property
    def scale(self) -> Scale:
        """A scale on which `spread` has about the same variance everywhere: its logarithm, flat near 0.

        It is log(1 + s²/c) / 2 of a standard deviation s in logits, where c is the variance that the mean of a family
        has from its designs (Miller, Annals of Mathematical Statistics 39, 1968, has the logarithm).
        """
        floor = max(self._within(), 1e-9)

        def to(spread: np.ndarray) -> np.ndarray:
            return np.sign(spread) * np.log1p(logits(spread, self.share) ** 2 / floor) / 2

        return Scale(to, lambda values: self.points(np.sqrt(floor * np.expm1(2 * np.maximum(values, 0)))))

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the variance between families: their number less the constant and the slope."""
        return len(self.families) - 2

    @property
    def least_error(self) -> float:
        """Standard error of `spread` on `scale` if families were normal and their designs without noise.

        The jackknife gives a smaller one where no family happens to lie far out, and 0 if no spread is estimated.
        """
        return 1 / np.sqrt(2 * self.freedom)

    def _within(self) -> float:
        """Variance of a family's mean that comes from its designs, mean over families."""
        _, design, _ = self.fits.components[0, 0]
        _, family, sizes = self.layout.blocks
        precision = np.bincount(family, sizes / (self.fits.residual[0, 0] + sizes * design))
        return float(np.mean(1 / precision))

    def without_family(self, draws: int) -> tuple[np.ndarray, np.ndarray]:
        """`spread` and its jackknife errors on `scale` in studies without a spread between families, float64 draws.

        They are drawn from this model with the variance between families set to 0, and the noise of clean accuracy is
        added to the accuracies once more (parametric bootstrap).
        """
        random, count = stream(0, "placebo", "spread between families"), len(self.accuracy)

        def intercepts(variance: float, labels: np.ndarray) -> np.ndarray:
            return np.sqrt(variance) * random.standard_normal((draws, labels.max() + 1))[:, labels]

        own, layout = np.arange(count), self.layout
        errors = _columns(self.accuracy[None], self.size[None], layout, self.names)[0] @ self.fits.coefficients[0, 0]
        _, design, recipe = self.fits.components[0, 0]
        drawn = zip((design, recipe, self.fits.residual[0, 0]), (layout.design, layout.recipe, own), strict=True)
        errors = errors + sum(intercepts(*factor) for factor in drawn)
        of_noise = (self.noise.family, self.noise.design, self.noise.own)
        noise = zip(of_noise, (layout.family, layout.design, own), strict=True)
        accuracies = self.accuracy + sum(intercepts(*factor) for factor in noise)
        fits = fit(errors, _columns(accuracies, self.size[None], layout, self.names), layout, leave_out=True)
        spread = self.points(_deviations(fits, self.names, self.noise.family))
        return spread[:, 0], np.sqrt((len(self.families) - 1) * self.scale.to(spread[:, 1:]).var(axis=1))


def empirical_logit(shares: np.ndarray, images: float) -> np.ndarray:
    """Log odds of shares of `images` images, with half an image added on either side (Haldane 1956; Anscombe 1956).

    The plain logit if the number of images is 0, which means unknown.
    """
    half = 0.5 if images else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log((shares * (images or 1) + half) / ((1 - shares) * (images or 1) + half))


def designs_of(members: pd.DataFrame, response: str) -> pd.DataFrame:
    """A row per design: means over its seeds, and which architecture it is.

    Designs of one family with one architecture, parameters and MACs are the same architecture, trained differently.

    Returns:
        `family`, `architecture`, `recipe` (with the training length), `epochs` (NaN if unknown), `parameters`,
        `clean_accuracy`, the response, `other_accuracy` if members have it, and `seeds`.
    """
    known = members.reindex(columns=[*members, *({"architecture", "macs", "recipe", "training_epochs"} - {*members})])
    means = ["clean_accuracy", response, *({OTHER_ACCURACY} & {*members})]
    first = ["family", "architecture", "macs", "recipe", "training_epochs", "parameters"]
    grouped = known.groupby("design", sort=False)
    designs = grouped[first].first().join(grouped[means].mean()).assign(seeds=grouped.size()).reset_index()
    named = designs["architecture"].notna() & (designs["architecture"] != "")
    architecture, parameters, macs = (designs[name].astype(str) for name in ("architecture", "parameters", "macs"))
    epochs = designs["training_epochs"].astype(float)
    return designs.assign(
        architecture=(architecture + " " + parameters + " " + macs).where(named, designs["design"]),
        epochs=epochs,
        recipe=designs["recipe"].astype(object).fillna("").astype(str) + " " + epochs.astype(str),
    )


def model_of(members: pd.DataFrame, response: str, images: int) -> Model | None:
    """The model of the members of a study, which are all independently trained; None if there are too few to fit it.

    Args:
        members: members.csv, with accuracy and response on different images, as from `on_halves`.
        response: name of the column of errors.
        images: number of images behind each accuracy and error; 0 if unknown.
    """
    measured = [name for name in ("clean_accuracy", response, OTHER_ACCURACY) if name in members]
    on_logits = members.assign(**{name: empirical_logit(members[name].to_numpy(float), images) for name in measured})
    designs = designs_of(on_logits, response)
    families = designs["family"].nunique()
    accuracy, errors = (designs[name].to_numpy(float) for name in ("clean_accuracy", response))
    size = np.log2(designs["parameters"].to_numpy(float))
    if families < FEWEST or len(designs) < families + SPARE or not np.isfinite([accuracy, errors, size]).all():
        return None
    layout = Layout.of(*(designs[name].astype(str).to_numpy() for name in ("family", "architecture", "recipe")))
    names, fits = fits_of(accuracy[None], errors[None], size[None], layout)
    slope = fits.coefficients[0, 0, names.index(FAMILIES)] if FAMILIES in names else 0.0
    noise = _noise(on_logits, designs, response, layout, slope)
    share = float(designs_of(members, response)[response].median())
    return Model(names, tuple(sorted(set(designs["family"]))), layout, accuracy, size, fits, noise, share)


def fits_of(
    accuracies: np.ndarray, errors: np.ndarray, sizes: np.ndarray, layout: Layout
) -> tuple[tuple[str, ...], Fits]:
    """The fixed effects that vary in each of S studies, and the studies' models, also without each family.

    Args:
        accuracies, errors, sizes: logits and log2 parameters of n designs, float S x n.
    """
    names = _varying(accuracies, sizes, layout)
    return names, fit(errors, _columns(accuracies, sizes, layout, names), layout, leave_out=True)


def _varying(accuracies: np.ndarray, sizes: np.ndarray, layout: Layout) -> tuple[str, ...]:
    """The fixed effects that vary, also without any one family, and are not lines in those before."""
    chosen: tuple[str, ...] = (CONSTANT,)
    of_family = np.eye(layout.families)[layout.family]
    for name in NAMES:
        columns = _columns(accuracies, sizes, layout, (*chosen, name))
        columns = columns / np.maximum(np.abs(columns).max(axis=1, keepdims=True), 1e-6)
        products = np.einsum("nf,sni,snj->sfij", of_family, columns, columns, optimize=True)
        without = products.sum(axis=1, keepdims=True) - products
        if np.linalg.eigvalsh(without).min() > SINGULAR**2:
            chosen = (*chosen, name)
    return chosen


def _columns(accuracies: np.ndarray, sizes: np.ndarray, layout: Layout, names: tuple[str, ...]) -> np.ndarray:
    """Fixed effects of S studies, float64 S x n x p, from logit accuracies, float S x n, and log2 parameters, the same.

    Means are of architectures, and of families over these; they are centred.
    """

    def means(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
        indicators = np.eye(labels.max() + 1)[labels]
        return values @ (indicators / indicators.sum(axis=0))

    family = layout.family[np.unique(layout.design, return_index=True)[1]]
    of_designs = means(accuracies, layout.design)
    of_families = means(of_designs, family)
    each, whole = of_designs[:, layout.design], of_families[:, layout.family]
    columns = {
        CONSTANT: np.ones_like(accuracies),
        LENGTH: accuracies - each,
        OF_FAMILY: each - whole,
        FAMILIES: whole - of_families.mean(axis=1, keepdims=True),
        SIZE: np.broadcast_to(sizes - sizes.mean(axis=1, keepdims=True), accuracies.shape),
    }
    return np.stack([columns[name] for name in names], axis=2)


def _deviations(fits: Fits, names: tuple[str, ...], noise: float) -> np.ndarray:
    """Standard deviations between families without what the noise that families share makes, float64 S x (1 + F)."""
    slopes = fits.coefficients[:, :, names.index(FAMILIES)] if FAMILIES in names else 0.0
    return np.sqrt(np.maximum(fits.components[:, :, 0] - slopes**2 * noise, 0))


def _noise(members: pd.DataFrame, designs: pd.DataFrame, response: str, layout: Layout, slope: float) -> Noise:
    """Noise of clean accuracy, from its difference between two halves of the images, and from seeds.

    A design's own is the larger one of both; of seeds, it is what their errors do not follow with this slope.
    """
    if OTHER_ACCURACY not in designs:
        return Noise()
    one, other = (designs[name].to_numpy(float)[None] for name in ("clean_accuracy", OTHER_ACCURACY))
    family, design, own = noise_of_halves(one, other, layout)[0].tolist()
    return Noise(family, design, max(own, _unfollowed(members, response, slope) / designs["seeds"].mean()))


def noise_of_halves(one: np.ndarray, other: np.ndarray, layout: Layout) -> np.ndarray:
    """Variances of `Noise`, float64 S x 3, from logit accuracies of S studies on two halves of the images, S x n."""
    alike = Layout(layout.family, layout.design, np.zeros_like(layout.recipe))
    fits = fit(one - other, np.ones((one.shape[1], 1)), alike)
    return np.column_stack([fits.components[:, 0, :2], fits.residual[:, 0]]) / 2


def _unfollowed(members: pd.DataFrame, response: str, slope: float) -> float:
    """Variance of logit accuracy between seeds of a design that their logit errors do not follow; 0 without seeds."""
    measured = members[["clean_accuracy", response]]
    left = measured - measured.groupby(members["design"].to_numpy()).transform("mean")
    freedom = len(members) - members["design"].nunique()
    if not freedom or not slope:
        return 0.0
    (variance, common), _ = left.T.to_numpy() @ left.to_numpy() / freedom
    return float(np.clip(variance - common / slope, 0, variance))


def on_halves(members: pd.DataFrame, scores: pd.DataFrame, without: int | None = None) -> tuple[pd.DataFrame, float]:
    """Members with their accuracy on one half of the test images and their error on the other.

    Halves are the first five and the last five of the ten groups of images, which are drawn at random; units of images
    are in one group. Where clean accuracy is that of an additional test set, both accuracies are of its halves, and the
    error is of all images of the dataset.

    Args:
        members: members.csv.
        scores: the table `members` of `resiliency.analysis.without_images.WithoutImages`.
        without: a group of images that is left out.

    Returns:
        `members` with other columns `clean_accuracy` and `corrupted_error`, and `other_accuracy` on the other half;
        NaN for members that `scores` lacks. And how many images the first half of the accuracies has.
    """
    separate = SEPARATE_ACCURACY in scores
    accuracy, images = (SEPARATE_ACCURACY, SEPARATE_IMAGES) if separate else ("clean_accuracy", "images")
    everything = scores["without"].unique()
    groups = [group for group in everything if group != without]
    first, second = ([group for group in of if group != without] for of in np.array_split(everything, 2))
    columns = {"clean_accuracy": mean_of_groups(scores, accuracy, images, first)}
    columns[OTHER_ACCURACY] = mean_of_groups(scores, accuracy, images, second)
    columns["corrupted_error"] = mean_of_groups(scores, "corrupted_error", "images", groups if separate else second)
    measured = members.assign(**{name: of.reindex(members["member"]).to_numpy() for name, of in columns.items()})
    return measured, float(_sizes(scores, images)[first].sum())


def mean_of_groups(scores: pd.DataFrame, column: str, images: str, groups: Sequence[int]) -> pd.Series:
    """Member -> mean of a column over the images of some groups.

    Args:
        scores: table as for `on_halves`.
        images: column with the number of remaining images.
    """
    kept = scores.groupby("without")[images].first()
    sums = scores.pivot(index="without", columns="member", values=column).mul(kept, axis=0)
    of_groups = sums.sum(skipna=False) / (len(kept) - 1) - sums
    means = of_groups.loc[groups].sum(skipna=False) / _sizes(scores, images)[groups].sum()
    return means.clip(0, 1)


def _sizes(scores: pd.DataFrame, images: str) -> pd.Series:
    """Group -> number of its images."""
    kept = scores.groupby("without")[images].first()
    return kept.sum() / (len(kept) - 1) - kept
