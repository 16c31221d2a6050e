"""Choosing the members of an ensemble by accuracy or by diversity, judged on other images and other
corruptions.

Members are chosen on half of the image units and all categories of corruption (Hendrycks and
Dietterich, ICLR 2019) but one. The ensemble is evaluated on the other half and that category: a way
for each half and category, whose mean counts.

The interval of a difference leaves out each family: it leaves the pool, and choice and evaluation
are repeated (Arvesen, Annals of Mathematical Statistics 40, 1969).
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.left_out import FEWEST_FAMILIES
from resiliency.analysis.without_images import CKA, image_groups
from resiliency.base.names import CATEGORIES, CLEAN
from resiliency.base.streams import stream
from resiliency.data.split import probe_indices
from resiliency.diversity.metrics import METRICS, probability_metrics
from resiliency.diversity.representations import applicable
from resiliency.ensembles.combination import VOTE
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.ensembles.selection import DIGITS, Selection, farthest
from resiliency.prediction.reading import Predictions
from resiliency.statistics.intervals import UNKNOWN, holm, jackknife, p_value

SIZES = (2, 3, 5)
NEAR = 0.01  # members whose error is at most this much above the least are about as accurate
AVAILABILITY = 0.9  # share of the images for which an answer is given
DRAWS = 30  # random ensembles of a way
FEWEST_PROBES = 4  # attribution images in a half for CKA
ACCURATE, GREEDY, DISTINCT, RANDOM = "most_accurate", "greedy", "greedy_distinct_families", "random"
KINDS = {f"{kind}_diversity": kind for kind in ("prediction", "attribution", "activation")}
CHOICES = (ACCURATE, GREEDY, DISTINCT, *KINDS, RANDOM)
WORTH, WORSE, UNDECIDED, NOT_TESTED = "worth it", "worse", "undecided", "not tested"
OUTCOMES = ("error", "wrong_at_90")
Reader = Callable[[str, str], np.ndarray]


class Diversity(NamedTuple):
    """A kind of diversity of M members: on each half, in each category, float64 2 x C x M x M; None
    if not known."""

    of_halves: np.ndarray | None = None
    metrics: str = ""  # names of the metrics whose mean it is
    missing: str = ""  # why it is not known


def choosing_table(
    members: pd.DataFrame,
    predictions: Mapping[str, Predictions],
    representation: Reader,
    methods: Sequence[str],
    n_probe_images: int,
    seed: int,
    confidence: float,
) -> pd.DataFrame:
    """The table choosing.csv: a row per rule of choice and number of members.

    Args:
        members: rows of members.csv of the members to choose among.
        predictions: member -> its predictions.
        representation: member, and attribution method or `features` -> array by which it is
            compared, NaN without one.
        methods: attribution methods.
        n_probe_images: number of attribution images; 0 for none.
        seed: seed of the study.
        confidence: level of the intervals.

    Raises:
        Fault: there are fewer than ten units of images.
    """
    pool = Pool(members, [predictions[name] for name in members["member"]], n_probe_images, seed)
    categories, count, families = list(pool.categories), len(members), len(pool.without) - 1
    enough, rows = len(categories) > 1, []
    lacking = (
        ""
        if enough
        else f"needs two of the categories {', '.join(CATEGORIES)}, got {len(categories)}"
    )
    diversities = pool.diversities(representation, methods) if enough else {}
    values, near = pool.outcomes(diversities) if enough else ({}, np.nan)
    for choice in CHOICES:
        kind = diversities.get(KINDS.get(choice, ""), Diversity())
        for size in SIZES:
            few = f"needs more than {size} members, got {count}" if count <= size else ""
            row = {
                "choice": choice,
                "size": size,
                "metrics": kind.metrics,
                "missing": lacking or few or kind.missing,
            }
            if not row["missing"]:
                row |= dict(zip(OUTCOMES, values[choice, size][0], strict=True))
                row |= (
                    compared(values[choice, size], values[GREEDY, size], confidence)
                    if choice != GREEDY
                    else {}
                )
            rows.append(row)
    ends = ("", "_difference", "_difference_low", "_difference_high")
    columns = [f"{name}{end}" for name in OUTCOMES for end in ends]
    table = pd.DataFrame(rows).reindex(
        columns=["choice", "size", "metrics", *columns, "p_value", "missing"]
    )
    counted = {
        "near": near,
        "members": count,
        "families": families,
        "n_images": sum(map(len, pool.images)),
    }
    said = {"categories": "+".join(categories), "rule": pool.scorer.rule if pool.known else VOTE}
    return with_verdicts(table, confidence).assign(**counted, **said, confidence=confidence)


def compared(values: np.ndarray, greedy: np.ndarray, confidence: float) -> dict[str, float | str]:
    """Differences of a rule's outcomes from those of greedy choice, with intervals, and what is
    missing.

    Args:
        values, greedy: float (1 + F) x 2, outcomes of all families, then without each of F; NaN
            with too few members.
    """
    row: dict[str, float | str] = {"missing": ""}
    differences, families = values - greedy, len(values) - 1
    same = not differences.any()
    for name, replicates in zip(OUTCOMES, differences.T, strict=True):
        interval = (
            UNKNOWN if same or families < FEWEST_FAMILIES else jackknife(replicates, confidence)
        )
        row |= interval.columns(f"{name}_difference", replicates[0])
    if np.isnan(values[0]).any():
        row["missing"] = f"too few families, {families}"
    elif families < FEWEST_FAMILIES:
        row["missing"] = f"no interval: needs {FEWEST_FAMILIES} families, got {families}"
    elif np.isnan(differences).any():
        row["missing"] = "no interval: too few members without one of the families"
    else:
        row |= {
            "p_value": p_value(differences[:, 0]),
            "missing": "no interval: chooses as greedily by error" * same,
        }
    return row


def with_verdicts(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """`p_holm` and `verdict` of diversity as a criterion, corrected over its kinds and sizes
    together."""
    of_diversity = table["choice"].isin(KINDS)
    adjusted = holm(table["p_value"].where(of_diversity).to_numpy(float))
    sides = np.where(table["error_difference"].to_numpy(float) < 0, WORTH, WORSE)
    verdicts = np.where(
        np.isnan(adjusted), NOT_TESTED, np.where(adjusted < 1 - confidence, sides, UNDECIDED)
    )
    return table.assign(p_holm=adjusted, verdict=np.where(of_diversity, verdicts, ""))


class Pool:
    """M members to choose among, from pools of all families and without each, in each way.

    Attributes:
        images: positions of the clean images of each half, whose units are whole and which share
            attribution images.
        categories: category of corruption -> its conditions, as positions in `scorer.corrupted`.
        shares: float C x C, weight of each category if another (row) is not seen.
        without: bool (1 + F) x M, members of all families, then of all but one each.
        known: whether all members have probabilities; else all ensembles vote.

    Args: as of `choosing_table`, with the predictions in the order of the members.
    """

    def __init__(
        self, members: pd.DataFrame, predictions: list[Predictions], n_probe_images: int, seed: int
    ):
        self.names, self.seed = list(members["member"]), seed
        families, self.family = np.unique(members["family"].astype(str), return_inverse=True)
        self.without = np.arange(-1, len(families))[:, None] != self.family
        self.scorer = EnsembleErrors(predictions, "mean_probability")
        self.known = bool(self.scorer.known.all())
        self.scorer.known[:] = self.known
        labels = self.scorer.labels(CLEAN)
        probed = probe_indices(labels, n_probe_images, seed)
        half = image_groups(labels, probed, seed, self.scorer.units(CLEAN)) % 2
        self.images, self.of_probe = [np.flatnonzero(half == of) for of in (0, 1)], half[probed]
        corruptions = (
            predictions[0]
            .conditions["corruption"]
            .to_numpy()[np.asarray(self.scorer.corrupted, int)]
        )
        found = {
            category: np.flatnonzero(np.isin(corruptions, of))
            for category, of in CATEGORIES.items()
        }
        self.categories = {category: places for category, places in found.items() if len(places)}
        counts = np.array([len(places) for places in self.categories.values()])
        seen = np.where(np.eye(len(counts), dtype=bool), 0, counts)
        self.shares = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)

    def diversities(self, representation: Reader, methods: Sequence[str]) -> dict[str, Diversity]:
        """Kind -> its diversity; arguments as of `choosing_table`."""
        metric, count = "jensen_shannon" if self.known else "label_disagreement", len(self.names)
        apart = [
            [self._differ(metric, images, of) for of in self.categories.values()]
            for images in self.images
        ]
        diversities = {"prediction": Diversity(np.array(apart), metric)}
        few = np.bincount(self.of_probe, minlength=2).min() < FEWEST_PROBES
        for kind, metrics in {
            "attribution": [f"{of}_cosine" for of in methods],
            "activation": [CKA],
        }.items():
            found, unknown = {}, count
            for metric in metrics:
                arrays = [representation(name, METRICS[metric].source) for name in self.names]
                unknown = min(unknown, count - int(applicable(arrays).sum()))
                if applicable(arrays).all() and not few:
                    halves = ([array[self.of_probe == half] for array in arrays] for half in (0, 1))
                    stacked = map(np.stack, halves) if kind == "attribution" else halves
                    found[metric] = [
                        METRICS[metric].diversity(METRICS[metric].raw(of)) for of in stacked
                    ]
            missing = f"needs {2 * FEWEST_PROBES} attribution images, got {len(self.of_probe)}"
            diversities[kind] = Diversity(
                missing=f"not known for {unknown} of {count} members" if unknown else missing
            )
            if found:
                mean = np.mean(list(found.values()), axis=0)[:, None].repeat(
                    len(self.categories), axis=1
                )
                diversities[kind] = Diversity(mean, "+".join(found))
        return diversities

    def _differ(self, name: str, images: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Mean over conditions of a metric of predictions on some images, float64 M x M."""
        members, raw = self.scorer.predictions, []
        for condition in np.asarray(self.scorer.corrupted)[places]:
            if self.known:
                raw.append(probability_metrics(members, condition, images)[name])
            else:
                raw.append(
                    METRICS[name].raw(
                        np.stack([member.decisions(condition, images) for member in members])
                    )
                )
        return METRICS[name].diversity(np.mean(raw, axis=0))

    def outcomes(
        self, diversities: dict[str, Diversity]
    ) -> tuple[dict[tuple[str, int], np.ndarray], float]:
        """What each rule reaches, and how many members are about as accurate as the best; means
        over ways.

        Returns:
            Rule and number of members -> `OUTCOMES` of each of `without`, float64 (1 + F) x 2, NaN
            if members are too few; for each number below M.
        """
        sizes, near, of_ways = [size for size in SIZES if size < len(self.names)], [], []
        selection = Selection(self.scorer, self.images, list(self.categories.values()))
        # The half that is seen, the category that is not.
        halves = list(product((0, 1), range(len(self.shares))))
        ways = [(half, self.shares[left_out]) for half, left_out in halves]
        labels = {GREEDY: np.arange(len(self.names)), DISTINCT: self.family}
        paths = {
            rule: selection.paths(ways, self.without, of, max(sizes, default=0))
            for rule, of in labels.items()
        }
        for way, (half, left_out) in enumerate(halves):
            errors = selection.errors(*ways[way])
            apart = {
                f"{kind}_diversity": np.tensordot(self.shares[left_out], of.of_halves[half], 1)
                for kind, of in diversities.items()
                if of.of_halves is not None
            }
            draws = (
                stream(self.seed, "random members", way)
                .random((DRAWS, len(errors)))
                .argsort(axis=1)
            )
            order = np.argsort(errors, kind="stable")
            chosen: dict[tuple[str, int], list[np.ndarray]] = {}
            for place, kept in enumerate(self.without):
                ranked = order[kept[order]]
                about_best = ranked[(errors[ranked] - errors[ranked[:1]]).round(DIGITS) <= NEAR]
                for size in sizes:
                    among = about_best if len(about_best) >= size else ranked[:size]
                    found = {rule: path[way][place][None, :size] for rule, path in paths.items()}
                    found |= {rule: farthest(of, among, size)[None] for rule, of in apart.items()}
                    found |= {
                        ACCURATE: ranked[None, :size],
                        RANDOM: draws[np.isin(draws, among)].reshape(DRAWS, -1),
                    }
                    for rule, of in found.items():
                        of = np.sort(of[:, :size], axis=1)
                        enough = of if of.shape[1] == size else np.empty((0, size), np.int64)
                        chosen.setdefault((rule, size), []).append(enough)
            near.append(((errors - errors.min()).round(DIGITS) <= NEAR).sum())
            of_ways.append(self._evaluate(half, left_out, chosen))
        return {key: np.mean([of[key] for of in of_ways], axis=0) for key in of_ways[0]}, float(
            np.mean(near)
        )

    def _evaluate(
        self, half: int, left_out: int, chosen: dict[tuple[str, int], list[np.ndarray]]
    ) -> dict[tuple[str, int], np.ndarray]:
        """Rule and number -> `OUTCOMES` on the other half in the category left out, means over
        draws; float64 P x 2.

        Args:
            chosen: rule and number -> members chosen in each of P pools, int draws x number.
        """
        values, rows = (
            {},
            np.asarray(self.scorer.corrupted)[list(self.categories.values())[left_out]],
        )
        for size in {size for _, size in chosen}:
            keys = [key for key in chosen if key[1] == size]
            drawn = [of for key in keys for of in chosen[key]]
            distinct, inverse = np.unique(np.concatenate(drawn), axis=0, return_inverse=True)
            reached = self.scorer.selective_errors(
                distinct, rows, self.images[1 - half], AVAILABILITY
            )[inverse.ravel()]
            ends = np.cumsum([len(of) for of in drawn])[:-1]
            means = [
                of.mean(axis=0) if len(of) else np.full(len(OUTCOMES), np.nan)
                for of in np.split(reached, ends)
            ]
            values |= dict(
                zip(keys, np.reshape(means, (len(keys), -1, len(OUTCOMES))), strict=True)
            )
        return values
