"""Linear mixed models with nested random intercepts by restricted maximum likelihood, many
responses at once.

A response is fixed effects plus one normal intercept per family, one per design within its family,
perhaps one per recipe, which may be crossed with both, and a residual. V is the covariance over the
residual's variance, and n - p the degrees of freedom. The deviance, profiled over the residual, is
log|V| + log|X'V⁻¹X| + (n - p)(1 + log(2π r²/(n - p))) with r² = y'V⁻¹y - y'V⁻¹X (X'V⁻¹X)⁻¹ X'V⁻¹y
(Bates, Maechler, Bolker and Walker, Journal of Statistical Software 67, 2015). V is a block per
family, so that its inverse and determinant follow from sums over designs and over families; recipes
are added by Woodbury's identity. The minimum over the relative standard deviations is found by
Newton's method from the best point of a grid; a component may be 0.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product

import numpy as np
from scipy.special import expit

FACTORS = ("family", "design", "recipe")
GRID = (0.05, 0.3, 0.7, 1.5, 4.0)  # grid of relative standard deviations
# Step of differences; most steps of Newton's method; least change of deviance.
STEP, STEPS, PRECISION = 1e-3, 60, 1e-9
SMALL = 1e-3  # relative standard deviations below it are compared with 0
AT_ONCE = 2_000_000  # number of values per array, so that memory stays small


@dataclass(frozen=True)
class Layout:
    """Rows grouped by design, designs by family, and perhaps rows by recipe.

    Attributes:
        family: int n, family of each row, 0 to F - 1.
        design: int n, design of each row, 0 to G - 1; each design lies in one family.
        recipe: int n, recipe of each row, 0 to R - 1; all 0 if there is one recipe.
    """

    family: np.ndarray
    design: np.ndarray
    recipe: np.ndarray

    @classmethod
    def of(
        cls, families: Sequence[str], designs: Sequence[str], recipes: Sequence[str] | None = None
    ) -> "Layout":
        """The layout from names; designs of one name in two families are two."""
        family = np.unique(np.asarray(families, str), return_inverse=True)[1]
        within = np.unique(np.asarray(designs, str), return_inverse=True)[1]
        design = np.unique(family * (within.max() + 1) + within, return_inverse=True)[1]
        named = np.zeros(len(family), int) if recipes is None else np.asarray(recipes, str)
        return cls(family, design, np.unique(named, return_inverse=True)[1])

    @property
    def families(self) -> int:
        """Number of families."""
        return int(self.family.max()) + 1

    @cached_property
    def factors(self) -> tuple[int, ...]:
        """The factors, as indices of `FACTORS`, whose variances can be estimated separately."""
        designs, recipes = int(self.design.max()) + 1, int(self.recipe.max()) + 1
        separate = self.families < designs < len(self.design)
        return (0, *((1,) if separate else ()), *((2,) if 1 < recipes < len(self.design) else ()))

    @cached_property
    def blocks(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The block of each row, int n, the family of each block, in ascending order, and the rows
        of each.

        Blocks are designs; families where the variance between designs is that of families or of
        the residual.
        """
        block = self.design if 1 in self.factors else self.family
        _, first = np.unique(block, return_index=True)
        order = np.argsort(self.family[first], kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return rank[block], self.family[first][order], np.bincount(rank[block])


@dataclass(frozen=True)
class Fits:
    """Fitted models of S responses, with all families (the first of the second axis) and then
    without each.

    Attributes:
        components: variances between families, designs and recipes, float64 S x (1 + L) x 3; 0 if
            not separable.
        residual: variance of the residual, float64 S x (1 + L).
        coefficients: fixed effects, float64 S x (1 + L) x p.
        deviance: twice the negative restricted log-likelihood, float64 S x (1 + L).
    """

    components: np.ndarray
    residual: np.ndarray
    coefficients: np.ndarray
    deviance: np.ndarray


def fit(
    responses: np.ndarray, predictors: np.ndarray, layout: Layout, leave_out: bool = False
) -> Fits:
    """Models of S responses with random intercepts.

    Args:
        responses: float S x n.
        predictors: fixed effects, the constant among them, float n x p or S x n x p; of full rank
            without any family.
        layout: family, design and recipe of each row.
        leave_out: whether to fit without each family in turn too, for the jackknife.
    """
    responses, predictors = np.asarray(responses, float), np.asarray(predictors, float)
    predictors = np.broadcast_to(predictors, (len(responses), *predictors.shape[-2:]))
    models = 1 + layout.families * leave_out
    chunk = max(AT_ONCE // (models * len(layout.blocks[2]) * (predictors.shape[2] + 1)), 1)
    parts = [
        _fit(responses[start : start + chunk], predictors[start : start + chunk], layout, leave_out)
        for start in range(0, len(responses), chunk)
    ]
    return Fits(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in Fits.__dataclass_fields__
        )
    )


def points(logits: np.ndarray | float, share: float) -> np.ndarray:
    """A difference of logits, centred at a share in 0..1, in percentage points."""
    middle = np.log(share / (1 - share))
    return 100 * (expit(middle + np.asarray(logits) / 2) - expit(middle - np.asarray(logits) / 2))


def logits(difference: np.ndarray | float, share: float) -> np.ndarray:
    """The difference of logits that `points` turns into this one; its sign as well."""
    odds, part = share / (1 - share), np.minimum(np.abs(difference) / 100, 1 - 1e-12)
    half = part * (1 + odds**2) + np.sqrt(
        part**2 * (1 + odds**2) ** 2 + 4 * odds**2 * (1 - part**2)
    )
    return 2 * np.sign(difference) * np.log(half / (2 * odds * (1 - part)))


def precisions(
    layout: Layout, design: np.ndarray | float, residual: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Inverse variances, from rows and designs, of the means of blocks and of families, ... x B and
    ... x F.

    Args:
        design, residual: variances between designs and of rows, float ...
    """
    _, family, sizes = layout.blocks
    design, residual = (np.asarray(of, float)[..., None] for of in (design, residual))
    of_blocks = sizes / (residual + sizes * design)
    return of_blocks, of_blocks @ np.eye(layout.families)[family]


class _Sums:
    """Cross-products of the columns of S studies, which are fixed effects, recipes and the
    response.

    Attributes:
        inner: float64 S x F x q x q, cross-products over the rows of each family.
        of_blocks: float64 S x B x q, sums of the columns over the rows of each block.
        kept: float64 R x F, 1 if a family is in a model, else 0, for R models.
        rows: number of rows of each model, R.
    """

    def __init__(
        self, responses: np.ndarray, predictors: np.ndarray, layout: Layout, leave_out: bool
    ):
        block, self.family, self.sizes = layout.blocks
        self.fixed, self.factors = predictors.shape[2], layout.factors
        levels = np.arange(layout.recipe.max() + 1 if 2 in self.factors else 0)
        recipes = np.equal.outer(layout.recipe, levels).astype(float)
        recipes = np.broadcast_to(recipes, (len(responses), *recipes.shape))
        columns = np.concatenate([predictors, recipes, responses[:, :, None]], axis=2)
        of_family = np.eye(layout.families)[layout.family]
        self.inner = np.einsum("nf,sni,snj->sfij", of_family, columns, columns, optimize=True)
        self.of_blocks = np.einsum(
            "nb,sni->sbi", np.eye(len(self.sizes))[block], columns, optimize=True
        )
        self.kept = np.ones((1, layout.families))
        if leave_out:
            self.kept = np.vstack([self.kept, 1 - np.eye(layout.families)])
        self.rows = self.kept @ of_family.sum(axis=0)

    def over_blocks(self, values: np.ndarray) -> np.ndarray:
        """Sums over the blocks of each family, along the third axis."""
        families = self.kept.shape[1]
        if values.shape[2] == families:
            return values
        return np.add.reduceat(values, np.searchsorted(self.family, np.arange(families)), axis=2)

    def ratios(self, deviations: np.ndarray) -> list[np.ndarray]:
        """Variances over that of the residual of families, designs and recipes, each float S x R,
        or 0."""
        squares = dict(zip(self.factors, np.moveaxis(deviations**2, -1, 0), strict=True))
        return [
            squares.get(factor, np.zeros(deviations.shape[:-1])) for factor in range(len(FACTORS))
        ]

    def whitened(self, deviations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A'V⁻¹A of the columns A, float S x R x q x q, and log|V|, S x R, without recipes.

        A family's block of V is D + theta 11', and a design's of D is I + theta 11'.
        """
        family, design, _ = self.ratios(deviations)
        inner = 1 + self.sizes * design[..., None]
        totals = self.over_blocks(self.of_blocks[:, None] / inner[..., None])
        outer = 1 + family[..., None] * self.over_blocks(self.sizes / inner)
        determinant = (np.log(inner) * self.kept[:, self.family]).sum(-1) + (
            np.log(outer) * self.kept
        ).sum(-1)
        of_block, of_family, kept = (
            design[..., None] / inner,
            family[..., None] / outer,
            self.kept[:, :, None],
        )
        products = np.einsum("rf,sfij->srij", self.kept, self.inner, optimize=True)
        if 1 in self.factors:
            weighted = (of_block * self.kept[:, self.family])[..., None] * self.of_blocks[:, None]
            products -= weighted.swapaxes(-1, -2) @ self.of_blocks[:, None]
        return products - (of_family[..., None] * kept * totals).swapaxes(
            -1, -2
        ) @ totals, determinant

    def with_recipes(self, deviations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """X'V⁻¹X and further products of fixed effects and response, and log|V|, with recipes."""
        products, determinant = self.whitened(deviations)
        own = [*range(self.fixed), products.shape[-1] - 1]
        recipes = slice(self.fixed, products.shape[-1] - 1)
        across = products[..., recipes, :][..., own]
        if not across.shape[-2]:
            return products, determinant
        ratio = self.ratios(deviations)[2][..., None, None]
        inner = np.eye(across.shape[-2]) + ratio * products[..., recipes, recipes]
        left = products[..., own, :][..., own] - across.swapaxes(-1, -2) @ (
            ratio * np.linalg.solve(inner, across)
        )
        return left, determinant + np.linalg.slogdet(inner)[1]

    def deviance(self, deviations: np.ndarray) -> np.ndarray:
        """Profiled deviance at relative standard deviations, float S x R x K; S x R."""
        products, determinant = self.with_recipes(deviations)
        fixed = products[..., :-1, :-1]
        squares = self.squares(products)
        freedom = self.rows - self.fixed
        logs = 1 + np.log(2 * np.pi * np.maximum(squares, np.finfo(float).tiny) / freedom)
        return determinant + np.linalg.slogdet(fixed)[1] + freedom * logs

    @staticmethod
    def squares(products: np.ndarray) -> np.ndarray:
        """The residual sum of squares y'V⁻¹y after fitting the fixed effects, S x R."""
        across = products[..., :-1, -1]
        slopes = np.linalg.solve(products[..., :-1, :-1], across[..., None])[..., 0]
        return products[..., -1, -1] - (across * slopes).sum(-1)


def _fit(responses: np.ndarray, predictors: np.ndarray, layout: Layout, leave_out: bool) -> Fits:
    sums = _Sums(responses, predictors, layout, leave_out)
    whole = copy(sums)
    whole.kept, whole.rows = sums.kept[:1], sums.rows[:1]
    grid = np.array(list(product(GRID, repeat=len(layout.factors))))
    shape = len(responses), 1, len(layout.factors)
    best = np.argmin([whole.deviance(np.broadcast_to(point, shape)) for point in grid], axis=0)
    deviations = _descent(whole, grid[best])
    if leave_out:
        start = np.broadcast_to(
            np.maximum(deviations, GRID[0]), (len(responses), len(sums.kept), deviations.shape[2])
        )
        deviations = np.concatenate([deviations, _descent(sums, start)[:, 1:]], axis=1)
    products, _ = sums.with_recipes(deviations)
    freedom = sums.rows - sums.fixed
    residual = sums.squares(products) / freedom
    coefficients = (np.linalg.inv(products[..., :-1, :-1]) @ products[..., :-1, -1:])[..., 0]
    components = np.stack(sums.ratios(deviations), axis=-1) * residual[..., None]
    return Fits(components, residual, coefficients, sums.deviance(deviations))


def _descent(sums: _Sums, at: np.ndarray) -> np.ndarray:
    """Relative standard deviations of least deviance, float S x R x K, by Newton's method from
    `at`."""
    at, best, factors = at.copy(), sums.deviance(at), at.shape[2]
    reach, left = np.full((*best.shape, 1), 0.5), np.arange(len(best))
    for _ in range(STEPS):
        if not len(left):
            break
        some, most = copy(sums), reach[left] * (at[left] + STEP)
        some.inner, some.of_blocks = sums.inner[left], sums.of_blocks[left]
        step = _newton(some, at[left])
        # Keeps the direction downhill.
        shorter = np.min(most / np.maximum(np.abs(step), most), axis=-1, keepdims=True)
        moved = np.abs(at[left] + shorter * step)
        before, value = best[left], some.deviance(moved)
        better = (value < before)[..., None]
        at[left], best[left] = np.where(better, moved, at[left]), np.minimum(value, before)
        reach[left] = np.where(better, np.minimum(reach[left] * 2, 1.0), reach[left] / 4)
        left = left[(np.abs(value - before) > PRECISION).any(axis=1)]
    for factor in range(factors):
        none = np.where((np.arange(factors) == factor) & (at < SMALL), 0, at)
        value = sums.deviance(none)
        chosen = value <= best + 1e-9
        at, best = np.where(chosen[..., None], none, at), np.where(chosen, value, best)
    return at


def _newton(sums: _Sums, at: np.ndarray) -> np.ndarray:
    """The step to the minimum of a parabola through differences; down the slope if it has no
    minimum."""
    count = at.shape[-1]
    along = np.eye(count) * STEP
    centre = sums.deviance(at)
    ahead = [sums.deviance(at + step) for step in along]
    behind = [sums.deviance(np.abs(at - step)) for step in along]
    gradient = np.stack([(a - b) / (2 * STEP) for a, b in zip(ahead, behind, strict=True)], axis=-1)
    curvature = np.zeros((*at.shape, count))
    for k in range(count):
        curvature[..., k, k] = (ahead[k] - 2 * centre + behind[k]) / STEP**2
    for j, k in combinations(range(count), 2):
        both = sums.deviance(at + along[j] + along[k])
        curvature[..., j, k] = curvature[..., k, j] = (
            both - ahead[j] - ahead[k] + centre
        ) / STEP**2
    values, vectors = np.linalg.eigh(curvature)
    turned = (gradient[..., None, :] @ vectors)[..., 0, :] / np.maximum(np.abs(values), 1e-8)
    return -(vectors @ turned[..., None])[..., 0]
