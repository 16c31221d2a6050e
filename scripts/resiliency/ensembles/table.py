"""The table of ensembles: accuracy, corrupted error and diversity of each, under each combination
rule."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import comb

import numpy as np
import pandas as pd

from resiliency.base.faults import Progress
from resiliency.base.names import (
    CLEAN,
    CLEAN_ON,
    CORRUPTED,
    HELD_OUT_IMAGES,
    INDEPENDENT,
    JOINT,
    SEARCH,
    accuracy_of,
    averaged,
    mean_member_accuracy_of,
)
from resiliency.diversity.metrics import ENSEMBLE_METRICS
from resiliency.ensembles.combination import VOTE
from resiliency.ensembles.pool import EnsembleErrors, chosen_ensembles, eligible_members
from resiliency.ensembles.scoring import mean_over_pairs, score_condition, score_decisions
from resiliency.ensembles.settings import Ensembles
from resiliency.metrics.classification import accuracies, mean_corruption_error
from resiliency.prediction.reading import Predictions, additional_test_sets, group_names

SCORES = ("nll", "brier", "ece")
# Quantities of no rule, and the one of members among them.
WHOLE, MEMBERS = "", "mean_member_{}_accuracy"
Columns = dict[tuple[str, str], np.ndarray]  # by rule and score, or by WHOLE and quantity
BY_CORRUPTION = ("error", MEMBERS, *(f"{name}_{{}}" for name in ENSEMBLE_METRICS))


class Pool:
    """Scores ensembles of the same members, for the tables of a study.

    Args:
        members: rows of members.csv of the M members.
        predictions: one entry per member, in the order of `members`.
        pairs: table of pairs, in parts, with each metric of each pair of these members once per
            condition, except pairs that are left out.
        baseline: top-1 error of the baseline under each corruption that mCE counts, in the order of
            `conditions`.
        confidence: level of the intervals of accuracy, between 0 and 1.
        threads: number of conditions that are scored at a time.
    """

    def __init__(
        self,
        members: pd.DataFrame,
        predictions: list[Predictions],
        pairs: Iterable[pd.DataFrame],
        baseline: np.ndarray,
        confidence: float,
        threads: int = 1,
    ):
        self.members, self.predictions = members, predictions
        self.conditions, self.baseline = predictions[0].conditions, baseline
        self.confidence, self.threads = confidence, threads
        self.images = group_names(self.conditions)
        reported = [None if name == HELD_OUT_IMAGES else name for name in self.images]
        corruptions = [None if name == CLEAN else name for name in self.conditions.corruption]
        self.diversities, self.by_corruption = _diversity_matrices(
            pairs, list(members.member), [reported, corruptions]
        )
        self.has_probabilities = all(member.has_probabilities for member in predictions)

    def score(
        self,
        groups: list[np.ndarray],
        rules: Sequence[str],
        callback: Callable[[str], None] = lambda message: None,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The columns of ensembles.parquet and of by_corruption.parquet.

        Args:
            groups: int E x size each, ensembles of one size, as positions of members.
            rules: combination rules; only plurality_vote if a member has no probabilities.
            callback: called with a message after each condition.

        Returns:
            A row per ensemble and rule, ensembles in the order of `groups` under each rule; and a
            row per ensemble, with the mean accuracy of its members and all diversities of
            predictions under each corruption, as float32.
        """
        corruptions, clean_on = self.conditions.corruption.to_numpy(), self._clean_on(groups, rules)
        sums: dict[str, Columns] = defaultdict(dict)
        under: dict[str, Columns] = defaultdict(dict)
        with ThreadPoolExecutor(self.threads) as executor:
            scored = executor.map(
                lambda row: self._under(row, groups, rules), range(len(corruptions))
            )
            for images, corruption, columns in zip(self.images, corruptions, scored, strict=True):
                _add(columns, sums[images])
                if corruption != CLEAN:
                    of_corruption = {
                        name: values for name, values in columns.items() if name[1] in BY_CORRUPTION
                    }
                    _add(of_corruption, under[corruption])
                callback(f"{images} images, {corruption}: scored")
        reported = {name: of for name, of in sums.items() if name != HELD_OUT_IMAGES}
        means = {name: _divided(of, (self.images == name).sum()) for name, of in reported.items()}
        by_corruption = {
            name: _divided(of, (corruptions == name).sum()) for name, of in under.items()
        }
        whole = {
            name: of for name, of in _named(means).items() if name not in map(MEMBERS.format, means)
        }
        described = pd.concat(map(self._described, groups), ignore_index=True)
        described = pd.concat([described, pd.DataFrame(whole)], axis=1)
        tables = [
            described.assign(
                rule=rule, **self._summary(rule, groups, means, by_corruption), **clean_on[rule]
            )
            for rule in rules
        ]
        distances = {
            name: np.concatenate([mean_over_pairs(ensembles, matrix)[0] for ensembles in groups])
            for name, matrix in self.by_corruption.items()
        }
        under_each = pd.DataFrame(_named(by_corruption) | distances, dtype=np.float32)
        return pd.concat(tables, ignore_index=True), under_each

    def _under(self, condition: int, groups: list[np.ndarray], rules: Sequence[str]) -> Columns:
        """Scores under one condition, a value per ensemble, by rule and score, and by `WHOLE` and
        quantity.

        Names of these have `{}` for that of the images.
        """
        scores, inputs = self._scored(self.predictions, condition, groups, rules)
        whole = {MEMBERS: np.concatenate([1 - of["failures"].mean(axis=1) for of in inputs])}
        whole["{}_oracle"] = np.concatenate([1 - of["shares"][:, 0] for of in inputs])
        for name, metric in ENSEMBLE_METRICS.items():
            raw = np.concatenate(
                [metric.raw(*(of[source] for source in metric.sources)) for of in inputs]
            )
            whole |= {f"{name}_{{}}": metric.diversity(raw), f"{name}_{{}}_raw": raw}
        of_rules = {rule: scores[rule] | {"error": 1 - scores[rule]["accuracy"]} for rule in rules}
        named = (of_rules | {WHOLE: whole}).items()
        return {(name, column): values for name, of in named for column, values in of.items()}

    def _scored(
        self,
        predictions: list[Predictions],
        condition: int,
        groups: list[np.ndarray],
        rules: Sequence[str],
    ) -> tuple[dict[str, dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
        """As `score_condition`, from probabilities, or from decisions if a member has no
        probabilities.

        Mean probabilities then break the ties of those ensembles that have them.
        """
        if self.has_probabilities:
            return score_condition(predictions, condition, groups, rules)
        scores, inputs = score_decisions(predictions, condition, groups)
        known = np.array([member.has_probabilities for member in predictions])
        of_known = [known[group].all(axis=1) for group in groups]
        places, own = (
            np.cumsum(known) - 1,
            [predictions[member] for member in np.flatnonzero(known)],
        )
        formed = [
            places[group[of_group]]
            for group, of_group in zip(groups, of_known, strict=True)
            if of_group.any()
        ]
        if formed:
            voted = score_condition(own, condition, formed, [VOTE])[0]
            scores[VOTE]["accuracy"][np.concatenate(of_known)] = voted[VOTE]["accuracy"]
        return scores, inputs

    def _clean_on(
        self, groups: list[np.ndarray], rules: Sequence[str]
    ) -> dict[str, dict[str, np.ndarray]]:
        """Rule -> accuracy on the clean images of the classes of each test set that has only
        some."""
        columns: dict[str, dict[str, np.ndarray]] = {rule: {} for rule in rules}
        for name in additional_test_sets(self.conditions):
            condition = int(np.flatnonzero(self.images == name)[0])
            if self.predictions[0].has_fewer_classes(condition):
                predictions = [member.clean_on(condition) for member in self.predictions]
                for rule, scores in self._scored(predictions, 0, groups, rules)[0].items():
                    columns[rule][f"{CLEAN_ON}{name}_accuracy"] = scores["accuracy"]
        return columns

    def _summary(
        self,
        rule: str,
        groups: list[np.ndarray],
        means: dict[str, Columns],
        by_corruption: dict[str, Columns],
    ) -> dict[str, np.ndarray | float]:
        """The columns of one rule, from means over the conditions of each set of images and of each
        corruption."""
        errors = {name: of[rule, "error"] for name, of in by_corruption.items()}
        accuracy = {accuracy_of(images): of[rule, "accuracy"] for images, of in means.items()}
        columns: dict[str, np.ndarray | float] = {
            **accuracy,
            "corrupted_error": np.nan,
            "mce": np.nan,
        }
        if errors:
            counted = np.stack([errors[name] for name in averaged(list(errors))], axis=1)
            columns["corrupted_error"] = 1 - accuracy[accuracy_of(CORRUPTED)]
            columns["mce"] = mean_corruption_error(counted, self.baseline)
        columns |= {
            f"{images}_{name}": of[rule, name] for images, of in means.items() for name in SCORES
        }
        columns |= {f"error_{name}": error for name, error in errors.items()}
        scored = EnsembleErrors(self.predictions, rule)
        for name, n_images in self.conditions.drop_duplicates("test_set")[
            ["test_set", "n_images"]
        ].values.tolist():
            worth = n_images  # how many independent images they are worth; see `Units.effective`
            if not scored.units(name).alone:
                of_groups = [
                    scored.effective_images(group, name, np.arange(n_images), self.confidence)
                    for group in groups
                ]
                worth = np.concatenate(of_groups)
            columns |= accuracies(name, accuracy[accuracy_of(name)], worth, self.confidence)
        return columns

    def _described(self, ensembles: np.ndarray) -> pd.DataFrame:
        members = {name: self.members[name].to_numpy()[ensembles] for name in self.members}
        size = ensembles.shape[1]
        table = {
            "size": size,
            "possible": comb(len(self.members), size),
            "weight": stands_for(list(self.members["design"]), ensembles),
            "members": ["+".join(names) for names in members["member"]],
            "designs": [len(set(names)) for names in members["design"]],
            "families": [len(set(names)) for names in members["family"]],
            "parameters": members["parameters"].sum(axis=1),
            "macs": members["macs"].sum(axis=1),
            "mean_member_clean_accuracy": members["clean_accuracy"].mean(axis=1),
        }
        if CORRUPTED in self.images:
            table[mean_member_accuracy_of(CORRUPTED)] = 1 - members["corrupted_error"].mean(axis=1)
        for test_set in additional_test_sets(self.conditions):
            table[mean_member_accuracy_of(test_set)] = members[accuracy_of(test_set)].mean(axis=1)
        for name, matrix in self.diversities.items():
            table[name], count = mean_over_pairs(ensembles, matrix)
            if np.isnan(matrix[np.triu_indices(len(matrix), k=1)]).any():
                table[f"{name}_pairs"] = count
        return pd.DataFrame(table)


def _add(columns: Columns, sums: Columns) -> None:
    for name, values in columns.items():
        sums[name] = sums[name] + values if name in sums else values


def _divided(sums: Columns, count: int) -> Columns:
    return {name: values / count for name, values in sums.items()}


def _named(means: dict[str, Columns]) -> dict[str, np.ndarray]:
    """The columns of no rule, with the keys of `means` in their names in place of `{}`."""
    return {
        name.format(of): values
        for of, columns in means.items()
        for (rule, name), values in columns.items()
        if rule == WHOLE
    }


def _diversity_matrices(
    pairs: Iterable[pd.DataFrame], members: list[str], names: list[list[str | None]]
) -> list[dict[str, np.ndarray]]:
    """For each of `names`: `<metric>_<name>` -> float64 M x M, means over the conditions of the
    same name.

    NaN on the diagonal and for pairs that are left out.

    Args:
        pairs: parts of the table of pairs.
        names: lists with a name for each condition, None for one that is left out.
    """
    position, empty = pd.Index(members), np.zeros((2, len(members), len(members)))
    sums = [defaultdict(empty.copy) for _ in names]
    for block in pairs:
        first, second = (position.get_indexer(block[column]) for column in ("first", "second"))
        own = (first >= 0) & (second >= 0)
        values, places = block.diversity.to_numpy()[own], np.stack([first[own], second[own]])
        of_each = block[own].groupby(["metric", "condition"], sort=False, observed=True).indices
        for (metric, condition), rows in sorted(of_each.items(), key=lambda item: item[1][0]):
            rows = rows[~np.isnan(values[rows])]
            for of_name, totals in zip(names, sums, strict=True):
                if of_name[condition] is not None:
                    total = totals[f"{metric}_{of_name[condition]}"]
                    total[0, *places[:, rows]] += values[rows]
                    total[1, *places[:, rows]] += 1
    both_ways = [
        {name: total + total.swapaxes(1, 2) for name, total in totals.items()} for totals in sums
    ]
    with np.errstate(invalid="ignore"):
        return [
            {name: total / count for name, (total, count) in of_name.items()}
            for of_name in both_ways
        ]


# Equal for members trained together.
TOGETHER = ["origin", "objective", "setting", "loss_weight", "seed"]
COMPARED = ["objective", "loss_weight", "seed"]  # columns that identify jointly trained ensembles


def limits(member_count: int, sizes: list[int], limit: int) -> list[int]:
    """Number of ensembles of each size that are scored, at most `limit` in all.

    Sizes share the limit equally; what a size cannot use goes to the larger ones.
    """
    left, counts = limit, {}
    for index, size in enumerate(sorted(sizes, key=lambda size: comb(member_count, size))):
        counts[size] = min(comb(member_count, size), left // (len(sizes) - index))
        left -= counts[size]
    return [counts[size] for size in sizes]


def stands_for(designs: list[str], chosen: np.ndarray) -> np.ndarray:
    """Number of possible ensembles that each of `chosen`, as from `chosen_ensembles`, represents;
    float64 E.

    The inverse of the probability that it was drawn (Horvitz and Thompson 1952): of a stratum, all
    possible ensembles over those drawn; 1 if all are there. A statistic of all ensembles takes
    these as weights, since a sample holds more ensembles of one design than their share.
    """
    size = chosen.shape[1]
    kinds, counts = np.unique(designs, return_inverse=True, return_counts=True)[1:]
    alike = sum(comb(int(count), size) for count in counts)
    of_one = (kinds[chosen] == kinds[chosen[:, :1]]).all(axis=1)
    drawn = np.where(of_one, of_one.sum(), len(chosen) - of_one.sum())
    return np.where(of_one, float(alike), float(comb(len(designs), size) - alike)) / drawn


def trained_together(members: pd.DataFrame) -> list[tuple[dict[str, object], pd.DataFrame]]:
    """The jointly trained ensembles: what the members of each have in common, and their rows of
    members.csv."""
    groups = members[members["origin"] == JOINT].groupby(TOGETHER, sort=False)
    return [(dict(zip(TOGETHER, common, strict=True)), chosen) for common, chosen in groups]


class EnsemblesOfStudy:
    """Forms and scores the ensembles of a study.

    Args:
        members: members.csv.
        predictions: member -> its predictions; a member without any is in no ensemble.
        pairs: function that reads the table of pairs, in parts.
        settings: settings of ensembles and combination rules.
        baseline, confidence, threads: as of `Pool`.

    Raises:
        Fault: see `eligible_members`.
    """

    def __init__(
        self,
        members: pd.DataFrame,
        predictions: dict[str, Predictions],
        pairs: Callable[[], Iterable[pd.DataFrame]],
        baseline: np.ndarray,
        settings: Ensembles,
        confidence: float,
        seed: int,
        threads: int = 1,
    ):
        self.predictions, self.pairs, self.baseline = predictions, pairs, baseline
        self.settings, self.confidence, self.seed, self.threads = (
            settings,
            confidence,
            seed,
            threads,
        )
        found = members[(members.origin == SEARCH) & members.member.isin(predictions)]
        pools = {INDEPENDENT: eligible_members(members, predictions, settings), SEARCH: found}
        self.pools = {
            origin: chosen for origin, chosen in pools.items() if len(chosen) >= min(settings.sizes)
        }
        self.joint = trained_together(members)
        self.undefined = max(members.mce_undefined_under.dropna(), default="")
        conditions = len(next(iter(predictions.values()))) if predictions else 0
        self.progress = Progress(len(self.pools) * conditions + len(self.joint))

    def tables(self) -> dict[str, pd.DataFrame]:
        """Form and score all ensembles: the tables `ensembles`, `by_corruption` and `image_errors`.

        The last has a row per jointly trained ensemble and unit of images (see `Units.values`):
        what identifies the ensemble, image, and error, the share of corrupted conditions that it
        gets wrong under the main rule.
        """
        scored, by_corruption = self._of_pools()
        of_joint, image_errors = self._of_joint()
        table = pd.concat([*scored, *of_joint], ignore_index=True)
        table = table.reindex(columns=list(dict.fromkeys([*TOGETHER, *table])))
        table.insert(0, "ensemble", table.groupby("members", sort=False).ngroup())
        none = pd.DataFrame(columns=[*COMPARED, "image", "error"])
        table = table.assign(mce_undefined_under=self.undefined)
        return {
            "ensembles": table,
            "by_corruption": by_corruption,
            "image_errors": pd.concat([none, *image_errors]),
        }

    def _of_pools(self) -> tuple[list[pd.DataFrame], pd.DataFrame]:
        """The tables of ensembles that are formed here, all or a sample, and that under each
        corruption."""
        tables, by_corruption = [], pd.DataFrame(columns=["members"])
        for origin, chosen in self.pools.items():
            sizes, designs = (
                [size for size in self.settings.sizes if size <= len(chosen)],
                list(chosen.design),
            )
            counts = zip(sizes, limits(len(chosen), sizes, self.settings.limit), strict=True)
            groups = [chosen_ensembles(designs, size, count, self.seed) for size, count in counts]
            print(
                f"{origin}:",
                *(f"{len(group):,} ensembles of {group.shape[1]}," for group in groups),
            )
            pool = self._pool(chosen, self.pairs())
            rules = self.settings.rules if pool.has_probabilities else [VOTE]
            if not pool.has_probabilities:
                tables += self._of_probabilities(chosen, groups)
            scored, under_each = pool.score(groups, rules, self.progress.step)
            tables.append(scored.assign(origin=origin, objective="", setting=""))
            if origin == INDEPENDENT:
                under_each.insert(0, "members", scored.members[: len(under_each)])
                by_corruption = under_each
        return tables, by_corruption

    def _of_probabilities(
        self, chosen: pd.DataFrame, groups: list[np.ndarray]
    ) -> Iterator[pd.DataFrame]:
        """The ensembles of those of `chosen` that have probabilities, under the rules that need
        them."""
        has = np.array([self.predictions[member].has_probabilities for member in chosen.member])
        rules, position = [rule for rule in self.settings.rules if rule != VOTE], np.cumsum(has) - 1
        formed = [position[group[has[group].all(axis=1)]] for group in groups]
        formed = [group for group in formed if len(group)]
        if rules and formed:
            scored = self._pool(chosen[has], self.pairs()).score(formed, rules)[0]
            yield scored.assign(origin=INDEPENDENT, objective="", setting="")

    def _of_joint(self) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
        """The tables of each jointly trained ensemble, and its errors on images."""
        together = {member for _, chosen in self.joint for member in chosen.member}
        pairs = (
            [block[block["first"].isin(together)] for block in self.pairs()] if self.joint else []
        )
        tables, image_errors = [], []
        for columns, chosen in self.joint:
            pool, everyone = self._pool(chosen, pairs), np.arange(len(chosen))
            tables.append(pool.score([everyone[None]], self.settings.rules)[0].assign(**columns))
            of_rule = EnsembleErrors(pool.predictions, self.settings.main_rule)
            errors = of_rule.image_losses(
                everyone[None], np.arange(pool.conditions.n_images.iloc[0])
            )[0]
            errors = pool.predictions[0].units(0).values(errors)
            described = {name: columns[name] for name in COMPARED}
            image_errors.append(
                pd.DataFrame(described | {"image": np.arange(len(errors)), "error": errors})
            )
            self.progress.step(f"{columns['setting']}, seed {columns['seed']:g}")
        return tables, image_errors

    def _pool(self, chosen: pd.DataFrame, pairs: Iterable[pd.DataFrame]) -> Pool:
        """The pool of these rows of members.csv."""
        of_members = [self.predictions[member] for member in chosen.member]
        return Pool(chosen, of_members, pairs, self.baseline, self.confidence, self.threads)
