"""Recommendations of a finished study's models from images drawn anew, of which all errors are known.

The test images of the study are taken for all there are: selection images are drawn from them with replacement, and the
true error of a model is that on all of them. Candidates are those of the pipeline: single members, all scored ensembles
and larger ones of greedy selection, under one combination rule.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from resiliency.analysis.choices import by_size
from resiliency.analysis.deployment import listed
from resiliency.analysis.intervals import Resampling
from resiliency.analysis.pool import deployable_pool
from resiliency.analysis.recommendation import (
    cheapest,
    differences,
    drawn_errors,
    fit_members,
    margin_of,
    shortlist,
)
from resiliency.base.names import CLEAN, JOINT
from resiliency.ensembles.selection import EnsembleErrors, front, greedy
from resiliency.prediction.reading import read_predictions
from resiliency.statistics.units import Units
from resiliency.storage.tables import read_table

RULE, LARGEST, CONFIDENCE = "mean_probability", 8, 0.95


class Answers:
    """Errors of ensembles on each image, mean over conditions, each computed once."""

    def __init__(self, scored: EnsembleErrors):
        self.scored, self.known = scored, {}
        self.everything = np.arange(len(scored.labels(CLEAN)))

    def image_errors(self, ensembles: np.ndarray) -> np.ndarray:
        """Of ensembles int E x size; float32 E x N."""
        keys = list(map(tuple, ensembles.tolist()))
        missing = sorted(set(keys) - self.known.keys())
        if missing:
            found = self.scored.image_errors(np.array(missing), self.everything)
            self.known |= dict(zip(missing, found.astype(np.float32), strict=True))
        return np.stack([self.known[key] for key in keys])


class Sample:
    """Images drawn from all (int n), each a unit of its own, as `greedy` and `drawn_errors` ask for them."""

    objective = "mean"

    def __init__(self, answers: Answers, drawn: np.ndarray):
        self.answers, self.drawn = answers, drawn

    def units(self, test_set: str) -> Units:
        return Units.single(len(self.drawn))

    def errors(self, ensembles: np.ndarray, images: np.ndarray) -> np.ndarray:
        return self.answers.image_errors(ensembles)[:, self.drawn[images]].mean(axis=1, dtype=np.float64)

    def losses_in_groups(self, ensembles: np.ndarray, images: np.ndarray, groups: np.ndarray) -> list[np.ndarray]:
        in_group = np.eye(groups.max() + 1, dtype=np.float32)[groups]
        return [self.answers.image_errors(ensembles)[:, self.drawn[images]] @ in_group]

    def chosen_by(self, losses: np.ndarray) -> np.ndarray:
        return losses.mean(axis=-1)


class Candidates:
    """The candidates of a finished study, in the folder of its results."""

    def __init__(self, results: Path):
        tables = results / "tables"
        logits = sorted(path for path in (results / "predictions").glob("*/*.npy"))
        predictions = read_predictions(
            read_table(results / "conditions.csv"), [results / "data/test/labels.npy"], logits
        )
        self.members, self.scored = deployable_pool(read_table(tables / "members.csv"), predictions, RULE, "mean", 0.9)
        self.answers, self.labels = Answers(self.scored), self.scored.labels(CLEAN)
        self.alone = np.flatnonzero(self.members.origin != JOINT)
        ensembles = read_table(tables / "ensembles.parquet")
        ensembles = ensembles[ensembles["rule"] == RULE]
        self.places = [np.array([member]) for member in self.alone]
        origins, found = self.members.origin.iloc[self.alone].tolist(), ["single"] * len(self.alone)
        for rows, of_size in by_size(ensembles, self.members):
            self.places += list(of_size)
            origins += ensembles.origin.iloc[rows].tolist()
            found += ["scored"] * len(rows)
        self.table = pd.DataFrame({"found": found, "origin": origins})
        self.image_errors = self._image_errors(self.places)
        of_members = [self.scored.wrong_in(np.array([m]), self.answers.everything, 0) for m in range(len(self.members))]
        self.right = 1 - np.stack(of_members)

    def _image_errors(self, ensembles: list[np.ndarray]) -> np.ndarray:
        errors = np.empty((len(ensembles), len(self.labels)), np.float32)
        sizes = np.array(list(map(len, ensembles)))
        for size in np.unique(sizes):
            rows = np.flatnonzero(sizes == size)
            errors[rows] = self.answers.image_errors(np.stack([ensembles[row] for row in rows]))
        return errors

    def choice(self, images: np.ndarray, resampling: Resampling) -> dict[str, float]:
        """What is recommended from these images (int n), by its true errors.

        Returns:
            recommended, most_accurate, member (the truly best single one, of all that are fit on these images) and best
            (the truly best candidate): true errors; cost of the recommended model, as a share of that of the most
            accurate; margin: by which it may be worse; moved: whether it is another than the most accurate.
        """
        fit_member = fit_members(self.right[:, images].mean(axis=1), self.labels[images])
        sample, everything = Sample(self.answers, images), np.arange(len(images))
        grown = greedy(sample, self.alone[fit_member[self.alone]], LARGEST, everything)
        larger = [ensemble for ensemble in grown if len(ensemble) > max(map(len, self.places))]
        places = self.places + larger
        image_errors = np.concatenate([self.image_errors, self._image_errors(larger)]) if larger else self.image_errors
        macs = self.members.macs.to_numpy(float)
        described = {"found": "greedy", "origin": "greedy"}
        table = pd.concat([self.table, pd.DataFrame([described] * len(larger))], ignore_index=True)
        table = table.assign(
            size=list(map(len, places)),
            macs=[macs[ensemble].sum() for ensemble in places],
            fit=[bool(fit_member[ensemble].all()) for ensemble in places],
            selection_error=image_errors[:, images].mean(axis=1, dtype=np.float64),
        )
        table["front_macs"] = front(table.selection_error.where(table.fit, np.inf).to_numpy(), table.macs.to_numpy())
        picked = listed(table).to_numpy()
        rows = shortlist(table, picked)
        some = table.iloc[rows]
        drawn = drawn_errors(sample, [places[row] for row in rows], everything, resampling)
        best = int(some.selection_error.where(some.fit).argmin())
        of = differences(some.selection_error.to_numpy(), drawn, best, CONFIDENCE)
        margin = margin_of(some.selection_error.iloc[best], None, "mean")
        shown = some.assign(fit=some.fit & picked[rows])
        pick = cheapest(shown, of, best, margin, len(images)).place
        true, alone = image_errors.mean(axis=1, dtype=np.float64), (table["size"] == 1).to_numpy()
        return {
            "recommended": true[rows[pick]],
            "most_accurate": true[rows[best]],
            "member": true[alone & table.fit.to_numpy()].min(),
            "best": true[table.fit].min(),
            "cost": some.macs.iloc[pick] / some.macs.iloc[best],
            "margin": margin,
            "moved": float(pick != best),
        }


def choices_of_study(candidates: Candidates, images: int, draws: int, resamples: int) -> dict:
    """What choices from so many images are like.

    Returns:
        recommended and most_accurate: how much worse they are than the truly best candidate, mean and, as <name>_most,
        the 95th percentile; margin: mean; cheaper: mean ratio of the cost of the first to that of the other; inferior,
        worse_than_member: draws in which the first is worse than the other, or than the best single member, by more
        than the margin; moved: draws in which they are not the same; simulations: all draws.
    """
    found = []
    for draw in range(draws):
        drawn = np.random.default_rng([draw, images]).integers(0, len(candidates.labels), images)
        found.append(candidates.choice(drawn, Resampling(resamples, CONFIDENCE, draw)))
    of = pd.DataFrame(found)
    row = {"images": images, "simulations": draws, "margin": round(float(of.margin.mean()), 5)}
    for name in ("recommended", "most_accurate"):
        regret = of[name] - of.best
        row |= {name: round(float(regret.mean()), 5), f"{name}_most": round(float(regret.quantile(0.95)), 5)}
    counts = {
        "inferior": of.recommended > of.most_accurate + of.margin,
        "worse_than_member": of.recommended > of.member + of.margin,
        "moved": of.moved > 0,
    }
    return row | {"cheaper": round(float(of.cost.mean()), 3)} | {name: int(of.sum()) for name, of in counts.items()}
