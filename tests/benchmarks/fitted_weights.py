"""Measures what fitted weights of members would change, against equal ones, in the ensembles of a finished study.

Run by hand: python tests/benchmarks/fitted_weights.py [results/digits ...] [--write]. A study's row in
fitted_weight_rows.json takes the place of an earlier one. --write makes docs/results/fitted_weights.md.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import norm
from shared import RESULTS, beside, options, table_row, write_rows

from resiliency.analysis.assessment import Judged
from resiliency.analysis.best import eligible, recommended_row
from resiliency.analysis.deployed import both_halves, ensemble_of, named_in
from resiliency.analysis.intervals import Resampling
from resiliency.analysis.temperatures import LEAST_ERRORS
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.data.split import calibration_indices
from resiliency.ensembles.outputs import Ensemble
from resiliency.metrics.temperature import scaled
from resiliency.prediction.reading import Predictions, read_predictions, read_validation
from resiliency.storage.files import read_array, read_json
from resiliency.storage.tables import read_table

PAGE = RESULTS / "fitted_weights.md"
ROWS, TEMPLATE = (beside(__file__, name) for name in ("fitted_weight_rows.json", "fitted_weights.md.template"))
FOLDS, CONFIDENCE = 5, 0.95
REACH = norm.ppf((1 + CONFIDENCE) / 2)


class Answers(NamedTuple):
    """ln of the probabilities of M members, float64 M x n x K; labels and the image of each of n answers, int n."""

    logs: np.ndarray
    labels: np.ndarray
    images: np.ndarray

    def some(self, kept: np.ndarray) -> "Answers":
        return Answers(self.logs[:, kept], self.labels[kept], self.images[kept])

    def combined(self, weights: np.ndarray) -> np.ndarray:
        return np.logaddexp.reduce(self.logs + np.log(weights)[:, None, None], axis=0)

    def nll(self, weights: np.ndarray, temperature: float) -> np.ndarray:
        return -scaled(self.combined(weights), temperature)[np.arange(len(self.labels)), self.labels]

    def wrong(self, weights: np.ndarray) -> np.ndarray:
        return (self.combined(weights).argmax(axis=-1) != self.labels).astype(float)


def answers(members: list[Predictions], conditions: list[int], images: np.ndarray) -> Answers:
    """What members say of images under conditions."""
    logits = [np.stack([member.logits(c, images).astype(float) for member in members]) for c in conditions]
    labels = np.concatenate([members[0].labels(condition)[images] for condition in conditions])
    return Answers(scaled(np.concatenate(logits, axis=1), 1), labels, np.tile(np.arange(len(images)), len(conditions)))


def fitted(of: Answers, weighted: bool) -> tuple[np.ndarray, float]:
    """Weights, equal ones unless `weighted`, and the temperature with the least negative log-likelihood together."""
    members = len(of.logs)

    def weights(values: np.ndarray) -> np.ndarray:
        return np.exp(values - np.logaddexp.reduce(values)) if weighted else np.full(members, 1 / members)

    start = np.zeros(1 + members * weighted)
    found = minimize(
        lambda x: of.nll(weights(x[1:]), np.exp(x[0])).mean(), start, method="L-BFGS-B", bounds=[(-6, 6)] * len(start)
    )
    return weights(found.x[1:]), float(np.exp(found.x[0]))


def by_image(values: np.ndarray, of: Answers) -> np.ndarray:
    return np.bincount(of.images, values) / np.bincount(of.images)


def change(values: np.ndarray) -> tuple[float, float, float]:
    """Mean over images, with the ends of its normal interval."""
    reach = REACH * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean(), values.mean() - reach, values.mean() + reach


def adopted(of: Answers) -> bool:
    """Whether weights lower the negative log-likelihood of images that they are not fitted on by more than chance."""
    fold = np.random.default_rng(0).permutation(of.images.max() + 1)[of.images] % FOLDS
    gains = np.empty(len(fold))
    for part in range(FOLDS):
        rest, held = of.some(fold != part), of.some(fold == part)
        equal, unequal = (held.nll(*fitted(rest, weighted)) for weighted in (False, True))
        gains[fold == part] = equal - unequal
    return change(by_image(gains, of))[1] > 0


def fitting(ensemble: Ensemble, validation: list[Predictions] | None, chosen: Judged) -> Answers:
    """What a temperature is fitted on: validation images, or corrupted ones if too few answers to these are wrong."""
    if validation:
        own = answers(validation, [0], np.arange(len(validation[0].labels(0))))
        if own.wrong(np.full(len(validation), 1 / len(validation))).sum() >= LEAST_ERRORS:
            return own
    return answers(ensemble.members, chosen.conditions[CORRUPTED], chosen.images[CORRUPTED])


def changes(results: Path) -> Iterator[dict]:
    """Of each ensemble of deployment.csv: whether weights are adopted, and what they change on images that judge."""
    table = {name: read_table(results / f"tables/{name}.csv") for name in ("deployment", "members")}
    deployment, members = table["deployment"], table["members"].set_index("member")
    pick, named = recommended_row(eligible(deployment)), sorted(named_in(deployment.members))
    seed = read_json(results / "provenance.json")["study"]["seed"]
    logits = [results / f"predictions/{member}/clean.npy" for member in named]
    predictions = read_predictions(
        read_table(results / "conditions.csv"), [results / "data/test/labels.npy"], logits, named
    )
    labels = read_array(results / "data/validation/labels.npy")
    files = [results / f"validation/{member}.npy" for member in named]
    validation = read_validation(files, labels[calibration_indices(labels, seed)], named)
    chosen, judged = both_halves(predictions, Resampling(1, CONFIDENCE, seed))
    for _, row in deployment[(deployment["size"] > 1) & deployment.fit].iterrows():
        names = row.members.split("+")
        ensemble = ensemble_of(names, "mean_probability", predictions, members)
        of = fitting(ensemble, [validation[name] for name in names], chosen)
        (equal, before), (weights, after) = (fitted(of, weighted) for weighted in (False, True))
        found = {"recommended": row.number == pick.number, "adopted": adopted(of)}
        for name in (CLEAN, CORRUPTED):
            on = answers(ensemble.members, judged.conditions[name], judged.images[name])
            nll = by_image(on.nll(weights, after) - on.nll(equal, before), on)
            error = by_image(on.wrong(weights) - on.wrong(equal), on)
            found |= {f"{name}_nll": change(nll), f"{name}_error": change(error)}
        yield found


def summary(results: Path) -> dict:
    """A row: how many ensembles have weights adopted, and in how many of these measures fall or rise significantly."""
    table = pd.DataFrame(changes(results))
    taken, pick = table[table.adopted], table[table.recommended]
    row = {"study": read_json(results / "provenance.json")["study"]["study"]}
    row |= {"ensembles": len(table), "adopted": len(taken)}
    for name in (f"{images}_{measure}" for images in (CLEAN, CORRUPTED) for measure in ("nll", "error")):
        counts = sum(high < 0 for *_, high in taken[name]), sum(low > 0 for _, low, _ in taken[name])
        row[name] = list(map(int, counts))
        row[f"recommended_{name}"] = [round(float(value), 5) for value in pick[name].iloc[0]] if len(pick) else None
    return row


def page(rows: list[dict]) -> str:
    """The whole page, as Markdown."""
    return TEMPLATE.read_text(encoding="utf-8") + "".join(map(_line, rows))


def _line(row: dict) -> str:
    counts = [f"{row[f'{i}_{m}'][0]}, {row[f'{i}_{m}'][1]}" for i in (CORRUPTED, CLEAN) for m in ("nll", "error")]
    pick = ["–", "–"]
    if row["recommended_corrupted_nll"]:
        nll, low, high = row["recommended_corrupted_nll"]
        error = [f"{100 * value:.2f}" for value in row["recommended_corrupted_error"]]
        pick = [f"{nll:.4f} [{low:.4f}, {high:.4f}]", "{} [{}, {}]".format(*error)]
    pick = [cell.replace("-", "−") for cell in pick]
    return table_row([row["study"], row["ensembles"], row["adopted"], *counts, *pick])


def main() -> None:
    parser = options(__doc__, "write")
    parser.add_argument("results", nargs="*", type=Path)
    arguments = parser.parse_args()
    rows = {row["study"]: row for row in (json.loads(ROWS.read_text()) if ROWS.exists() else [])}
    for results in arguments.results:
        row = summary(results)
        rows[row["study"]] = row
        print(json.dumps(row), flush=True)
    write_rows(ROWS, list(rows.values()))
    if arguments.write:
        PAGE.write_text(page(list(rows.values())), encoding="utf-8")


if __name__ == "__main__":
    main()
