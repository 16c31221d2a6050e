"""Keeps counts of pairs of a run's members, from which swaps.csv follows without the run.

    python -m published.pairs results/cifar10_lengths

writes published/results/cifar10_lengths_pairs.npz, and says how many predicted labels differ from those in
studies/published. `python -m published.swaps` computes the pairs of swaps.csv from it.
"""

from pathlib import Path

import numpy as np

from published.choosing import predictions_of
from published.study_changes import current_study
from published.swaps import HUNDREDTHS, OF_LABELS, answers_of, pairs_file
from resiliency.analysis.pair_counts import PairCounts, pair_counts
from resiliency.base.faults import one_line_faults, parser
from resiliency.prediction.reading import Predictions, condition_groups
from resiliency.storage.files import replacing
from resiliency.storage.tables import read_table


def counts_of(results: Path, predictions: dict[str, Predictions]) -> dict[str, PairCounts]:
    """Set of images -> counts of pairs of the members of `results/<study>`."""
    seed, of_images = current_study(results.name)["seed"], condition_groups(read_table(results / "conditions.csv"))
    return {images: pair_counts([*predictions.values()], rows, seed) for images, rows in of_images.items()}


def write_counts(path: Path, names: list[str], counts: dict[str, PairCounts]) -> None:
    """Write the counts of pairs of so called members, in hundredths of an image, each pair once.

    The arrays are called `members`, `sets` and `outcomes`, names; `<set>: images`, float64 G, numbers of images of the
    groups; and `<set>: <outcome>`, int32 G x M (M + 1) / 2, by first member and then by second.
    """
    first, second = np.triu_indices(len(names))
    arrays = {"members": names, "sets": [*counts], "outcomes": [*next(iter(counts.values())).outcomes]}
    for images, of in counts.items():
        arrays[f"{images}: images"] = of.n_images
        for outcome, of_pairs in of.outcomes.items():
            arrays[f"{images}: {outcome}"] = np.rint(of_pairs[:, first, second] * HUNDREDTHS).astype(np.int32)
    with replacing(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def differing(study: str, predictions: dict[str, Predictions]) -> float:
    """Share of the predicted labels of a run that are not those in studies/published."""
    members, published, conditions = answers_of(study)
    unlike = [
        np.mean(predictions[name].decisions(row) != of.decisions(row))
        for name, of in zip(members["member"], published, strict=True)
        for row in range(len(conditions))
    ]
    return float(np.mean(unlike))


def main() -> None:
    reading = parser(__doc__)
    reading.add_argument("results", type=Path, help="folder of the run")
    results = reading.parse_args().results
    with one_line_faults():
        names = sorted({path.parent.name for path in results.glob("predictions/*/*.npy")})
        predictions = predictions_of(results, names)
        write_counts(pairs_file(results.name), names, counts_of(results, predictions))
        print(f"{pairs_file(results.name)}: {len(names)} members")
        if results.name in OF_LABELS:
            print(
                f"{differing(results.name, predictions):.2%} of predicted labels differ from those in studies/published"
            )


if __name__ == "__main__":
    main()
