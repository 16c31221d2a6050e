"""Score ensembles of independent members and of sub-networks of the search, all or a sample, and joint ones."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from resiliency.conditions import counted, of_corruptions
from resiliency.ensembles.pool import TOGETHER, chosen_ensembles, limits, trained_together
from resiliency.ensembles.table import Pool
from resiliency.ensembles.voting import VOTE
from resiliency.metrics.resiliency import baseline_errors
from resiliency.predictions import read_predictions
from resiliency.progress import Progress
from resiliency.stage import stage
from resiliency.tables import read_blocks, read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    members, conditions = read_table(inputs.members), read_table(inputs.conditions)
    predictions = read_predictions(conditions, inputs.labels, inputs.logits)
    baseline = baseline_errors(read_table(inputs.errors), params.baseline, counted(list(of_corruptions(conditions))))

    def pool_of(chosen: pd.DataFrame, pairs: Iterable[pd.DataFrame]) -> Pool:
        """The pool of these rows of members.csv."""
        of_members = [predictions[member] for member in chosen.member]
        return Pool(chosen, of_members, pairs, baseline, params.confidence, snakemake.threads)

    accurate = (members.origin != "independent") | (members.clean_accuracy >= params.least_clean_accuracy)
    combined = members[accurate & members.member.isin(predictions)]
    pools = {origin: combined[combined.origin == origin] for origin in ("independent", "search")}

    def of_probabilities(chosen: pd.DataFrame, groups: list[np.ndarray]) -> Iterator[pd.DataFrame]:
        """The ensembles of those of `chosen` that have probabilities, under the rules that need them."""
        has = np.array([predictions[member].has_probabilities for member in chosen.member])
        rules, position = [rule for rule in params.rules if rule != VOTE], np.cumsum(has) - 1
        formed = [position[group[has[group].all(axis=1)]] for group in groups]
        formed = [group for group in formed if len(group)]
        if rules and formed:
            pool = pool_of(chosen[has], read_blocks(inputs.pairs))
            yield pool.score(formed, rules)[0].assign(origin="independent", objective="", setting="")

    pools = {origin: chosen for origin, chosen in pools.items() if len(chosen) >= min(params.sizes)}
    joint, compared = trained_together(members), ["objective", "strength", "seed"]
    progress = Progress(len(pools) * len(conditions) + len(joint))
    tables, by_corruption, image_errors = [], [pd.DataFrame(columns=["members"])], []
    for origin, chosen in pools.items():
        sizes = [size for size in params.sizes if size <= len(chosen)]
        counts = zip(sizes, limits(len(chosen), sizes, params.limit), strict=True)
        groups = [chosen_ensembles(list(chosen.design), size, count, params.seed) for size, count in counts]
        print(f"{origin}:", *(f"{len(group):,} ensembles of {group.shape[1]}," for group in groups))
        pool, rules = pool_of(chosen, read_blocks(inputs.pairs)), params.rules
        if not pool.has_probabilities:
            rules = [VOTE]
            tables += list(of_probabilities(chosen, groups))
        scored, under_each = pool.score(groups, rules, progress.step)
        tables.append(scored.assign(origin=origin, objective="", setting=""))
        if origin == "independent":
            under_each.insert(0, "members", scored.members[: len(under_each)])
            by_corruption = [under_each]
    together = members.member[members.origin == "joint"]
    pairs = [block[block["first"].isin(together)] for block in read_blocks(inputs.pairs)]
    for known, chosen in joint:
        pool, everyone = pool_of(chosen, pairs), np.arange(len(chosen))
        tables.append(pool.score([everyone[None]], params.rules)[0].assign(**known))
        errors = pool.image_errors(everyone, params.main_rule)
        errors = {"image": np.arange(len(errors)), "error": errors}
        image_errors.append(pd.DataFrame({name: known[name] for name in compared} | errors))
        progress.step(f"{known['setting']}, seed {known['seed']:g}")
    table = pd.concat(tables, ignore_index=True)
    table = table.reindex(columns=list(dict.fromkeys([*TOGETHER, *table])))
    table.insert(0, "ensemble", table.groupby("members", sort=False).ngroup())
    table["mce_undefined_under"] = members.mce_undefined_under.fillna("").max()
    write_table(snakemake.output.ensembles, table)
    write_table(snakemake.output.by_corruption, pd.concat(by_corruption))
    none = pd.DataFrame(columns=[*compared, "image", "error"])
    write_table(snakemake.output.image_errors, pd.concat([none, *image_errors]))
