"""How often a finished study's verdicts would be earned by noise: draws of each placebo, judged by
the whole rule.

Run by hand: python tests/benchmarks/placebos.py results/digits [--draws 2000]. The first 1,000
draws of an observation give the range that its estimates must lie beyond, as in the study; as many
more as `--draws` are judged. Of joint training with few seeds, all patterns of signs are both. A
line per observation has how many draws are supported; the last line is JSON:
`worst_placebo_supported` (largest share) and `worst_p` (least p-value that a share is above 5 %, by
Holm's correction over observations).
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from shared import options

from resiliency.analysis.observations import observations
from resiliency.analysis.verdicts import BEYOND, DRAWS, SUPPORTED, Observation, verdicts_of
from resiliency.statistics.intervals import holm
from resiliency.storage import read_distinct, read_json, read_table

CONFIDENCE = 0.95


def observed(results: Path, draws: int) -> list[Observation]:
    """The observations of a finished study, with so many draws of each placebo."""
    study = read_json(results / "provenance.json")["study"]
    names = {"ensembles_without": "leave_images_out", "members_without": "members_leave_images_out"}
    files = {name: results / f"ensembles/{file}.parquet" for name, file in names.items()}
    files |= {"image_errors": results / "ensembles/image_errors.parquet"}
    files |= {"ensembles": results / "tables/ensembles.parquet"}
    tables = {name: read_table(file) for name, file in files.items()}
    tables["pairs"] = read_distinct(results / "diversity/pairs.parquet", ["kind", "metric"])
    images = int(read_table(results / "conditions.csv").n_images.iloc[0])
    settings = (
        study["ensembles"]["rules"][0],
        study["statistics"]["reference"],
        study["attribution"]["target"],
    )
    return observations(
        read_table(results / "tables/members.csv"), images, tables, *settings, draws=draws
    )


def judged(observation: Observation) -> np.ndarray:
    """The verdicts on draws of the placebo that did not make its range."""
    placebo = observation.placebo
    first = replace(placebo, estimates=placebo.estimates[:DRAWS], errors=placebo.errors[:DRAWS])
    new = slice(DRAWS, None) if len(placebo.estimates) > DRAWS else slice(None)
    drawn = placebo.estimates[new], placebo.errors[new], placebo.freedom
    return verdicts_of(observation, CONFIDENCE, *drawn, bounds=first.bounds(observation.sign))[0]


def main() -> None:
    parser = options(__doc__, draws=2_000)
    parser.add_argument("results", type=Path, help="folder of a finished study, results/<study>")
    given = parser.parse_args()
    shares, p_values = [], []
    for observation in observed(given.results, DRAWS + given.draws):
        if observation.placebo is None or observation.missing:
            print(
                json.dumps({"observation": observation.number, "not tested": observation.missing})
            )
            continue
        verdicts = judged(observation)
        counts = pd.Series(verdicts).value_counts().to_dict()
        print(json.dumps({"observation": observation.number, "draws": len(verdicts)} | counts))
        supported = int((verdicts == SUPPORTED).sum())
        shares.append(supported / len(verdicts))
        p_values.append(binomtest(supported, len(verdicts), BEYOND, "greater").pvalue)
    worst = {
        "worst_placebo_supported": max(shares),
        "worst_p": float(holm(np.array(p_values)).min()),
    }
    print(json.dumps(worst))


if __name__ == "__main__":
    main()
