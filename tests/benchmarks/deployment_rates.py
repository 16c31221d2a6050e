"""Simulates choices of a model whose truth is known: how much worse the recommended one is, and
what is said wrongly.

Run by hand: python tests/benchmarks/deployment_rates.py [--simulations 100] [--resamples 500]
[--write]. Rows are kept in deployment_rows.json as they come; those that are there are not
simulated again. Those of the default study's images stay as they are: commit 10fd2201 has the
program, study_choices.py. --write makes published/experiments/deployment_rates.md. The last line is
JSON: `worse_than_member`, by number of images the share of draws from the study in which the
recommended model is worse than the best single member by more than the margin; and `inferior`, the
largest share in any row of choices in which it is so much worse than the most accurate one.
"""

import json
from collections.abc import Iterator
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm
from shared import EXPERIMENTS, beside, options, resumed, table_row

from resiliency.analysis.deployment import cheapest, differences, drawn_errors, margin_of
from resiliency.report import words
from resiliency.statistics.intervals import share
from resiliency.statistics.resampling import Resampling, Units

PAGE = EXPERIMENTS / "deployment_rates.md"
ROWS, TEMPLATE = (
    beside(__file__, name) for name in ("deployment_rows.json", "deployment_rates.md.template")
)
IMAGES = (100, 300, 1000)
SIMULATED, STUDY = "simulated", "study"
KEYS = ("situation", "images")
CONFIDENCE, CONDITIONS, LARGEST = 0.95, np.linspace(-0.4, 0.8, 5), 3
TOLERANCE = 0.01  # by which the coverage of intervals may miss their level


class Case(NamedTuple):
    """Members to choose among.

    Attributes:
        situation: in words.
        skills, costs: of the members.
        own: standard deviation of what members of an ensemble average out; that of the difficulty
            of images is 1.
    """

    situation: str
    skills: np.ndarray
    costs: np.ndarray
    own: float


STEPS = np.linspace(0, 1, 10)
CASES = [
    Case("ensembles help, costly members are better", 1.2 + 0.8 * STEPS, 2.0 ** (4 * STEPS), 0.8),
    Case(
        "ensembles hardly help, costly members are better",
        1.2 + 0.8 * STEPS,
        2.0 ** (4 * STEPS),
        0.1,
    ),
    Case("members are alike but for their cost", np.full(10, 1.6), 2.0 ** (4 * STEPS), 0.8),
]


class Drawn:
    """Images of a case: whether each ensemble gets each of them wrong, as `drawn_errors` asks."""

    objective, corrupted = "mean", range(len(CONDITIONS))

    def __init__(self, case: Case, n_images: int, random: np.random.Generator):
        difficulty = random.standard_normal(n_images)
        self.margins = (
            case.skills[:, None, None]
            - CONDITIONS[:, None]
            - difficulty
            + case.own * random.standard_normal((len(case.skills), len(CONDITIONS), n_images))
        )

    def units(self, test_set: str) -> Units:
        return Units.single(self.margins.shape[-1])

    def losses_in_groups(
        self, ensembles: np.ndarray, images: np.ndarray, groups: np.ndarray
    ) -> Iterator[np.ndarray]:
        places = np.argsort(groups, kind="stable")
        starts = np.searchsorted(groups[places], np.arange(groups.max() + 1))
        wrong = self.margins[ensembles][..., images].mean(axis=1) < 0
        yield from np.add.reduceat(wrong[..., places], starts, axis=2, dtype=np.float32).swapaxes(
            0, 1
        )

    def chosen_by(self, errors: np.ndarray) -> np.ndarray:
        return errors.mean(axis=-1)

    def image_errors(self, ensemble: np.ndarray) -> np.ndarray:
        return (self.margins[ensemble].mean(axis=0) < 0).mean(axis=0)


def truths(case: Case, ensembles: list[np.ndarray]) -> np.ndarray:
    """The true error of each ensemble: the mean margin of its members is normal."""
    spread = [np.sqrt(1 + case.own**2 / len(ensemble)) for ensemble in ensembles]
    means = [case.skills[ensemble].mean() - CONDITIONS for ensemble in ensembles]
    return np.array([norm.cdf(-of / by).mean() for of, by in zip(means, spread, strict=True)])


