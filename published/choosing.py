"""Keeps choosing.csv of a run of a registered study, whose library made no such table.

    python -m published.choosing results/cifar10_lengths

writes published/results/cifar10_lengths_choosing.csv from the run's predictions, attributions and
features of the members that ensembles are formed of.
"""

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from published.kept import RESULTS
from published.study_changes import current_study
from resiliency.analysis.choosing import choosing_table
from resiliency.base.names import CLEAN, design_of
from resiliency.diversity.metrics import reader
from resiliency.prediction.reading import Predictions, read_predictions
from resiliency.storage import read_table, write_table
from resiliency.study.model import Study


def table_of(results: Path) -> pd.DataFrame:
    """The table choosing.csv of the members of `results/<study>`, all of which are networks."""
    study = Study(**current_study(results.name))  # its images need not be there
    names, methods = study.combined_members(), study.attribution.methods
    features = [str(results / f"features/{name}.npy") for name in names]
    maps = [
        str(results / f"attributions/{name}/{method}.npy") for name in names for method in methods
    ]
    return choosing_table(
        pd.DataFrame(
            {
                "member": names,
                "family": [study.designs[design_of(name)].family_name for name in names],
            }
        ),
        predictions_of(results, names),
        reader(names, methods, features, maps, stages=[]),
        methods,
        study.probe.n_images,
        study.seed,
        study.statistics.confidence,
    )


def predictions_of(results: Path, names: Iterable[str]) -> dict[str, Predictions]:
    """Member -> its predictions in `results/<study>`."""
    conditions = read_table(results / "conditions.csv")
    sets = conditions["test_set"].unique()
    folders = [results / "data" / ("test" if of == CLEAN else f"test_sets/{of}") for of in sets]
    logits = [results / f"predictions/{name}/{of}.npy" for name in names for of in sets]
    units = [of / "units.npy" for of in folders]
    return read_predictions(conditions, [of / "labels.npy" for of in folders], logits, units=units)


def main() -> None:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="folder of the run")
    results = parser.parse_args().results
    write_table(RESULTS / f"{results.name}_choosing.csv", table_of(results))


if __name__ == "__main__":
    main()
