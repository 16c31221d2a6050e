"""A model that was added to a published study: its rank, its best partners, and the images on which it stands alone."""

import numpy as np
import pandas as pd

from resiliency.analysis.choices import MemberPool, by_size
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.metrics.classification import accuracies, accuracy_columns
from resiliency.prediction.reading import Predictions, condition_groups
from resiliency.statistics.resampling import mean_difference

RANKED = ["member", "condition", "rank", "rank_low", "rank_high", "of", "error", "alone_right", "alone_wrong", "images"]
ALONE = ["member", "condition", "image", "alone", "label", "prediction", "others_prediction", "others_share"]
PARTNERS = ["member", "size", "rank", "of", "partners", "selection_accuracy"]
GAINS = ["gain", "gain_low", "gain_high", "accuracy_without", "added", "added_low", "added_high"]
GAINS += ["selection_images", "images", "confidence"]
LISTED = 5  # number of ensembles of each size
RIGHT, WRONG = "right", "wrong"


def alone_table(
    predictions: dict[str, Predictions], items: dict[str, tuple[list[str], list[str]]], added: list[str]
) -> pd.DataFrame:
    """Images without corruption on which only an added member is right, or only it is wrong.

    Args:
        predictions: member -> its predictions.
        items: test set -> class and name of each of its images.

    Returns:
        `ALONE`: a row per member and such image; the most frequent prediction of the others, and its share of them.
    """
    names, table = list(predictions), next(iter(predictions.values())).conditions
    parts = []
    for test_set, conditions in condition_groups(table).items():
        if test_set == CORRUPTED:
            continue
        decisions = np.stack([of.decisions(conditions[0]) for of in predictions.values()])
        labels = predictions[names[0]].labels(conditions[0])
        right = decisions == labels
        classes = dict(zip(labels.tolist(), items[test_set][0], strict=True))
        for member in added:
            own = names.index(member)
            others = np.delete(decisions, own, axis=0)
            any_right, all_right = right.sum(axis=0) - right[own] > 0, right.sum(axis=0) - right[own] == len(others)
            kinds = {RIGHT: right[own] & ~any_right, WRONG: ~right[own] & all_right}
            for kind, chosen in kinds.items():
                rows = [_image(others[:, n], classes) for n in np.flatnonzero(chosen)]
                part = pd.DataFrame(rows, columns=ALONE[-2:])
                places = np.flatnonzero(chosen)
                part["image"] = [items[test_set][1][n] for n in places]
                part["label"] = [classes[label] for label in labels[places].tolist()]
                part["prediction"] = [_named(answer, classes) for answer in decisions[own, places].tolist()]
                parts.append(part.assign(member=member, condition=test_set, alone=kind))
    return pd.concat(parts, ignore_index=True)[ALONE]


def _image(answers: np.ndarray, classes: dict[int, str]) -> tuple[str, float]:
    """The most frequent of the others' answers to an image, of equals the first, and its share."""
    values, counts = np.unique(answers, return_counts=True)
    return _named(int(values[counts.argmax()]), classes), counts.max() / len(answers)


def _named(answer: int, classes: dict[int, str]) -> str:
    return classes.get(answer, str(answer))


def added_table(ranks: pd.DataFrame, alone: pd.DataFrame, added: list[str]) -> pd.DataFrame:
    """The rank of each added member, and the number of images on which it alone is right or wrong.

    Args:
        ranks: member_ranks.csv.
        alone: table from `alone_table`.

    Returns:
        `RANKED` and confidence, a row per member and set of images; nothing is counted on corrupted images.
    """
    table = ranks[ranks["member"].isin(added)].copy()
    table["of"] = table["condition"].map(ranks["condition"].value_counts())
    for kind in (RIGHT, WRONG):
        counts = alone[alone["alone"] == kind].groupby(["member", "condition"]).size()
        places = pd.MultiIndex.from_frame(table[["member", "condition"]])
        counted = pd.Series(counts.reindex(places, fill_value=0).to_numpy(), table.index)
        table[f"alone_{kind}"] = counted.where(table["condition"] != CORRUPTED).astype("Int64")
    order = table["member"].map({member: place for place, member in enumerate(added)})
    table = table.assign(order=order).sort_values("order", kind="stable", ignore_index=True)
    return table[[*RANKED, "confidence"]]


def partner_table(
    pool: MemberPool,
    ensembles: pd.DataFrame,
    added: list[str],
    selection: np.ndarray,
    evaluation: np.ndarray,
    confidence: float,
) -> pd.DataFrame:
    """The best partners of each added member: chosen on one half of the clean images, evaluated on other images.

    Args:
        pool: members of which ensembles are formed.
        ensembles: rows of ensembles.parquet of these members under the combination rule.
        selection, evaluation: int, the clean images to select on, and the others.
        confidence: level of the intervals, between 0 and 1.

    Returns:
        `PARTNERS`, the accuracy on each test set with Wilson's interval, and `GAINS`: up to `LISTED` rows per member
        and size, by accuracy on the selection images.
    """
    scored, names = pool.scored, pool.members.member.to_numpy(str)
    test_sets, rows = (CLEAN, *scored.further), []
    clean, units = scored.conditions[CLEAN][0], scored.units(CLEAN).of(evaluation)
    for member in (name for name in added if name in names):
        own = int(np.flatnonzero(names == member)[0])
        alone = scored.wrong_in(np.array([own]), evaluation, clean).astype(float)
        with_member = ensembles[[member in joined.split("+") for joined in ensembles["members"]]]
        for _, of_size in by_size(with_member, pool.members):
            errors = scored.errors(of_size, selection)
            for rank, place in enumerate(np.argsort(errors, kind="stable")[:LISTED], start=1):
                ensemble = of_size[place]
                partners = ensemble[ensemble != own]
                together = scored.wrong_in(ensemble, evaluation, clean).astype(float)
                row = {"member": member, "size": len(ensemble), "rank": rank, "of": len(of_size)}
                row |= {"partners": "+".join(names[partners]), "selection_accuracy": 1 - errors[place]}
                row |= mean_difference("gain", alone - together, units, confidence)
                without = scored.wrong_in(partners, evaluation, clean).astype(float)
                row["accuracy_without"] = 1 - without.mean()
                row |= mean_difference("added", without - together, units, confidence)
                for name in test_sets:
                    images = evaluation if name == CLEAN else np.arange(len(scored.labels(name)))
                    share = scored.accuracy(ensemble[None], name, images)[0]
                    effective = np.atleast_1d(scored.effective_images(ensemble[None], name, images))[0]
                    row |= accuracies(name, share, effective, confidence)
                rows.append(row)
    columns = [*PARTNERS, *(column for name in test_sets for column in accuracy_columns(name)), *GAINS]
    table = pd.DataFrame(rows).assign(selection_images=len(selection), images=len(evaluation), confidence=confidence)
    return table.reindex(columns=columns)