def choices(case: Case, n_images: int, simulations: int, resamples: int) -> dict:
    """What a choice on so many images is like, over simulations.

    Returns:
        recommended and most_accurate: how much worse they truly are than the best, mean and, as
        <name>_most, the 95th percentile; cheaper: mean ratio of the cost of the first to that of
        the other; lost: how often the truly best one is called significantly worse; covered: how
        often its true error is in its interval on as many other images; inferior,
        worse_than_member: how often it is worse than the most accurate one, or than the best single
        member, by more than the margin.
    """
    members = range(len(case.skills))
    ensembles = [np.array(e) for size in range(1, LARGEST + 1) for e in combinations(members, size)]
    costs = np.array([case.costs[ensemble].sum() for ensemble in ensembles])
    table = pd.DataFrame({"fit": True, "size": list(map(len, ensembles)), "macs": costs})
    true, counts, regrets, ratios = truths(case, ensembles), np.zeros(4, int), [], []
    for seed in range(simulations):
        random = np.random.default_rng([seed, n_images, CASES.index(case)])
        drawn, everything = Drawn(case, n_images, random), np.arange(n_images)
        errors = np.array([drawn.image_errors(ensemble).mean() for ensemble in ensembles])
        resampled = drawn_errors(
            drawn, ensembles, everything, Resampling(resamples, CONFIDENCE, seed)
        )
        best = int(errors.argmin())
        of = differences(errors, resampled, best, Units.single(n_images), CONFIDENCE)
        margin = margin_of(errors[best], None, "mean")
        pick = cheapest(table.assign(selection_error=errors), of, best, margin, n_images)[0]
        regrets.append(true[[pick, best]] - true.min())
        ratios.append(costs[pick] / costs[best])
        judged = Drawn(case, n_images, random).image_errors(ensembles[pick])
        low, high = share(judged, Units.single(n_images), CONFIDENCE).ends
        counts += [
            of.behind_low[true.argmin()] > 0,
            low <= true[pick] <= high,
            true[pick] > true[best] + margin,
            true[pick] > true[: len(members)].min() + margin,
        ]
    recommended, accurate = np.transpose(regrets)
    row = {"situation": case.situation, "images": n_images, "simulations": simulations}
    for name, values in (("recommended", recommended), ("most_accurate", accurate)):
        row |= {
            name: round(float(values.mean()), 4),
            f"{name}_most": round(float(np.quantile(values, 0.95)), 4),
        }
    row["cheaper"] = round(float(np.mean(ratios)), 3)
    return row | dict(
        zip(("lost", "covered", "inferior", "worse_than_member"), counts.tolist(), strict=True)
    )


def summary(rows: dict[str, list[dict]]) -> dict:
    """The shares of wrong choices, as the description of the program says."""
    shares = [row["inferior"] / row["simulations"] for of_kind in rows.values() for row in of_kind]
    of_study = {
        row["images"]: round(row["worse_than_member"] / row["simulations"], 4)
        for row in rows[STUDY]
    }
    return {"worse_than_member": of_study, "inferior": round(max(shares), 4)}


def page(rows: dict[str, list[dict]]) -> str:
    """The whole page, as Markdown."""
    simulated = sorted(rows[SIMULATED], key=lambda row: (row["situation"], row["images"]))
    return TEMPLATE.read_text(encoding="utf-8").format(
        covered=_covered(simulated),
        simulated="".join(map(_line, simulated)),
        study="".join(map(_study_line, sorted(rows[STUDY], key=lambda row: row["images"]))),
    )


def _covered(rows: list[dict]) -> str:
    """How often intervals contain the true error, with each number of images, and what this
    means."""
    counts = pd.DataFrame(rows).groupby("images")[["covered", "simulations"]].sum()
    shares = [
        f"{row.covered / row.simulations:.1%} with {row.Index:,} images"
        for row in counts.itertuples()
    ]
    reached = counts["covered"].sum() / counts["simulations"].sum()
    verdict = (
        "are too short" if reached < CONFIDENCE - TOLERANCE else "are as long as they should be"
    )
    return (
        f"Intervals {verdict}: over all situations, the shares that contain the true error are "
        f"{words.listed(shares)}."
    )


def _line(row: dict) -> str:
    shares = _shares(row, "lost", "inferior", "worse_than_member", "covered")
    return table_row([row["situation"], *_regrets(row), *shares, row["simulations"]])


def _study_line(row: dict) -> str:
    shares = _shares(row, "inferior", "worse_than_member", "moved")
    return table_row([*_regrets(row), f"{100 * row['margin']:.2f}", *shares, row["simulations"]])


def _regrets(row: dict) -> list[str]:
    """Images, both regrets in points, and the ratio of costs."""
    regrets = [
        f"{100 * row[name]:.1f} [{100 * row[f'{name}_most']:.1f}]"
        for name in ("recommended", "most_accurate")
    ]
    return [f"{row['images']:,}", *regrets, f"{row['cheaper']:.2f}"]


def _shares(row: dict, *names: str) -> list[str]:
    return [f"{row[name] / row['simulations']:.1%}" for name in names]


def main() -> None:
    arguments = options(__doc__, "write", simulations=100, resamples=500).parse_args()
    jobs = {
        (case.situation, images): partial(
            choices, case, images, arguments.simulations, arguments.resamples
        )
        for case in CASES
        for images in IMAGES
    }
    resumed(ROWS, jobs, KEYS, SIMULATED)
    rows = json.loads(ROWS.read_text())
    if arguments.write:
        PAGE.write_text(page(rows), encoding="utf-8")
    print(json.dumps(summary(rows)))


if __name__ == "__main__":
    main()
